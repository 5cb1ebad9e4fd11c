from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from endcap.filtering import FixFilter, FixLimits
from endcap.testing import NOON, SHOP, ManualClock, a_fix, fixes

AWAY = {"latitude_deg": SHOP[0] + 0.01}  # 1.1 km north


def after(seconds, **changes):
    return a_fix(taken_at=NOON + timedelta(seconds=seconds), **changes)


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def filter_(clock):
    return FixFilter(clock=clock)


@pytest.mark.parametrize(
    ("fix", "reason"),
    [
        (a_fix(accuracy_m=-1.0), "invalid"),
        (a_fix(accuracy_m=0.0), "invalid"),
        (a_fix(accuracy_m=float("nan")), "invalid"),
        (a_fix(taken_at=datetime(2026, 11, 24, 12)), "invalid"),
        (a_fix(latitude_deg=0.0, longitude_deg=0.0), "invalid"),
        (after(5.001), "future"),
        (after(5.0), None),
        (after(-120.001), "stale"),
        (after(-120.0), None),
        (a_fix(accuracy_m=100.001), "accuracy"),
        (a_fix(accuracy_m=100.0), None),
        (a_fix(accuracy_m=None), None),
        (a_fix(mock=True), "mock"),
    ],
)
def test_a_first_fix_is_admitted_or_refused_by_name(filter_, fix, reason):
    assert filter_.admit(fix) is (reason is None)
    assert filter_.last_reason == reason
    assert dict(filter_.dropped) == ({reason: 1} if reason else {})


def test_a_mock_fix_is_admitted_where_the_host_allows_it(clock):
    assert FixFilter(FixLimits(allow_mock=True), clock).admit(a_fix(mock=True))


def test_the_same_fix_is_admitted_once(filter_):
    assert filter_.admit(a_fix())
    assert not filter_.admit(a_fix(accuracy_m=5.0))
    assert filter_.last_reason == "duplicate"


@pytest.mark.parametrize("seconds", [-1, 0])
def test_a_fix_older_than_the_last_one_is_dropped(filter_, seconds):
    filter_.admit(a_fix())
    filter_.admit(after(seconds, longitude_deg=SHOP[1] + 1e-5))
    assert filter_.last_reason == "out of order"


def test_a_fix_faster_than_any_car_is_a_jump(filter_):
    filter_.admit(a_fix())
    filter_.admit(after(1, **AWAY))
    assert filter_.last_reason == "jump"
    assert filter_.admit(after(2))


def test_the_accuracies_of_both_fixes_are_no_speed(filter_):
    filter_.admit(a_fix(accuracy_m=95.0))
    assert filter_.admit(after(1, latitude_deg=SHOP[0] + 0.0018, accuracy_m=60.0))  # 200 m


def test_the_third_fix_that_agrees_with_two_jumps_is_where_she_is(filter_, clock):
    filter_.admit(a_fix())
    clock.advance(3)
    assert [filter_.admit(after(second, **AWAY)) for second in (1, 2, 3)] == [False, False, True]


def test_jumps_that_disagree_are_never_believed(filter_, clock):
    filter_.admit(a_fix())
    clock.advance(20)
    scattered = [after(second, latitude_deg=SHOP[0] + 0.02 * (second % 2 or -1)) for second in range(1, 21)]
    assert not any(filter_.admit(fix) for fix in scattered[:15])


def test_a_far_place_after_a_long_gap_is_no_jump(filter_, clock):
    filter_.admit(a_fix())
    clock.advance(600)
    assert filter_.admit(after(600, **AWAY))


def test_a_clock_that_was_turned_back_does_not_stop_the_fixes(filter_, clock):
    clock.set_wall(NOON + timedelta(hours=1))
    filter_.admit(after(3600))
    clock.set_wall(NOON)
    assert filter_.admit(a_fix())


def test_a_restart_does_not_admit_the_last_fix_again(filter_, clock):
    filter_.admit(a_fix())
    again = FixFilter(clock=clock)
    again.restore(filter_.state())
    assert not again.admit(a_fix())
    assert again.last_reason == "duplicate"


def test_a_filter_that_saw_nothing_restores_to_nothing(filter_, clock):
    filter_.restore(FixFilter(clock=clock).state())
    assert filter_.admit(a_fix())


def test_a_walk_passes_whole(filter_, clock):
    clock.advance(99)
    assert all(filter_.admit(fix) for fix in fixes(100))
    assert (filter_.admitted, sum(filter_.dropped.values())) == (100, 0)


shifts = st.integers(-200, 20)
odd_fixes = st.builds(
    lambda shift, north, accuracy, mock: after(shift, latitude_deg=SHOP[0] + north, accuracy_m=accuracy, mock=mock),
    shifts,
    st.floats(-0.05, 0.05),
    st.one_of(st.none(), st.floats(-5, 300)),
    st.booleans(),
)


@given(st.lists(odd_fixes, max_size=60))
def test_what_is_admitted_is_in_order_and_everything_is_accounted_for(sequence):
    filter_ = FixFilter(clock=ManualClock())
    admitted = [fix for fix in sequence if filter_.admit(fix)]
    stamps = [fix.taken_at for fix in admitted]
    assert stamps == sorted(set(stamps))
    assert filter_.admitted + sum(filter_.dropped.values()) == len(sequence)
    assert not any(filter_.admit(fix) for fix in admitted)
