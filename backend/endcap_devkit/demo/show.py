"""The demo as one thing to start and stop: the process tree, the shoppers, and the page they are seen on."""

from __future__ import annotations

import asyncio
import io
import logging
import re
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp
import segno
from aiohttp import web

from endcap.errors import BadConfig
from endcap.messages import ProductPromotion
from endcap_devkit.demo.beside import Beside
from endcap_devkit.demo.city import City, load_city
from endcap_devkit.demo.crowd import Crowd
from endcap_devkit.demo.door import Behind, Door
from endcap_devkit.demo.guests import Guests
from endcap_devkit.demo.listening import AblyListener
from endcap_devkit.demo.page import Page
from endcap_devkit.demo.parts import Parts
from endcap_devkit.demo.phones import Phones
from endcap_devkit.demo.scene import scene
from endcap_devkit.demo.settings import PAGE_PORT, Settings, is_free
from endcap_devkit.demo.stage import Stage
from endcap_devkit.demo.tree import Tree

log = logging.getLogger("endcap.demo")

STEP_S = 0.2  # everybody moves and is shown five times a second
MATCHES_EVERY_S = 2.0
FOR_PHONES = {  # beside the QR code, by whether it leads to https
    False: "Scan it with a phone in this network, and choose a place in its list",
    True: "Scan it with a phone in this network, go on past the warning, and choose a place or allow your own",
}


class Show:
    """Start it, let it run, stop it. One thread: the loop it was made on.

    Raises (on `start`):
        BadConfig: a chosen port is taken, or the data folder can't be used.
        ChildFailed: a process of the tree did not start.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.links: dict[str, str] = {}
        self.password = ""  # of the console's manager and of the till
        self._temporary = settings.data is None
        self._data = self.data = settings.data or Path(tempfile.mkdtemp(prefix="endcap-demo-"))
        self._tree = Tree(self._data / "logs")
        self._parts = Parts(self._tree, settings, self._data)
        self._beside = Beside()
        self._door = Door(settings.lite_host, tls=settings.tls) if settings.lite_host else None
        self._http: aiohttp.ClientSession | None = None
        self._runner: web.AppRunner | None = None
        self._listener: AblyListener | None = None
        self._crowd: Crowd | None = None
        self._phones: Phones | None = None
        self._guests: Guests | None = None
        self.stage: Stage | None = None

    async def start(self, stop: asyncio.Event) -> bool:
        """Everything runs and the page is served when this returns; False when `stop` was set before that.

        `links` has the addresses.
        """
        self.settings.check_ports()
        _make(self._data)
        starting = asyncio.create_task(self._start())
        asked = asyncio.create_task(stop.wait())
        await asyncio.wait({starting, asked}, return_when=asyncio.FIRST_COMPLETED)
        asked.cancel()
        if not starting.done():
            starting.cancel()
            await asyncio.gather(starting, return_exceptions=True)
            return False
        starting.result()
        return True

    async def _start(self) -> None:
        door = await self._door.open(self.settings.preferred_door_port()) if self._door else ""
        starting_ably = asyncio.create_task(self._parts.start_ably())
        try:
            city = await asyncio.to_thread(load_city)
            promotions = city.promotions()
            await self._parts.stock(city, promotions)
            self.password = await asyncio.to_thread(self._parts.hire)
        finally:
            ably = await starting_ably
        await self._start_servers(ably, door)
        await self._start_page(city, promotions)
        await self._start_shoppers()
        self._beside.tell(self.links)

    async def _start_servers(self, ably: str, door: str) -> None:
        if self._door is None:
            self.links = await self._parts.start_servers(ably)
            return
        self.links = await self._parts.start_servers(ably, door) | {"door": door}
        self._door.lead_to(Behind(self.links["lite"], ably))

    async def run(self, until: asyncio.Event) -> None:
        """Let time go by until `until` is set.

        Raises:
            ChildFailed: a process of the tree ended by itself.
        """
        assert self._guests is not None
        work = (self._walk(), self._guests.follow(), self._ask_for_matches(), self._tree.until_one_ends(), until.wait())
        tasks = [asyncio.create_task(each) for each in work]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def complaints(self) -> str:
        """What the parts logged that is no mere information; "" when nothing."""
        return self._tree.complaints()

    async def stop(self) -> None:
        """End everything, and leave nothing behind but a data folder that was asked for. Idempotent."""
        self._beside.withdraw()
        if self._phones is not None:
            await self._phones.stop()
        if self._crowd is not None:
            await self._crowd.stop()
        if self._listener is not None:
            await self._listener.stop()
        if self._guests is not None:
            self._guests.close()
        if self._runner is not None:
            await self._runner.cleanup()
        if self._http is not None:
            await self._http.close()
        if self._door is not None:
            await self._door.close()
        await self._tree.stop()
        if self._temporary:
            shutil.rmtree(self._data, ignore_errors=True)

    async def _start_page(self, city: City, promotions: list[ProductPromotion]) -> None:
        backend, ably = self.links["backend"], self.links["ably"]
        lite = self.links.get("door", self.links["lite"])
        shown = {
            "lite": lite,
            "Console": f"{backend}/console",
            "Local Ably": ably,
            "Backend health": f"{backend}/readyz",
            "Metrics": f"{backend}/metrics",
            "API": f"{backend}/openapi.json",
        }
        if "door" in self.links:
            shown["phones"] = FOR_PHONES[self.settings.tls]
        page = Page(scene(city, promotions), shown, _qr(lite))
        self.stage = Stage(city, promotions, page)
        self._runner = web.AppRunner(page.app(), access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        port = self.settings.port or (PAGE_PORT if is_free(self.settings.host, PAGE_PORT) else 0)
        site = web.TCPSite(self._runner, self.settings.host, port)
        try:
            await site.start()
        except OSError as fault:
            raise BadConfig("port", f"{port} can't be used: {fault.strerror}") from None
        self.links["map"] = f"http://{self.settings.host}:{self._runner.addresses[0][1]}"

    async def _start_shoppers(self) -> None:
        assert self.stage is not None
        settings = self.settings
        self._http = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=64))
        crowd: Any = None
        self._listener = AblyListener(self.links["ably"], self._parts.key, lambda uid, alert: crowd.heard(uid, alert))
        await self._listener.start()
        crowd = self._crowd = Crowd(
            self.stage, self._http, self.links["backend"], self.links["ably"], self._listener,
            size=settings.shoppers, pace=settings.pace, seed=settings.seed,
        )  # fmt: skip
        self._guests = Guests(self.stage, self._data / "backend" / "log.db")
        self._phones = Phones(
            self.stage, self.links["backend"], self.links["ably"], self._data / "phones",
            synthetic=settings.phones, pace=settings.pace, seed=settings.seed,
        )  # fmt: skip

    async def _ask_for_matches(self) -> None:
        """How many matches the backend (with Kafka the worker) counts, every other second."""
        assert self.stage is not None
        assert self._http is not None
        while True:
            with suppress(aiohttp.ClientError, TimeoutError):
                async with self._http.get(self.links.get("worker", f"{self.links['backend']}/metrics")) as response:
                    self.stage.matches = matches(await response.text())
            await asyncio.sleep(MATCHES_EVERY_S)

    async def _walk(self) -> None:
        assert self.stage is not None
        assert self._crowd is not None
        assert self._phones is not None
        last_s = next_figures_s = time.monotonic()
        while True:
            await asyncio.sleep(STEP_S)
            now_s = time.monotonic()
            self._crowd.step(now_s - last_s)
            self._phones.step(now_s - last_s)
            last_s = now_s
            self.stage.tell(round(time.time() * 1000))
            if now_s >= next_figures_s:
                next_figures_s += 1.0
                self.stage.tell_figures()


def _make(folder: Path) -> None:
    try:
        (folder / "logs").mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        reason = f"{folder} can't be used: {fault.strerror}; choose a folder that you may write to"
        raise BadConfig("data", reason) from None


def matches(metrics: str) -> int:
    """Offers that were decided on, given or held back, in a page of the backend's metrics."""
    counted = re.findall(r'^endcap_pipeline\{stat="decide (?:alerts|held: [^"]*)"\} ([0-9.e+]+)$', metrics, re.M)
    return round(sum(map(float, counted)))


def _qr(address: str) -> str:
    out = io.BytesIO()
    segno.make(address, error="m").save(out, kind="svg", xmldecl=False, border=0, scale=3)
    return out.getvalue().decode()
