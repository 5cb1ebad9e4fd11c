"""Her coupons: what there is for her, clipped and let go, and the best of them for a basket."""

from datetime import timedelta

import pytest

from endcap.testing import NOON
from endcap_backend.retail.codes import MAX_COUPONS
from endcap_backend.retail.terms import CouponTerms, ShopPromotion

DAY_S = 86_400


def listed(shop):
    return {each["id"]: each["state"] for each in shop.api.get("/v1/coupons").get_json()["coupons"]}


def test_a_coupon_is_told_with_what_a_countdown_needs(shop, a_coupon):
    shop.offer(a_coupon(ends_at=NOON + timedelta(hours=2), description="Not on capsules", limit_per_shopper=3))
    assert shop.api.get("/v1/coupons").get_json() == {
        "now": "2026-11-24T12:00:00.000Z",
        "currency": "EUR",
        "coupons": [
            {
                "id": "c1",
                "title": "20 % off coffee",
                "description": "Not on capsules",
                "kind": "percent",
                "value": 20.0,
                "segment": "coffee",
                "ends_at": "2026-11-24T14:00:00.000Z",
                "ends_in_s": 7200,
                "members_only": False,
                "limit_left": 3,
                "auto_clip": False,
                "state": "available",
            }
        ],
    }


def test_clipping_again_changes_nothing_and_letting_go_makes_it_available(shop, a_coupon):
    shop.offer(a_coupon())
    first = shop.api.post("/v1/coupons/c1/clip").get_json()
    assert (first["state"], first["clipped_at"]) == ("clipped", "2026-11-24T12:00:00.000Z")
    shop.clock.advance(60)
    assert shop.api.post("/v1/coupons/c1/clip").get_json() == first
    for _ in range(2):
        gone = shop.api.call("DELETE", "/v1/coupons/c1/clip").get_json()
        assert (gone["state"], "clipped_at" in gone) == ("available", False)
    assert shop.api.post("/v1/coupons/c1/clip").get_json()["clipped_at"] == "2026-11-24T12:01:00.000Z"


def test_what_one_shopper_clips_another_does_not_have(shop, a_coupon):
    shop.offer(a_coupon())
    shop.clip("c1")
    shop.api.enter()
    assert listed(shop) == {"c1": "available"}


def test_a_coupon_that_clips_itself_does_so_until_she_lets_it_go(shop, a_coupon):
    shop.offer(a_coupon(auto_clip=True), a_coupon("c2", auto_clip=True, members_only=True))
    assert listed(shop) == {"c1": "clipped", "c2": "available"}
    shop.loyalty()
    assert listed(shop) == {"c1": "clipped", "c2": "clipped"}
    shop.api.call("DELETE", "/v1/coupons/c1/clip")
    assert listed(shop) == {"c1": "available", "c2": "clipped"}


def test_expired_and_redeemed_coupons_of_hers_stay_and_others_go_after_a_month(shop, a_coupon):
    ends = NOON + timedelta(hours=1)
    shop.offer(*(a_coupon(id, ends_at=ends) for id in ("clipped", "redeemed", "neither")))
    shop.redeem(shop.code("redeemed"))
    shop.clip("clipped")
    shop.clock.advance(DAY_S)
    shop.stay()
    assert listed(shop) == {"clipped": "expired", "redeemed": "redeemed", "neither": "expired"}
    shop.clock.advance(40 * DAY_S)
    shop.stay()
    assert listed(shop) == {"clipped": "expired", "redeemed": "redeemed"}


def test_a_coupon_is_shown_a_week_before_it_begins_and_can_be_clipped_then(shop, a_coupon):
    shop.offer(a_coupon(starts_at=NOON + timedelta(days=7)), a_coupon("c2", starts_at=NOON + timedelta(days=8)))
    assert listed(shop) == {"c1": "available"}
    shop.clip("c1")
    assert shop.redeem().get_json()["refused"][0]["because"] == "not_begun"


@pytest.mark.parametrize(
    ("terms", "detail"),
    [
        ({"ends_at": NOON}, "it has ended"),
        ({"members_only": True}, "it is for who has a card: open GET /v1/loyalty first"),
        ({"tier": "gold"}, "it is for who has a card: open GET /v1/loyalty first"),
        ({"budget": 0.0}, "all there were of it are redeemed"),
    ],
)
def test_a_coupon_that_is_not_for_her_says_why(shop, a_coupon, terms, detail):
    shop.offer(a_coupon(**terms))
    answer = shop.api.post("/v1/coupons/c1/clip")
    assert (answer.status_code, answer.get_json()["detail"]) == (409, detail)


def test_a_coupon_of_a_tier_is_for_who_has_reached_it(make_shop, a_coupon):
    shop = make_shop(loyalty_tiers="basis:0,plus:100")
    shop.offer(a_coupon(tier="plus"))
    shop.redeem(basket=[{"sku": 1, "quantity": 1, "price": 99.99}])
    assert shop.api.post("/v1/coupons/c1/clip").get_json()["detail"] == "it is for the tier plus and above"
    shop.redeem(basket=[{"sku": 1, "quantity": 1, "price": 1}])
    assert shop.api.post("/v1/coupons/c1/clip").get_json()["state"] == "clipped"


def test_no_more_coupons_are_clipped_than_a_code_holds(shop, a_coupon):
    shop.offer(*(a_coupon(f"c{number}") for number in range(MAX_COUPONS + 1)))
    shop.clip(*(f"c{number}" for number in range(MAX_COUPONS)))
    assert shop.api.post(f"/v1/coupons/c{MAX_COUPONS}/clip").status_code == 409
    assert len(shop.api.post("/v1/loyalty/code").get_json()["coupons"]) == MAX_COUPONS


@pytest.mark.parametrize("id", ["c9", "x" * 65, "a b", "a\x00", "é", "..", "%00"])
@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_a_coupon_that_is_not_there_is_not_found(shop, method, id):
    assert shop.api.call(method, f"/v1/coupons/{id}/clip").status_code == 404


def test_the_best_for_a_basket_says_what_else_is_worth_clipping(shop, a_coupon):
    tea = CouponTerms("tea", "1 off tea", "amount", value=1.0, segment="tea")
    week = ShopPromotion("p1", "coffee", title="Coffee week", kind="amount", value=0.4)
    shop.offer(a_coupon(), a_coupon("wine", segment="wine"), tea, week)
    shop.clip("c1", "wine")
    basket = [{"sku": 9001, "quantity": 2, "price": 6.9}, {"sku": 9003, "quantity": 1, "price": 3.2}]
    found = shop.api.post("/v1/coupons/best", {"basket": basket}).get_json()
    assert found == {
        "applied": [{"coupon": "c1", "title": "20 % off coffee", "off": 2.6, "why": "20 % off"}],
        "promotions": [{"promotion": "p1", "title": "Coffee week", "off": 0.8, "why": "0.40 off each"}],
        "refused": [
            {
                "coupon": "wine",
                "title": "20 % off coffee",
                "because": "not_in_basket",
                "reason": "nothing it is for is in the basket",
            }
        ],
        "total": 13.6,
        "off": 3.4,
        "currency": "EUR",
        "worth_clipping": [{"coupon": "tea", "title": "1 off tea", "off": 1.0, "why": "1.00 off"}],
    }


def test_the_till_takes_off_what_the_app_was_told(shop, a_coupon):
    shop.offer(a_coupon(), a_coupon("c2", kind="n_for_m", n=3, m=2), ShopPromotion("p1", "coffee", discount=10.0))
    shop.clip("c1", "c2")
    basket = [{"sku": 9001, "quantity": 4, "price": 6.9}]
    told = shop.api.post("/v1/coupons/best", {"basket": basket}).get_json()
    redeemed = shop.redeem(basket=basket).get_json()
    assert {name: redeemed[name] for name in ("applied", "promotions", "refused", "total", "off")} == {
        name: told[name] for name in ("applied", "promotions", "refused", "total", "off")
    }


@pytest.mark.parametrize("basket", [None, [], {}, [1], [{"sku": "x", "quantity": 1, "price": 1}]])
def test_a_basket_that_cannot_be_is_refused(shop, basket):
    assert shop.api.post("/v1/coupons/best", {"basket": basket}).status_code == 422
