import threading
import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

import endcap
from endcap import Purpose
from endcap.clock import ScaledClock
from endcap.device.replay import ReplaySource
from endcap.presets import IN_STORE
from endcap.testing import NOON, ManualClock, RecordingTransport, fixes
from endcap.tracks import Track

RECORDED = Path(__file__).parent / "tracks"


def played(source, timeout_s=30):
    heard, states = [], []
    source.start(heard.append, states.append)
    assert source.until_ended(timeout_s)
    source.stop()
    return heard, states


def test_an_hour_and_a_half_is_replayed_in_a_moment_with_its_gaps_kept():
    source = ReplaySource(RECORDED / "city-run.gpx.gz", speed=20_000)
    began = time.monotonic()
    heard, states = played(source)
    assert time.monotonic() - began < 10
    recorded = source.track.fixes
    assert len(heard) == len(recorded) == 7745
    assert heard[-1].taken_at - heard[0].taken_at == recorded[-1].taken_at - recorded[0].taken_at
    assert states == ["running", "ended"]


def test_the_first_fix_is_stamped_with_the_present(tmp_path):
    source = ReplaySource(Track(tuple(fixes(3))), speed=1000)
    heard, _ = played(source)
    assert abs(heard[0].taken_at - datetime.now(UTC)) < timedelta(minutes=5)


def test_the_clock_can_be_turned_back_to_the_recording():
    source = ReplaySource(RECORDED / "cerknicko-jezero.gpx", speed=100_000, at="recorded")
    heard, _ = played(source)
    assert heard[0].taken_at - source.track.fixes[0].taken_at < timedelta(minutes=30)
    assert heard[0].taken_at.year < 2015


def test_it_waits_for_each_fix_by_its_clock():
    clock = ManualClock()
    source = ReplaySource(Track(tuple(fixes(2, every_s=60))), clock=clock)
    heard = []
    source.start(heard.append, lambda status: None)
    assert clock.until_waiting(deadline_within_s=60)
    assert len(heard) == 1
    clock.advance(60)
    assert source.until_ended(10)
    assert len(heard) == 2


def test_a_loop_begins_anew_until_it_is_stopped():
    enough, heard = threading.Event(), []

    def hear(fix):
        heard.append(fix)
        if len(heard) == 10:
            enough.set()

    source = ReplaySource(Track(tuple(fixes(3))), speed=10_000, loop=True)
    source.start(hear, lambda status: None)
    assert enough.wait(10)
    source.stop()
    count = len(heard)
    assert all(a.taken_at < b.taken_at for a, b in pairwise(heard))
    assert len(heard) == count


def test_stopping_from_its_own_callback_is_fine_and_it_can_be_started_again():
    source = ReplaySource(Track(tuple(fixes(5))), speed=10_000)
    heard = []

    def hear(fix):
        heard.append(fix)
        source.stop()

    source.start(hear, lambda status: None)
    assert source.until_ended(10)
    assert len(heard) == 1
    assert len(played(source)[0]) == 5


def test_a_callback_that_fails_does_not_end_the_walk(caplog):
    source = ReplaySource(Track(tuple(fixes(3))), speed=10_000)
    with caplog.at_level("CRITICAL", "endcap"):
        source.start(lambda fix: 1 / 0, lambda status: None)
        assert source.until_ended(10)
    assert source.emitted == 3


def test_a_fast_clock_never_passes_a_fix_that_is_still_to_come():
    """Each fix is handed over at the very time it bears, by the clock that goes with it, however busy the machine."""
    source = ReplaySource(Track(tuple(fixes(200, every_s=30))), speed=100_000)
    late = []
    source.start(lambda fix: late.append(source.clock.now() - fix.taken_at), lambda status: None)
    assert source.until_ended(30)
    assert set(late) == {timedelta(0)}


def test_a_held_clock_stands_and_goes_on_from_there():
    clock = ScaledClock(1_000_000, NOON)
    clock.hold(NOON + timedelta(seconds=5))
    assert not clock.wait(threading.Event(), 1000.0)
    assert (clock.now(), clock.monotonic()) == (NOON + timedelta(seconds=5), 5.0)
    clock.hold(NOON + timedelta(seconds=6))
    assert NOON + timedelta(seconds=5) <= clock.now() <= NOON + timedelta(seconds=6)
    clock.hold(None)
    assert not clock.wait(threading.Event(), 1000.0)
    assert clock.now() > NOON + timedelta(seconds=6)


@pytest.mark.parametrize("speed", [0, -1, float("inf"), float("nan")])
def test_a_speed_that_is_none_is_refused(speed):
    with pytest.raises(ValueError, match="over 0"):
        ScaledClock(speed)


@pytest.mark.parametrize(
    "name", ["city-run.gpx.gz", "korita-zbevnica.gpx", "Mojstrovka.gpx", "around-visnjan-with-car.gpx"]
)
def test_a_recorded_walk_goes_through_the_whole_sdk(tmp_path, name):
    """Every fix is either sent, in order and once, or dropped under a name; fences on its way alternate."""
    source = ReplaySource(RECORDED / name, speed=20_000)
    source.tune(IN_STORE.moving)
    recorded = source.track.fixes
    places = [recorded[len(recorded) * share // 4].point for share in (1, 2, 3)]
    transport, events = RecordingTransport(), []
    config = endcap.Config(
        backend_url="https://shop.example", storage_dir=tmp_path, max_age_s=3600, remote_config=False, shop_fences=False
    )
    client = endcap.Endcap(config, source, transport=transport, dispatcher=endcap.inline)
    client.register(*(endcap.Geofence(f"f{n}", endcap.Circle(place, radius_m=60)) for n, place in enumerate(places)))
    client.on_event(events.append)
    client.consent.grant(Purpose.LOCATION, text_version="1")
    client.start()
    assert source.until_ended(60)
    found = client.diagnostics()
    client.close()
    assert found["fixes"]["admitted"] + sum(found["fixes"]["dropped"].values()) == len(recorded)
    assert set(found["fixes"]["dropped"]) <= {"out of order", "duplicate", "jump", "stale"}
    assert (found["outbox"]["lost"], found["faults"]) == ({}, 0)
    for fence in ("f0", "f1", "f2"):
        kinds = [event.kind for event in events if event.fence_id == fence]
        assert kinds == ["enter", "exit"][: len(kinds)] or kinds == ["enter", "exit"] * (len(kinds) // 2)
