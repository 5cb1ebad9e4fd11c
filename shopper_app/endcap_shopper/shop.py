"""Shop: the backend's questions and answers, as the app's own words. Every call blocks, as long as a request may."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal, Protocol, TypeVar
from urllib.parse import quote, urlencode

from endcap.errors import Unreachable
from endcap.geo import LatLon, distance_m
from endcap.transports.api import Api
from endcap.wire import BIGINT_MAX, ID_PATTERN, Message, wired
from endcap_shopper.coupons import Best, Coupon, CouponBook
from endcap_shopper.floor import FloorPlan
from endcap_shopper.loyalty import Loyalty, TillCode
from endcap_shopper.reading import each_of
from endcap_shopper.wishlist import Item, Wishlist

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]

T = TypeVar("T")

HELP_STATES = ("queued", "accepted", "coming", "done", "cancelled")


class Asking(Protocol):
    """Who asks in her name: `endcap.Endcap`."""

    def ask(self, method: Method, path: str, body: object = None) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Store(Message):
    """A store as `GET /v1/stores` tells of it: its middle, and how far it reaches."""

    id: str = wired("id", "text", "the store", pattern=ID_PATTERN)
    latitude_deg: float = wired("latitude", "number", "of its middle", minimum=-90, maximum=90)
    longitude_deg: float = wired("longitude", "number", "of its middle", minimum=-180, maximum=180)
    radius_m: float = wired("radius_m", "number", "to its outermost shelf", minimum=0)
    name: str | None = wired("name", "text", "as people call it", default=None, max_chars=128)

    @property
    def point(self) -> LatLon:
        return LatLon(self.latitude_deg, self.longitude_deg)


@dataclass(frozen=True, slots=True)
class Promotion(Message):
    """What a product is reduced by now."""

    pid: str = wired("pid", "text", "the promotion", max_chars=64)
    title: str | None = wired("title", "text", "what she reads", default=None, max_chars=128)
    discount: float | None = wired("discount", "number", "off the price", default=None, minimum=0, maximum=100)
    ends_at: datetime | None = wired("ends_at", "instant", "until when", default=None)


@dataclass(frozen=True, slots=True)
class Product(Message):
    """A product in a store. `why` is there where it is offered in place of another."""

    sku: int = wired("sku", "integer", "the product", minimum=0, maximum=BIGINT_MAX)
    name: str = wired("name", "text", "what the shelf label says", max_chars=128)
    segment: str | None = wired("segment", "text", "its kind", default=None, max_chars=64)
    variant: str | None = wired("variant", "text", "size, colour or flavour", default=None, max_chars=64)
    price: float | None = wired("price", "number", "in the shop's currency", default=None, minimum=0)
    stock: int | None = wired("stock", "integer", "pieces on the shelf", default=None, minimum=0)
    store: str | None = wired("store", "text", "where", default=None, pattern=ID_PATTERN)
    section: str | None = wired("section", "text", "the part of the store", default=None, max_chars=64)
    latitude_deg: float | None = wired("latitude", "number", "of the shelf", default=None, minimum=-90, maximum=90)
    longitude_deg: float | None = wired("longitude", "number", "of the shelf", default=None, minimum=-180, maximum=180)
    distance_ft: float | None = wired("distance_ft", "number", "as the crow flies", default=None, minimum=0)
    why: str | None = wired("why", "text", "why it may do instead", default=None, max_chars=512)
    promotion: Promotion | None = None

    @classmethod
    def read(cls, value: Any) -> Product:
        """Read it with its promotion; one that can't be read is none."""
        named = {**value, "name": value.get("name") or f"#{value.get('sku')}"}
        promoted = [value["promotion"]] if value.get("promotion") else []
        found = each_of(promoted, Promotion.from_json, "a promotion")
        return replace(cls.from_json(named), promotion=found[0] if found else None)

    @property
    def point(self) -> LatLon | None:
        if self.latitude_deg is None or self.longitude_deg is None:
            return None
        return LatLon(self.latitude_deg, self.longitude_deg)

    @property
    def price_now(self) -> float | None:
        """What it costs with its promotion."""
        off = self.promotion.discount if self.promotion else None
        return self.price if self.price is None or not off else round(self.price * (1 - off / 100), 2)


@dataclass(frozen=True, slots=True)
class HelpCall(Message):
    """Her call for help and what became of it."""

    id: str = wired("id", "text", "of the call", pattern=ID_PATTERN)
    state: str = wired("state", "text", "how far it is", choices=HELP_STATES)
    store: str = wired("store", "text", "where", pattern=ID_PATTERN)
    section: str | None = wired("section", "text", "the part of the store", default=None, max_chars=64)
    sku: int | None = wired("sku", "integer", "the product it is about", default=None, minimum=0, maximum=BIGINT_MAX)
    text: str | None = wired("text", "text", "her own words", default=None, max_chars=256)
    asked_at: datetime | None = wired("asked_at", "instant", "when she asked", default=None)
    changed_at: datetime | None = wired("changed_at", "instant", "when it last moved", default=None)
    by: str | None = wired("by", "text", "who comes", default=None, max_chars=64)

    @property
    def open(self) -> bool:
        return self.state in ("queued", "accepted", "coming")

    def follows(self, other: HelpCall) -> bool:
        """Whether this says something of another call, or the same or something later of the same."""
        both = self.changed_at, other.changed_at
        return self.id != other.id or None in both or self.changed_at >= other.changed_at  # type: ignore[operator]


@dataclass(frozen=True, slots=True)
class Pickup(Message):
    """An order that waits for her."""

    id: str = wired("id", "text", "the order", pattern=ID_PATTERN)
    store: str = wired("store", "text", "where", pattern=ID_PATTERN)
    state: str = wired("state", "text", "how far it is", choices=("preparing", "ready", "collected"))
    door: str | None = wired("door", "text", "where it is handed out", default=None, max_chars=64)
    items: int = wired("items", "integer", "how many", default=0, minimum=0)


@dataclass(frozen=True, slots=True)
class SharedList:
    """Where somebody without the app reads her list."""

    code: str
    path: str
    expires_at: datetime


class Shop:
    """The backend, asked by `asking` in her name, or by `public` in nobody's. Safe from any thread.

    Each call raises Unreachable, NotAuthorised or Refused, as `endcap.Endcap.ask`; an answer that is not what the API
    promises is Unreachable too, since another one may be.
    """

    def __init__(self, asking: Asking, public: Api) -> None:
        self._asking, self._public = asking, public

    # In nobody's name

    def stores(self) -> tuple[Store, ...]:
        return each_of(self._public.get("/stores").body.get("stores"), Store.from_json, "a store")

    def plan(self, store: str) -> dict[str, Any]:
        """The floor plan as it came, to be kept; `FloorPlan.from_json` reads it."""
        return self._public.get(f"/stores/{_segment(store)}/plan").body

    # In hers

    def coupons(self) -> CouponBook:
        return CouponBook.from_json(self._get("/coupons"))

    def clip(self, coupon: str) -> Coupon:
        return _read(Coupon.from_json, self._asking.ask("POST", f"/coupons/{_segment(coupon)}/clip", {}))

    def unclip(self, coupon: str) -> None:
        self._asking.ask("DELETE", f"/coupons/{_segment(coupon)}/clip")

    def best(self, basket: Iterable[tuple[int, int, float]]) -> Best:
        """The best combination for a basket of (SKU, quantity, price)."""
        lines = [{"sku": sku, "quantity": quantity, "price": price} for sku, quantity, price in basket]
        return _read(Best.from_json, self._asking.ask("POST", "/coupons/best", {"basket": lines}))

    def loyalty(self) -> dict[str, Any]:
        """Her card and points as they came, to be kept."""
        body = self._get("/loyalty")
        _read(Loyalty.from_json, body)
        return body

    def till_code(self) -> TillCode:
        return _read(TillCode.from_json, self._asking.ask("POST", "/loyalty/code", {}))

    def wishlist(self) -> Wishlist:
        return Wishlist.from_json(self._get("/wishlist"))

    def put_wishes(self, items: Sequence[Item]) -> Wishlist:
        """Merge items into her list there; the whole list comes back."""
        return Wishlist.from_json(self._asking.ask("PUT", "/wishlist", {"items": [item.to_json() for item in items]}))

    def share(self) -> SharedList:
        return _read(_shared, self._asking.ask("POST", "/wishlist/share", {}))

    def products(
        self, text: str = "", *, near: LatLon | None = None, store: str = "", limit: int = 20
    ) -> tuple[Product, ...]:
        """Products by name, the nearest first where she is known to be."""
        query = _query(q=text, near=_near(near), store=store, limit=str(limit))
        return each_of(self._get(f"/products?{query}").get("products"), Product.read, "a product")

    def alternatives(self, sku: int, *, near: LatLon | None = None, store: str = "") -> tuple[Product, ...]:
        """What may take the place of a product, each with its reason."""
        query = _query(near=_near(near), store=store)
        found = self._get(f"/products/{sku}/alternatives?{query}")
        return each_of(found.get("alternatives"), Product.read, "an alternative")

    def ask_help(self, body: dict[str, Any]) -> HelpCall:
        return _read(HelpCall.from_json, self._asking.ask("POST", "/help", body))

    def help(self, id: str) -> HelpCall:
        return _read(HelpCall.from_json, self._get(f"/help/{_segment(id)}"))

    def cancel_help(self, id: str) -> HelpCall:
        return _read(HelpCall.from_json, self._asking.ask("PATCH", f"/help/{_segment(id)}", {"state": "cancelled"}))

    def pickups(self) -> tuple[Pickup, ...]:
        return each_of(self._get("/pickups").get("orders"), Pickup.from_json, "an order")

    def close(self) -> None:
        """Let go of the public connection; hers is the SDK's."""
        self._public.close()

    def _get(self, path: str) -> dict[str, Any]:
        return self._asking.ask("GET", path)


def store_at(stores: Iterable[Store], point: LatLon, beyond_m: float = 30.0) -> Store | None:
    """The store she is in, or at most so many metres outside of; the nearest of several."""
    here = ((distance_m(store.point, point) - store.radius_m, store) for store in stores)
    return min((each for each in here if each[0] <= beyond_m), key=lambda each: each[0], default=(0.0, None))[1]


def read_plan(body: dict[str, Any]) -> FloorPlan:
    """A floor plan of an answer.

    Raises:
        Unreachable: it is none.
    """
    return _read(FloorPlan.from_json, body)


def _read(read: Callable[[dict[str, Any]], T], body: dict[str, Any]) -> T:
    try:
        return read(body)
    except (KeyError, TypeError, ValueError, AttributeError) as fault:
        raise Unreachable(f"the shop's answer can't be read: {fault!r}") from None


def _shared(value: dict[str, Any]) -> SharedList:
    return SharedList(str(value["code"]), str(value["path"]), datetime.fromisoformat(value["expires_at"]))


def _query(**parameters: str) -> str:
    return urlencode({name: value for name, value in parameters.items() if value})


def _near(point: LatLon | None) -> str:
    return "" if point is None else f"{point.latitude_deg:.5f},{point.longitude_deg:.5f}"


def _segment(id: str) -> str:
    return quote(id, safe="")
