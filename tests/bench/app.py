"""app: how the app's window keeps its frames: 1,500 offers in 3 s beside a hung shop, first picture, long lists.

Each figure is from a window process of its own under Xvfb, drawn by the processor. A gap is the time between two
frames: in it are other work on the machine, and the drawing, which a phone's graphics chip does. What the app itself
does for a frame, and what it costs its thread to hand the frame over to be drawn, stand beside it, in processor time.
"""

from __future__ import annotations

import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from endcap_shopper.ui.virtual_screen import VirtualScreen

OFFERS, WITHIN_S = 1500, 3.0
ROWS = 1000
SCROLL_FRAMES = 200
STOCKED_FRAMES = 90  # by then the app has made the widgets that its lists will want
PARTS = ("gap", "own", "drawing")


def run(quick: bool) -> str:
    """The section; `quick` changes nothing, it takes a minute."""
    cases = ("first", "idle", "flood", "fling", "scroll")
    found = {case: _in_window(case) for case in cases}
    if not found["flood"]["all_came"]:
        raise RuntimeError("the last offer of the flood did not reach the list")
    lines = [
        "### The app's window",
        "",
        "| frames while | gap: median, 99 %, longest | of it the app's own work | handing over to be drawn |",
        "|---|---|---|---|",
        f"| nothing happens | {_row(found['idle'])} |",
        f"| {OFFERS} offers come in {WITHIN_S:.0f} s beside a hung shop | {_row(found['flood'])} |",
        f"| {ROWS} coupons, a row a frame | {_row(found['fling'])} |",
        f"| {ROWS} coupons, five rows a frame | {_row(found['scroll'])} |",
        "",
        f"First picture {found['first']['seconds']:.2f} s after the process began, "
        f"{found['first']['cpu_s']:.2f} s of a processor. Frames in which a row was still to come: "
        f"{found['fling']['late']} of {SCROLL_FRAMES} at a row a frame, {found['scroll']['late']} at five.",
    ]
    return "\n".join(lines)


def _row(found: dict[str, Any]) -> str:
    return " | ".join(_three(found[part]) for part in PARTS)


def _three(values: list[float]) -> str:
    ordered = sorted(values)
    return f"{statistics.median(ordered):.1f}, {ordered[int(len(ordered) * 0.99)]:.1f}, {ordered[-1]:.1f} ms"


def _in_window(case: str) -> dict[str, Any]:
    """Run one case in its own process, under an Xvfb of its own."""
    with VirtualScreen() as screen:
        command = [sys.executable, "-m", "tests.bench.app", case, repr(time.time())]
        done = subprocess.run(
            command, env=os.environ | {"DISPLAY": screen.display}, capture_output=True, text=True, timeout=300
        )
        if done.returncode:
            raise RuntimeError(f"the window of {case!r} failed: {done.stderr[-2000:]}")
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return found


def _measure(case: str, begun: float) -> dict[str, Any]:
    from endcap_shopper.ui.environment import prepare

    with tempfile.TemporaryDirectory() as folder:
        prepare(Path(folder) / "kivy", density=1.0, touch_only=True)
        if case == "first":
            return _first_picture(begun)
        if case in ("fling", "scroll"):
            return _scrolling(5 if case == "scroll" else 1)
        return _shopping(Path(folder), flood=case == "flood")


def _first_picture(begun: float) -> dict[str, Any]:
    from kivy.base import EventLoop

    from endcap_shopper.app import ShopperApp
    from endcap_shopper.sample import SampleShopper

    ShopperApp(lambda post: SampleShopper())._run_prepare()
    EventLoop.idle()
    return {"seconds": time.time() - begun, "cpu_s": time.process_time()}


def _scrolling(rows_a_frame: int) -> dict[str, Any]:
    from dataclasses import replace

    from endcap_shopper.app import ShopperApp
    from endcap_shopper.sample import COUPONS, SampleShopper
    from endcap_shopper.ui.driver import Driver

    shopper = SampleShopper()
    shopper.coupon_rows = tuple(replace(COUPONS[at % 3], id=f"c{at}", title=f"Coupon {at}") for at in range(ROWS))
    driver = Driver(ShopperApp(lambda post: shopper))
    driver.frames(STOCKED_FRAMES)
    driver.app.go("coupons")
    driver.settle()
    rows = driver.app.shell.screen.ids.rows
    frames, late = Frames(), 0
    for frame in range(SCROLL_FRAMES):
        rows.scroll_y = 1.0 - frame * rows_a_frame / ROWS
        driver.frames(1)
        frames.drawn()
        late += rows.column.waiting
    return {**frames.found(), "late": late}


class Frames:
    """How far frames are apart, and what the window's own thread did for each: its own work, and drawing it."""

    def __init__(self) -> None:
        from kivy.core.window import Window

        self._found: dict[str, list[float]] = {part: [] for part in PARTS}
        self._wall, self._work, self._to_draw = time.perf_counter(), time.thread_time(), 0.0
        Window.bind(on_draw=self._draws)

    def _draws(self, *_: object) -> None:
        self._to_draw = time.thread_time()

    def drawn(self) -> None:
        wall, work = time.perf_counter(), time.thread_time()
        to_draw = self._to_draw if self._to_draw > self._work else work  # else there was nothing to draw
        for part, seconds in zip(PARTS, (wall - self._wall, to_draw - self._work, work - to_draw), strict=True):
            self._found[part].append(seconds * 1000)
        self._wall, self._work = wall, work

    def found(self) -> dict[str, Any]:
        return self._found


def _shopping(folder: Path, *, flood: bool) -> dict[str, Any]:
    """The real shopper, its shop a socket that takes everything and answers nothing."""
    from datetime import UTC, datetime, timedelta

    from endcap.device import NoSource
    from endcap.messages import CustomerAlert
    from endcap_shopper.app import ShopperApp
    from endcap_shopper.platform.fake import fake
    from endcap_shopper.shopper import Shopper
    from endcap_shopper.ui.driver import Driver

    hung = socket.create_server(("127.0.0.1", 0), backlog=64)
    url = f"http://127.0.0.1:{hung.getsockname()[1]}"
    driver = Driver(ShopperApp(lambda post: Shopper(url, folder / "app", NoSource(), fake(), post, zone=UTC)))
    shopper: Any = driver.app.shopper
    for purpose in ("location", "promotions"):
        shopper.set_purpose(purpose, True)
    shopper.finish_first_run()
    driver.frames(STOCKED_FRAMES)
    until = datetime.now(UTC) + timedelta(hours=1)

    def pour() -> None:
        begun = time.monotonic()
        for at in range(OFFERS):
            alert = CustomerAlert(
                id=f"a{at}", uid="bench", kind="deal", pid=f"p{at}", sku=at, title=f"Offer {at}",
                why="You stand beside it.", distance_ft=float(at % 90), store="s1", section="coffee", expires_at=until,
            )  # fmt: skip
            shopper.parts.arrivals.offer(alert)
            time.sleep(max(0.0, begun + (at + 1) * WITHIN_S / OFFERS - time.monotonic()))

    pouring = threading.Thread(target=pour, daemon=True)
    if flood:
        pouring.start()
    frames, end = Frames(), time.monotonic() + WITHIN_S + 0.5
    while time.monotonic() < end or pouring.is_alive() or len(driver.app.queue):
        driver.frames(1)
        frames.drawn()
    came = any(card.alert.id == f"a{OFFERS - 1}" for card in shopper.state.inbox.cards)
    driver.close()
    hung.close()
    return {**frames.found(), "all_came": came}


if __name__ == "__main__":
    found = _measure(sys.argv[1], float(sys.argv[2]))
    sys.stdout.write(json.dumps(found) + "\n")
    sys.stdout.flush()
    os._exit(0)  # a thread that waits for the hung shop need not be waited for
