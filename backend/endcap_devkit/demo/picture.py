"""`endcap demo --picture FILE.png`: the map with its shoppers, as Chromium shows it after a while."""

from __future__ import annotations

import asyncio
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from endcap.errors import BadConfig
from endcap_devkit.demo.settings import Settings
from endcap_devkit.demo.show import Show

if TYPE_CHECKING:
    from playwright.async_api import Playwright

WIDTH, HEIGHT = 1280, 800
SCALE = 1.5  # pixels a point: sharp on a good screen, and below a mebibyte
OFFERS = 40  # received before the picture is taken
LIMIT_S = 60.0
FLAGS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


async def take(settings: Settings, file: Path, *, dark: bool, stop: asyncio.Event) -> int:
    """Run the demo until it is lively, and write the picture.

    Raises:
        BadConfig: playwright or Chromium is missing; says how to install it.
    """
    browser = _browser()
    show = Show(settings)
    try:
        if not await show.start(stop):
            return 1
        taken = asyncio.Event()
        running = asyncio.create_task(show.run(taken))
        photographing = asyncio.create_task(_photograph(show, browser, file, dark=dark))
        done, _ = await asyncio.wait({running, photographing}, return_when=asyncio.FIRST_COMPLETED)
        taken.set()
        for task in done:
            task.result()
        await running
    finally:
        await show.stop()
    sys.stdout.write(f"{file}\n")
    return 0


async def _photograph(show: Show, browser: str, file: Path, *, dark: bool) -> None:
    from playwright.async_api import async_playwright

    assert show.stage is not None
    async with async_playwright() as playwright:
        await _open_and_shoot(playwright, show, browser, file, dark=dark)


async def _open_and_shoot(playwright: Playwright, show: Show, browser: str, file: Path, *, dark: bool) -> None:
    assert show.stage is not None
    counts = show.stage.figures.counts
    chromium = await playwright.chromium.launch(executable_path=browser, args=list(FLAGS))
    try:
        page = await chromium.new_page(
            viewport={"width": WIDTH, "height": HEIGHT},
            device_scale_factor=SCALE,
            color_scheme="dark" if dark else "light",
        )
        await page.goto(f"{show.links['map']}/")
        async with asyncio.timeout(LIMIT_S):
            while counts["offers"] < OFFERS:
                await asyncio.sleep(0.5)
        before = counts["offers"]
        async with asyncio.timeout(LIMIT_S):
            while counts["offers"] == before:  # a fresh one, so that the picture shows it
                await asyncio.sleep(0.05)
        await page.wait_for_timeout(600)  # its card has come to rest
        file.parent.mkdir(parents=True, exist_ok=True)
        await page.screenshot(path=file)
    finally:
        await chromium.close()


def _browser() -> str:
    try:
        import playwright  # noqa: F401
    except ModuleNotFoundError:
        raise BadConfig("--picture", "needs playwright: pip install 'endcap[test]'") from None
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        raise BadConfig("--picture", "needs Chromium: apt-get install chromium")
    return found
