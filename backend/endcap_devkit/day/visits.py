"""Who comes when, where she walks, and what her phone tells: fixes, sections, what becomes of an alert."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random

from endcap.geo import LatLon, offset
from endcap.messages import CustomerAlert, CustomerEvent, CustomerLocation, derived_id
from endcap_devkit.simulate.shapes import Spot
from endcap_devkit.simulate.shoppers import Leg, Shopper, browse
from endcap_devkit.simulate.store import Store

SECOND_VISIT = 0.3  # of the shoppers come twice
LINGERS = 0.05  # of the visits hold a long stand at one shelf
LINGER_S = 260.0
IN_SECTION_M = 5.0  # from its nearest product
OPENED, CLIPPED, REDEEMED = 0.35, 0.3, 0.5  # of what is shown, of what is opened, of what is clipped


@dataclass(slots=True)
class Visit:
    """One shopper in one store. `section` is where her phone believes she is."""

    uid: str
    number: int
    store: Store
    origin: LatLon
    walker: Shopper
    begins_at: datetime
    section: str | None = None
    fixes: int = 0
    sections: int = 0

    def fix(self, at: datetime, dt_s: float) -> CustomerLocation:
        """What her phone says after `dt_s` more seconds."""
        self.walker.step(dt_s)
        spot, accuracy_m = self.walker.hear(dt_s)
        point = offset(self.origin, *spot)
        self.fixes += 1
        return CustomerLocation(
            uid=self.uid,
            latitude_deg=point.latitude_deg,
            longitude_deg=point.longitude_deg,
            id=f"{self.uid}.{self.number}:{self.fixes}",
            accuracy_m=accuracy_m,
            taken_at=at,
            source="simulated",
        )

    def passages(self, at: datetime) -> Iterator[CustomerEvent]:
        """The exits and enters of sections since the last fix."""
        section = None if self.gone else _section_at(self.store, self.walker.spot)
        if section == self.section:
            return
        if self.section is not None:
            yield self._passage("exit", self.section, at)
        self.section = section
        self.sections += 1
        if section is not None:
            yield self._passage("enter", section, at)

    @property
    def gone(self) -> bool:
        return self.walker.gone

    def _passage(self, kind: str, section: str, at: datetime) -> CustomerEvent:
        return CustomerEvent(
            id=derived_id(self.uid, self.number, self.sections, kind),
            uid=self.uid,
            kind=kind,
            occurred_at=at,
            fence=f"{self.store.id}/{section}",
            store=self.store.id,
        )


@dataclass(slots=True)
class Phone:
    """What a shopper does with what she is told; deterministic by her own luck."""

    luck: Random
    heard: list[CustomerAlert] = field(default_factory=list)

    def react(self, alert: CustomerAlert, at: datetime) -> Iterator[CustomerEvent]:
        """Shown at once; some are opened, of those some clipped and redeemed."""
        self.heard.append(alert)
        for kind, share in (("shown", 1.0), ("opened", OPENED), ("clipped", CLIPPED), ("redeemed", REDEEMED)):
            if self.luck.random() >= share:
                return
            yield CustomerEvent(
                id=derived_id(alert.id, kind),
                uid=alert.uid,
                kind=kind,
                occurred_at=at,
                alert=alert.id,
                pid=alert.pid,
                sku=alert.sku,
                store=alert.store,
            )


def visits_of(
    uid: str,
    stores: Sequence[Store],
    origins: Mapping[str, LatLon],
    day: datetime,
    hours: tuple[int, int],
    luck: Random,
) -> list[Visit]:
    """Her visits of the day, by their beginning."""
    times = 1 + (luck.random() < SECOND_VISIT)
    moments = sorted(day + timedelta(seconds=luck.uniform(hours[0], hours[1] - 1) * 3600) for _ in range(times))
    found = []
    for number, begins_at in enumerate(moments, 1):
        store = luck.choice(stores)
        walker = Shopper(_tour(store, luck), luck)
        found.append(Visit(uid, number, store, origins[store.id], walker, begins_at))
    return found


def _tour(store: Store, luck: Random) -> list[Leg]:
    legs = browse(store, luck)
    if luck.random() < LINGERS:
        at = luck.randrange(1, len(legs))
        legs[at] = replace(legs[at], pause_s=LINGER_S)
    return legs


def _section_at(store: Store, spot: Spot) -> str | None:
    product, there = min(store.products, key=lambda placed: placed[1].to(spot))
    return product.section if there.to(spot) < IN_SECTION_M else None
