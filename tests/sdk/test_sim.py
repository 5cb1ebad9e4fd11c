import itertools
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from endcap import sim
from endcap.errors import BadMessage
from endcap.fences import Circle, Geofence
from endcap.geo import LatLon, distance_m, offset
from endcap.presets import CONTINUOUS, EFFICIENT, IN_STORE, RESPONSIVE
from endcap.testing import NOON, SHOP, a_fix

RECORDED = Path(__file__).parent / "tracks"
CENTRE = LatLon(*SHOP)
COFFEE = Geofence("s1/coffee", Circle(CENTRE, radius_m=30.48))
STORE = Geofence("s1", Circle(CENTRE, radius_m=100.0), tags=("store",))


def walk(*legs, every_s=1.0):
    """Fixes without a flaw: each leg is (seconds, metres east at its end); she walks evenly from leg to leg."""
    at_s, east_m, found = 0.0, legs[0][1], []
    for seconds, to_m in legs:
        steps = int(seconds / every_s)
        for step in range(steps):
            point = offset(CENTRE, east_m + (to_m - east_m) * step / steps, 0.0)
            taken_at = NOON + timedelta(seconds=at_s + step * every_s)
            found.append(a_fix(latitude_deg=point.latitude_deg, longitude_deg=point.longitude_deg, taken_at=taken_at))
        at_s, east_m = at_s + steps * every_s, to_m
    return found


VISIT = walk((0, 200), (170, 0), (300, 0), (170, 200), (300, 200))
HOUR = 3600


def test_a_walk_through_the_engine_is_one_enter_and_one_exit():
    run = sim.replay(VISIT, [COFFEE])
    assert (run.enters("s1/coffee"), run.exits("s1/coffee")) == (1, 1)
    assert [event.kind for event in run.of("s1/coffee")] == ["enter", "exit"]


def test_the_same_seed_gives_the_same_run_to_the_last_id_and_another_does_not():
    flaws = [sim.correlated(15), sim.multipath(), sim.gaps(), sim.teleports()]
    first, again, other = (sim.replay(VISIT, [COFFEE], flaws, seed=seed) for seed in (7, 7, 8))
    assert (first.events, first.fixes, first.dropped) == (again.events, again.fixes, again.dropped)
    assert first.fixes != other.fixes


def test_a_recorded_walk_is_replayed_in_a_moment():
    run = sim.replay(RECORDED / "city-run.gpx.gz", [COFFEE])
    assert len(run.fixes) + sum(run.dropped.values()) == 7745
    assert run.budget.hours == pytest.approx(2.19, abs=0.01)


def test_a_track_without_a_fix_is_refused():
    with pytest.raises(BadMessage, match="no fix"):
        sim.replay([])


def test_why_it_did_not_fire_can_be_asked():
    run = sim.replay(walk((300, 200)), [COFFEE])
    assert run.events == ()
    assert "s1/coffee" in str(run.explain("s1/coffee"))


@pytest.mark.parametrize(
    ("flaw", "reasons"),
    [
        (sim.white(10), set()),
        (sim.correlated(15, tau_s=20), set()),
        (sim.multipath(every_s=60), set()),
        (sim.indoor_snap(), set()),
        (sim.cold_start(), set()),
        (sim.stale_repeats(0.3), {"duplicate"}),
        (sim.accuracy_lies(2.0), set()),
        (sim.accuracy_lies(0.5, zero=0.1, negative=0.1), {"invalid"}),
        (sim.gaps(every_s=60), set()),
        (sim.clock_skew(-3600), set()),
        (sim.teleports(0.1), {"jump"}),
        (sim.teleports(0.1, mock=True), {"mock"}),
        (sim.provider_mix(), set()),
    ],
)
def test_every_flaw_is_survived_and_what_it_costs_is_named(flaw, reasons):
    run = sim.replay(VISIT, [COFFEE], [flaw], seed=1)
    assert set(run.dropped) == reasons
    kinds = [event.kind for event in run.of("s1/coffee")]
    assert kinds in ([], ["enter"], ["enter", "exit"])


def error_m(fixes):
    truth = {fix.taken_at: fix.point for fix in VISIT}
    return [distance_m(truth[fix.taken_at], fix.point) for fix in fixes]


def test_white_noise_is_as_wide_as_it_says():
    found = sorted(error_m(sim.white(10)(VISIT, Random(3))))
    assert found[int(len(found) * 0.68)] == pytest.approx(15.1, rel=0.1)
    assert sim.white(10)(VISIT, Random(3))[0].accuracy_m == pytest.approx(15.1, rel=0.01)


def test_correlated_noise_drifts_slowly_and_is_as_wide():
    fixes = sim.correlated(10, tau_s=120)(VISIT, Random(3))
    steps = [distance_m(a.point, b.point) for a, b in itertools.pairwise(fixes)]
    assert max(steps) < 12
    assert 3 < sum(error_m(fixes)) / len(fixes) < 30


def test_indoors_it_jumps_among_a_few_places_with_one_accuracy():
    still = walk((600, 0))
    fixes = sim.indoor_snap(anchors=3)(still, Random(1))
    assert len({fix.point for fix in fixes}) <= 3
    assert {(fix.accuracy_m, fix.source) for fix in fixes} == {(65.0, "wifi")}


def test_a_cold_start_is_vague_at_first_and_then_is_none():
    fixes = sim.cold_start()(VISIT, Random(1))
    assert (fixes[0].accuracy_m, fixes[31].accuracy_m) == (100.0, 8.0)


def test_gaps_leave_out_and_nothing_else():
    fixes = sim.gaps(every_s=100)(VISIT, Random(1))
    assert 0 < len(fixes) < len(VISIT)
    assert set(fixes) <= set(VISIT)


@pytest.mark.parametrize(
    ("preset", "truth", "fixes", "gps_s", "uploads"),
    [
        (EFFICIENT, walk((HOUR - 1, 4000)), 10, 60, 10),
        (RESPONSIVE, walk((HOUR - 1, 4000)), 24, 144, 24),
        (CONTINUOUS, walk((HOUR - 1, 4000)), 120, 720, 60),
        (IN_STORE, walk((HOUR - 1, 4000)), 720, 3600, 720),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_a_preset_keeps_its_budget_while_she_moves(preset, truth, fixes, gps_s, uploads):
    budget = sim.replay(truth, preset=preset).budget
    assert 0 < budget.fixes <= fixes
    assert budget.wake_ups <= fixes
    assert budget.gps_s <= gps_s
    assert budget.uploads <= uploads


@pytest.mark.parametrize(("preset", "fixes"), [(EFFICIENT, 3), (RESPONSIVE, 0), (CONTINUOUS, 120), (IN_STORE, 120)])
def test_a_preset_looks_less_while_she_stands(preset, fixes):
    one, four = (sim.replay(walk((HOUR * hours, 0)), preset=preset).budget for hours in (1, 4))
    assert (four.fixes - one.fixes) / 3 <= fixes


def test_a_source_that_sleeps_wakes_when_she_has_left_the_spot():
    run = sim.replay(walk((HOUR, 0), (600, 800)), preset=RESPONSIVE)
    woken = [fix for fix in run.fixes if fix.taken_at >= NOON + timedelta(seconds=HOUR)]
    assert (woken[0].taken_at - NOON).total_seconds() - HOUR == pytest.approx(75, abs=5)  # 100 m at 1.33 m/s


def test_in_a_store_it_looks_closely_whatever_the_preset():
    truth = walk((0, 1000), (800, 0), (900, 0), (800, 1000), (900, 1000), every_s=1.0)
    run = sim.replay(truth, [STORE], preset=CONTINUOUS)
    assert [event.kind for event in run.of("s1")] == ["enter", "exit"]
    entered, left = (event.decided_at for event in run.of("s1"))
    inside = [fix for fix in run.fixes if entered < fix.taken_at < left]
    gaps_s = [(b.taken_at - a.taken_at).total_seconds() for a, b in itertools.pairwise(inside)]
    assert min(gaps_s) == 5
    outside = [fix for fix in run.fixes if fix.taken_at < entered - timedelta(seconds=30)]
    assert all((b.taken_at - a.taken_at).total_seconds() >= 30 for a, b in itertools.pairwise(outside))


def test_the_truth_of_a_flaw_is_not_changed():
    before = [replace(fix) for fix in VISIT]
    for flaw in (sim.white(5), sim.teleports(0.5), sim.accuracy_lies(2)):
        flaw(VISIT, Random(1))
    assert before == VISIT


def test_an_apps_own_tests_get_the_doubles_as_fixtures(tmp_path):
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["endcap.pytest_plugin"]\n')
    (tmp_path / "test_app.py").write_text(
        "def test_it(fake_clock, fake_source, fake_transport):\n"
        "    fake_clock.advance(1)\n"
        "    assert (fake_clock.monotonic(), fake_source.running, fake_transport.sent) == (1.0, False, [])\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert "1 passed" in ran.stdout, ran.stdout + ran.stderr
