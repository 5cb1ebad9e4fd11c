"""Shoppers whose phones run the real SDK: `endcap.Endcap`, each with a folder, a session and an Ably connection."""

from __future__ import annotations

import asyncio
import logging
import shutil
import time
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from random import Random

import endcap
from endcap.device import LocationSource, OnFix, OnStatus
from endcap.device.replay import ReplaySource
from endcap.geo import LatLon, round_coordinate
from endcap.messages import CustomerAlert, Fix
from endcap.presets import Resolution
from endcap.tracks import Track, read_track
from endcap_devkit.demo.city import WALK_FILE, City
from endcap_devkit.demo.people import Person, Way
from endcap_devkit.demo.stage import Stage
from endcap_devkit.simulate.shapes import Spot
from endcap_devkit.simulate.shoppers import Shopper, stroll
from endcap_devkit.simulate.store import COUNTRY

log = logging.getLogger("endcap.demo")

FIX_EVERY_S = 2.0
GLIDE_S = 1.2  # a dot catches up with the newest fix of a recording within about so long


class HandedSource:
    """A `LocationSource` that passes on what it is handed."""

    def __init__(self) -> None:
        self._on_fix: OnFix | None = None

    def start(self, on_fix: OnFix, on_status: OnStatus) -> None:
        self._on_fix = on_fix
        on_status("running")

    def tune(self, resolution: Resolution) -> None:
        """Fixes come as often as she is stepped."""

    def stop(self) -> None:
        self._on_fix = None

    def hand(self, fix: Fix) -> None:
        if self._on_fix is not None:
            self._on_fix(fix)


class OverheardSource:
    """Another source, whose fixes the demo sees too. `seen` is called on the source's thread."""

    def __init__(self, source: LocationSource, seen: OnFix) -> None:
        self._source, self._seen = source, seen

    def start(self, on_fix: OnFix, on_status: OnStatus) -> None:
        def both(fix: Fix) -> None:
            self._seen(fix)
            on_fix(fix)

        self._source.start(both, on_status)

    def tune(self, resolution: Resolution) -> None:
        self._source.tune(resolution)

    def stop(self) -> None:
        self._source.stop()


class Phone:
    """One phone with the SDK on it, and its owner on the map. Calls come on the demo's loop.

    Starting and closing touch the disk and the network, and so run on a thread of their own.
    """

    def __init__(self, stage: Stage, config: endcap.Config, source: LocationSource, way: Way, spot: Spot) -> None:
        self.person: Person = stage.welcome(way, spot)
        self._stage, self._folder = stage, config.storage_dir
        self._loop = asyncio.get_running_loop()
        self._client = endcap.Endcap(config, source=source)
        self._client.on_promotion(self._offered)
        self._client.on_event(self._visited)
        self._client.register(*fences(stage.city))

    async def start(self) -> None:
        await asyncio.to_thread(self._begin)

    async def close(self) -> None:
        """She leaves the map: everything of hers is erased."""
        self._stage.leave(self.person)
        await asyncio.to_thread(self._end)

    def saw(self, fix: Fix, now_s: float) -> None:
        """Her phone took a fix; on the demo's loop."""
        self._stage.figures.count(f"fixes_{self.person.way}")
        self.person.heard = self._stage.city.spot(fix.point)
        self.person.accuracy_m = fix.accuracy_m or 0.0
        point = LatLon(round_coordinate(fix.latitude_deg), round_coordinate(fix.longitude_deg))
        self._stage.posted(self.person, [point], now_s)

    def _begin(self) -> None:
        self._client.consent.grant(endcap.Purpose.LOCATION, endcap.Purpose.PROMOTIONS, text_version="demo")
        self._client.start()

    def _end(self) -> None:
        self._client.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _offered(self, alert: CustomerAlert) -> None:
        self._loop.call_soon_threadsafe(self._stage.heard, self.person, alert, "sdk")

    def _visited(self, event: endcap.GeofenceEvent) -> None:
        if event.kind in ("enter", "exit"):
            self._loop.call_soon_threadsafe(self._stage.visited, self.person, event.kind, event.fence_id)


class Phones:
    """Keeps `synthetic` walkers and the recorded walk on the map. One thread: the demo's loop."""

    def __init__(
        self, stage: Stage, backend: str, ably: str, folder: Path, *, synthetic: int, pace: float, seed: int
    ) -> None:
        self._stage, self._backend, self._ably, self._folder = stage, backend, ably, folder
        self._pace, self._rng = pace, Random(seed)
        self._numbers = count(1)
        self._walkers: list[Walker] = []
        self._replays: list[Replay] = []
        self._missing: list[Way] = ["recorded"]
        self._missing += ["sdk" for _ in range(synthetic)]
        self._tasks: set[asyncio.Task[None]] = set()

    def step(self, dt_s: float) -> None:
        """Let `dt_s` seconds go by; whoever is through is followed by another."""
        while self._missing:
            self._enter(self._missing.pop(0))
        for walker in [each for each in self._walkers if each.step(dt_s * self._pace, dt_s)]:
            self._walkers.remove(walker)
            self._exit(walker.phone, "sdk")
        for replay in [each for each in self._replays if each.step(dt_s)]:
            self._replays.remove(replay)
            self._exit(replay.phone, "recorded")

    async def stop(self) -> None:
        phones = [walker.phone for walker in self._walkers] + [replay.phone for replay in self._replays]
        await asyncio.gather(*self._tasks, *(phone.close() for phone in phones), return_exceptions=True)

    def _enter(self, way: Way) -> None:
        config = endcap.Config(
            backend_url=self._backend,
            ably_endpoint=self._ably,
            storage_dir=self._folder / f"{next(self._numbers)}",
            country=COUNTRY,
        )
        if way == "recorded":
            replay = Replay(self._stage, config, self._pace)
            self._replays.append(replay)
            self._soon(replay.phone)
        else:
            walker = Walker(self._stage, config, self._rng)
            self._walkers.append(walker)
            self._soon(walker.phone)

    def _exit(self, phone: Phone, way: Way) -> None:
        self._keep(asyncio.create_task(phone.close()))
        self._missing.append(way)

    def _soon(self, phone: Phone) -> None:
        self._keep(asyncio.create_task(phone.start()))

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class Walker:
    """A made-up shopper who walks streets and aisles with a phone in her hand."""

    def __init__(self, stage: Stage, config: endcap.Config, rng: Random) -> None:
        city = stage.city
        self._city = city
        self._shopper = Shopper(stroll(city.stores, city.streets, rng, inside=rng.random() < 0.6), rng)
        self._source = HandedSource()
        self._since_fix_s = 0.0
        self.phone = Phone(stage, config, self._source, "sdk", self._shopper.spot)

    def step(self, walked_s: float, dt_s: float) -> bool:
        """True when she is through."""
        person, shopper = self.phone.person, self._shopper
        shopper.step(walked_s)
        person.spot, person.pausing = shopper.spot, shopper.pausing
        person.store = shopper.store.id if shopper.store else None
        self._since_fix_s += dt_s
        if self._since_fix_s >= FIX_EVERY_S:
            self._take_fix()
        return shopper.gone

    def _take_fix(self) -> None:
        heard, accuracy_m = self._shopper.hear(self._since_fix_s)
        self._since_fix_s = 0.0
        fix = Fix(*self._city.point(heard), taken_at=datetime.now(UTC), accuracy_m=accuracy_m, source="simulated")
        self.phone.saw(fix, time.monotonic())
        self._source.hand(fix)


class Replay:
    """The recorded walk, `pace` times as fast: its gaps are shortened, the clock is the real one."""

    def __init__(self, stage: Stage, config: endcap.Config, pace: float) -> None:
        self._city, self._loop = stage.city, asyncio.get_running_loop()
        track = hastened(read_track(WALK_FILE), pace)
        self._replay = ReplaySource(track)
        self.phone = Phone(
            stage, config, OverheardSource(self._replay, self._seen), "recorded", self._city.spot(track.fixes[0].point)
        )

    def step(self, dt_s: float) -> bool:
        """True when the recording is over."""
        person = self.phone.person
        person.spot = person.spot.towards(person.heard, person.spot.to(person.heard) * min(1.0, dt_s / GLIDE_S))
        person.store = next((s.id for s in self._city.stores if s.premises.outline.contains(person.spot)), None)
        return self._replay.ended.is_set()

    def _seen(self, fix: Fix) -> None:
        self._loop.call_soon_threadsafe(self.phone.saw, fix, time.monotonic())


def hastened(track: Track, pace: float) -> Track:
    """The same walk, with every time between two fixes divided by `pace`."""
    first = track.fixes[0].taken_at
    return Track(tuple(replace(fix, taken_at=first + (fix.taken_at - first) / pace) for fix in track.fixes))


def fences(city: City) -> Iterable[endcap.Geofence]:
    """A geofence for each store: its outline."""
    for store in city.stores:
        outer, *holes = (tuple(city.point(spot) for spot in ring) for ring in store.premises.outline.rings)
        yield endcap.Geofence(store.id, endcap.Polygon(outer, tuple(holes)))
