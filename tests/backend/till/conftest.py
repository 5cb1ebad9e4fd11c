from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from endcap.testing import NOON, ManualClock, a_product
from endcap_backend.api.roles import Employee, Role
from endcap_backend.retail.catalogue import put_placements, put_promotions
from endcap_backend.retail.coupons import put_coupons
from endcap_backend.retail.database import Database
from endcap_backend.retail.terms import CouponTerms, ShopPromotion

COFFEE, TEA = 9001, 9003
TILL = Employee("till-1", Role.TILL)


@dataclass
class Shop:
    """An application with a till and a shopper before it; `purchases` counts those so far."""

    api: Any
    till: str  # its token
    purchases: int = 0

    @property
    def database(self) -> Database:
        return self.api.database

    @property
    def clock(self) -> ManualClock:
        return self.api.clock

    def man_the_till(self) -> None:
        """Sign in at the till anew; she stays before it."""
        session = self.api.session
        self.till = self.api.work_as("till")["token"]
        self.api.session = session

    def stay(self) -> None:
        """Renew her session, whose token is over after an hour."""
        answer = self.api.post("/v1/sessions", {"refresh_token": self.api.session["refresh_token"]}, token="")
        assert answer.status_code == 201, answer.text
        self.api.session = answer.get_json()

    def offer(self, *offers: CouponTerms | ShopPromotion) -> None:
        with self.database.writing() as connection:
            put_coupons(connection, [each for each in offers if isinstance(each, CouponTerms)])
            put_promotions(connection, [each for each in offers if isinstance(each, ShopPromotion)], 0)

    def clip(self, *coupons: str) -> None:
        for coupon in coupons:
            answer = self.api.post(f"/v1/coupons/{coupon}/clip")
            assert answer.status_code == 200, answer.text

    def code(self, *clips: str) -> str:
        """A code of hers, with these coupons clipped before."""
        self.clip(*clips)
        answer = self.api.post("/v1/loyalty/code")
        assert answer.status_code == 200, answer.text
        return str(answer.get_json()["code"])

    def redeem(self, code: str | None = None, *, basket: Sequence[Any] = (), id: str = "", **more: Any) -> TestResponse:
        """What the till gets for a basket, two bags of coffee unless told."""
        self.purchases += 1
        lines = basket or [{"sku": COFFEE, "quantity": 2, "price": 6.9}]
        sent = {"id": id or f"r{self.purchases}", "code": code or self.code(), "store": "s1", "basket": lines}
        return self.api.post("/v1/redemptions", {**sent, **more}, token=self.till)

    def loyalty(self) -> dict[str, Any]:
        return dict(self.api.get("/v1/loyalty").get_json())

    def coupon(self, id: str) -> dict[str, Any]:
        (found,) = [each for each in self.api.get("/v1/coupons").get_json()["coupons"] if each["id"] == id]
        return dict(found)


MakeShop = Callable[..., Shop]


def stock_shelves(database: Database) -> None:
    with database.writing() as connection:
        put_placements(connection, [a_product(), a_product(sku=TEA, segment="tea", name="Green tea", price=3.2)], 0)


@pytest.fixture
def own_database(tmp_path: Path) -> Iterator[Database]:
    with closing(Database(f"sqlite:///{tmp_path}/retail.db")) as database:
        yield database


@pytest.fixture
def make_shop(make_api: Callable[..., Any], own_database: Database) -> MakeShop:
    """Makes a shop with coffee and tea, with the settings the test names."""

    def make_shop(**settings: Any) -> Shop:
        api = make_api(**{"database": own_database, "user_requests_burst": 10**6, **settings})
        stock_shelves(api.database)
        shop = Shop(api, till=api.work_as("till")["token"])
        api.enter()
        return shop

    return make_shop


@pytest.fixture
def shop(make_shop: MakeShop) -> Shop:
    return make_shop()


@pytest.fixture
def a_coupon() -> Callable[..., CouponTerms]:
    """A coupon of 20 % off coffee; name what differs."""

    def a_coupon(id: str = "c1", **terms: Any) -> CouponTerms:
        named = {"title": "20 % off coffee", "kind": "percent", "value": 20.0, "segment": "coffee"}
        if terms.get("kind") == "n_for_m":
            named["value"] = None
        return CouponTerms(id, **{**named, **terms})

    return a_coupon


@pytest.fixture
def noon() -> Any:
    return NOON
