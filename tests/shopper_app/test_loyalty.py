"""Loyalty: a ledger that sums to the balance, the way to the next tier, and the till's code."""

from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from endcap.testing import NOON
from endcap.wire import write_instant
from endcap_shopper.loyalty import Loyalty, TillCode

LOYALTY = {
    "card": {"number": "2012345678903"},
    "balance": 120,
    "tier": {"id": "silver", "name": "Silver", "points": 300, "next": {"id": "gold", "name": "Gold", "at": 400}},
    "expiring": [{"points": 20, "at": "2026-12-31T00:00:00.000Z"}],
    "ledger": [
        {"id": 1, "at": "2026-11-01T10:00:00.000Z", "points": 150, "reason": "purchase", "store": "s1"},
        {"id": 2, "at": "2026-11-02T10:00:00.000Z", "points": -30, "reason": "reversal"},
    ],
}


def test_the_ledger_adds_up_to_the_balance_the_latest_first():
    loyalty = Loyalty.from_json(LOYALTY)
    assert loyalty.adds_up
    assert [entry.id for entry in loyalty.ledger] == ["2", "1"]
    assert not Loyalty.from_json({**LOYALTY, "balance": 121}).adds_up
    assert Loyalty.from_json({**LOYALTY, "balance": LOYALTY["balance"] + 7, "brought_forward": 7}).adds_up


def test_the_way_to_the_next_tier():
    tier = Loyalty.from_json(LOYALTY).tier
    assert (tier.next_name, tier.missing, tier.share) == ("Gold", 100, 0.75)


def test_at_the_top_nothing_is_missing():
    tier = Loyalty.from_json({**LOYALTY, "tier": {"id": "gold", "name": "Gold", "points": 900}}).tier
    assert (tier.missing, tier.share) == (0, 1.0)


@given(st.integers(0, 1000), st.integers(1, 1000))
def test_the_share_of_the_way_is_between_nothing_and_all(points, at):
    value = {**LOYALTY, "tier": {"id": "a", "points": points, "next": {"id": "b", "at": at}}}
    assert 0 <= Loyalty.from_json(value).tier.share <= 1


def test_an_answer_without_a_card_is_refused():
    with pytest.raises(KeyError):
        Loyalty.from_json({"balance": 1})


def test_the_tills_code_is_good_until_its_end_and_renewed_before():
    code = TillCode.from_json({"code": "abc", "expires_at": "2026-11-24T12:01:00.000Z"})
    assert code.good_at(NOON)
    assert not code.good_at(NOON + timedelta(seconds=60))
    assert code.renew_at() == NOON + timedelta(seconds=45)


@st.composite
def ledgers(draw):
    """Bookings in any order, and what was booked before them."""
    points = draw(st.lists(st.integers(-5000, 5000), max_size=30))
    minutes = draw(st.lists(st.integers(0, 10**6), min_size=len(points), max_size=len(points)))
    lines = [
        {"id": n, "at": write_instant(NOON - timedelta(minutes=ago)), "points": each, "reason": "purchase"}
        for n, (each, ago) in enumerate(zip(points, minutes, strict=True))
    ]
    return lines, draw(st.integers(-5000, 5000))


@given(ledgers())
def test_a_ledger_adds_up_exactly_when_its_lines_and_what_was_before_make_the_balance(made):
    lines, before = made
    balance = before + sum(line["points"] for line in lines)
    value = {**LOYALTY, "ledger": lines, "brought_forward": before}
    assert Loyalty.from_json({**value, "balance": balance}).adds_up
    assert not Loyalty.from_json({**value, "balance": balance + 1}).adds_up


@given(ledgers())
def test_every_line_is_there_once_the_latest_first(made):
    lines, _ = made
    ledger = Loyalty.from_json({**LOYALTY, "ledger": lines}).ledger
    assert sorted(entry.id for entry in ledger) == sorted(str(line["id"]) for line in lines)
    assert all(newer.at >= older.at for newer, older in pairwise(ledger))
