"""From rows of `NEARBY_CUSTOMERS` to alerts, where match and decision are two programs. No I/O.

The embedded pipeline lets the match find again what a shopper had no room for. Here the match has told it once, so it
waits here, and is looked at again from where she stands at each later fix. What she seeks, promoted or not, is looked
up in the shop as it is known here. The alerts are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from endcap.clock import Clock
from endcap.messages import (
    WITHHELD,
    CustomerAlert,
    CustomerEvent,
    CustomerLocation,
    NearbyPromotion,
    ProductPromotion,
    StoreProduct,
)
from endcap.wire import epoch_ms
from endcap_backend.decide import Choice, Decider, Limits
from endcap_backend.decide.knowledge import Knowledge
from endcap_backend.match.surroundings import Shop, Surroundings
from endcap_backend.pipeline.matching import FRESH_MS, NEAREST_SHELVES, UNKNOWN_M
from endcap_backend.pipeline.seeking import seekers, sought_near
from endcap_backend.pipeline.waiting import Shelf, Waiting, is_placed, shelves_of
from endcap_backend.pipeline.withheld import withheld_event

SWEEP_EVERY = 10_000  # fixes
Told = CustomerAlert | CustomerEvent  # an event of kind `withheld`: what a held-out shopper would have heard


class Deciding:
    """The decisions about some shoppers, of whom it hears everything. One owner thread.

    Who is `held_back` now is told nothing; what is near her waits. `shop` and `knowledge` may be shared with others on
    that thread; whoever does keeps both up to date.
    """

    def __init__(
        self,
        limits: Limits,
        clock: Clock,
        *,
        shop: Shop | None = None,
        knowledge: Knowledge | None = None,
        held_out: float = 0.0,
        currency: str = "EUR",
        held_back: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self._clock = clock
        self._held_back = held_back
        self._knowledge = Knowledge() if knowledge is None else knowledge
        self._decider = Decider(limits, knowledge=self._knowledge, held_out=held_out, currency=currency)
        self._around = Surroundings(shop or Shop())
        self._gap_ms = int(limits.visit_gap_s * 1000)
        self._waiting = Waiting()
        self._fresh: dict[str, set[Shelf]] = {}  # found since her last mark
        self._fixes = self._stale = self._held = self._events = 0

    def found(self, row: NearbyPromotion, at_ms: int) -> None:
        """Something new is near her; `fix` or `shop` follows."""
        if is_placed(row):
            self._waiting.add(row, at_ms)
            self._fresh.setdefault(row.uid, set()).add((row.sku, row.store))

    def fix(self, location: CustomerLocation, at_ms: int) -> Sequence[Told]:
        """A fix of hers is matched: what she is told there."""
        uid = location.uid
        self._sweep()
        self._fresh.pop(uid, None)
        is_news = self._around.stand(location, at_ms)
        if not self._may_hear(uid, at_ms):
            return self._help(uid, at_ms)
        rows = self._waiting.near(uid, location.point, at_ms, NEAREST_SHELVES) if is_news else ()
        return self._tell(uid, rows, at_ms, location.accuracy_m)

    def shop(self, uid: str, at_ms: int) -> Sequence[Told]:
        """The shop has changed about her: what she is told of that."""
        fresh, location = self._fresh.pop(uid, set()), self._around.where(uid)
        if location is None or self._is_mute(uid, at_ms):
            return ()
        rows = self._waiting.near(uid, location.point, at_ms, len(fresh), fresh)
        return self._tell(uid, rows, at_ms, UNKNOWN_M)

    def told_of(self, rows: Sequence[NearbyPromotion], at_ms: int) -> Sequence[Told]:
        """What she is told of the rows of a moment that nothing follows, as other engines write them.

        They do not wait. Where she stands is known from them.
        """
        uid = rows[0].uid
        self._around.stand(_location_of(rows[0]), at_ms)
        if not self._may_hear(uid, at_ms):
            return self._help(uid, at_ms)
        choice = self._decider.take(uid, rows, at_ms, None, sought_near(self._decider, self._around, uid, at_ms))
        return _told(choice, at_ms)

    def event(self, event: CustomerEvent, at_ms: int) -> Sequence[Told]:
        """Something happened on her phone: whether she is offered help now."""
        self._events += 1
        if not self.note(event, at_ms) or self._is_mute(event.uid, at_ms):
            return ()
        return self._tell(event.uid, (), at_ms, UNKNOWN_M)

    def note(self, event: CustomerEvent, at_ms: int) -> bool:
        """Remember an event; True when it is now that she may need help. One of a visit that is over says nothing."""
        if event.kind == WITHHELD or at_ms < epoch_ms(self._clock.now()) - self._gap_ms:
            return False
        return self._decider.note(event, at_ms)

    def place(self, product: StoreProduct, at_ms: int) -> Sequence[Told]:
        """A shelf of the shop has changed, which knows of it already: what they are told who seek what is on it."""
        self.mend(product, at_ms)
        if self._is_stale(at_ms):
            return ()
        told: list[Told] = []
        for uid in seekers(self._decider, self._around, product, at_ms):
            if not self._held_back(uid):
                told += self._tell(uid, (), at_ms, UNKNOWN_M)
        return told

    def mend(self, product: StoreProduct, at_ms: int) -> None:
        """A shelf of the shop had changed, for what waits; nobody is told."""
        self._waiting.place(product, at_ms)

    def promote(self, promotion: ProductPromotion, at_ms: int) -> None:
        """A promotion of the shop has changed."""
        self._waiting.promote(promotion, at_ms)

    def standing(self) -> Collection[str]:
        """Who stands somewhere now: up to 5 minutes after her last fix."""
        return self._around.standing(epoch_ms(self._clock.now()))

    def unbar(self, uid: str) -> None:
        """She has become a member, and hears what she was kept from."""
        self._waiting.unbar(uid)

    def forget(self, uid: str) -> None:
        """Erase what is known of her."""
        self._decider.forget(uid)
        self._waiting.forget(uid)
        self._around.forget(uid)
        self._fresh.pop(uid, None)

    def restore(self, alert: CustomerAlert, at_ms: int) -> None:
        """Remember an alert that was decided, once; all of them before any `resume`."""
        if alert.id not in self._decider.told(alert.uid):
            self._decider.restore(alert, at_ms)

    def restore_withheld(self, event: CustomerEvent, at_ms: int) -> None:
        """As `restore`, of an alert that a held-out shopper was not told."""
        if event.alert not in self._decider.told(event.uid):
            self._decider.restore_withheld(event, at_ms)

    def resume(self, location: CustomerLocation, at_ms: int) -> None:
        """Remember a fix that was dealt with."""
        self._fresh.pop(location.uid, None)
        self._around.stand(location, at_ms)
        self._decider.resume(location.uid, at_ms)

    def stats(self) -> Mapping[str, float]:
        return {
            "fixes": self._fixes,
            "stale fixes": self._stale,
            "held fixes": self._held,
            "events": self._events,
            "shelves waiting": len(self._waiting),
            **self._decider.stats(),
        }

    def _may_hear(self, uid: str, at_ms: int) -> bool:
        """Whether a fix can bring an offer at all: it is fresh, and she has room for one."""
        self._fixes += 1
        if self._is_stale(at_ms):
            self._stale += 1
            self._decider.see(uid, at_ms)
            return False
        if self._held_back(uid):
            self._held += 1
            self._decider.see(uid, at_ms)
            return False
        return self._decider.has_room(uid, at_ms)

    def _help(self, uid: str, at_ms: int) -> Sequence[Told]:
        """Who has no room for offers may still need help."""
        if self._is_mute(uid, at_ms) or not self._decider.lingers(uid, at_ms):
            return ()
        return _told(self._decider.take(uid, (), at_ms), at_ms)

    def _tell(self, uid: str, rows: Sequence[NearbyPromotion], at_ms: int, accuracy_m: float | None) -> Sequence[Told]:
        shelves = sought_near(self._decider, self._around, uid, at_ms)
        if not (rows or shelves or self._decider.lingers(uid, at_ms)):
            return ()
        choice = self._decider.take(uid, rows, at_ms, accuracy_m, shelves)
        kept = shelves_of(choice.waiting)
        known = self._knowledge.of(uid)
        barred = [row.pid for row in rows if self._knowledge.barred(known, row.pid) == "members only"]
        self._waiting.settle(uid, [shelf for shelf in shelves_of(rows) if shelf not in kept], barred)
        return _told(choice, at_ms)

    def _is_mute(self, uid: str, at_ms: int) -> bool:
        return self._is_stale(at_ms) or self._held_back(uid)

    def _is_stale(self, at_ms: int) -> bool:
        return epoch_ms(self._clock.now()) - at_ms > FRESH_MS

    def _sweep(self) -> None:
        """Forget what waits for shoppers who have left."""
        if (self._fixes + 1) % SWEEP_EVERY:
            return
        for uid in self._around.silent_since(epoch_ms(self._clock.now()) - self._gap_ms):
            self._waiting.forget(uid)
            self._around.forget(uid)


def _told(choice: Choice, at_ms: int) -> Sequence[Told]:
    return [*choice.alerts, *(withheld_event(alert, at_ms) for alert in choice.withheld)]


def _location_of(row: NearbyPromotion) -> CustomerLocation:
    return CustomerLocation(
        uid=row.uid, latitude_deg=row.latitude_deg, longitude_deg=row.longitude_deg, country=row.country
    )
