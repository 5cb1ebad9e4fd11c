"""Many tills at one moment: one coupon, one code, one id, one budget, on SQLite and PostgreSQL.

What decides it, the use of a coupon in the database, is raced 200 times; whole purchases twice, or as often as
`ENDCAP_TILL_ROUNDS=200 pytest tests/backend/till/test_races.py` says.
"""

import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from itertools import count
from threading import Barrier

import pytest
from sqlalchemy import func, select

from endcap.testing import ManualClock
from endcap_backend.api.roles import Employee, Role
from endcap_backend.retail import journal, loyalty, wallet
from endcap_backend.retail.codes import Code
from endcap_backend.retail.coupons import put_coupons
from endcap_backend.retail.database import Database
from endcap_backend.retail.purchase import BasketLine, Purchase, Till
from endcap_backend.retail.redemption import Conflict, Redemptions
from endcap_backend.retail.terms import CouponTerms
from endcap_backend.retail.tiers import LoyaltyRules
from endcap_backend.retail.till_tables import Coupon, LoyaltyAccount, LoyaltyEntry, Redemption
from endcap_backend.retail.tillkeys import TillKeys

THREADS = 64
USES = 200
ROUNDS = int(os.environ.get("ENDCAP_TILL_ROUNDS", "2"))
BACKENDS = 4  # processes there might be on one database, each with connections of its own
TILL = Employee("till-1", Role.TILL)
NUMBERS = count(1)


@dataclass
class Tills:
    """Tills at several backends of one shop, all of which begin at the same moment."""

    redemptions: list[Redemptions]
    databases: list[Database]
    keys: TillKeys
    clock: ManualClock
    threads: ThreadPoolExecutor

    @property
    def database(self):
        return self.databases[0]

    def offer(self, **terms):
        """A new coupon; its id."""
        id = f"c{next(NUMBERS)}"
        with self.database.writing() as connection:
            put_coupons(connection, [CouponTerms(id, "a coupon", "amount", **{"value": 1.0, **terms})])
        return id

    def shopper(self, coupon):
        """A new shopper who has clipped it; makes codes of hers."""
        uid = f"{next(NUMBERS):032x}"
        with self.database.writing() as connection:
            account = loyalty.open_account(connection, uid, self.clock.now())
            buyer = loyalty.buyer_of(connection, uid, LoyaltyRules(), self.clock.now())
            found = wallet.clip(connection, uid, coupon, buyer, self.clock.now())
        key = self.keys.signing()
        return lambda: Code.new(account.card, [found.row.number], self.clock.now()).signed(key.kid, key.private)

    def at_once(self, purchases):
        """What each till gets for its purchase, when all send at the same moment."""
        barrier = Barrier(len(purchases))

        def send(number):
            barrier.wait()
            try:
                return self.redemptions[number % BACKENDS].redeem(purchases[number], TILL)
            except Conflict as refused:
                return refused

        return list(self.threads.map(send, range(len(purchases))))

    def reverse_at_once(self, id):
        """What each till gets when all take the same purchase back."""
        return list(self.threads.map(lambda n: self.redemptions[n % BACKENDS].reverse(id, TILL), range(THREADS)))

    def read(self, query):
        with self.database.reading() as connection:
            return connection.execute(query).one()


@pytest.fixture
def tills(url, tmp_path):
    with ExitStack() as opened:
        clock = ManualClock()
        keys = TillKeys(tmp_path / "keys", clock)
        databases = [opened.enter_context(closing(Database(url))) for _ in range(BACKENDS)]
        redemptions = [Redemptions(each, keys, LoyaltyRules(), clock) for each in databases]
        threads = opened.enter_context(ThreadPoolExecutor(THREADS))
        yield Tills(redemptions, databases, keys, clock, threads)


def a_purchase(code, id=None):
    return Purchase(Till(id or f"r{next(NUMBERS)}", code, "s1"), (BasketLine(1, 2, 3.0),))


def used(answers, coupon):
    return sum(f'"coupon": "{coupon}", "title": "a coupon", "off"' in each.text for each in answers)


def test_each_of_200_coupons_that_64_threads_use_at_one_moment_is_used_by_one(tills):
    moment, uid, ids = tills.clock.now(), "a" * 32, [f"use-{number}" for number in range(USES)]
    with tills.database.writing() as connection:
        put_coupons(connection, [CouponTerms(id, "a coupon", "amount", value=1.0) for id in ids])
        wallet.clip_all(connection, uid, ids, moment)
    barrier = Barrier(THREADS, timeout=120)

    def use(number):
        used = []
        for id in ids:
            barrier.wait()
            with tills.databases[number % BACKENDS].writing() as connection:
                used.append(wallet.use(connection, uid, id, 100, moment))
        return used

    rounds = zip(*tills.threads.map(use, range(THREADS)), strict=True)
    assert [sum(each) for each in rounds] == [1] * USES
    given = select(func.count(), func.min(Coupon.redeemed), func.max(Coupon.redeemed), func.sum(Coupon.spent_cents))
    assert tills.read(given) == (USES, 1, 1, USES * 100)


def test_one_coupon_that_many_tills_redeem_at_once_counts_once(tills):
    for _ in range(ROUNDS):
        coupon = tills.offer()
        code = tills.shopper(coupon)
        answers = tills.at_once([a_purchase(code()) for _ in range(THREADS)])
        assert used(answers, coupon) == 1
        assert all(each.new for each in answers)
        row = tills.read(select(Coupon.redeemed, Coupon.spent_cents).where(Coupon.id == coupon))
        assert row == (1, 100)
    with tills.database.reading() as connection:
        assert list(journal.check(connection)) == []
        assert journal.heads(connection)["s1"][0] == ROUNDS * THREADS
    given = (ROUNDS * (THREADS * 6 - 1),)  # 6 points each, and one less where the coupon counted
    assert tills.read(select(func.sum(LoyaltyAccount.balance))) == given
    assert tills.read(select(func.sum(LoyaltyEntry.points))) == given


def test_one_code_that_many_tills_scan_at_once_is_good_for_one_purchase(tills):
    for _ in range(ROUNDS):
        code = tills.shopper(tills.offer())()
        answers = tills.at_once([a_purchase(code) for _ in range(THREADS)])
        assert Counter(type(each).__name__ for each in answers) == {"Answer": 1, "Conflict": THREADS - 1}


def test_one_purchase_that_is_sent_many_times_at_once_happens_once_and_is_answered_alike(tills):
    for round_ in range(ROUNDS):
        coupon = tills.offer()
        purchase = a_purchase(tills.shopper(coupon)(), f"same-{round_}")
        answers = tills.at_once([purchase] * THREADS)
        assert (sum(each.new for each in answers), len({each.text for each in answers})) == (1, 1)
        assert tills.read(select(Coupon.redeemed).where(Coupon.id == coupon)) == (1,)


def test_a_budget_that_many_shoppers_draw_on_at_once_is_spent_to_the_last_and_never_overdrawn(tills):
    for _ in range(ROUNDS // 2):
        coupon = tills.offer(budget=10.5)
        answers = tills.at_once([a_purchase(tills.shopper(coupon)()) for _ in range(THREADS)])
        assert used(answers, coupon) == 10
        row = tills.read(select(Coupon.redeemed, Coupon.spent_cents).where(Coupon.id == coupon))
        assert row == (10, 1000)


def test_a_purchase_that_is_reversed_many_times_at_once_is_reversed_once(tills):
    coupon = tills.offer()
    code = tills.shopper(coupon)
    for round_ in range(ROUNDS):
        (answer,) = tills.at_once([a_purchase(code(), f"back-{round_}")])
        assert used([answer], coupon) == 1
        reversals = tills.reverse_at_once(f"back-{round_}")
        assert (sum(each.new for each in reversals), len({each.text for each in reversals})) == (1, 1)
        row = tills.read(select(Coupon.redeemed, Coupon.spent_cents).where(Coupon.id == coupon))
        assert row == (0, 0)
    assert tills.read(select(func.count()).where(Redemption.reversed_at.is_not(None))) == (ROUNDS,)
    assert tills.read(select(LoyaltyAccount.balance)) == (0,)
    with tills.database.reading() as connection:
        assert list(journal.check(connection)) == []
        assert journal.heads(connection)["s1"][0] == 2 * ROUNDS
