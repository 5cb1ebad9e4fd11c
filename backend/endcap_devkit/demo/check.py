"""`endcap demo --check`: the whole demo without a browser, until real offers have reached real clients, or a minute."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

import aiohttp

from endcap.errors import EndcapError
from endcap_devkit.demo.measure import percentile
from endcap_devkit.demo.settings import Settings
from endcap_devkit.demo.show import Show

LIMIT_S = 40.0  # from the first shopper on; starting takes a few seconds more
LOOK_EVERY_S = 0.2


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that is looked at: how often it was seen, and how often it must be at least (or at most)."""

    what: str
    seen: int
    least: int = 0
    most: int | None = None

    @property
    def good(self) -> bool:
        return self.seen >= self.least and (self.most is None or self.seen <= self.most)

    def __str__(self) -> str:
        needed = f"at least {self.least}" if self.most is None else "none" if self.most == 0 else f"at most {self.most}"
        return f"{'ok  ' if self.good else 'FAIL'}  {self.what:<46} {self.seen:>7,}   {needed}"


async def check(settings: Settings, stop: asyncio.Event) -> int:
    """Print what arrived as a small table; 0 when everything did, else 1."""
    show = Show(settings)
    try:
        if not await show.start(stop):
            return 1
        await _until_seen(show, stop)
        lines = [*seen(show), *await _answers(show)]
        complaints = show.complaints()
    except EndcapError as fault:
        _say(f"FAIL  {fault}")
        return 1
    finally:
        await show.stop()
    _print(show, lines)
    good = all(line.good for line in lines)
    if complaints and not good:
        _say(f"\nWhat the parts logged last:\n{complaints}")
    return 0 if good else 1


def seen(show: Show) -> list[Line]:
    """What has to have happened, and what must not have."""
    assert show.stage is not None
    counts = show.stage.figures.counts
    phones = show.settings.phones > 0
    return [
        Line("fixes accepted over HTTP", counts["fixes"], 100),
        Line("fixes of the recorded walk, through the SDK", counts["fixes_recorded"], 1),
        Line("offers over WebSocket, official ably client", counts["offers_ws"], 20),
        Line("offers over SSE", counts["offers_sse"], 2),
        Line("offers in phones with the SDK", counts["offers_sdk"], 1 if phones else 0),
        Line("visits noticed by phones with the SDK", counts["visits"], 1 if phones else 0),
        Line("offers whose fix is known, and so their latency", len(show.stage.figures.latencies_ms), 15),
        Line("offers that came twice", counts["doubled"], most=0),
        Line("offers on somebody else's channel", counts["misdirected"], most=0),
        Line("fixes refused", counts["refused"], most=0),
        Line("requests that failed", counts["failed"], most=0),
    ]


async def _until_seen(show: Show, stop: asyncio.Event) -> None:
    """Let the demo run until all lines are good, `stop` is set, or the time is over."""
    enough = asyncio.Event()

    async def look() -> None:
        while not stop.is_set() and not all(line.good for line in seen(show)):
            await asyncio.sleep(LOOK_EVERY_S)
        enough.set()

    looking = asyncio.create_task(look())
    try:
        with suppress(TimeoutError):
            await asyncio.wait_for(show.run(enough), LIMIT_S)
    finally:
        looking.cancel()


async def _answers(show: Show) -> list[Line]:
    """Whether each part still answers, after all that."""
    addresses = {
        "map": f"{show.links['map']}/",
        "lite page": f"{show.links['lite']}/",
        "backend's health": f"{show.links['backend']}/readyz",
        "local Ably": f"{show.links['ably']}/time",
    }
    if "door" in show.links:
        addresses["lite page's door for phones"] = f"{show.links['door']}/"
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as http:
        return [Line(f"the {name} answers", await _answer(http, address), 1) for name, address in addresses.items()]


async def _answer(http: aiohttp.ClientSession, address: str) -> int:
    with suppress(aiohttp.ClientError, TimeoutError):
        async with http.get(address, ssl=False) as response:
            return int(response.status == 200)
    return 0


def _print(show: Show, lines: Iterable[Line]) -> None:
    assert show.stage is not None
    latencies = show.stage.figures.latencies_ms
    for line in lines:
        _say(str(line))
    p50, p95 = percentile(latencies, 0.5), percentile(latencies, 0.95)
    if p50 is not None and p95 is not None:
        _say(f"\n      posted → received: p50 {p50:.1f} ms, p95 {p95:.1f} ms, {len(latencies)} offers")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
