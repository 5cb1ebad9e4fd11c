"""What could be told: one candidate for each reason to speak, whichever kind it is of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from endcap.messages import AlertKind, NearbyPromotion
from endcap_backend.decide.knowledge import NOBODY, Clip, Known, Wish
from endcap_backend.decide.stay import Stay
from endcap_backend.match.shelf import NearShelf

HELP_TITLE = "Need help?"


@dataclass(slots=True)
class Candidate:
    """One thing a shopper might be told, with the facts that rank it and that its reason is made of.

    Not frozen, for speed alone: nobody changes one.
    """

    kind: AlertKind
    uid: str
    title: str
    pid: str | None = None  # of the promotion, or of the coupon she clipped
    sku: int | None = None
    product: str | None = None  # what she would call it
    distance_ft: float | None = None  # from her to the shelf
    discount: float | None = None  # per cent off
    stock: int | None = None  # pieces; None when nobody counts them
    store: str | None = None
    section: str | None = None
    ends_at: datetime | None = None  # excluded
    price: float | None = None  # what it costs now, the discount taken off
    wish: Wish | None = None  # of hers, that it fulfils
    clip: Clip | None = None  # of hers, that is good for it
    missing: NearShelf | None = None  # what is out of stock, and this stands for

    @property
    def by_coupon(self) -> bool:
        """Whether it is the coupon she clipped that is told of, and no promotion."""
        return self.clip is not None and self.clip.coupon == self.pid

    @property
    def dropped(self) -> bool:
        """Whether its price has come down to what she asked to hear of."""
        asked = self.wish.price_alert if self.wish is not None else None
        return asked is not None and self.price is not None and self.price <= asked


def deal(row: NearbyPromotion, known: Known = NOBODY) -> Candidate:
    """She stands near a promoted product: a deal, and one she wants when the product is on her list."""
    candidate = Candidate(
        "deal",
        row.uid,
        _headline(row),
        row.pid,
        row.sku,
        row.name or row.variant or f"Item {row.sku}",
        row.distance_ft,
        row.discount,
        row.stock,
        row.store,
        row.section,
        row.ends_at,
    )
    if known is not NOBODY:
        candidate.price = reduced(row.price, row.discount)
        candidate.clip = known.clip_for(row.sku, row.segment)
        candidate.wish = known.wish_for(row.sku, row.segment)
        if candidate.wish is not None:
            candidate.kind = "wanted"
    return candidate


def on_shelf(kind: AlertKind, uid: str, shelf: NearShelf, known: Known) -> Candidate:
    """A product near her, whatever of its promotion there is, told as `kind`."""
    promotion = shelf.promotion
    name = shelf.name or shelf.variant or f"Item {shelf.sku}"
    return Candidate(
        kind=kind,
        uid=uid,
        title=(promotion.title if promotion is not None else None) or name,
        pid=promotion.pid if promotion is not None else None,
        sku=shelf.sku,
        product=name,
        distance_ft=shelf.distance_ft,
        discount=promotion.discount if promotion is not None else None,
        stock=shelf.stock,
        store=shelf.store,
        section=shelf.section,
        ends_at=promotion.ends_at if promotion is not None else None,
        price=reduced(shelf.price, promotion.discount if promotion is not None else None),
        wish=known.wish_for(shelf.sku, shelf.segment),
        clip=known.clip_for(shelf.sku, shelf.segment),
    )


def help_with(uid: str, stay: Stay) -> Candidate:
    """She lingers in a section and has found nothing."""
    return Candidate("help", uid, HELP_TITLE, store=stay.store or None, section=stay.section)


def reduced(price: float | None, discount: float | None) -> float | None:
    """A price with per cent taken off, to the cent."""
    return None if price is None else round(price * (1 - (discount or 0) / 100), 2)


def _headline(row: NearbyPromotion) -> str:
    """The promotion's own words; without any, the product's name, its variant or, at last, its segment."""
    if row.title:
        return row.title
    return row.name or " ".join(part for part in (row.segment, row.variant) if part)[:128]
