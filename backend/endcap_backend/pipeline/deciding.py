"""From rows of `NEARBY_CUSTOMERS` to alerts, where match and decision are two programs. No I/O.

The embedded pipeline lets the match find again what a shopper had no room for. Here the match has told it once, so it
waits here, and is looked at again from where she stands at each later fix. The alerts are the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from endcap.clock import Clock
from endcap.messages import CustomerAlert, CustomerLocation, NearbyPromotion, ProductPromotion, StoreProduct
from endcap.wire import epoch_ms
from endcap_backend.decide import Decider, Limits
from endcap_backend.pipeline.matching import FRESH_MS, NEAREST_SHELVES, UNKNOWN_M
from endcap_backend.pipeline.waiting import Shelf, Waiting, is_placed, shelves_of

SWEEP_EVERY = 10_000  # fixes


class _Stand(NamedTuple):
    """Where a shopper was last."""

    location: CustomerLocation
    at_ms: int


class Deciding:
    """The decisions about some shoppers, of whom it hears everything. One owner thread."""

    def __init__(self, limits: Limits, clock: Clock) -> None:
        self._clock = clock
        self._decider = Decider(limits)
        self._gap_ms = int(limits.visit_gap_s * 1000)
        self._waiting = Waiting()
        self._stands: dict[str, _Stand] = {}
        self._fresh: dict[str, set[Shelf]] = {}  # found since her last mark
        self._fixes = 0

    def found(self, row: NearbyPromotion, at_ms: int) -> None:
        """Something new is near her; `fix` or `shop` follows."""
        if is_placed(row):
            self._waiting.add(row, at_ms)
            self._fresh.setdefault(row.uid, set()).add((row.sku, row.store))

    def fix(self, location: CustomerLocation, at_ms: int) -> Sequence[CustomerAlert]:
        """A fix of hers is matched: what she is told there."""
        uid = location.uid
        self._fixes += 1
        self._sweep()
        self._fresh.pop(uid, None)
        late = uid in self._stands and at_ms < self._stands[uid].at_ms
        if not late:
            self._stands[uid] = _Stand(location, at_ms)
        if self._is_stale(at_ms):
            self._decider.see(uid, at_ms)
            return ()
        if not self._decider.has_room(uid, at_ms) or late:
            return ()
        rows = self._waiting.near(uid, location.point, at_ms, NEAREST_SHELVES)
        return self._tell(uid, rows, at_ms, location.accuracy_m)

    def shop(self, uid: str, at_ms: int) -> Sequence[CustomerAlert]:
        """The shop has changed about her: what she is told of that."""
        fresh, stand = self._fresh.pop(uid, set()), self._stands.get(uid)
        if stand is None or self._is_stale(at_ms):
            return ()
        rows = self._waiting.near(uid, stand.location.point, at_ms, len(fresh), fresh)
        return self._tell(uid, rows, at_ms, UNKNOWN_M)

    def told_of(self, uid: str, rows: Sequence[NearbyPromotion], at_ms: int) -> Sequence[CustomerAlert]:
        """What she is told of rows that nothing follows, as other engines write them. They do not wait."""
        if self._is_stale(at_ms):
            self._decider.see(uid, at_ms)
            return ()
        return self._decider.take(uid, rows, at_ms).alerts if self._decider.has_room(uid, at_ms) else ()

    def place(self, product: StoreProduct, at_ms: int) -> None:
        self._waiting.place(product, at_ms)

    def promote(self, promotion: ProductPromotion, at_ms: int) -> None:
        self._waiting.promote(promotion, at_ms)

    def forget(self, uid: str) -> None:
        """Erase what is known of her."""
        self._decider.forget(uid)
        self._waiting.forget(uid)
        self._stands.pop(uid, None)
        self._fresh.pop(uid, None)

    def restore(self, alert: CustomerAlert, at_ms: int) -> None:
        """Remember an alert that was decided; all of them before any `resume`."""
        self._decider.restore(alert, at_ms)

    def resume(self, location: CustomerLocation, at_ms: int) -> None:
        """Remember a fix that was dealt with."""
        self._fresh.pop(location.uid, None)
        if location.uid not in self._stands or at_ms >= self._stands[location.uid].at_ms:
            self._stands[location.uid] = _Stand(location, at_ms)
        self._decider.resume(location.uid, at_ms)

    def stats(self) -> Mapping[str, float]:
        return {"fixes": self._fixes, "shelves waiting": len(self._waiting), **self._decider.stats()}

    def _tell(
        self, uid: str, rows: Sequence[NearbyPromotion], at_ms: int, accuracy_m: float | None
    ) -> Sequence[CustomerAlert]:
        choice = self._decider.take(uid, rows, at_ms, accuracy_m)
        kept = {(each.sku, each.store) for each in choice.waiting}
        self._waiting.settle(uid, [shelf for shelf in shelves_of(rows) if shelf not in kept])
        return choice.alerts

    def _is_stale(self, at_ms: int) -> bool:
        return epoch_ms(self._clock.now()) - at_ms > FRESH_MS

    def _sweep(self) -> None:
        """Forget what waits for shoppers who have left."""
        if self._fixes % SWEEP_EVERY:
            return
        until_ms = epoch_ms(self._clock.now()) - self._gap_ms
        for uid in [uid for uid, stand in self._stands.items() if stand.at_ms < until_ms]:
            self._waiting.forget(uid)
            del self._stands[uid]
