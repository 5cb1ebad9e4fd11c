"""Fixes and other evidence in, visits out."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from endcap.errors import BadMessage
from endcap.fences.events import GeofenceEvent, Reason, Teller, Transition
from endcap.fences.evidence import WEIGHTS, Evidence, audible
from endcap.fences.explain import Explanation, Journal
from endcap.fences.geofence import Geofence
from endcap.fences.index import FenceIndex
from endcap.fences.judging import Whereabouts, belief, holds_of, used
from endcap.fences.passing import WAY, came_near, crossed
from endcap.fences.posterior import normal_quantile
from endcap.fences.visits import Belief, Holds, Rules, Stage, Track
from endcap.geo import distance_m
from endcap.messages import Fix, derived_id
from endcap.wire import epoch_ms, from_epoch_ms

STATE_VERSION = 1
DEFAULT_RULES = Rules()
REACH_SIGMAS = 1.18  # farther than this outside a shape, however dented, P(inside) is under 0.5
SIZE_SIGMAS = 1.17  # a shape smaller than this never reaches 0.5
NO_HOLDS = Holds(0, 0, None)
LATE_MS = 10_000  # evidence that comes later than this is history


class GeofenceMonitor:
    """Decides, from evidence that is each only roughly right, when a visit to a fence began and ended.

    For each fence, enters and exits alternate with at most one dwell between, whatever comes in; `state()` carries it
    all over a restart. All times are the evidence's own stamps, so that a recorded walk replays to the same events and
    ids. Owned by one thread.

    `install` is the id of this installation. State and install live and die together, because ids derive from both.
    `dropped` counts what was not used, by reason; `fences` is what is registered, to be read and not changed.
    """

    def __init__(
        self,
        fences: Iterable[Geofence] = (),
        state: Mapping[str, Any] | None = None,
        *,
        install: str,
        rules: Rules = DEFAULT_RULES,
    ) -> None:
        self.rules = rules
        self.dropped: Counter[str] = Counter()
        self.fences = FenceIndex()
        self._teller = Teller(install)
        self._rim_sigmas = normal_quantile(rules.p_in)  # so far inside a rim P(inside) reaches p_in at best
        self._where = Whereabouts()
        self._tracks: dict[str, Track] = {}
        self._busy: set[str] = set()
        self._crossing: set[str] = set()  # fences that want crossings told
        self._fresh: set[str] = set()  # registered since the last look: whether she was inside before is unknown
        self._looked = False
        self._now_ms = 0
        self._way: deque[Fix] = deque(maxlen=WAY)  # the newest fixes taken
        self._source = ""  # of the newest fix
        self._journal = Journal()
        if state is not None:
            self.restore(state)
        self._add(fences)

    def register(self, *fences: Geofence) -> None:
        """Add fences; one of the same id is replaced, and a visit to it goes on until evidence says otherwise."""
        if self._looked:
            self._fresh |= {each.id for each in fences if each.id not in self.fences and each.id not in self._tracks}
        self._add(fences)

    def unregister(self, *fence_ids: str) -> list[GeofenceEvent]:
        """Forget fences; a visit to one of them ends with the reason "removed"."""
        events: list[GeofenceEvent] = []
        for fence_id in fence_ids:
            track = self._tracks.get(fence_id)
            if track is not None:
                events += self._end(fence_id, track, self._now_ms, "removed", self._now_ms)
                track.forget()
            for held in (self._fresh, self._crossing, self._busy):
                held.discard(fence_id)
            self.fences.discard(fence_id)
        return self._told(events)

    def sync(self, fences: Iterable[Geofence]) -> list[GeofenceEvent]:
        """Watch these and no others: what is gone is unregistered, what is new or changed registered."""
        wanted = {fence.id: fence for fence in fences}
        events = self.unregister(*[fence_id for fence_id in self.fences.ids() if fence_id not in wanted])
        self.register(*[each for each in wanted.values() if self.fences.get(each.id) != each])
        return events

    def feed(self, evidence: Fix | Evidence) -> list[GeofenceEvent]:
        """Take one fix or other evidence in; what it settled comes out, oldest first."""
        return self.observe(evidence) if isinstance(evidence, Fix) else self._hear(evidence)

    def observe(self, fix: Fix) -> list[GeofenceEvent]:
        """Take one fix in; what it settled comes out, oldest first."""
        before_ms = self._where.position.at_ms
        verdict = self._where.position.update(fix)
        self._journal.looked(fix, verdict, self._where.position)
        if verdict in ("late", "gated", "too fast"):
            self.dropped[verdict] += 1
            return []
        at_ms, self._source = self._where.position.at_ms, fix.source
        if verdict == "clock stepped back":
            self._set_clock(at_ms - before_ms)
        self._now_ms = max(at_ms, self._now_ms)
        if fix.floor is not None:
            self._where.floor, self._where.floor_ms = fix.floor, self._now_ms
        self._way.append(fix)
        events = self._look(self._now_ms)
        return self._told(events + self._crossings() if self._crossing else events)

    def advance(self, now: datetime) -> list[GeofenceEvent]:
        """Let time pass without evidence: holds run out, dwells fall due, silence grows stale and ends visits.

        To be called when the device wakes, or once a minute; a time before the last evidence does nothing.
        """
        at_ms = epoch_ms(now)
        if at_ms <= self._now_ms or self._now_ms == 0:
            return []
        events = self._time_out(at_ms)
        for fence_id in sorted(self._busy):
            fence, track = self.fences.get(fence_id), self._tracks[fence_id]
            if fence is not None:
                seen = belief(self._where, fence, track, at_ms, self.rules)
                events += self._shut(fence, track, seen, at_ms)
                found = track.tick(seen, at_ms, self._now_ms, self.rules, holds_of(fence, self.rules))
                events += self._events(fence_id, track, found, at_ms)
        return self._told(events)

    def inside(self) -> tuple[str, ...]:
        """The fences that she is in, as far as has been decided, the smallest first."""
        visited = [fence_id for fence_id in self._busy if self._tracks[fence_id].visiting]
        areas = {id: fence.shape.area_m2 if (fence := self.fences.get(id)) else 0.0 for id in visited}
        return tuple(sorted(visited, key=lambda id: (areas[id], id)))

    def stage(self, fence_id: str) -> Stage:
        track = self._tracks.get(fence_id)
        if track is not None:
            return track.stage
        known = self._looked and fence_id in self.fences and fence_id not in self._fresh
        return Stage.OUTSIDE if known else Stage.UNKNOWN

    def explain(self, fence_id: str, at: datetime | None = None) -> Explanation:
        """Why the fence did or did not fire at a time (default: the newest) within the last 2,000 fixes."""
        at_ms = max(self._now_ms, self._journal.newest_ms) if at is None else epoch_ms(at)
        return self._journal.explain(fence_id, self.fences.get(fence_id), at_ms, self.rules, self.stage(fence_id))

    def state(self) -> dict[str, Any]:
        """Everything that must outlive the process, as JSON-able values."""
        for fence_id in self._busy:
            fence = self.fences.get(fence_id)
            if fence is not None:
                self._tracks[fence_id].shape_key = _shape_key(fence)
        tracks = {fence_id: track.state() for fence_id, track in self._tracks.items()}
        return {"version": STATE_VERSION, "now_ms": self._now_ms, "where": self._where.state(), "tracks": tracks}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from `state()`; register the fences afterwards.

        Raises:
            BadMessage: it is no state of this version; the monitor is as it was.
        """
        if state.get("version") != STATE_VERSION:
            raise BadMessage("version", f"must be {STATE_VERSION}; begin without a state and with a new install id")
        try:
            tracks = {fence_id: Track.restored(held) for fence_id, held in state["tracks"].items()}
            where = Whereabouts()
            where.restore(state["where"])
            now_ms = int(state["now_ms"])
        except (KeyError, TypeError, ValueError, AttributeError) as fault:
            raise BadMessage("state", f"can't be read: {fault!r}") from None
        self._now_ms, self._where, self._tracks = now_ms, where, tracks
        self._looked = where.position.known
        self._busy = {fence_id for fence_id, track in tracks.items() if track.busy}

    def _add(self, fences: Iterable[Geofence]) -> None:
        fences = list(fences)
        for fence in fences:
            if fence.id in self._busy:
                track, known = self._tracks[fence.id], self.fences.get(fence.id)
                if known.shape != fence.shape if known else track.shape_key not in ("", _shape_key(fence)):
                    track.reseed()
            (self._crossing.add if fence.crossing else self._crossing.discard)(fence.id)
        self.fences.put_all(fences)

    def _hear(self, evidence: Evidence) -> list[GeofenceEvent]:
        fence, at_ms = self.fences.get(evidence.fence_id), epoch_ms(evidence.at)
        if fence is None:
            return self._drop("unknown fence")
        known = self._tracks.get(fence.id)
        heard_ms = known.heard.get(evidence.kind, (True, 0))[1] if known else 0
        if at_ms < max(self._now_ms - LATE_MS, heard_ms):
            return self._drop("late")
        if self._where.contradicts(evidence, fence, at_ms):
            return self._drop("contradicted")
        self._now_ms = at_ms = max(at_ms, self._now_ms)
        track = self._track(fence)
        track.heard[evidence.kind] = (evidence.inside, at_ms)
        moved = self._where.take_place(evidence, fence, at_ms)
        certain = fence.id if WEIGHTS[evidence.kind].certain else ""
        return self._told(self._look(at_ms, certain) if moved else self._weigh(fence, at_ms, certain))

    def _look(self, at_ms: int, certain: str = "") -> list[GeofenceEvent]:
        """Weigh every fence that the newest position can matter to."""
        events = self._time_out(at_ms)
        position = self._where.position
        sigma_m = position.sigma_at(at_ms)
        near = self.fences.near(
            position.mean,
            REACH_SIGMAS * sigma_m,
            circle_reach_m=-self._rim_sigmas * sigma_m,
            extent_m=SIZE_SIGMAS * sigma_m,
        )
        known = {fence.id for fence in near}
        busy = [self.fences.get(fence_id) for fence_id in sorted(self._busy - known)]
        for fence in (*near, *busy):
            if fence is not None:
                events += self._weigh(fence, at_ms, certain)
        self._fresh, self._looked = set(), True
        return events

    def _weigh(self, fence: Geofence, at_ms: int, certain: str = "") -> list[GeofenceEvent]:
        track = self._track(fence)
        if track.heard:
            track.heard = audible(track.heard, at_ms)
        seen = belief(self._where, fence, track, at_ms, self.rules, certain=certain == fence.id)
        events = self._shut(fence, track, seen, at_ms)
        events += self._events(fence.id, track, track.step(seen, at_ms, self.rules, holds_of(fence, self.rules)), at_ms)
        if fence.approach_m is not None:
            position = self._where.position
            mean = position.mean if self._where.known_at(at_ms, self.rules) else None
            if came_near(fence, track, mean, position.sigma_at(at_ms)):
                events.append(self._teller.passing("approach", fence.id, track.approach_no, at_ms, at_ms, seen.p))
        (self._busy.add if track.busy else self._busy.discard)(fence.id)
        if track.blank:
            del self._tracks[fence.id]
        return events

    def _shut(self, fence: Geofence, track: Track, seen: Belief, at_ms: int) -> list[GeofenceEvent]:
        """A visit to a fence that is no longer valid, or whose store has closed, ends at that minute."""
        if seen.live or not track.visiting:
            return []
        moment = from_epoch_ms(at_ms)
        shut_at = fence.shut_since(moment)
        ended_ms = at_ms if shut_at is None else min(at_ms, epoch_ms(shut_at))
        expired = fence.valid_until is not None and moment >= fence.valid_until
        track.waiting = seen.share > self.rules.p_out
        return self._end(fence.id, track, ended_ms, "expired" if expired else "closed", at_ms, seen.p)

    def _time_out(self, at_ms: int) -> list[GeofenceEvent]:
        limit_ms = round(self.rules.timeout_s * 1000)
        silent = [(id, self._tracks[id]) for id in sorted(self._busy) if at_ms - self._tracks[id].seen_ms >= limit_ms]
        return [event for id, track in silent for event in self._end(id, track, track.seen_ms, "timeout", at_ms)]

    def _end(
        self, fence_id: str, track: Track, ended_ms: int, reason: Reason, at_ms: int, p: float = 0.0
    ) -> list[GeofenceEvent]:
        if not track.visiting:
            return []
        fence = self.fences.get(fence_id)
        holds = holds_of(fence, self.rules) if fence else NO_HOLDS
        return self._events(fence_id, track, track.end(ended_ms, p, reason, holds), at_ms)

    def _crossings(self) -> list[GeofenceEvent]:
        events: list[GeofenceEvent] = []
        if len(self._way) < 2:
            return events
        step_m = distance_m(self._way[-2].point, self._way[-1].point)
        for fence in self.fences.near(self._way[-1].point, step_m):
            if fence.crossing:
                track = self._track(fence)
                found = crossed(fence, track, self._way, self.rules.p_in)
                if found is not None:
                    told = self._teller.passing("cross", fence.id, track.cross_no, found.at_ms, self._now_ms, found.p)
                    events.append(told)
                elif track.blank:
                    del self._tracks[fence.id]
        return events

    def _track(self, fence: Geofence) -> Track:
        track = self._tracks.get(fence.id)
        if track is None:
            new = fence.id in self._fresh or not self._looked
            track = self._tracks[fence.id] = Track(Stage.UNKNOWN if new else Stage.OUTSIDE)
        return track

    def _set_clock(self, by_ms: int) -> None:
        self._now_ms += by_ms
        self._where.floor_ms += by_ms
        for track in self._tracks.values():
            track.shift(by_ms)
        self._way.clear()

    def _drop(self, reason: str) -> list[GeofenceEvent]:
        self.dropped[reason] += 1
        return []

    def _events(self, fence_id: str, track: Track, found: list[Transition], at_ms: int) -> list[GeofenceEvent]:
        if not found:
            return []
        evidence = used(self._where, track, self._source, at_ms, self.rules)
        return [self._teller.visit(fence_id, track.visit_no, each, at_ms, evidence) for each in found]

    def _told(self, events: list[GeofenceEvent]) -> list[GeofenceEvent]:
        events.sort(key=lambda event: event.occurred_at)
        self._journal.told(events)
        return events


def _shape_key(fence: Geofence) -> str:
    return derived_id(repr(fence.shape))
