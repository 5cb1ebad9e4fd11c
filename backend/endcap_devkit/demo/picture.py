"""`endcap demo --picture` and `--pictures`: what a newcomer is shown, as Chromium shows it once the demo is lively."""

from __future__ import annotations

import asyncio
import base64
import shutil
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from endcap.errors import BadConfig, Unreachable
from endcap_devkit.demo.parts import MANAGER
from endcap_devkit.demo.settings import Settings
from endcap_devkit.demo.show import Show

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page, ViewportSize

WIDTH, HEIGHT = 1280, 800
SCALE = 1.5  # pixels a point: sharp on a good screen, and below a mebibyte
OFFERS = 40  # received before the first picture is taken
LIMIT_S = 60.0
PHONE: ViewportSize = {"width": 390, "height": 780}
SETTLED_MS = 600  # until what moved has come to rest
FLAGS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
SHEET = """<!doctype html><style>
body { margin: 0; padding: 20px; display: flex; gap: 20px; background: #d9ddcf; width: max-content; }
img { width: 390px; height: 780px; border-radius: 22px; box-shadow: 0 1px 6px #0003; }
</style>"""


class Picture(Protocol):
    """One picture, taken of a running demo."""

    @property
    def file(self) -> Path: ...

    async def shoot(self, show: Show, browser: Browser) -> None: ...


async def take(settings: Settings, pictures: Sequence[Picture], stop: asyncio.Event) -> int:
    """Run the demo until it is lively, and write the pictures.

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
        photographing = asyncio.create_task(_photograph(show, browser, pictures))
        done, _ = await asyncio.wait({running, photographing}, return_when=asyncio.FIRST_COMPLETED)
        taken.set()
        for task in done:
            task.result()
        await running
    finally:
        await show.stop()
    sys.stdout.write("".join(f"{each.file}\n" for each in pictures))
    return 0


@dataclass(frozen=True, slots=True)
class Map:
    """The map with its shoppers, right after an offer."""

    file: Path
    dark: bool = False

    async def shoot(self, show: Show, browser: Browser) -> None:
        page = await browser.new_page(
            viewport={"width": WIDTH, "height": HEIGHT},
            device_scale_factor=SCALE,
            color_scheme="dark" if self.dark else "light",
        )
        await page.goto(f"{show.links['map']}/")
        await _lively(show)
        await _fresh_offer(show)  # so that the picture shows it
        await page.wait_for_timeout(SETTLED_MS)
        await page.screenshot(path=self.file)


@dataclass(frozen=True, slots=True)
class LitePage:
    """The lite page four times: before the tap, with an offer, in the dark and in German, and in Arabic."""

    file: Path

    async def shoot(self, show: Show, browser: Browser) -> None:
        walks = [await self._walked(show, browser, "en", "light"), await self._walked(show, browser, "de", "dark")]
        first = [await self._first(show, browser, language) for language in ("en", "ar")]
        sheet = await browser.new_page(viewport={"width": 1660, "height": 820})
        images = "".join(f'<img src="data:image/png;base64,{_text(each)}">' for each in (first[0], *walks, first[1]))
        await sheet.set_content(SHEET + images)
        await sheet.screenshot(path=self.file, full_page=True)

    async def _first(self, show: Show, browser: Browser, language: str) -> bytes:
        page = await browser.new_page(viewport=PHONE, locale=language)
        await page.goto(f"{show.links['lite']}/?lang={language}")
        return await page.screenshot()

    async def _walked(self, show: Show, browser: Browser, language: str, theme: str) -> bytes:
        """The page of somebody who stands before a promoted shelf."""
        assert show.stage is not None
        promoted = {each.sku for each in show.stage.city.promotions()}
        shelves = [each for store in show.stage.city.stores for each, _ in store.products if each.sku in promoted]
        context = await browser.new_context(
            viewport=PHONE,
            locale=language,
            color_scheme="dark" if theme == "dark" else "light",
            permissions=["geolocation"],
            geolocation={
                "latitude": shelves[0].latitude_deg, "longitude": shelves[0].longitude_deg, "accuracy": 8
            },
        )  # fmt: skip
        page = await context.new_page()
        await page.goto(f"{show.links['lite']}/?lang={language}")
        await page.locator("#go").click()
        await page.locator("#offers li").first.wait_for(timeout=LIMIT_S * 1000)
        await page.wait_for_timeout(SETTLED_MS)
        return await page.screenshot()


@dataclass(frozen=True, slots=True)
class ConsolePage:
    """The console's live map of the store with the most shelves."""

    file: Path

    async def shoot(self, show: Show, browser: Browser) -> None:
        page = await _at_the_console(show, browser, "")
        await _fresh_offer(show)
        await page.wait_for_timeout(5000)  # its dots have come and moved
        await page.screenshot(path=self.file)


@dataclass(frozen=True, slots=True)
class PromotionsPage:
    """The console's promotions on the plan of that store, with a product picked."""

    file: Path

    async def shoot(self, show: Show, browser: Browser) -> None:
        page = await _at_the_console(show, browser, "/promotions")
        await page.locator("#plan .promoted").first.click()
        await page.get_by_role("heading", name="On offer for").wait_for()
        await page.screenshot(path=self.file)


@dataclass(frozen=True, slots=True)
class AblyPage:
    """The local Ably's own page, with messages as they come."""

    file: Path

    async def shoot(self, show: Show, browser: Browser) -> None:
        page = await _desk(browser)
        await page.goto(f"{show.links['ably']}/")
        await _fresh_offer(show)
        await page.wait_for_timeout(3000)
        await page.screenshot(path=self.file)


ALL: Mapping[str, type[Map] | type[LitePage] | type[ConsolePage] | type[PromotionsPage] | type[AblyPage]] = {
    "demo.png": Map,
    "lite.png": LitePage,
    "console.png": ConsolePage,
    "console-promotions.png": PromotionsPage,
    "local-ably.png": AblyPage,
}


async def _photograph(show: Show, path: str, pictures: Sequence[Picture]) -> None:
    from playwright.async_api import TimeoutError as TooLate
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        try:
            for picture in pictures:
                picture.file.parent.mkdir(parents=True, exist_ok=True)
                try:
                    await picture.shoot(show, browser)
                except TooLate as fault:
                    awaited = " ".join(str(fault).split())
                    raise Unreachable(f"no picture {picture.file.name}: {awaited}") from None
        finally:
            await browser.close()


@asynccontextmanager
async def _patience(what: str) -> AsyncIterator[None]:
    """Raises:
    Unreachable: it did not come in time; says what was awaited.
    """
    try:
        async with asyncio.timeout(LIMIT_S):
            yield
    except TimeoutError:
        raise Unreachable(f"no picture: waited {LIMIT_S:g} s for {what}; --verbose says what the demo does") from None


async def _desk(browser: Browser) -> Page:
    return await browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")


async def _at_the_console(show: Show, browser: Browser, path: str) -> Page:
    """A manager before the console, at the store with the most shelves."""
    assert show.stage is not None
    page = await _desk(browser)
    await page.goto(f"{show.links['backend']}/console")
    await page.get_by_label("Name").fill(MANAGER)
    await page.get_by_label("Password").fill(show.password)
    await page.get_by_role("button", name="Sign in").click()
    largest = max(show.stage.city.stores, key=lambda store: len(store.products))
    await page.goto(f"{show.links['backend']}/console{path}?store={largest.products[0][0].store}")
    return page


async def _lively(show: Show) -> None:
    assert show.stage is not None
    async with _patience(f"{OFFERS} offers"):
        while show.stage.figures.counts["offers"] < OFFERS:
            await asyncio.sleep(0.5)


async def _fresh_offer(show: Show) -> None:
    assert show.stage is not None
    counts = show.stage.figures.counts
    before = counts["offers"]
    async with _patience("a new offer"):
        while counts["offers"] == before:
            await asyncio.sleep(0.05)


def _text(png: bytes) -> str:
    return base64.b64encode(png).decode()


def _browser() -> str:
    try:
        import playwright  # noqa: F401
    except ModuleNotFoundError:
        raise BadConfig("picture", "needs playwright: pip install 'endcap[test]'") from None
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        raise BadConfig("picture", "needs Chromium: apt-get install chromium")
    return found
