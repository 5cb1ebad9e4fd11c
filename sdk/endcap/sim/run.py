"""Run: one walk through filter, monitor and pace, as on a device, and what it would have cost the battery."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from threading import Event

from endcap.errors import BadMessage
from endcap.fences import Explanation, Geofence, GeofenceEvent, GeofenceMonitor
from endcap.filtering import FixFilter, FixLimits
from endcap.geo import distance_m
from endcap.messages import Fix
from endcap.pacing import Pace
from endcap.presets import Preset, Resolution
from endcap.sim.flaws import Flaw
from endcap.tracking import STORE_TAG
from endcap.tracks import Track, read_track

GPS_ON_S = 10.0  # a receiver asked this often or more is never off
GPS_FIX_S = 6.0  # otherwise this long for a fix
ADVANCE_S = 60.0


@dataclass(frozen=True, slots=True)
class Budget:
    """What the walk asked of the device, an hour: a proxy, since no simulator drains a battery."""

    hours: float
    fixes: int
    gps_s: float
    wake_ups: int
    uploads: int

    @property
    def fixes_an_hour(self) -> float:
        return self.fixes / self.hours

    @property
    def gps_s_an_hour(self) -> float:
        return min(3600.0, self.gps_s / self.hours)

    @property
    def wake_ups_an_hour(self) -> float:
        return self.wake_ups / self.hours

    @property
    def uploads_an_hour(self) -> float:
        return self.uploads / self.hours


@dataclass(frozen=True, slots=True)
class Run:
    """What came of a walk."""

    events: tuple[GeofenceEvent, ...]
    fixes: tuple[Fix, ...]  # as the filter admitted them
    dropped: Counter[str]
    budget: Budget
    monitor: GeofenceMonitor = field(repr=False)

    def of(self, fence_id: str) -> list[GeofenceEvent]:
        return [event for event in self.events if event.fence_id == fence_id]

    def enters(self, fence_id: str) -> int:
        return sum(event.kind == "enter" for event in self.of(fence_id))

    def exits(self, fence_id: str) -> int:
        return sum(event.kind == "exit" for event in self.of(fence_id))

    def explain(self, fence_id: str, at: datetime | None = None) -> Explanation:
        """Why a fence did or did not fire."""
        return self.monitor.explain(fence_id, at)


def replay(
    track: str | Path | Track | Sequence[Fix],
    fences: Iterable[Geofence] = (),
    flaws: Iterable[Flaw] = (),
    *,
    seed: int = 0,
    preset: Preset | None = None,
    limits: FixLimits | None = None,
) -> Run:
    """Walk a track through the real engine.

    With a `preset` the device is simulated too: the engine sees only the fixes that the preset's pace asks for, in a
    store more of them, while she stands fewer or none. Without one it sees them all.

    Raises:
        BadMessage, OSError: as `read_track`; or a track without a fix.
    """
    random = Random(seed)
    walk = list(_fixes_of(track))
    if not walk:
        raise BadMessage("track", "holds no fix")
    for flaw in flaws:
        walk = flaw(walk, random)
    device = _Device(list(fences), preset, limits or FixLimits(), seed)
    for fix in walk:
        device.offer(fix)
    return device.run()


class _Device:
    """Filter, monitor and pace on a stepping clock, and the meter of what they cost."""

    def __init__(self, fences: list[Geofence], preset: Preset | None, limits: FixLimits, seed: int) -> None:
        self._stores = {fence.id for fence in fences if STORE_TAG in fence.tags}
        self._clock = _Stepping()
        self._filter = FixFilter(limits, self._clock)
        self._monitor = GeofenceMonitor(fences, install=f"simulated-{seed}")
        self._pace = None if preset is None else Pace(preset)
        self._events: list[GeofenceEvent] = []
        self._fixes: list[Fix] = []
        self._first: datetime | None = None
        self._looked: Fix | None = None
        self._advanced: datetime | None = None
        self._uploaded: datetime | None = None
        self._looks, self._gps_s, self._uploads, self._waiting = 0, 0.0, 0, 0

    def offer(self, fix: Fix) -> None:
        """The truth goes on; a fix is taken where the pace asks for one."""
        self._first = self._first or fix.taken_at
        self._clock.step(fix.taken_at)
        self._advance(fix.taken_at)
        if self._is_due(fix):
            self._look(fix)
        self._upload(fix.taken_at)

    def run(self) -> Run:
        assert self._first is not None
        hours = max(1.0, (self._clock.now() - self._first).total_seconds()) / 3600
        budget = Budget(hours, self._looks, self._gps_s, self._looks, self._uploads)
        events = tuple(sorted(self._events, key=lambda event: event.decided_at))
        dropped = Counter({str(reason): count for reason, count in self._filter.dropped.items()})
        return Run(events, tuple(self._fixes), dropped, budget, self._monitor)

    def _is_due(self, fix: Fix) -> bool:
        if self._pace is None or self._looked is None:
            return True
        asked = self._pace.resolution
        if asked is None:
            return distance_m(self._looked.point, fix.point) >= self._pace.active.bubble_m
        return (fix.taken_at - self._looked.taken_at).total_seconds() >= asked.interval_s

    def _look(self, fix: Fix) -> None:
        self._meter(fix)
        self._looked = fix
        if not self._filter.admit(fix):
            return
        self._fixes.append(fix)
        self._tell(self._monitor.observe(fix))
        if self._pace is not None:
            self._pace.observe(fix, in_store=any(fence_id in self._stores for fence_id in self._monitor.inside()))
        self._waiting += 1

    def _meter(self, fix: Fix) -> None:
        self._looks += 1
        asked = None if self._pace is None else self._pace.resolution
        interval_s = (asked or Resolution(GPS_ON_S)).interval_s
        if interval_s > GPS_ON_S or self._looked is None:
            self._gps_s += GPS_FIX_S
        else:
            self._gps_s += min(GPS_ON_S, (fix.taken_at - self._looked.taken_at).total_seconds())

    def _advance(self, now: datetime) -> None:
        if self._advanced is None or (now - self._advanced).total_seconds() >= ADVANCE_S:
            self._advanced = now
            self._tell(self._monitor.advance(now))

    def _tell(self, events: list[GeofenceEvent]) -> None:
        self._events += events
        if events:
            self._uploads += 1
            self._waiting, self._uploaded = 0, self._clock.now()

    def _upload(self, now: datetime) -> None:
        wait_s = 0.0 if self._pace is None else self._pace.active.send_every_s
        if self._waiting and (self._uploaded is None or (now - self._uploaded).total_seconds() >= wait_s):
            self._uploads += 1
            self._waiting, self._uploaded = 0, now


class _Stepping:
    """The walk's own time: it is what the newest fix says."""

    def __init__(self) -> None:
        self._at: datetime | None = None
        self._begun: datetime | None = None

    def step(self, to: datetime) -> None:
        self._begun = self._begun or to
        self._at = to if self._at is None else max(self._at, to)

    def now(self) -> datetime:
        assert self._at is not None
        return self._at

    def monotonic(self) -> float:
        assert self._at is not None
        assert self._begun is not None
        return (self._at - self._begun) / timedelta(seconds=1)

    def wait(self, event: Event, timeout_s: float | None) -> bool:
        return event.is_set()


def _fixes_of(track: str | Path | Track | Sequence[Fix]) -> Sequence[Fix]:
    if isinstance(track, str | Path):
        return read_track(track).fixes
    return track.fixes if isinstance(track, Track) else track
