"""What a geofence tells."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

from endcap.messages import CustomerEvent, derived_id
from endcap.wire import from_epoch_ms

VisitKind = Literal["enter", "dwell", "exit"]
PassingKind = Literal["approach", "cross"]
EventKind = VisitKind | PassingKind
Reason = Literal["", "opened", "closed", "expired", "removed", "timeout"]
Confidence = Literal["low", "medium", "high"]

HIGH_P, MEDIUM_P = 0.9, 0.75  # of p_inside at an enter


class Transition(NamedTuple):
    """What a fence's state machine found, before it has an id. Times are milliseconds since 1970."""

    kind: VisitKind
    occurred_ms: int
    p: float
    reason: Reason = ""
    initial: bool = False


@dataclass(frozen=True, slots=True)
class GeofenceEvent:
    """One thing that happened at one fence.

    For one fence, enters and exits alternate; between the two stands at most one dwell, and all three carry the visit's
    id. The event's own id is derived from install, fence, visit and kind: the same walk replayed gives the same ids.
    """

    kind: EventKind
    fence_id: str
    visit_id: str
    occurred_at: datetime  # when it began, by the fixes' stamps
    decided_at: datetime  # the stamp of the evidence that settled it
    p_inside: float  # that she was inside, 0 to 1, when it was settled
    id: str
    reason: Reason = ""  # what but walking caused it
    initial: bool = False  # she was inside when the SDK first looked
    evidence: tuple[str, ...] = ()  # what it rests on: "gps", "sign", ...

    @property
    def confidence(self) -> Confidence:
        """How sure the SDK is of what it says: of being inside for an enter, of being outside for an exit."""
        p = 1 - self.p_inside if self.kind == "exit" else self.p_inside
        return "high" if p >= HIGH_P else "medium" if p >= MEDIUM_P else "low"

    def to_message(self, uid: str, store: str | None = None) -> CustomerEvent:
        """The record for `customers_events`; only enter, dwell and exit travel."""
        return CustomerEvent(
            id=self.id,
            uid=uid,
            kind=self.kind,
            occurred_at=self.occurred_at,
            fence=self.fence_id,
            visit=self.visit_id,
            p_inside=round(self.p_inside, 4),
            store=store,
        )


class Teller:
    """Makes events; their ids derive from the installation, the fence and a number that counts up for each fence."""

    def __init__(self, install: str) -> None:
        self._install = install

    def visit(
        self, fence_id: str, visit_no: int, found: Transition, decided_ms: int, evidence: tuple[str, ...]
    ) -> GeofenceEvent:
        """An enter, dwell or exit of that visit."""
        return GeofenceEvent(
            kind=found.kind,
            fence_id=fence_id,
            visit_id=derived_id(self._install, fence_id, visit_no, "visit"),
            occurred_at=from_epoch_ms(found.occurred_ms),
            decided_at=from_epoch_ms(decided_ms),
            p_inside=found.p,
            id=derived_id(self._install, fence_id, visit_no, found.kind),
            reason=found.reason,
            initial=found.initial,
            evidence=evidence,
        )

    def passing(
        self, kind: PassingKind, fence_id: str, number: int, occurred_ms: int, decided_ms: int, p: float
    ) -> GeofenceEvent:
        """An approach or a crossing, which belongs to no visit: its own id stands for one."""
        id = derived_id(self._install, fence_id, number, kind)
        return GeofenceEvent(
            kind=kind,
            fence_id=fence_id,
            visit_id=id,
            occurred_at=from_epoch_ms(occurred_ms),
            decided_at=from_epoch_ms(decided_ms),
            p_inside=p,
            id=id,
        )
