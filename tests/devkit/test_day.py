"""A day of shopping: what is promised of every alert holds of each, over a restart and whatever the shops do.

The whole day, 10,000 shoppers in 50 stores, is `endcap day`; this one is of a size for every run of the tests.
"""

from dataclasses import replace
from datetime import timedelta

import pytest

from endcap.messages import CustomerAlert
from endcap.testing import NOON, a_product, a_promotion
from endcap.wire import epoch_ms
from endcap_backend.decide import Known, Limits, QuietHours, Terms, Wish
from endcap_devkit.__main__ import main
from endcap_devkit.day.ledger import Ledger
from endcap_devkit.day.run import Day

NOON_MS = epoch_ms(NOON)


@pytest.fixture(scope="module")
def evening(tmp_path_factory):
    return Day(tmp_path_factory.mktemp("day"), shoppers=120, stores=3, seed=7).run()


def test_no_promise_is_broken(evening):
    assert evening.broken == []


def test_it_was_a_day_on_which_a_promise_could_have_been_broken(evening):
    assert evening.visits > 120
    assert evening.alerts > 300
    assert {"deal", "wanted", "alternative", "help"} == set(evening.kinds)
    assert evening.withheld > 10
    assert all(evening.events[kind] for kind in ("enter", "exit", "shown", "opened", "clipped", "redeemed"))


def test_the_command_says_what_came_of_it(capsys):
    assert main(["day", "--shoppers", "5", "--stores", "1", "--held-out", "0"]) == 0
    said = capsys.readouterr().out
    assert "0 withheld" in said
    assert said.endswith("0 promises broken\n")


@pytest.fixture
def ledger():
    """A shop with one coffee on promotion p1, and nobody known."""
    shelves = {(9001, "s1"): a_product()}
    return Ledger(Limits(per_fix=2, per_hour=3), shelves, {"p1": a_promotion()}, {}, {})


def told(**changes):
    alert = CustomerAlert(
        id="a1", uid="ann", kind="deal", title="Coffee", why="20 % off, near you", expires_at=NOON + timedelta(hours=1),
        pid="p1", sku=9001, store="s1", visit="v1",
    )  # fmt: skip
    return replace(alert, **changes)


def test_a_good_alert_is_no_fault(ledger):
    ledger.judge(told(), NOON_MS)
    assert ledger.close() == []


@pytest.mark.parametrize(
    ("fault", "alert"),
    [
        ("does not say why", told(why="Buy this")),
        ("does not say why", told(kind="wanted")),
        ("is on no list", told(kind="wanted", why="On your list, near you")),
        ("is over before it is told", told(expires_at=NOON)),
        ("offers what is out of stock", told(sku=1)),
        ("stands for nothing missing", told(kind="alternative")),
    ],
)
def test_the_judge_sees_what_an_alert_gets_wrong(ledger, fault, alert):
    ledger.judge(alert, NOON_MS)
    assert fault in [each.split(":")[0] for each in ledger.close()]


def test_the_judge_sees_what_became_untrue(ledger):
    ledger.change(a_product(stock=0))
    ledger.change(a_promotion(ends_at=NOON))
    ledger.judge(told(), NOON_MS)
    assert [each.split(":")[0] for each in ledger.close()] == ["offers what is out of stock", "offers what is not on"]


def test_the_judge_sees_repeats_and_broken_caps(ledger):
    for n in range(4):
        ledger.judge(told(id=f"a{n}", pid=f"p{n}"), NOON_MS)
    ledger.judge(told(id="a0"), NOON_MS)
    ledger.judge(told(id="a9", pid="p0"), NOON_MS)
    found = ledger.close()
    assert sum(each.startswith("told twice") for each in found) == 2
    assert "ann: 6 alerts a fix, 2 at most" in found
    assert "ann: 6 alerts an hour, 3 at most" in found


def test_the_judge_sees_what_she_did_not_want_or_may_not_have(ledger):
    quiet = QuietHours.parse("12:00-13:00")
    ledger.known["ann"] = Known(wishes=(Wish("coffee", 9001),), quiet=quiet, muted=frozenset({"deal"}))
    ledger.terms["p1"] = Terms(members_only=True)
    ledger.judge(told(), NOON_MS)
    assert [each.split(":")[0] for each in ledger.close()] == [
        "is not hers to have", "comes in her quiet hours", "is of a kind she does not want",
    ]  # fmt: skip
