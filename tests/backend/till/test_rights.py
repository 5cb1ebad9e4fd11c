"""What the till keeps of a shopper goes when she does, down to the files; and her app reads what it is told of it."""

from contextlib import closing, suppress
from datetime import timedelta
from pathlib import Path

from endcap.testing import NOON
from endcap_backend.api.erasure import Erasure
from endcap_backend.retail.database import Database
from endcap_backend.retail.feed import Feed
from endcap_shopper.coupons import Best, CouponBook
from endcap_shopper.loyalty import Loyalty, TillCode


def test_erased_she_is_in_no_file_of_the_log_or_the_shop(shop, a_coupon, tmp_path):
    shop.offer(a_coupon())
    shop.redeem(shop.code("c1"), id="r1")
    Feed(shop.database, shop.api.log).drain()
    canaries = [shop.api.uid.encode(), shop.loyalty()["card"]["number"].encode()]

    def on_disk():
        return b"".join(path.read_bytes() for path in Path(tmp_path).iterdir() if path.is_file())

    assert all(canary in on_disk() for canary in canaries)
    shop.api.call("DELETE", "/v1/me")
    assert Erasure(shop.api.log, shop.database, shop.clock).sweep() == 1
    assert [canary for canary in canaries if canary in on_disk()] == []


def test_erased_she_is_in_no_file_of_postgresql(make_shop, a_coupon, postgresql, caplog):
    def content(path):
        with suppress(FileNotFoundError):  # the server takes files of its own away meanwhile
            return path.read_bytes()
        return b""

    def on_disk():
        files = [(path.name, content(path)) for path in postgresql.folder.rglob("*") if path.is_file()]
        return {canary: [name for name, held in files if canary in held] for canary in canaries}

    with closing(Database(postgresql())) as database:
        shop = make_shop(database=database)
        shop.offer(a_coupon(limit_per_shopper=99))
        canaries = [shop.api.uid.encode(), shop.loyalty()["card"]["number"].encode()]
        for number in range(6):
            shop.redeem(shop.code("c1"), id=f"r{number}")
        item = {"id": "w1", "text": "Tea", "quantity": 1, "position": 1.0, "done": False, "removed": False}
        item["changed_at"] = "2026-11-24T12:00:00Z"
        assert shop.api.call("PUT", "/v1/wishlist", {"items": [item]}).status_code == 200
        shop.api.call("DELETE", "/v1/me")
        assert all(on_disk().values())  # a deleted row is still in its page
        assert Erasure(shop.api.log, database, shop.clock).sweep() == 1
        assert on_disk() == {canary: [] for canary in canaries}
        shop.api.enter()
        shop.api.call("DELETE", "/v1/me")
        sweep = Erasure(shop.api.log, database, shop.clock).sweep
        assert sweep() == 1
        shop.api.enter()
        shop.api.call("DELETE", "/v1/me")
        assert sweep() == 0  # tables are locked while they are written anew: every three minutes at most
        shop.clock.advance(180)
        assert sweep() == 1
    assert caplog.messages == []


def test_the_app_reads_what_it_is_told(shop, a_coupon):
    ends = NOON + timedelta(hours=5)
    shop.offer(
        a_coupon(ends_at=ends), a_coupon("c2", kind="n_for_m", n=3, m=2), a_coupon("c3", segment="tea", tier="gold")
    )
    shop.redeem(shop.code("c1"))
    shop.clip("c2")
    book = CouponBook.from_json(shop.api.get("/v1/coupons").get_json())
    assert {each.id: (each.state, each.value, each.n) for each in book.coupons} == {
        "c1": ("redeemed", 20.0, None),
        "c2": ("clipped", None, 3),
        "c3": ("available", 20.0, None),
    }
    basket = [{"sku": 9001, "quantity": 3, "price": 6.9}]
    best = Best.from_json(shop.api.post("/v1/coupons/best", {"basket": basket}).get_json())
    assert (best.total, best.off, best.applied[0].coupon) == (13.8, 6.9, "c2")
    card = Loyalty.from_json(shop.loyalty())
    assert (card.balance, card.tier.next_at, card.adds_up, card.expiring[0].points) == (11, 500, True, 11)
    assert TillCode.from_json(shop.api.post("/v1/loyalty/code").get_json()).expires_at == NOON + timedelta(seconds=60)
