from datetime import timedelta

import pytest

from endcap.geo import LatLon, offset
from endcap.pacing import Pace
from endcap.presets import CONTINUOUS, EFFICIENT, IN_STORE, PRESETS, RESPONSIVE
from endcap.testing import NOON, SHOP, a_fix, fixes


def stood(pace, seconds, every_s, *, start=0, in_store=False, **changes):
    for second in range(start, start + seconds + 1, every_s):
        pace.observe(a_fix(taken_at=NOON + timedelta(seconds=second), **changes), in_store=in_store)


def east(metres):
    point = offset(LatLon(*SHOP), metres, 0.0)
    return {"latitude_deg": point.latitude_deg, "longitude_deg": point.longitude_deg}


def test_she_stands_after_140_s_within_70_m_and_not_a_fix_earlier():
    pace = Pace(CONTINUOUS)
    stood(pace, 130, 10)
    assert not pace.stopped
    stood(pace, 0, 10, start=140)
    assert pace.stopped


def test_one_step_beyond_the_radius_and_she_moves_again():
    pace = Pace(CONTINUOUS)
    stood(pace, 200, 10)
    pace.observe(a_fix(taken_at=NOON + timedelta(seconds=210), **east(80)), in_store=False)
    assert not pace.stopped


def test_two_vague_fixes_far_apart_are_no_step():
    pace = Pace(CONTINUOUS)
    stood(pace, 200, 10, accuracy_m=60.0)
    pace.observe(a_fix(taken_at=NOON + timedelta(seconds=210), accuracy_m=60.0, **east(95)), in_store=False)
    assert pace.stopped


def test_a_walk_is_no_stand():
    pace = Pace(CONTINUOUS)
    for fix in fixes(600):
        pace.observe(fix, in_store=False)
        assert not pace.stopped


@pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS)
def test_in_a_store_every_preset_looks_closely_and_outside_as_before(preset):
    pace = Pace(preset)
    stood(pace, 0, 1, in_store=True)
    assert pace.resolution == IN_STORE.moving
    stood(pace, 0, 1, start=1, in_store=False)
    assert pace.resolution == preset.moving


def test_standing_lets_the_source_rest_or_sleep():
    efficient, responsive = Pace(EFFICIENT), Pace(RESPONSIVE)
    for pace in (efficient, responsive):
        stood(pace, 1200, 150)
    assert efficient.resolution == EFFICIENT.stopped
    assert responsive.resolution is None


def test_fixes_that_come_six_times_as_often_as_asked_are_thinned():
    pace = Pace(CONTINUOUS)  # asks for one in 30 s
    due = [pace.due(fix) for fix in fixes(61)]
    assert [second for second, is_due in enumerate(due) if is_due] == list(range(0, 61, 5))


def test_a_phone_sends_at_most_one_a_second():
    pace = Pace(IN_STORE)
    assert sum(pace.due(fix) for fix in fixes(100, every_s=0.1)) == 12  # 5/6 s apart at least, in ten seconds
    assert sum(Pace(IN_STORE).due(fix) for fix in fixes(60)) == 60
