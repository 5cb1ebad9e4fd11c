"""What a purchase costs at the till: beside a bare durable transaction, and the best combination beside trying all.

One thread on SQLite with every commit on disk; the contenders take turns, purchase by purchase.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from itertools import chain, combinations, count
from pathlib import Path

from sqlalchemy import insert

from endcap.testing import NOON, ManualClock
from endcap_backend.api.roles import Employee, Role
from endcap_backend.retail import loyalty, wallet
from endcap_backend.retail.codes import BadCode, Code
from endcap_backend.retail.combination import best, offs
from endcap_backend.retail.coupons import put_coupons
from endcap_backend.retail.database import Database, database_url
from endcap_backend.retail.offers import Buyer, Line, Offer
from endcap_backend.retail.purchase import BasketLine, Purchase, Till
from endcap_backend.retail.redemption import Redemptions
from endcap_backend.retail.schema import Outbox
from endcap_backend.retail.terms import CouponTerms
from endcap_backend.retail.tiers import LoyaltyRules
from endcap_backend.retail.tillkeys import TillKeys

TILL = Employee("till-1", Role.TILL)
COUPONS = 10


def run(quick: bool) -> str:
    return "\n\n".join((_purchases(50 if quick else 500), _combinations(3 if quick else 20)))


def _purchases(rounds: int) -> str:
    with ExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="endcap-till-")))
        database = opened.enter_context(closing(Database(database_url(folder))))
        spent_s = _spent(_contenders(database, TillKeys(folder, ManualClock())), rounds)
    base = spent_s["a transaction that writes one row"]
    lines = (f"| {name} | {total / base:.1f} | {total / rounds * 1000:.1f} ms |" for name, total in spent_s.items())
    head = f"### A purchase at the till, {rounds:,} each\n\n| what | to a bare transaction | here |\n|---|---|---|\n"
    return head + "\n".join(lines)


def _contenders(database: Database, keys: TillKeys) -> dict[str, Callable[[], object]]:
    clock, numbers, key = ManualClock(), count(1), keys.signing()
    redemptions = Redemptions(database, keys, LoyaltyRules(), clock)
    terms = {"segment": None, "limit_per_shopper": 10**6}
    with database.writing() as connection:
        put_coupons(
            connection, [CouponTerms(f"c{n}", "a coupon", "amount", value=0.1, **terms) for n in range(COUPONS)]
        )
        account = loyalty.open_account(connection, "a" * 32, NOON)
        clipped = [wallet.clip(connection, account.uid, f"c{n}", Buyer(), NOON) for n in range(COUPONS)]
    coupons = [each.row.number for each in clipped if each is not None]

    def purchase(shown: list[int]) -> Purchase:
        code = Code.new(account.card, shown, clock.now()).signed(key.kid, key.private)
        return Purchase(Till(f"r{next(numbers)}", code, "s1"), (BasketLine(1, 2, 3.0), BasketLine(2, 1, 9.5)))

    def bare() -> None:
        with database.writing() as connection:
            connection.execute(insert(Outbox), [{"topic": "x", "key": "y", "value": "z" * 200, "at_ms": 0}])

    def altered() -> None:
        sent = purchase(coupons)
        code = sent.till.code[:-3] + ("AAA" if sent.till.code[-3:] != "AAA" else "BBB")
        try:
            redemptions.redeem(Purchase(Till("never", code, "s1"), sent.basket), TILL)
        except BadCode:
            return
        raise AssertionError("an altered code was taken")

    known = purchase(coupons)
    redemptions.redeem(known, TILL)
    return {
        "a transaction that writes one row": bare,
        "a purchase without coupons": lambda: redemptions.redeem(purchase([]), TILL),
        f"a purchase with {COUPONS} coupons that all count": lambda: redemptions.redeem(purchase(coupons), TILL),
        "the same purchase again": lambda: redemptions.redeem(known, TILL),
        "a code that was altered": altered,
    }


def _spent(contenders: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    spent_s = dict.fromkeys(contenders, 0.0)
    for _ in range(rounds):
        for name, work in contenders.items():
            began_s = time.perf_counter()
            work()
            spent_s[name] += time.perf_counter() - began_s
    return spent_s


def _combinations(rounds: int) -> str:
    rows = (_combination(*each) for each in ((12, rounds), (16, max(1, rounds // 10))))
    head = "### The best of offers in two groups for two segments"
    names = "| offers | combinations | of which legal | trying all, to the search | the search here |"
    return "\n".join((head, "", names, "|---|---|---|---|---|", *rows))


def _combination(exclusive: int, rounds: int) -> str:
    """Each offer excludes those of its group and segment; both ways have to find the same."""
    basket = [Line(number, 2, 200 + 37 * number, f"segment {number % 2}") for number in range(8)]
    offers = [
        Offer("coupon", f"c{n}", "a coupon", "percent", percent=500 + 90 * n, segment=f"segment {n % 2}",
              stacking_group=f"group {n // 2 % 2}")
        for n in range(exclusive)
    ]  # fmt: skip
    found: set[int] = set()

    def every() -> None:
        sets = chain.from_iterable(combinations(offers, size) for size in range(len(offers) + 1))
        found.add(max(sum(offs(basket, chosen).values()) for chosen in sets if _legal(chosen)))

    ways: dict[str, Callable[[], object]] = {
        "all": every,
        "search": lambda: found.add(best(basket, offers, Buyer(), NOON).off_cents),
    }
    spent_s = _spent(ways, rounds)
    assert len(found) == 1, "the search and trying all must find the same"
    legal = (exclusive // 4 + 1) ** 4
    ratio, each_ms = spent_s["all"] / spent_s["search"], spent_s["search"] / rounds * 1000
    return f"| {exclusive} | {2**exclusive:,} | {legal} | {ratio:,.0f} | {each_ms:.1f} ms |"


def _legal(chosen: tuple[Offer, ...]) -> bool:
    return all(
        one.stacking_group != other.stacking_group or one.segment != other.segment
        for one, other in combinations(chosen, 2)
    )
