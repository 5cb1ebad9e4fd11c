"""The contract every location source keeps, as a check that ours pass and a host's own can be put through.

check_source(lambda: MyProbe())     # raises AssertionError with what is wrong
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Condition
from typing import Protocol

from endcap.device import LocationSource, SourceStatus
from endcap.messages import SOURCES, Fix
from endcap.presets import Resolution

WAIT_S = 10.0  # real seconds for a fix to arrive


class Probe(Protocol):
    """A source, and a way to make its device say where it is."""

    @property
    def source(self) -> LocationSource: ...

    def locate(self, latitude_deg: float, longitude_deg: float) -> None:
        """Make the device report a position, on whatever thread it does; when it is not asked, it reports none."""
        ...


class _Ear:
    """What a source told."""

    def __init__(self) -> None:
        self.fixes: list[Fix] = []
        self.states: list[SourceStatus] = []
        self._changed = Condition()

    def on_fix(self, fix: Fix) -> None:
        with self._changed:
            self.fixes.append(fix)
            self._changed.notify_all()

    def on_status(self, status: SourceStatus) -> None:
        with self._changed:
            self.states.append(status)
            self._changed.notify_all()

    def until_fixes(self, count: int) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: len(self.fixes) >= count, WAIT_S)


def check_source(make: Callable[[], Probe]) -> None:
    """Put sources that `make` makes through the contract.

    Raises:
        AssertionError: which part of it was not kept.
    """
    for part in (_tells_where, _is_silent_after_stop, _starts_again, _can_be_tuned, _can_be_stopped_from_within):
        probe = make()
        try:
            part(probe)
        finally:
            probe.source.stop()


def _tells_where(probe: Probe) -> None:
    ear = _Ear()
    probe.source.start(ear.on_fix, ear.on_status)
    probe.locate(60.16952, 24.93545)
    assert ear.until_fixes(1), "no fix arrived"
    fix = ear.fixes[0]
    assert abs(fix.latitude_deg - 60.16952) < 1e-6, "the latitude is another"
    assert abs(fix.longitude_deg - 24.93545) < 1e-6, "the longitude is another"
    assert fix.taken_at.tzinfo is not None, "taken_at has no time zone"
    clock = getattr(probe.source, "clock", None)
    now = clock.now() if clock is not None else datetime.now(UTC)
    assert abs(now - fix.taken_at) < timedelta(days=1), "taken_at is far from now"
    assert fix.accuracy_m is None or fix.accuracy_m > 0, "an accuracy is over 0, or None when it is not known"
    assert fix.source in SOURCES, f"source is {fix.source!r}"
    assert ear.states, "no status was told"


def _is_silent_after_stop(probe: Probe) -> None:
    ear = _Ear()
    probe.source.stop()  # before any start it does no harm
    probe.source.start(ear.on_fix, ear.on_status)
    probe.source.stop()
    probe.source.stop()
    heard = len(ear.fixes)
    probe.locate(60.0, 24.0)
    assert len(ear.fixes) == heard, "a fix came after stop had returned"


def _starts_again(probe: Probe) -> None:
    first, second = _Ear(), _Ear()
    probe.source.start(first.on_fix, first.on_status)
    probe.source.stop()
    heard = len(first.fixes)
    probe.source.start(second.on_fix, second.on_status)
    probe.locate(60.0, 24.0)
    assert second.until_fixes(1), "no fix arrived after a second start"
    assert len(first.fixes) == heard, "the listener of the first start heard of the second"


def _can_be_tuned(probe: Probe) -> None:
    ear = _Ear()
    probe.source.tune(Resolution(60.0, 10.0, "low"))
    probe.source.start(ear.on_fix, ear.on_status)
    probe.source.tune(Resolution(1.0, 0.0, "high"))
    probe.source.tune(Resolution(1.0, 0.0, "high"))
    probe.locate(60.0, 24.0)
    assert ear.until_fixes(1), "no fix arrived after tuning"


def _can_be_stopped_from_within(probe: Probe) -> None:
    ear = _Ear()

    def stop_at_once(fix: Fix) -> None:
        probe.source.tune(Resolution(5.0))
        probe.source.stop()
        ear.on_fix(fix)

    probe.source.start(stop_at_once, ear.on_status)
    probe.locate(60.0, 24.0)
    assert ear.until_fixes(1), "no fix arrived, or stop from within a callback never returned"
    probe.locate(60.0, 24.1)
    assert len(ear.fixes) == 1, "a fix came after stop from within a callback"
