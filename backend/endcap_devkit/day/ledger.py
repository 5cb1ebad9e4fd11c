"""The judge of the day: it holds every alert against the truth and the caps, and knows nothing of how one decides."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from endcap.messages import ALERT_KINDS, CustomerAlert, ProductPromotion, StoreProduct
from endcap.wire import from_epoch_ms
from endcap_backend.decide import Known, Limits, Terms
from endcap_devkit.day.world import Shelf

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
WORDS = {  # how an alert of each kind says why
    "deal": r"(.+: )?(\d+(\.\d+)? % off|On promotion|Your coupon, .+)(, and you hold a coupon)?, {where}",
    "wanted": r"(.+: )?On your list(, (\d+(\.\d+)? % off|your coupon, .+|now \S+ €, you asked for \S+ €))?, {where}",
    "alternative": r".+ is out of stock; this is .+ too, ([\d.]+ € less|at the same price), {where}",
    "help": r"You have looked around( in .+)? for a while\. Ask, and somebody comes to you",
}
WHERE = r"(right beside you|near you|about \d+ steps from you)( in .+)?"


@dataclass(slots=True)
class Ledger:
    """The truth about shelves and promotions as it changes, and all that was told. `broken` lists what must not be."""

    limits: Limits
    shelves: dict[Shelf, StoreProduct]
    promotions: dict[str, ProductPromotion]
    terms: dict[str, Terms]
    known: dict[str, Known]
    broken: list[str] = field(default_factory=list)
    told: defaultdict[str, list[tuple[int, CustomerAlert]]] = field(default_factory=lambda: defaultdict(list))
    by_kind: Counter[str] = field(default_factory=Counter)
    _ids: set[str] = field(default_factory=set)

    def change(self, message: StoreProduct | ProductPromotion) -> None:
        """The shop changed."""
        if isinstance(message, StoreProduct):
            self.shelves[message.sku, message.store or ""] = message
        else:
            self.promotions[message.pid] = message

    def judge(self, alert: CustomerAlert, at_ms: int) -> None:
        """Hold an alert against what is true at the moment it was decided for."""
        faults = [*self._repeats(alert), *self._untrue(alert, at_ms), *self._unwanted(alert, at_ms)]
        faults += self._unexplained(alert)
        self.told[alert.uid].append((at_ms, alert))
        self.by_kind[alert.kind] += 1
        self.broken += [f"{fault}: {alert}" for fault in faults]

    def close(self) -> list[str]:
        """What must not be, with the caps of every window of the day."""
        return self.broken + [fault for uid, hers in self.told.items() for fault in self._over_caps(uid, hers)]

    def _repeats(self, alert: CustomerAlert) -> list[str]:
        known, pair = alert.id in self._ids, f"{alert.uid} {alert.pid} {alert.sku}"
        told = alert.pid is not None and pair in self._ids
        self._ids |= {alert.id, pair}
        return ["told twice"] if known or told else []

    def _untrue(self, alert: CustomerAlert, at_ms: int) -> list[str]:
        faults, moment = [], from_epoch_ms(at_ms)
        if alert.sku is not None:
            shelf = self.shelves.get((alert.sku, alert.store or ""))
            if shelf is None or shelf.stock == 0:
                faults.append("offers what is out of stock")
        promotion = self.promotions.get(alert.pid or "")
        if promotion is not None and not promotion.live_at(moment):
            faults.append("offers what is not on")
        if alert.expires_at <= moment:
            faults.append("is over before it is told")
        return faults + (self._no_alternative(alert) if alert.kind == "alternative" else [])

    def _no_alternative(self, alert: CustomerAlert) -> list[str]:
        other = self.shelves[alert.sku or 0, alert.store or ""]
        missing = [
            shelf
            for shelf in self.shelves.values()
            if shelf.store == alert.store and shelf.stock == 0 and shelf.segment == other.segment
        ]
        fit = [s for s in missing if s.price is not None and other.price is not None and other.price <= s.price]
        return [] if any(alert.why.startswith((s.name or "")[:60]) for s in fit) else ["stands for nothing missing"]

    def _unwanted(self, alert: CustomerAlert, at_ms: int) -> list[str]:
        known, terms = self.known.get(alert.uid, Known()), self.terms.get(alert.pid or "", Terms())
        faults = []
        if terms.spent or (terms.members_only and known.tier is None):
            faults.append("is not hers to have")
        if known.quiet is not None and known.quiet.hold(at_ms):
            faults.append("comes in her quiet hours")
        if self.limits.quiet is not None and self.limits.quiet.hold(at_ms):
            faults.append("comes in quiet hours")
        if alert.kind in known.muted:
            faults.append("is of a kind she does not want")
        wanted = known.wish_for(alert.sku, self._segment(alert))
        return faults + (["is on no list"] if alert.kind == "wanted" and wanted is None else [])

    def _segment(self, alert: CustomerAlert) -> str | None:
        shelf = self.shelves.get((alert.sku or 0, alert.store or ""))
        return None if shelf is None else shelf.segment

    def _unexplained(self, alert: CustomerAlert) -> list[str]:
        pattern = WORDS[alert.kind].replace("{where}", WHERE) if alert.kind in ALERT_KINDS else "$^"
        return [] if re.fullmatch(pattern, alert.why) else ["does not say why"]

    def _over_caps(self, uid: str, hers: list[tuple[int, CustomerAlert]]) -> list[str]:
        limits, faults = self.limits, []
        helped = Counter(alert.visit for _, alert in hers if alert.kind == "help")
        faults += [f"{uid}: help {n} times a visit" for n in helped.values() if n > 1]
        hers = [(at_ms, alert) for at_ms, alert in hers if alert.kind != "help"]
        for begin, _ in hers:
            day = [alert for at_ms, alert in hers if begin <= at_ms < begin + DAY_MS]
            counts = {
                "a fix": (sum(at_ms == begin for at_ms, _ in hers), limits.per_fix),
                "an hour": (sum(begin <= at_ms < begin + HOUR_MS for at_ms, _ in hers), limits.per_hour),
                "a day": (len(day), limits.per_day),
                "a promotion": (max(Counter(a.pid for a in day if a.pid).values(), default=0), limits.per_promotion),
            }
            faults += [f"{uid}: {n} alerts {what}, {cap} at most" for what, (n, cap) in counts.items() if n > cap]
        visits = Counter(alert.visit for _, alert in hers)
        return faults + [f"{uid}: {n} alerts a visit" for n in visits.values() if n > limits.per_visit]
