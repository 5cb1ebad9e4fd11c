import subprocess
import sys

import pytest

import endcap
from endcap.device import NoSource, pick
from endcap.device.contract import check_source
from endcap.device.permissions import PermissionState
from endcap.device.replay import ReplaySource
from endcap.testing import ScriptedSource, a_fix, fixes
from endcap.tracks import Track


class Scripted:
    def __init__(self):
        self.source = ScriptedSource()

    def locate(self, latitude_deg, longitude_deg):
        from datetime import UTC, datetime

        self.source.emit(a_fix(latitude_deg=latitude_deg, longitude_deg=longitude_deg, taken_at=datetime.now(UTC)))


class Replayed:
    """A recording says where it was, and no one can make it say anything else."""

    def __init__(self):
        self.source = ReplaySource(Track(tuple(fixes(3))), speed=100)

    def locate(self, latitude_deg, longitude_deg):
        pass


@pytest.mark.parametrize("probe", [Scripted, Replayed])
def test_it_keeps_the_contract(probe):
    check_source(probe)


class DeafAfterOneStop(Scripted):
    def __init__(self):
        super().__init__()
        start, self.starts = self.source.start, 0

        def once(on_fix, on_status):
            self.starts += 1
            if self.starts == 1:
                start(on_fix, on_status)

        self.source.start = once


class TalksAfterStop(Scripted):
    def __init__(self):
        super().__init__()
        self.source.stop = lambda: None


class Elsewhere(Scripted):
    def locate(self, latitude_deg, longitude_deg):
        super().locate(longitude_deg, latitude_deg)


@pytest.mark.parametrize(
    ("probe", "fault"), [(TalksAfterStop, "after stop"), (Elsewhere, "latitude"), (DeafAfterOneStop, "second start")]
)
def test_a_source_that_breaks_the_contract_is_told_how(probe, fault, monkeypatch):
    monkeypatch.setattr("endcap.device.contract.WAIT_S", 0.05)
    with pytest.raises(AssertionError, match=fault):
        check_source(probe)


def test_on_a_desktop_nothing_is_picked_that_could_not_work():
    source = pick()
    states = []
    source.start(lambda fix: None, states.append)
    source.tune(endcap.IN_STORE.moving)
    source.stop()
    assert isinstance(source, NoSource)
    assert states == ["searching"]


@pytest.mark.parametrize(
    ("environment", "asked"), [({"ANDROID_ARGUMENT": "x"}, "pyjnius"), ({"FAKE_PLATFORM": "ios"}, "pyobjus")]
)
def test_on_a_phone_its_own_adapter_is_picked_and_says_what_it_misses(environment, asked):
    code = (
        "import os, sys\nsys.modules['jnius'] = None\n"
        "if 'FAKE_PLATFORM' in os.environ: sys.platform = 'ios'\n"
        "from endcap.device import pick\n"
        "try: pick()\nexcept ModuleNotFoundError as fault: print(fault)"
    )
    ran = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert asked in ran.stdout


def test_an_adapter_that_does_not_exist_is_no_attribute():
    with pytest.raises(AttributeError, match="windows"):
        _ = endcap.device.windows


def a_state(**changes):
    return PermissionState(
        **{"location": "foreground", "precise": True, "services_on": True, "notifications": True, **changes}
    )


@pytest.mark.parametrize(
    ("changes", "capability", "next_stage"),
    [
        ({"location": "not_determined"}, "none", "foreground"),
        ({"location": "denied"}, "none", "foreground"),
        ({"location": "denied_forever", "notifications": False}, "none", None),
        ({}, "foreground", "background"),
        ({"precise": False}, "coarse", "background"),
        ({"services_on": False}, "none", "background"),
        ({"location": "background"}, "background", None),
        ({"location": "background", "notifications": False}, "background", "notifications"),
    ],
)
def test_a_permission_state_says_what_can_be_done_and_what_to_ask_next(changes, capability, next_stage):
    state = a_state(**changes)
    assert (state.capability, state.next_stage) == (capability, next_stage)
