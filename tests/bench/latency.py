"""From a posted fix to the offer on the shopper's channel: real processes, everything durable, beside its own floor.

Three processes: the backend, the local Ably, and this one, which posts at a fixed rate whatever the answers take
(latency counts from the moment a post was due, so waiting for an answer before it is in it) and hears every channel.
The fixes that bring an offer stand each at another promoted product, so that each brings exactly one; the others stand
between two, out of reach of both. The floor is measured in the same run with nothing else going on: one record appended
to a log of its own, then one alert pushed and heard.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import quantiles
from typing import Any

from tests.bench.latency_rig import (
    LATITUDE_DEG,
    LONGITUDE_DEG,
    STEP_DEG,
    Ably,
    Ears,
    Person,
    Poster,
    a_backend,
    an_ably,
    on_time,
    sessions,
)

from endcap.clock import SystemClock
from endcap.testing import a_location, an_alert
from endcap.wire import write_instant
from endcap_backend.api.tokens import AblyTokens
from endcap_backend.log import Log, NewRecord
from endcap_backend.pipeline.push import CAPABILITY, AblyPush

PRODUCTS = 20  # that a shopper passes
HTTP_CONNECTIONS = 64
LATE_S = 20.0  # after the last post, for offers still on their way


@dataclass(frozen=True)
class Case:
    """One load."""

    name: str
    fixes_per_s: int
    fixes_a_post: int
    seconds: float
    fixes_an_offer: int = 1

    @property
    def posts(self) -> int:
        return int(self.fixes_per_s * self.seconds) // self.fixes_a_post

    @property
    def steps(self) -> int:
        """Fixes of one shopper."""
        return PRODUCTS * self.fixes_an_offer

    def place(self, step: int) -> tuple[int, bool]:
        """The product that a shopper's fix number `step` is at, and whether it only stands beside it."""
        product, rest = divmod(step, self.fixes_an_offer)
        return product, rest > 0


@dataclass(frozen=True)
class Measured:
    """Seconds from due to heard, and from due to answered; how many offers never came, or came twice."""

    offers_s: list[float]
    answers_s: list[float]
    missing: int = 0
    repeats: int = 0


def run(quick: bool) -> str:
    seconds = 5.0 if quick else 15.0
    cases = [
        Case("100 fixes/s, one a post, each brings an offer", 100, 1, seconds),
        Case("300 fixes/s, one a post, each brings an offer", 300, 1, seconds),
        Case("1,000 fixes/s, ten a post, one of ten brings an offer", 1000, 10, seconds, 10),
        Case("1,000 fixes/s, ten a post, each brings an offer", 1000, 10, seconds),
        Case("1,000 fixes/s, one a post, one of ten brings an offer", 1000, 1, seconds, 10),
    ]
    with tempfile.TemporaryDirectory(prefix="endcap-latency-") as folder, an_ably() as ably:
        floor = on_time(_floor(Path(folder), ably, 100 if quick else 300))
        rows = [on_time(_measure(case, Path(folder) / str(n), ably)) for n, case in enumerate(cases)]
    lines = [
        "### A posted fix to the offer on her channel",
        "",
        "`python -m tests.bench latency`. Durable: an fsync before the 202, another before the push. Backend, local",
        "Ably and load share the machine.",
        "",
        "| load | offer p50 | p95 | p99 | p50 to the floor's | 202 p50 | p95 | offers |",
        "|---|---|---|---|---|---|---|---|",
        _line("floor: one append to a log, one push, nothing else", floor, floor),
    ]
    return "\n".join(lines + [_line(case.name, row, floor) for case, row in zip(cases, rows, strict=True)])


async def _floor(folder: Path, ably: Ably, rounds: int) -> Measured:
    log = Log(folder / "floor.db")
    tokens = AblyTokens(ably.key, SystemClock())
    push = AblyPush(ably.url, lambda: tokens.issue(CAPABILITY, 3600)[0])
    ears = Ears(ably, [Person("floor", "")])
    await ears.open()
    offers_s, appends_s = [], []
    for number in range(rounds):
        text = a_location(uid="floor", id=f"floor:{number}").to_text()
        alert = an_alert(id=f"floor-{number}", uid="floor", sku=number)
        began_s = time.monotonic()
        await asyncio.to_thread(log.append, [NewRecord("customers_locations", "floor", text, 0, f"floor:{number}")])
        appends_s.append(time.monotonic() - began_s)
        await asyncio.to_thread(push.publish, [alert])
        await ears.until(number + 1, 5)
        offers_s.append(ears.heard.at_s["floor", number] - began_s)
    await ears.close()
    push.close()
    log.close()
    return Measured(offers_s[rounds // 10 :], appends_s[rounds // 10 :])


async def _measure(case: Case, data: Path, ably: Ably) -> Measured:
    with a_backend(data, ably, PRODUCTS) as url:
        people = await asyncio.to_thread(sessions, url, -(-case.posts * case.fixes_a_post // case.steps))
        ears = Ears(ably, people)
        await ears.open()
        due_s, answers_s = await _post_all(case, Poster(url, HTTP_CONNECTIONS), people)
        await ears.until(len(due_s), LATE_S)
        await ears.close()
    heard_s = ears.heard.at_s
    offers_s = [heard_s[key] - due for key, due in due_s.items() if key in heard_s]
    return Measured(offers_s, answers_s, len(due_s) - len(offers_s), ears.heard.repeats)


async def _post_all(
    case: Case, poster: Poster, people: list[Person]
) -> tuple[dict[tuple[str, int], float], list[float]]:
    """Post on time, never waiting for an answer: when each offer (uid, SKU) was due, and what the answers took."""
    due_s: dict[tuple[str, int], float] = {}
    answers_s: list[float] = []

    async def post(person: Person, steps: range, at_s: float, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await before  # a phone has one post under way, so that its fixes arrive in order
        await poster.post(person, [_fix(person, step, case) for step in steps])
        answers_s.append(time.monotonic() - at_s)

    began_s = time.monotonic() + 0.5
    posting: list[asyncio.Task[None]] = []
    for number in range(case.posts):
        at_s = began_s + number * case.fixes_a_post / case.fixes_per_s
        if (early_s := at_s - time.monotonic()) > 0:
            await asyncio.sleep(early_s)
        turn, place = divmod(number, len(people))
        steps = range(turn * case.fixes_a_post, (turn + 1) * case.fixes_a_post)
        due_s.update({(people[place].uid, product): at_s for product, beside in map(case.place, steps) if not beside})
        before = posting[number - len(people)] if number >= len(people) else None
        posting.append(asyncio.create_task(post(people[place], steps, at_s, before)))
    await asyncio.gather(*posting)
    poster.close()
    assert poster.refused == 0
    return due_s, answers_s


def _fix(person: Person, step: int, case: Case) -> dict[str, Any]:
    product, beside = case.place(step)
    return {
        "id": f"{person.uid[:16]}:{step}",
        "latitude": round(LATITUDE_DEG + (product + (0.5 if beside else 0)) * STEP_DEG, 5),
        "longitude": LONGITUDE_DEG,
        "accuracy_m": 5.0,
        "taken_at": write_instant(datetime.now(UTC)),
    }


def _line(name: str, measured: Measured, floor: Measured) -> str:
    offers = f"{len(measured.offers_s)}"
    if measured.missing or measured.repeats:
        offers += f", {measured.missing} missing, {measured.repeats} twice"
    ratio = _percentile(measured.offers_s, 50) / _percentile(floor.offers_s, 50)
    shown = [_ms(measured.offers_s, 50), _ms(measured.offers_s, 95), _ms(measured.offers_s, 99), f"{ratio:.1f}"]
    shown += [_ms(measured.answers_s, 50), _ms(measured.answers_s, 95), offers]
    return f"| {name} | {' | '.join(shown)} |"


def _ms(seconds: list[float], percent: int) -> str:
    return f"{_percentile(seconds, percent) * 1000:.1f} ms"


def _percentile(seconds: list[float], percent: int) -> float:
    return quantiles(seconds, n=100, method="inclusive")[percent - 1]
