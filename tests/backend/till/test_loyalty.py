"""Cards and their ledger: whatever happens in whatever order, the lines add up to the balance."""

from datetime import UTC, datetime, timedelta
from itertools import count
from threading import Thread

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from endcap.errors import BadConfig
from endcap.testing import NOON, ManualClock
from endcap_backend.config import Settings
from endcap_backend.retail import loyalty
from endcap_backend.retail.ean import is_card
from endcap_backend.retail.tiers import LoyaltyRules, Tier, read_tiers
from endcap_backend.retail.till_tables import LoyaltyAccount, LoyaltyEntry

RULES = LoyaltyRules(life=timedelta(days=30))
NUMBERS = count(1)
DAY_S = 86_400

steps = st.lists(
    st.one_of(
        st.tuples(st.just("purchase"), st.integers(0, 500)),
        st.tuples(st.just("reverse"), st.integers(0, 9)),
        st.tuples(st.just("expire"), st.just(0)),
        st.tuples(st.just("wait"), st.integers(1, 45)),
    ),
    max_size=25,
)


def standing_of(connection, uid):
    balance = connection.execute(select(LoyaltyAccount.balance).where(LoyaltyAccount.uid == uid)).scalar_one()
    total = select(func.coalesce(func.sum(LoyaltyEntry.points), 0)).where(LoyaltyEntry.uid == uid)
    return balance, connection.execute(total).scalar_one()


class Model:
    """What a ledger should come to, in the plainest way there is: the points left of each purchase."""

    def __init__(self):
        self.left = {}  # purchase -> (points, until)

    def purchase(self, number, points, now):
        self.left[number] = (points, RULES.expiry_of(now))

    def reverse(self, number, now):
        points, until = self.left.get(number, (0, now))
        self.left[number] = (0, until)
        return points

    def expire(self, now):
        self.left = {number: (0 if until <= now else points, until) for number, (points, until) in self.left.items()}

    def balance(self):
        return sum(points for points, _ in self.left.values())


@given(steps)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_ledger_adds_up_to_the_balance_whatever_happens_in_whatever_order(database, steps):
    uid, now, model = f"{next(NUMBERS):032x}", NOON, Model()
    with database.writing() as connection:
        loyalty.open_account(connection, uid, now)
        made = []
        for what, number in steps:
            if what == "wait":
                now += timedelta(days=number)
            elif what == "purchase":
                made.append(f"{uid}.{len(made)}")
                model.purchase(made[-1], number, now)
                loyalty.enter(connection, uid, number, loyalty.PURCHASE, now, RULES.expiry_of(now), redemption=made[-1])
            elif what == "expire":
                model.expire(now)
                loyalty.expire(connection, uid, now)
            elif number < len(made):
                taken, _ = loyalty.take_back(connection, uid, made[number], now)
                assert taken == model.reverse(made[number], now)
            balance, total = standing_of(connection, uid)
            assert balance == total == model.balance() >= 0


def at_once(work, threads=8):
    running = [Thread(target=work) for _ in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()


def test_tills_that_give_points_at_once_lose_none(database):
    with database.writing() as connection:
        loyalty.open_account(connection, "u1", NOON)

    def give():
        for _ in range(5):
            with database.writing() as connection:
                loyalty.enter(connection, "u1", 3, loyalty.PURCHASE, NOON, NOON + timedelta(days=1))

    at_once(give)
    with database.reading() as connection:
        assert standing_of(connection, "u1") == (120, 120)


def test_points_that_several_look_at_as_they_expire_are_taken_once(database):
    with database.writing() as connection:
        loyalty.open_account(connection, "u1", NOON)
        loyalty.enter(connection, "u1", 7, loyalty.PURCHASE, NOON, NOON + timedelta(days=1))

    def expire():
        with database.writing() as connection:
            loyalty.expire(connection, "u1", NOON + timedelta(days=1))

    at_once(expire)
    with database.reading() as connection:
        assert standing_of(connection, "u1") == (0, 0)
        assert [row.points for row in loyalty.ledger(connection, "u1")] == [-7, 7]


def test_whose_points_expired_lately_is_found_and_they_are_taken_without_a_call_of_hers(database):
    clock = ManualClock()
    with database.writing() as connection:
        for uid, days in (("soon", 1), ("later", 9)):
            loyalty.open_account(connection, uid, NOON)
            loyalty.enter(connection, uid, 5, loyalty.PURCHASE, NOON, NOON + timedelta(days=days))
    assert loyalty.expire_points(database, clock) == 0
    clock.advance(DAY_S)
    assert loyalty.expire_points(database, clock) == 5
    assert loyalty.expire_points(database, clock) == 0
    with database.reading() as connection:
        assert (standing_of(connection, "soon")[0], standing_of(connection, "later")[0]) == (0, 5)


def test_an_account_opened_twice_has_one_card(database):
    with database.writing() as connection:
        first = loyalty.open_account(connection, "u1", NOON)
        assert loyalty.open_account(connection, "u1", NOON) == first
        assert is_card(first.card)


def test_her_first_look_makes_a_card_and_tells_where_she_stands(shop):
    assert shop.loyalty() == {
        "card": {"number": shop.loyalty()["card"]["number"], "opened_at": "2026-11-24T12:00:00.000Z"},
        "balance": 0,
        "tier": {"id": "bronze", "name": "Bronze", "points": 0, "next": {"id": "silver", "name": "Silver", "at": 500}},
        "tiers": [
            {"id": "bronze", "name": "Bronze", "at": 0},
            {"id": "silver", "name": "Silver", "at": 500},
            {"id": "gold", "name": "Gold", "at": 2000},
        ],
        "expiring": [],
        "ledger": [],
        "brought_forward": 0,
    }


def test_purchases_lift_her_to_a_tier_for_a_year_and_their_points_expire(make_shop):
    shop = make_shop(loyalty_points_days=10, token_minutes=60)
    shop.redeem(basket=[{"sku": 9001, "quantity": 100, "price": 6}])
    found = shop.loyalty()
    assert (found["balance"], found["tier"]["id"], found["tier"]["next"]["at"]) == (600, "silver", 2000)
    assert found["expiring"] == [{"points": 600, "at": "2026-12-05T00:00:00.000Z"}]
    shop.clock.advance(12 * DAY_S)
    shop.stay()
    found = shop.loyalty()
    assert (found["balance"], found["tier"]["id"], found["expiring"]) == (0, "silver", [])
    assert [(line["points"], line["reason"]) for line in found["ledger"]] == [(-600, "expired"), (600, "purchase")]


def test_the_lines_listed_and_what_is_brought_forward_add_up_to_the_balance(shop):
    uid = shop.api.uid
    shop.loyalty()
    with shop.database.writing() as connection:
        for number in range(130):
            loyalty.enter(connection, uid, number + 1, loyalty.PURCHASE, NOON, NOON + timedelta(days=9))
    found = shop.loyalty()
    assert [len(found["ledger"]), found["brought_forward"]] == [100, sum(range(31))]
    assert found["brought_forward"] + sum(line["points"] for line in found["ledger"]) == found["balance"]
    earlier = shop.api.get(f"/v1/loyalty?before={found['ledger'][-1]['id']}").get_json()
    assert [line["points"] for line in earlier["ledger"]] == list(range(30, 0, -1))


@pytest.mark.parametrize("before", ["", "-1", "x", "1.5", "9" * 30, "٣"])
def test_a_line_that_cannot_be_is_refused(shop, before):
    assert shop.api.get("/v1/loyalty", query_string={"before": before}).status_code == 422


def test_a_code_holds_her_card_and_what_she_has_clipped(shop, a_coupon):
    shop.offer(a_coupon("c1"), a_coupon("c2"))
    shop.clip("c2")
    answer = shop.api.post("/v1/loyalty/code").get_json()
    assert (answer["coupons"], answer["expires_at"]) == (["c2"], "2026-11-24T12:01:00.000Z")
    assert answer["card"] == shop.loyalty()["card"]["number"]


def test_anybody_may_have_the_keys_to_verify_with(shop):
    answer = shop.api.get("/v1/till/keys", token="")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "public, max-age=300")
    assert "d" not in answer.get_json()["keys"][0]


@pytest.mark.parametrize(
    ("cents", "per_unit", "points"), [(99, 1, 0), (100, 1, 1), (1104, 1, 11), (29, 100, 29), (110, 1.1, 1), (5, 0, 0)]
)
def test_points_are_whole_and_rounded_down(cents, per_unit, points):
    assert LoyaltyRules(points_per_unit=per_unit).points_for(cents) == points


def test_points_are_good_until_the_end_of_a_day():
    assert LoyaltyRules().expiry_of(NOON) == datetime(2027, 11, 25, tzinfo=UTC)


def test_tiers_are_read_as_a_setting_says_them():
    assert read_tiers("basis:0, plus:100") == (Tier("basis", 0), Tier("plus", 100))
    assert LoyaltyRules(tiers=read_tiers("basis:0,plus:100")).tier_at(99).name == "Basis"
    assert Settings(loyalty_tiers="basis:0,plus:100").loyalty.next_tier(5) == Tier("plus", 100)


@pytest.mark.parametrize("text", ["", "basis", "basis:1", "basis:0,plus:0", "basis:0,basis:5", "a/b:0", "basis:-1"])
def test_tiers_that_cannot_be_are_refused(text):
    with pytest.raises(BadConfig, match="loyalty_tiers"):
        Settings(loyalty_tiers=text)


@pytest.mark.parametrize("currency", ["", "eur", "EURO", "€"])
def test_a_currency_that_cannot_be_is_refused(currency):
    with pytest.raises(BadConfig, match="currency"):
        Settings(currency=currency)
