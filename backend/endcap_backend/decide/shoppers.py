"""What each shopper has been told: the state that caps and "never twice" are judged by."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Collection
from dataclasses import dataclass
from typing import NamedTuple

from endcap.messages import derived_id
from endcap_backend.decide.stay import NO_STAY, Stay

DAY_MS = 86_400_000
HOUR_MS = 3_600_000


class Told(NamedTuple):
    """One alert a shopper got."""

    at_ms: int
    pid: str | None
    sku: int | None
    visit: str
    id: str = ""  # the alert's

    @property
    def is_offer(self) -> bool:
        """False for an offer of help, which has a cap of its own."""
        return self.sku is not None or self.pid is not None


@dataclass(slots=True)
class Shopper:
    """One shopper's record. `told` holds her latest alerts, newest last."""

    uid: str
    last_fix_ms: int
    visit: str
    told: deque[Told]
    stay: Stay = NO_STAY  # what she does in this visit

    def since(self, at_ms: int, window_ms: int) -> int:
        """How many offers she got within `window_ms` before `at_ms`."""
        return sum(1 for each in self.told if at_ms - window_ms < each.at_ms and each.is_offer)

    def in_visit(self) -> int:
        """How many offers she got in this visit."""
        return sum(1 for each in self.told if each.visit == self.visit and each.is_offer)

    def pairs(self) -> Collection[tuple[str | None, int | None]]:
        return {(each.pid, each.sku) for each in self.told}


class Shoppers:
    """The records of all shoppers, least recently seen first; owned by the pipeline's thread.

    Holds at most `capacity` (500 B each when silent, 150 B more an alert); then the one seen longest ago goes and
    `forgotten` counts her. Of each the latest `alerts` are held. What is told a second time nevertheless, the log
    refuses: it knows the alert's id.
    """

    def __init__(self, capacity: int = 200_000, visit_gap_s: float = 1800.0, alerts: int = 64) -> None:
        self._capacity = capacity
        self._visit_gap_ms = int(visit_gap_s * 1000)
        self._alerts = alerts
        self._records: OrderedDict[str, Shopper] = OrderedDict()
        self.forgotten = 0

    def __len__(self) -> int:
        return len(self._records)

    def get(self, uid: str) -> Shopper | None:
        return self._records.get(uid)

    def see(self, uid: str, at_ms: int) -> Shopper:
        """Her record, brought to `at_ms`: a new visit begins when no fix came for longer than the gap.

        A fix that arrives out of order belongs to the visit under way and does not turn time back.
        """
        shopper = self._records.get(uid)
        if shopper is None:
            shopper = self._records[uid] = Shopper(uid, at_ms, visit_id(uid, at_ms), deque(maxlen=self._alerts))
            self._make_room()
        elif at_ms - shopper.last_fix_ms > self._visit_gap_ms:
            shopper.visit, shopper.stay = visit_id(uid, at_ms), NO_STAY
        shopper.last_fix_ms = max(shopper.last_fix_ms, at_ms)
        self._records.move_to_end(uid)
        return shopper

    def restore(self, uid: str, told: Told) -> None:
        """Put back an alert read from the log, in the log's order; the visit it names is the one under way."""
        shopper = self.see(uid, told.at_ms)
        shopper.visit = told.visit
        shopper.told.append(told)

    def resume(self, uid: str, at_ms: int) -> None:
        """Put back her last fix. Whether she left before it is not known any more: her visit goes on.

        So a restart can make the cap per visit stricter, never looser.
        """
        if uid in self._records:
            self._records[uid].last_fix_ms = max(self._records[uid].last_fix_ms, at_ms)
        self.see(uid, at_ms)

    def forget(self, uid: str) -> None:
        """Erase all that is known of her."""
        self._records.pop(uid, None)

    def _make_room(self) -> None:
        while len(self._records) > self._capacity:
            self._records.popitem(last=False)
            self.forgotten += 1


def visit_id(uid: str, started_ms: int) -> str:
    """The id of the visit whose first fix was taken at `started_ms`."""
    return derived_id("visit", uid, started_ms)
