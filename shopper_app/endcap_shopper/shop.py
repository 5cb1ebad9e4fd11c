"""Shop: the backend's questions and answers, as the app's own words. Every call blocks, as long as a request may."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol, TypeVar
from urllib.parse import quote, urlencode

from endcap.errors import Unreachable
from endcap.geo import LatLon
from endcap.transports.api import Api
from endcap_shopper.coupons import Best, Coupon, CouponBook
from endcap_shopper.floor import FloorPlan
from endcap_shopper.goods import HelpCall, Pickup, Product, SharedList, Store
from endcap_shopper.loyalty import Loyalty, TillCode
from endcap_shopper.reading import each_of
from endcap_shopper.wishlist import Item, Wishlist

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]

T = TypeVar("T")


class Asking(Protocol):
    """Who asks in her name: `endcap.Endcap`."""

    def ask(self, method: Method, path: str, body: object = None) -> dict[str, Any]: ...

    def ask_if_changed(self, path: str, etag: str = "") -> tuple[dict[str, Any], str] | None: ...


@dataclass(frozen=True, slots=True)
class Listed:
    """Products as the shop listed them, and what it calls this answer."""

    products: tuple[Product, ...]
    etag: str


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
        found = self._get(search_path(text, near=near, store=store, limit=limit))
        return each_of(found.get("products"), Product.read, "a product")

    def listed(self, path: str, etag: str = "") -> Listed | None:
        """What `search_path` or `alternatives_path` asks for; None while it still is the answer that `etag` is of."""
        answer = self._asking.ask_if_changed(path, etag)
        if answer is None:
            return None
        body, etag = answer
        found = body.get("products", body.get("alternatives"))
        return Listed(each_of(found, Product.read, "a product"), etag)

    def ask_help(self, body: dict[str, Any]) -> HelpCall:
        return _read(HelpCall.from_json, self._asking.ask("POST", "/help", body))

    def help(self, id: str) -> HelpCall:
        return _read(HelpCall.from_json, self._get(f"/help/{_segment(id)}"))

    def cancel_help(self, id: str) -> HelpCall:
        return _read(HelpCall.from_json, self._asking.ask("PATCH", f"/help/{_segment(id)}", {"state": "cancelled"}))

    def put_preferences(self, body: dict[str, Any]) -> None:
        """When and of what she wants to hear, in place of what she said before."""
        self._asking.ask("PUT", "/me/preferences", body)

    def savings(self) -> dict[str, Any]:
        """What each month saved her, as it came, to be kept; `coupons.savings` reads it."""
        return {"months": self._get("/coupons/history").get("months")}

    def pickups(self) -> tuple[Pickup, ...]:
        return each_of(self._get("/pickups").get("orders"), Pickup.from_json, "an order")

    def close(self) -> None:
        """Let go of the public connection; hers is the SDK's."""
        self._public.close()

    def _get(self, path: str) -> dict[str, Any]:
        return self._asking.ask("GET", path)


def search_path(text: str, *, near: LatLon | None = None, store: str = "", limit: int = 20) -> str:
    """Products by name, the nearest first where she is known to be."""
    return f"/products?{_query(q=text, near=_near(near), store=store, limit=str(limit))}"


def alternatives_path(sku: int, *, near: LatLon | None = None, store: str = "") -> str:
    """What may take the place of a product, each with its reason."""
    return f"/products/{sku}/alternatives?{_query(near=_near(near), store=store)}"


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
