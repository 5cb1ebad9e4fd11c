"""What deciding learns of shoppers from the shop's database, on SQLite and PostgreSQL."""

from contextlib import closing
from datetime import timedelta

import pytest
from sqlalchemy import insert, text, update

from endcap.errors import BadMessage
from endcap.testing import NOON, ManualClock
from endcap_backend.decide import Clip as HerClip
from endcap_backend.decide import Known, QuietHours, Terms, Wish
from endcap_backend.retail.catalogue import put_promotions
from endcap_backend.retail.coupons import put_coupons
from endcap_backend.retail.database import Database
from endcap_backend.retail.knowing import ShopperBooks
from endcap_backend.retail.preferences import Preferences, preferences_of, put_preferences
from endcap_backend.retail.schema import Promotion
from endcap_backend.retail.shop_tables import Wishlist, WishlistItem
from endcap_backend.retail.terms import CouponTerms, ShopPromotion
from endcap_backend.retail.tiers import LoyaltyRules
from endcap_backend.retail.till_tables import Clip, LoyaltyAccount, LoyaltyEntry, RedeemedOffer, Redemption


@pytest.fixture
def books(database):
    return ShopperBooks(database, LoyaltyRules(), ManualClock(), timezone="Europe/Helsinki")


def put(database, table, *rows):
    with database.writing() as connection:
        for row in rows:
            connection.execute(insert(table), [row])


def a_wish(uid="ann", id="w1", **more):
    given = {"uid": uid, "id": id, "text": "oat milk", "sku": 7, "quantity": 1, "position": 1.0, "done": False}
    return {**given, "removed": False, "changed_at": NOON, **more}


def a_purchase(number, uid="ann", **more):
    return {
        "id": number, "nonce": number, "uid": uid, "asked": "", "at": NOON, "store": "s1", "till": "t",
        "total_cents": 1, "off_cents": 1, "points": 0, "answer": "{}", **more,
    }  # fmt: skip


def test_her_list_is_known_in_her_order_with_the_price_she_hopes_for(database, books):
    put(database, Wishlist, {"uid": "ann", "version": 1})
    put(
        database,
        WishlistItem,
        a_wish(id="w1", position=2.0, price_alert_cents=199),
        a_wish(id="w2", sku=None, segment="tea", text="tea"),
        a_wish(id="w3", done=True),
        a_wish(id="w4", removed=True),
    )
    assert books.shoppers(["ann", "bob"]) == {
        "ann": Known(wishes=(Wish("tea", None, "tea"), Wish("oat milk", 7, None, 1.99)))
    }


def test_only_coupons_she_holds_and_can_use_are_known(database, books):
    day = timedelta(days=1)
    live = {"sku": 7, "title": "Milk"}
    with database.writing() as connection:
        put_coupons(
            connection,
            [
                CouponTerms("percent", kind="percent", value=20.0, ends_at=NOON + day, **live),
                CouponTerms("amount", kind="amount", value=1.5, segment="milk", title="Milk"),
                CouponTerms("three", kind="n_for_m", n=3, m=2, **live),
                CouponTerms("let-go", kind="percent", value=1.0, **live),
                CouponTerms("used", kind="percent", value=1.0, **live),
                CouponTerms("ended", kind="percent", value=1.0, ends_at=NOON, **live),
                CouponTerms("to-come", kind="percent", value=1.0, starts_at=NOON + day, **live),
                CouponTerms("basket", kind="percent", value=1.0, title="All"),
            ],
        )  # fmt: skip
    held = ("percent", "amount", "three", "ended", "to-come", "basket")
    put(database, Clip, *({"uid": "ann", "coupon": each, "clipped_at": NOON, "redeemed": 0} for each in held))
    put(database, Clip, {"uid": "ann", "coupon": "let-go", "clipped_at": None, "redeemed": 0})
    put(database, Clip, {"uid": "ann", "coupon": "used", "clipped_at": NOON, "redeemed": 1})
    assert books.shoppers(["ann"])["ann"].clips == (
        HerClip("percent", "Milk", "20 % off", 7, None, 20.0, NOON + day),
        HerClip("amount", "Milk", "1.50 € off", None, "milk"),
        HerClip("three", "Milk", "3 for the price of 2", 7),
    )


def test_a_card_makes_a_member_and_a_years_points_her_tier(database, books):
    for n, uid in enumerate(("ann", "bob", "cyd")):
        put(database, LoyaltyAccount, {"uid": uid, "card": str(n), "opened_at": NOON, "balance": 0})
    for uid, points, days in (("ann", 400, 1), ("ann", 100, 300), ("bob", 500, 366)):
        at = NOON - timedelta(days=days)
        put(database, LoyaltyEntry, {"uid": uid, "at": at, "points": points, "reason": "purchase"})
    known = books.shoppers(["ann", "bob", "cyd", "dan"])
    assert {uid: each.tier for uid, each in known.items()} == {"ann": "silver", "bob": "bronze", "cyd": "bronze"}


def test_what_she_redeemed_counts_where_there_is_a_limit_unless_it_was_reversed(database, books):
    promotions = [ShopPromotion("p1", "milk", limit_per_shopper=2), ShopPromotion("p2", "milk")]
    with database.writing() as connection:
        put_promotions(connection, promotions, 0)
    put(database, Redemption, a_purchase("r1"), a_purchase("r2"))
    put(database, Redemption, a_purchase("r3", reversed_at=NOON), a_purchase("r4", uid="bob"))
    offers = [("r1", "p1"), ("r2", "p1"), ("r2", "p2"), ("r3", "p1")]
    source = {"source": "promotion", "off_cents": 1}
    put(database, RedeemedOffer, *({"redemption": number, "offer": pid, **source} for number, pid in offers))
    assert {uid: each.redeemed for uid, each in books.shoppers(["ann", "bob"]).items()} == {"ann": {"p1": 2}}


def test_who_may_have_a_promotion_is_told_of_those_that_are_not_for_all(database, books):
    promotions = [
        ShopPromotion("all", "milk", discount=10.0),
        ShopPromotion("members", "milk", members_only=True),
        ShopPromotion("twice", "milk", limit_per_shopper=2),
        ShopPromotion("left", "milk", budget=10.0),
        ShopPromotion("spent", "milk", budget=10.0),
    ]
    with database.writing() as connection:
        put_promotions(connection, promotions, 0)
        connection.execute(update(Promotion).where(Promotion.pid == "spent").values(spent_cents=1000))
        connection.execute(update(Promotion).where(Promotion.pid == "left").values(spent_cents=999))
    assert books.terms() == {
        "members": Terms(members_only=True),
        "twice": Terms(limit_per_shopper=2),
        "left": Terms(),
        "spent": Terms(spent=True),
    }


def test_her_preferences_are_known_on_the_shops_clock_unless_she_names_another(database, books):
    with database.writing() as connection:
        put_preferences(connection, "ann", Preferences("22:00-07:00"))
        put_preferences(connection, "bob", Preferences("20:00-08:00", "Asia/Tokyo", frozenset({"help", "deal"})))
        put_preferences(connection, "bob", Preferences("21:00-08:00", "Asia/Tokyo", frozenset({"help"})))
    assert books.shoppers(["ann", "bob"]) == {
        "ann": Known(quiet=QuietHours.parse("22:00-07:00", "Europe/Helsinki")),
        "bob": Known(quiet=QuietHours.parse("21:00-08:00", "Asia/Tokyo"), muted=frozenset({"help"})),
    }


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"quiet_hours": "at night"}, "quiet_hours"),
        ({"quiet_hours": "22:00-07:00", "timezone": "Mars"}, "timezone"),
        ({"timezone": "Mars"}, "timezone"),
        ({"muted": frozenset({"deal", "spam"})}, "muted"),
    ],
)
def test_preferences_that_cannot_be_are_refused_by_field(asked, field):
    with pytest.raises(BadMessage) as fault:
        Preferences(**asked)
    assert fault.value.field == field


def test_every_writing_of_a_row_of_hers_is_a_change_with_a_higher_number(database, books):
    seen = [0]

    def newly_changed():
        found = books.changes(seen[-1], 10)
        seen.append(max(found.values(), default=seen[-1]))
        return set(found)

    put(database, Wishlist, {"uid": "ann", "version": 1})
    put(database, WishlistItem, a_wish())
    assert newly_changed() == {"ann"}
    assert newly_changed() == set()
    with database.writing() as connection:
        connection.execute(update(WishlistItem).values(done=True))
        put_preferences(connection, "bob", Preferences("22:00-07:00"))
    assert newly_changed() == {"ann", "bob"}
    put(database, LoyaltyAccount, {"uid": "cyd", "card": "1", "opened_at": NOON, "balance": 0})
    assert newly_changed() == {"cyd"}
    put(database, LoyaltyEntry, {"uid": "cyd", "at": NOON, "points": 1, "reason": "purchase"})
    assert newly_changed() == {"cyd"}
    with database.writing() as connection:
        put_coupons(connection, [CouponTerms("c1", "Milk", "percent", value=5.0)])
        connection.execute(insert(Clip), [{"uid": "bob", "coupon": "c1", "clipped_at": NOON, "redeemed": 0}])
    assert newly_changed() == {"bob"}
    assert list(books.changes(0, 2)) == ["bob", "cyd"]


def test_a_change_that_was_rolled_back_is_none(database, books):
    with database.writing(keep=False) as connection:
        put_preferences(connection, "ann", Preferences("22:00-07:00"))
    assert books.changes(0, 10) == {}
    with database.reading() as connection:
        assert preferences_of(connection, ["ann"]) == {}


def test_the_triggers_go_with_the_migration_that_made_them(database):
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "endcap_backend.retail:migrations")
    with database.writing() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0003")
        connection.execute(text("INSERT INTO wishlists (uid, version) VALUES ('ann', 1)"))
        connection.execute(insert(WishlistItem), [a_wish()])
        command.upgrade(config, "head")
        connection.execute(update(WishlistItem).values(done=True))
    with closing(Database(database.url.render_as_string(hide_password=False))) as again:
        assert ShopperBooks(again, LoyaltyRules(), ManualClock()).changes(0, 10).keys() == {"ann"}
