"""TinyAnswers: what the tiny shop answers, and what it amounts to."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from endcap_shopper.testing.store import at
from endcap_shopper.testing.wire import PLAN, Json, coupon, product

Answer = tuple[int, Json] | None  # status and body; None: there is no such thing


class TinyAnswers:
    """One method an endpoint, named after method and path. `heard` is what changes something, each time it came in."""

    def __init__(self) -> None:
        self.heard: list[tuple[Any, ...]] = []
        self.coupons = {each["id"]: each for each in (coupon("c1"), coupon("c2", sku=7))}
        self.wishes: dict[str, Json] = {}
        self.calls: dict[str, Json] = {}
        self.products = [product(9001, "Dark roast", "coffee", at(15, 15)), product(7, "Green tea", "tea", at(5, 4))]
        self.instead = "0.10 cheaper, the same kind"  # why an alternative may do
        self.positions: list[Json] = []
        self.uid = "u1"  # whom it takes her for
        self.gone: set[str] = set()  # pseudonyms it knows no more
        self.preferences: Json = {}
        self.orders: list[Json] = []
        self.unwanted: set[str] = set()  # ids of items it will not have
        self.refuse: dict[str, tuple[int, str]] = {}  # path -> (status, title)
        self.erased = False

    def answer(self, method: str, path: str, query: dict[str, str], body: Any) -> tuple[int, Json]:
        if path in self.refuse:
            status, title = self.refuse[path]
            return status, {"type": "about:blank", "title": title, "status": status, "detail": title}
        parts = path.strip("/").split("/")
        found = getattr(self, f"_{method.lower()}_{parts[0].replace('-', '_')}", None)
        answer = None if found is None else found(parts[1:], query, body)
        return (404, {"title": "no such thing"}) if answer is None else answer

    def _post_sessions(self, rest: list[str], query: dict[str, str], body: Any) -> Answer:
        later = datetime.now(UTC) + timedelta(days=365)
        times = {"expires_at": later.isoformat(), "refresh_expires_at": later.isoformat()}
        if body.get("refresh_token") in self.gone:
            return 401, {"title": "nobody here has this token"}
        return 201, {"uid": self.uid, "token": self.uid, "refresh_token": self.uid, **times}

    def forget_her(self) -> None:
        """Begin anew, as a demo does: she is somebody else to it from her next request on."""
        self.gone.add(self.uid)
        self.uid = f"u{len(self.gone) + 1}"
        self.preferences = {}

    def _put_me(self, rest: list[str], query: dict[str, str], body: Any) -> Answer:
        if rest == ["preferences"]:
            self.preferences = body
        return 200, body

    def _get_me(self, rest: list[str], query: dict[str, str], body: Any) -> Answer:
        return 200, {"uid": self.uid, "shop": {"wishlist": list(self.wishes.values())}}

    def _delete_me(self, rest: list[str], query: dict[str, str], body: Any) -> Answer:
        self.erased = True
        return 200, {"receipt": "E-1"}

    def _post_ably_token(self, rest: list[str], query: dict[str, str], body: Any) -> Answer:
        return 503, {"title": "no Ably here"}

    def _post_locations(self, rest: list[str], query: dict[str, str], body: Any) -> Answer:
        return self._take(body["locations"], self.positions.append)

    def _post_events(self, rest: list[str], query: dict[str, str], body: Any) -> Answer:
        return self._take(body["events"], lambda event: self.heard.append((event["kind"], event.get("alert", ""))))

    def _take(self, items: list[Json], keep: Callable[[Json], object]) -> Answer:
        for item in items:
            keep(item)
        results = [{"index": index, "status": "accepted"} for index, _ in enumerate(items)]
        return 202, {"accepted": len(items), "duplicates": 0, "rejected": 0, "results": results}

    def _get_stores(self, rest: list[str], query: dict[str, str], body: Any) -> Answer:
        if rest:
            return 200, PLAN
        middle = {"latitude": at(10, 10).latitude_deg, "longitude": at(10, 10).longitude_deg}
        return 200, {"stores": [{"id": "s1", "name": "Riverside", "radius_m": 15.0, "placements": 2, **middle}]}

    def _get_products(self, rest: list[str], query: dict[str, str], body: Any) -> Answer:
        if rest:
            instead = product(9002, "Medium roast", "coffee", at(16, 15), price=5.9, why=self.instead)
            return 200, {"sku": int(rest[0]), "alternatives": [instead]}
        words = query.get("q", "").casefold()
        named = [each for each in self.products if words in each["name"].casefold() or str(each["sku"]) == words]
        return 200, {"products": named}

    def _get_coupons(self, rest: list[str], query: dict[str, str], body: Any) -> Answer:
        if rest == ["history"]:
            months = [
                {"month": "2026-10", "off": 1.5, "purchases": 1},
                {"month": "2026-11", "off": 2.76, "purchases": 3},
            ]
            return 200, {"currency": "EUR", "redemptions": [], "months": months}
        return 200, {"coupons": list(self.coupons.values())}

    def _post_coupons(self, rest: list[str], query: dict[str, str], body: Any) -> Answer:
        if rest == ["best"]:
            total = sum(line["price"] * line["quantity"] for line in body["basket"])
            applied = [{"coupon": "c1", "off": 1.0, "why": "20 % off coffee"}]
            refused = [{"coupon": "c2", "reason": "Nothing it is for is in the basket."}]
            return 200, {"total": total - 1.0, "off": 1.0, "applied": applied, "refused": refused}
        return self._clip(rest[0], "clip", {"state": "clipped", "clipped_at": "2026-11-24T12:00:00.000Z"})

    def _delete_coupons(self, rest: list[str], query: dict[str, str], body: Any) -> Answer:
        return self._clip(rest[0], "unclip", {"state": "available", "clipped_at": None})

    def _clip(self, id: str, what: str, changes: Json) -> Answer:
        if id not in self.coupons:
            return None
        self.heard.append((what, id))
        self.coupons[id] = {**self.coupons[id], **changes}
        return 200, self.coupons[id]

    def _get_loyalty(self, rest: list[str], query: dict[str, str], body: Any) -> Answer:
        line = {"id": 1, "at": "2026-11-20T10:00:00.000Z", "points": 120, "reason": "purchase", "store": "s1"}
        tier = {"id": "silver", "name": "Silver", "points": 300, "next": {"id": "gold", "name": "Gold", "at": 400}}
        return 200, {
            "card": {"number": "2012345678903"},
            "balance": 120,
            "tier": tier,
            "expiring": [],
            "ledger": [line],
        }

    def _post_loyalty(self, rest: list[str], query: dict[str, str], body: Any) -> Answer:
        ends = datetime.now(UTC) + timedelta(seconds=60)
        return 200, {"code": "E1.CODE", "expires_at": ends.isoformat(), "card": "2012345678903", "coupons": []}

    def _get_wishlist(self, rest: list[str], query: dict[str, str], body: Any) -> Answer:
        return 200, {"version": len(self.wishes), "items": list(self.wishes.values())}

    def _put_wishlist(self, rest: list[str], query: dict[str, str], body: Any) -> Answer:
        if self.unwanted & {item["id"] for item in body["items"]}:
            return 422, {"title": "an item can't be kept"}
        for item in body["items"]:
            self.heard.append(("wish", item["id"], item["changed_at"]))
            known = self.wishes.get(item["id"])
            if known is None or _aware(known) < _aware(item):
                self.wishes[item["id"]] = item
        return self._get_wishlist(rest, query, body)

    def _post_wishlist(self, rest: list[str], query: dict[str, str], body: Any) -> Answer:
        return 201, {"code": "L1", "path": "/l/L1", "expires_at": "2026-12-01T12:00:00.000Z"}

    def _get_pickups(self, rest: list[str], query: dict[str, str], body: Any) -> Answer:
        return 200, {"orders": self.orders}

    def _post_help(self, rest: list[str], query: dict[str, str], body: Any) -> Answer:
        self.heard.append(("help", body.get("text", "")))
        if body["id"] in self.calls:
            return 200, self.calls[body["id"]]
        self.calls[body["id"]] = call = {"state": "queued", **body}
        return 201, call

    def _get_help(self, rest: list[str], query: dict[str, str], body: Any) -> Answer:
        return (200, self.calls[rest[0]]) if rest and rest[0] in self.calls else None

    def _patch_help(self, rest: list[str], query: dict[str, str], body: Any) -> Answer:
        if rest[0] not in self.calls:
            return None
        self.heard.append(("cancel_help", rest[0]))
        self.calls[rest[0]] = {**self.calls[rest[0]], **body}
        return 200, self.calls[rest[0]]


def _aware(item: Json) -> datetime:
    return datetime.fromisoformat(item["changed_at"])
