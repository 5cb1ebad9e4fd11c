"""From names of the day to lasting uids: whose name is over, and who is nobody."""

from datetime import UTC, datetime

import pytest

from endcap.messages import NEARBY_CUSTOMERS
from endcap.testing import ManualClock
from endcap_backend.pipeline.stages.lasting import GONE, OVER, Lasting
from endcap_backend.pipeline.stages.records import Inflow
from endcap_backend.pseudonym import Pseudonyms
from endcap_backend.retail.day_secrets import DaySecrets

HER, ANOTHER = "0f" * 16, "f0" * 16
LATE = datetime(2026, 11, 24, 23, 59, tzinfo=UTC)  # in Lisbon; in Helsinki it is the next day already


@pytest.fixture
def clock():
    return ManualClock(LATE)


@pytest.fixture
def lisbon(database, clock):
    return Pseudonyms(DaySecrets(database, "Europe/Lisbon"), clock)


@pytest.fixture
def helsinki(database, clock):
    return Pseudonyms(DaySecrets(database, "Europe/Helsinki"), clock)


@pytest.fixture
def lasting(helsinki):
    return Lasting(helsinki)


def a_row(name, value=b"{}", headers=None):
    return Inflow(NEARBY_CUSTOMERS, 0, 0, name, value, 0, headers or {})


def test_where_it_is_yesterday_still_shoppers_are_heard_while_it_is_tomorrow_elsewhere(lasting, lisbon, helsinki):
    assert lasting.of(a_row(helsinki.outward(ANOTHER))).key == ANOTHER
    assert lasting.of(a_row(lisbon.outward(HER))).key == HER
    assert lasting.stats() == {OVER: 0, GONE: 0}


def test_her_name_is_over_once_she_was_met_under_a_later_one(lasting, lisbon, clock):
    yesterday = lisbon.outward(HER)
    assert lasting.of(a_row(yesterday)).key == HER
    clock.advance(60)
    assert lasting.of(a_row(lisbon.outward(HER))).key == HER
    assert lasting.of(a_row(yesterday)) is None
    assert lasting.of(a_row(yesterday, None, {"endcap-fix": b"{}"})) is None
    assert lasting.stats()[OVER] == 2


def test_her_tombstone_passes_under_a_name_that_is_over(lasting, lisbon, clock):
    yesterday = lisbon.outward(HER)
    clock.advance(60)
    lasting.of(a_row(lisbon.outward(HER)))
    assert lasting.of(a_row(yesterday, None)) == a_row(HER, None)
