"""The decision over time: every shopper's record, and `decide` between them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from endcap.messages import CustomerAlert, NearbyPromotion
from endcap_backend.decide.candidates import deal
from endcap_backend.decide.choice import Choice, decide, room_for
from endcap_backend.decide.limits import Limits
from endcap_backend.decide.shoppers import Shoppers, Told, visit_id

REMEMBERED_ALERTS = 64  # of each shopper: five days of a dozen each


class Decider:
    """Decides fix by fix and remembers what it told. No I/O; owned by the pipeline's thread.

    The answers depend on the order of the fixes only, not on how they were cut into batches.
    """

    def __init__(self, limits: Limits | None = None, capacity: int = 200_000) -> None:
        self._limits = limits or Limits()
        self._shoppers = Shoppers(capacity, self._limits.visit_gap_s, max(REMEMBERED_ALERTS, self._limits.largest_cap))
        self._held: Counter[str] = Counter()
        self._decided = 0

    def take(self, uid: str, rows: Iterable[NearbyPromotion], at_ms: int, accuracy_m: float | None = None) -> Choice:
        """What she is told at one fix (or at one change of the shop around her), and what has to wait."""
        shopper = self._shoppers.see(uid, at_ms)
        choice = decide(map(deal, rows), shopper, at_ms, self._limits, accuracy_m)
        shopper.told.extend(Told(at_ms, alert.pid, alert.sku, shopper.visit) for alert in choice.alerts)
        self._held.update(choice.held)
        self._decided += len(choice.alerts)
        return choice

    def see(self, uid: str, at_ms: int) -> None:
        """Note that she was somewhere then, without anything to tell her."""
        self._shoppers.see(uid, at_ms)

    def has_room(self, uid: str, at_ms: int) -> bool:
        """Whether she may be told anything at a fix; when not, it is noted and need not be matched."""
        room, full = room_for(self._shoppers.see(uid, at_ms), at_ms, self._limits)
        if room <= 0:
            self._held[full] += 1
        return room > 0

    def restore(self, alert: CustomerAlert, at_ms: int) -> None:
        """Remember an alert that the log holds, so that caps hold over a restart; all alerts before any `resume`."""
        visit = alert.visit or visit_id(alert.uid, at_ms)
        self._shoppers.restore(alert.uid, Told(at_ms, alert.pid, alert.sku, visit))

    def resume(self, uid: str, at_ms: int) -> None:
        """Remember her last fix that the log holds."""
        self._shoppers.resume(uid, at_ms)

    def forget(self, uid: str) -> None:
        self._shoppers.forget(uid)

    def stats(self) -> Mapping[str, int]:
        """Counters since the start: alerts decided, shoppers remembered and forgotten, and each reason to hold back.

        A limit that left no room at a whole fix counts once, one that left no room for a candidate once each.
        """
        held = {f"held: {reason}": count for reason, count in sorted(self._held.items())}
        return {
            "alerts": self._decided,
            "shoppers": len(self._shoppers),
            "shoppers forgotten": self._shoppers.forgotten,
            **held,
        }
