"""The decision over time: every shopper's record, and `decide` between them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from endcap.messages import CustomerAlert, CustomerEvent, NearbyPromotion
from endcap_backend.decide.around import alternatives, missing_segments, sought
from endcap_backend.decide.candidates import Candidate, deal, help_with
from endcap_backend.decide.choice import Choice, decide, room_for, silence
from endcap_backend.decide.holdout import is_held_out
from endcap_backend.decide.knowledge import Knowledge, Known
from endcap_backend.decide.limits import Limits
from endcap_backend.decide.shoppers import Shopper, Shoppers, Told, visit_id
from endcap_backend.match.shelf import NearShelf

REMEMBERED_ALERTS = 64  # of each shopper, beyond what caps count: five days of a dozen each, or a day's offers of help


class Decider:
    """Decides fix by fix and remembers what it told. No I/O; owned by the pipeline's thread.

    The answers depend on the order of the fixes only, not on how they were cut into batches. About `held_out` of all
    shoppers (0 to 1) are decided for like everybody and told nothing.
    """

    def __init__(
        self,
        limits: Limits | None = None,
        capacity: int = 200_000,
        *,
        knowledge: Knowledge | None = None,
        held_out: float = 0.0,
        currency: str = "EUR",
    ) -> None:
        self._limits = limits or Limits()
        self._knowledge = Knowledge() if knowledge is None else knowledge
        self._held_out = held_out
        self._currency = currency
        self._shoppers = Shoppers(capacity, self._limits.visit_gap_s, REMEMBERED_ALERTS + self._limits.largest_cap)
        self._held: Counter[str] = Counter()
        self._told: Counter[str] = Counter()
        self._decided = self._withheld = 0

    def take(
        self,
        uid: str,
        rows: Iterable[NearbyPromotion],
        at_ms: int,
        accuracy_m: float | None = None,
        shelves: Sequence[NearShelf] = (),
    ) -> Choice:
        """What she is told at one fix (or at one change of the shop around her), and what has to wait.

        `shelves` are those near her that `seeks` and `misses` asked for.
        """
        shopper, known = self._shoppers.see(uid, at_ms), self._knowledge.of(uid)
        choice = decide(
            self._candidates(shopper, known, rows, shelves, at_ms),
            shopper,
            at_ms,
            self._limits,
            accuracy_m,
            known=known,
            barred=lambda pid: self._knowledge.barred(known, pid),
            currency=self._currency,
        )
        shopper.told.extend(Told(at_ms, each.pid, each.sku, shopper.visit, each.id) for each in choice.alerts)
        self._held.update(choice.held)
        return self._counted(uid, choice)

    @property
    def anybody_seeks(self) -> bool:
        """False as long as nothing is known of anybody: then no shelf matters but by its promotion."""
        return len(self._knowledge) > 0

    def seeks(self, uid: str) -> tuple[Collection[int], Collection[str]]:
        """The SKUs and segments whose shelves matter to her, promoted or not."""
        known, shopper = self._knowledge.of(uid), self._shoppers.get(uid)
        looked_at = shopper.stay.looked_at if shopper is not None else ()
        return (known.skus.union(looked_at) if looked_at else known.skus), known.segments

    def misses(self, uid: str, shelves: Iterable[NearShelf]) -> Collection[str]:
        """The segments of which she needs an alternative, going by what `seeks` found."""
        shopper = self._shoppers.get(uid)
        return missing_segments(self._knowledge.of(uid), shopper.stay.looked_at if shopper is not None else (), shelves)

    def note(self, event: CustomerEvent, at_ms: int) -> bool:
        """Take in what happened on her phone; True when it is now that she may need help."""
        shopper = self._shoppers.see(event.uid, at_ms)
        shopper.stay = shopper.stay.after(event, at_ms)
        return event.kind == "dwell" and shopper.stay.lingers(at_ms, self._limits.help_after_s)

    def lingers(self, uid: str, at_ms: int) -> bool:
        """Whether she has been in one section for long, in vain."""
        shopper = self._shoppers.get(uid)
        return shopper is not None and shopper.stay.lingers(at_ms, self._limits.help_after_s)

    def see(self, uid: str, at_ms: int) -> None:
        """Note that she was somewhere then, without anything to tell her."""
        self._shoppers.see(uid, at_ms)

    def has_room(self, uid: str, at_ms: int) -> bool:
        """Whether she may be offered anything at a fix; when not, it is noted and need not be matched."""
        shopper = self._shoppers.see(uid, at_ms)
        full = silence(shopper, at_ms, self._limits, self._knowledge.of(uid))
        if not full:
            room, cap = room_for(shopper, at_ms, self._limits)
            full = "" if room > 0 else cap
        if full:
            self._held[full] += 1
        return not full

    def restore(self, alert: CustomerAlert, at_ms: int) -> None:
        """Remember an alert that the log holds, so that caps hold over a restart; all alerts before any `resume`."""
        visit = alert.visit or visit_id(alert.uid, at_ms)
        self._shoppers.restore(alert.uid, Told(at_ms, alert.pid, alert.sku, visit, alert.id))

    def restore_withheld(self, event: CustomerEvent, at_ms: int) -> None:
        """As `restore`, of an alert that a held-out shopper was not told."""
        visit = event.visit or visit_id(event.uid, at_ms)
        self._shoppers.restore(event.uid, Told(at_ms, event.pid, event.sku, visit, event.alert or ""))

    def told(self, uid: str) -> Collection[str]:
        """The ids of the alerts she got, as far as they are remembered."""
        shopper = self._shoppers.get(uid)
        return {each.id for each in shopper.told} if shopper is not None else ()

    def resume(self, uid: str, at_ms: int) -> None:
        """Remember her last fix that the log holds."""
        self._shoppers.resume(uid, at_ms)

    def forget(self, uid: str) -> None:
        self._shoppers.forget(uid)
        self._knowledge.forget(uid)

    def stats(self) -> Mapping[str, int]:
        """Counters since the start: alerts decided, shoppers remembered and forgotten, and each reason to hold back.

        A limit that left no room at a whole fix counts once, one that left no room for a candidate once each.
        """
        held = {f"held: {reason}": count for reason, count in sorted(self._held.items())}
        return {
            "alerts": self._decided,
            "shoppers": len(self._shoppers),
            "shoppers forgotten": self._shoppers.forgotten,
            "known": len(self._knowledge),
            "withheld": self._withheld,
            **{f"told: {kind}": count for kind, count in sorted(self._told.items())},
            **held,
        }

    def _candidates(
        self, shopper: Shopper, known: Known, rows: Iterable[NearbyPromotion], shelves: Sequence[NearShelf], at_ms: int
    ) -> Iterator[Candidate]:
        for row in rows:
            yield deal(row, known)
        if shelves:
            hers = [self._hers(known, shelf) for shelf in shelves]
            yield from sought(shopper.uid, known, hers)
            yield from alternatives(shopper.uid, known, shopper.stay.looked_at, hers)
        if shopper.stay.lingers(at_ms, self._limits.help_after_s):
            yield help_with(shopper.uid, shopper.stay)

    def _hers(self, known: Known, shelf: NearShelf) -> NearShelf:
        """A shelf without a promotion that she may not have: what stands on it may still matter to her."""
        if shelf.promotion is not None and self._knowledge.barred(known, shelf.promotion.pid):
            return shelf._replace(promotion=None)
        return shelf

    def _counted(self, uid: str, choice: Choice) -> Choice:
        if not choice.alerts:
            return choice
        if is_held_out(uid, self._held_out):
            self._withheld += len(choice.alerts)
            return replace(choice, alerts=(), withheld=choice.alerts)
        self._decided += len(choice.alerts)
        self._told.update(alert.kind for alert in choice.alerts)
        return choice
