"""From a step in the store to an offer on the lite page in a real Chromium, against one post and one event stream."""

from __future__ import annotations

import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
from playwright.sync_api import Browser, sync_playwright
from tests.bench.latency_rig import LATITUDE_DEG, LONGITUDE_DEG, STEP_DEG, Ably, a_backend, an_ably, sessions

from endcap.wire import write_instant

CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"]
PAUSE_S = 1.1  # the page posts once a second at most: a step after a pause does not wait for that
WATCH = """() => new MutationObserver(() => { window.seen = performance.timeOrigin + performance.now(); })
  .observe(document.getElementById('offers'), { childList: true })"""


def run(quick: bool) -> str:
    """The Markdown section: medians, and the page against its floor."""
    steps = 8 if quick else 40
    with tempfile.TemporaryDirectory() as folder, an_ably() as ably:
        data = Path(folder)
        with a_backend(data / "backend", ably, steps + 1) as backend, _lite(data, backend, ably) as lite:
            page_ms, floor_ms = _measure(lite, backend, ably, steps)
    return _table(page_ms, floor_ms)


def _measure(lite: str, backend: str, ably: Ably, steps: int) -> tuple[list[float], list[float]]:
    """Milliseconds of each step; page and floor take turns."""
    page_ms, floor_ms = [], []
    with sync_playwright() as playwright, contextlib.ExitStack() as opened:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        opened.callback(browser.close)
        page = PageShopper(browser, lite)
        floor = opened.enter_context(contextlib.closing(PlainShopper(backend, ably)))
        for step in range(1, steps + 1):
            time.sleep(PAUSE_S)
            page_ms.append(page.step(step))
            floor_ms.append(floor.step(step))
    return page_ms, floor_ms


class PageShopper:
    """A shopper with a browser on the lite page, before the first shelf."""

    def __init__(self, browser: Browser, lite: str) -> None:
        self._context = browser.new_context(permissions=["geolocation"])
        self._page = self._context.new_page()
        self._stand(0)
        self._page.goto(lite)
        self._page.evaluate(WATCH)
        self._page.locator("#go").click()
        self._page.locator("#offers li").first.wait_for()

    def step(self, number: int) -> float:
        """Milliseconds from the phone's new position to the card in the page."""
        began_ms = time.time() * 1000
        self._stand(number)
        self._page.locator("#offers li").nth(number).wait_for()
        return float(self._page.evaluate("window.seen")) - began_ms

    def _stand(self, number: int) -> None:
        place = {"latitude": LATITUDE_DEG + number * STEP_DEG, "longitude": LONGITUDE_DEG, "accuracy": 5.0}
        self._context.set_geolocation(place)


class PlainShopper:
    """The floor: one post to the backend, one event stream from Ably."""

    def __init__(self, backend: str, ably: Ably) -> None:
        person = sessions(backend, 1)[0]
        self._client = httpx.Client(base_url=backend, timeout=30, headers={"Authorization": f"Bearer {person.bearer}"})
        token = self._client.post("/v1/ably-token", json={"for": "page"}).json()
        query = {"v": "1.2", "channels": token["channels"]["promotions"], "accessToken": token["token"]}
        self._stream = httpx.stream("GET", f"{ably.url}/sse", params=query, timeout=30)
        self._lines = self._stream.__enter__().iter_lines()

    def step(self, number: int) -> float:
        """Milliseconds from the post to the event."""
        fix = {
            "id": f"bench:{number}",
            "latitude": LATITUDE_DEG + number * STEP_DEG,
            "longitude": LONGITUDE_DEG,
            "accuracy_m": 5.0,
            "taken_at": write_instant(datetime.now(UTC)),
        }
        began = time.perf_counter()
        self._client.post("/v1/locations", json={"locations": [fix]}).raise_for_status()
        next(line for line in self._lines if line.startswith("data:"))
        return (time.perf_counter() - began) * 1000

    def close(self) -> None:
        self._stream.__exit__(None, None, None)
        self._client.close()


@contextlib.contextmanager
def _lite(data: Path, backend: str, ably: Ably) -> Iterator[str]:
    switches = ["--backend-url", backend, "--ably-endpoint", ably.url, "--data", str(data / "lite"), "--port", "0"]
    command = [sys.executable, "-m", "endcap_lite", "serve", *switches]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())["http"]
        finally:
            process.terminate()


def _table(page_ms: list[float], floor_ms: list[float]) -> str:
    base = statistics.median(floor_ms)
    lines = [
        f"| {name} | {statistics.median(times):.0f} ms | {max(times):.0f} ms | {statistics.median(times) / base:.1f} |"
        for name, times in (("lite page in Chromium", page_ms), ("one post, one event stream", floor_ms))
    ]
    return "\n".join(
        [
            "## From a step in the store to an offer on the lite page",
            "",
            f"{len(page_ms)} steps, each to another shelf, {PAUSE_S:g} s apart; both on loopback, durable.",
            "",
            "| | p50 | longest | p50 against the floor |",
            "|---|---|---|---|",
            *lines,
        ]
    )
