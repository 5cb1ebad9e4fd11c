"""What could be told: one candidate for each reason to speak, whichever kind it is of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from endcap.messages import AlertKind, NearbyPromotion


@dataclass(frozen=True, slots=True)
class Candidate:
    """One thing a shopper might be told, with the facts that rank it and that its reason is made of."""

    kind: AlertKind
    uid: str
    title: str
    pid: str | None = None
    sku: int | None = None
    product: str | None = None  # what she would call it
    distance_ft: float | None = None  # from her to the shelf
    discount: float | None = None  # per cent off
    stock: int | None = None  # pieces; None when nobody counts them
    store: str | None = None
    section: str | None = None
    ends_at: datetime | None = None  # excluded


def deal(row: NearbyPromotion) -> Candidate:
    """She stands near a promoted product."""
    return Candidate(
        kind="deal",
        uid=row.uid,
        title=_headline(row),
        pid=row.pid,
        sku=row.sku,
        product=row.name or row.variant or f"Item {row.sku}",
        distance_ft=row.distance_ft,
        discount=row.discount,
        stock=row.stock,
        store=row.store,
        section=row.section,
        ends_at=row.ends_at,
    )


def _headline(row: NearbyPromotion) -> str:
    """The promotion's own words; without any, the product's name, its variant or, at last, its segment."""
    if row.title:
        return row.title
    return row.name or " ".join(part for part in (row.segment, row.variant) if part)[:128]
