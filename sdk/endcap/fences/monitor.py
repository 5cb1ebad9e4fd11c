"""Fixes in, visits out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from endcap.fences.events import EventKind, GeofenceEvent, event_id, visit_id
from endcap.fences.geofence import Geofence
from endcap.fences.index import FenceIndex
from endcap.fences.position import PositionFilter
from endcap.fences.posterior import best_p, p_inside
from endcap.fences.visits import Belief, Rules, Stage, Track, Transition
from endcap.messages import Fix
from endcap.wire import from_epoch_ms

STATE_VERSION = 1
DEFAULT_RULES = Rules()
REACH_SIGMAS = 1.1  # farther outside than this, P(inside) is under p_in whatever the shape


class GeofenceMonitor:
    """Decides, from fixes that are each only roughly right, when a visit to a fence began and ended.

    For each fence, enters and exits alternate, whatever the fixes; `state()` carries everything over a restart. All
    times are the fixes' own stamps, so that a recorded walk replays to the same events and ids. Owned by one thread.

    `install` is the id of this installation. State and install live and die together, because ids derive from both.
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
        self._install = install
        self._index = FenceIndex()
        self._position = PositionFilter()
        self._tracks: dict[str, Track] = {}
        self._fresh: set[str] = set()  # registered since the last fix: whether she was inside before is unknown
        if state is not None:
            self.restore(state)
        self.register(*fences)

    def register(self, *fences: Geofence) -> list[GeofenceEvent]:
        """Add fences; one of the same id is replaced, and a visit to it goes on when she is still inside."""
        for fence in fences:
            if self._index.get(fence.id) is None and fence.id not in self._tracks:
                self._fresh.add(fence.id)
            self._index.put(fence)
        return []

    def unregister(self, *fence_ids: str) -> list[GeofenceEvent]:
        """Forget fences; a visit to one of them ends with the reason "removed"."""
        events: list[GeofenceEvent] = []
        for fence_id in fence_ids:
            self._index.discard(fence_id)
            self._fresh.discard(fence_id)
            track = self._tracks.get(fence_id)
            if track is not None and track.visiting:
                last_ms = max(self._position.at_ms, track.seen_ms)
                events.append(self._event(fence_id, track, track.leave(last_ms, 0.0, "removed"), last_ms))
        return events

    def observe(self, fix: Fix) -> list[GeofenceEvent]:
        """Take one fix in; what it settled comes out, oldest first."""
        verdict = self._position.update(fix)
        if verdict in ("late", "gated", "too fast"):
            return []
        at_ms = self._position.at_ms
        events = self._time_out(at_ms)
        for fence in self._candidates():
            events += self._weigh(fence, at_ms)
        self._fresh = set()
        return sorted(events, key=lambda event: event.occurred_at)

    def inside(self) -> tuple[str, ...]:
        """The fences that she is in, as far as has been decided."""
        return tuple(fence_id for fence_id, track in self._tracks.items() if track.visiting)

    def stage(self, fence_id: str) -> Stage:
        track = self._tracks.get(fence_id)
        return track.stage if track else Stage.UNKNOWN

    def state(self) -> dict[str, Any]:
        """Everything that must outlive the process, as JSON-able values."""
        return {
            "version": STATE_VERSION,
            "position": self._position.state(),
            "tracks": {fence_id: asdict(track) for fence_id, track in self._tracks.items()},
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from `state()`. A state of another version is not understood and begins anew."""
        if state.get("version") != STATE_VERSION:
            return
        self._position.restore(state["position"])
        self._tracks = {
            fence_id: Track(**{**held, "stage": Stage(held["stage"])}) for fence_id, held in state["tracks"].items()
        }

    def _candidates(self) -> list[Geofence]:
        near = self._index.near(self._position.mean, REACH_SIGMAS * self._position.sigma_at(self._position.at_ms))
        known = {fence.id for fence in near}
        busy = (
            self._index.get(fence_id)
            for fence_id, track in self._tracks.items()
            if fence_id not in known and (track.visiting or track.stage is Stage.ENTERING)
        )
        return near + [fence for fence in busy if fence is not None]

    def _weigh(self, fence: Geofence, at_ms: int) -> list[GeofenceEvent]:
        track = self._tracks.get(fence.id)
        if track is None:
            track = self._tracks[fence.id] = Track(Stage.UNKNOWN if fence.id in self._fresh else Stage.OUTSIDE)
        found = track.step(
            self._belief(fence, at_ms),
            at_ms,
            self.rules,
            enter_hold_s=self.rules.enter_hold_s if fence.enter_hold_s is None else fence.enter_hold_s,
            exit_hold_s=self.rules.exit_hold_s if fence.exit_hold_s is None else fence.exit_hold_s,
            dwell_s=fence.dwell_s,
        )
        return [self._event(fence.id, track, each, at_ms) for each in found]

    def _belief(self, fence: Geofence, at_ms: int) -> Belief:
        sigma_m = self._position.sigma_at(at_ms)
        p = p_inside(fence.shape, self._position.mean, sigma_m)
        return Belief(p, min(1.0, p / max(best_p(fence.shape, sigma_m), 1e-12)))

    def _time_out(self, at_ms: int) -> list[GeofenceEvent]:
        limit_ms = round(self.rules.timeout_s * 1000)
        return [
            self._event(fence_id, track, track.leave(track.seen_ms, 0.0, "timeout"), at_ms)
            for fence_id, track in self._tracks.items()
            if track.visiting and at_ms - track.seen_ms >= limit_ms
        ]

    def _event(self, fence_id: str, track: Track, found: Transition, at_ms: int) -> GeofenceEvent:
        kind: EventKind = found.kind
        return GeofenceEvent(
            kind=kind,
            fence_id=fence_id,
            visit_id=visit_id(self._install, fence_id, track.visit_no),
            occurred_at=from_epoch_ms(found.occurred_ms),
            decided_at=from_epoch_ms(at_ms),
            p_inside=found.p,
            id=event_id(self._install, fence_id, track.visit_no, kind),
            reason=found.reason,
            initial=found.initial,
        )
