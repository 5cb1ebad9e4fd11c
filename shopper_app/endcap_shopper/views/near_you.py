"""What matters now, and the offers beside her."""

from __future__ import annotations

from dataclasses import dataclass

from endcap_shopper.views.coupons import CouponState


@dataclass(frozen=True, slots=True)
class DealCard:
    """One offer. `why` is its reason, always there; `off` what it takes off: "−25 %", "2 for 1"."""

    id: str
    title: str
    why: str
    off: str = ""
    where: str = ""  # "12 m · Coffee & tea"
    ends: str = ""
    kind: str = "deal"  # one of endcap.messages.ALERT_KINDS
    segment: str = ""  # chooses the picture
    fresh: bool = False  # came since she last looked
    coupon: CouponState | None = None  # None: nothing to clip
    sku: int | None = None  # then its alternatives can be asked for


@dataclass(frozen=True, slots=True)
class NearYou:
    """What matters now, and the deals by walking distance."""

    place: str = ""  # "You're in Riverside", "No store near"
    headline: str = ""
    detail: str = ""
    can_guide: bool = False  # something on her list has a place on the map
    deals: tuple[DealCard, ...] = ()
    empty_title: str = ""
    empty_why: str = ""
    needs_yes: bool = False  # nothing is here before she agrees to something under Privacy
