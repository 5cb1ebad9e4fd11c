"""The funnel that is kept: the same numbers as counted anew, and counted seldom."""

from datetime import timedelta
from threading import Thread

import pytest

from endcap.messages import CUSTOMERS_ALERTS, CUSTOMERS_LOCATIONS
from endcap.testing import NOON, ManualClock, an_alert
from endcap.wire import epoch_ms
from endcap_backend.console.counted import KEPT_S, MOST, REST, Counted
from endcap_backend.console.funnel import funnel
from endcap_backend.log import NewRecord

NOON_MS = epoch_ms(NOON)


class SlowClock(ManualClock):
    """Each look at it takes so long, and so does a count between two."""

    took_s = 0.0

    def monotonic(self):
        self.advance(self.took_s)
        return super().monotonic()


@pytest.fixture
def clock():
    return SlowClock()


@pytest.fixture
def counted(shop, clock):
    return Counted(shop.log, clock)


def tell(shop, number, **changes):
    alert = an_alert(id=f"a{number}", uid=f"u{number}", **changes)
    shop.log.append([NewRecord(CUSTOMERS_ALERTS, alert.uid, alert.to_text(), NOON_MS, alert.id)])


def test_what_is_loaded_again_is_not_counted_again(shop, counted):
    tell(shop, 1)
    rows = counted.rows("promotion", 24)
    shop.log.append([NewRecord(CUSTOMERS_LOCATIONS, "u1", "{}", NOON_MS)])  # which the funnel does not count
    assert counted.rows("promotion", 24) is rows


def test_what_comes_is_in_the_numbers_of_the_next_look(shop, counted, clock):
    tell(shop, 1)
    for number in range(2, 5):
        assert counted.rows("store", 24)[0].steps["told"] == number - 1
        tell(shop, number)
    since_ms = epoch_ms(clock.now() - timedelta(hours=24))
    assert counted.rows("store", 24) == funnel(shop.log, "store", since_ms)


def test_what_takes_long_to_count_rests_in_proportion_while_events_come(shop, counted, clock):
    tell(shop, 1)
    clock.took_s = 0.1
    rows = counted.rows("promotion", 24)
    clock.took_s = 0.0
    tell(shop, 2)
    clock.advance(REST * 0.1 - 0.01)
    assert counted.rows("promotion", 24) is rows
    clock.advance(0.02)
    assert counted.rows("promotion", 24)[0].steps["told"] == 2


def test_nothing_is_kept_longer_than_ten_seconds(shop, counted, clock):
    tell(shop, 1)
    clock.took_s = 3.0
    rows = counted.rows("promotion", 24)
    clock.took_s = 0.0
    tell(shop, 2)
    clock.advance(KEPT_S - 0.01)
    assert counted.rows("promotion", 24) is rows
    clock.advance(0.02)
    assert counted.rows("promotion", 24)[0].steps["told"] == 2


def test_hours_that_pass_leave_the_count_without_anything_new(shop, counted, clock):
    tell(shop, 1)
    assert len(counted.rows("promotion", 1)) == 1
    clock.advance(3601)
    assert counted.rows("promotion", 1) == []


def test_the_counts_kept_are_bounded_and_the_last_asked_for_stay(shop, counted):
    tell(shop, 1)
    first, second = counted.rows("promotion", 1), counted.rows("promotion", 2)
    for hours in range(3, MOST + 1):
        counted.rows("promotion", hours)
    assert counted.rows("promotion", 1) is first
    counted.rows("promotion", MOST + 1)
    assert counted.rows("promotion", 1) is first
    assert counted.rows("promotion", 2) is not second


def test_many_who_ask_at_once_get_one_count(shop, counted):
    tell(shop, 1)
    found = []
    asking = [Thread(target=lambda: found.append(counted.rows("hour", 24))) for _ in range(8)]
    for each in asking:
        each.start()
    for each in asking:
        each.join(30)
    assert len(found) == 8
    assert len({id(each) for each in found}) == 1
