"""Her list, and how others get it."""

from __future__ import annotations

from dataclasses import dataclass

from endcap_shopper.codes import Matrix
from endcap_shopper.views.choice import Choice
from endcap_shopper.views.chrome import Tone


@dataclass(frozen=True, slots=True)
class WishRow:
    """One thing on her list. `detail`: where it stands here and what is new; "not in this store" is said too."""

    id: str
    text: str
    quantity: int = 1
    detail: str = ""
    tone: Tone = "plain"  # of the detail
    price: str = ""
    was: str = ""
    note: str = ""
    price_alert: float | None = None  # told when it costs at most so much
    alert_text: str = ""
    done: bool = False
    sku: int | None = None


@dataclass(frozen=True, slots=True)
class Share:
    """Her list as others get it. `link` is empty while offline: then there is only the text."""

    text: str
    link: str = ""
    code: Matrix | None = None
    until: str = ""


@dataclass(frozen=True, slots=True)
class Wishlist:
    """Her list. `by_aisle`: in the order of this store's aisles, and not in her own; then it can't be dragged."""

    rows: tuple[WishRow, ...] = ()
    progress: str = ""
    done_ratio: float = 0.0
    by_aisle: bool = False
    can_sort: bool = False  # this store's plan is known
    suggestions: tuple[Choice, ...] = ()  # for what she is writing: see `Intents.suggest`
    share: Share | None = None
    empty_why: str = ""
