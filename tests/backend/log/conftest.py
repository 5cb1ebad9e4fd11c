from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from endcap.testing import ManualClock
from endcap_backend.log import Log, NewRecord

OpenLog = Callable[..., Log]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log.db"


@pytest.fixture
def open_log(path: Path, clock: ManualClock) -> Iterator[OpenLog]:
    """Opens the log at `path`, with no bound on the disk unless the test names one; closes them all at the end."""
    opened: list[Log] = []

    def open_log(**settings: Any) -> Log:
        opened.append(Log(path, **{"clock": clock, "min_free_bytes": 0, **settings}))
        return opened[-1]

    yield open_log
    for log in opened:
        log.close()


@pytest.fixture
def log(open_log: OpenLog) -> Log:
    return open_log()


@pytest.fixture
def a_record() -> Callable[..., NewRecord]:
    """A record of shopper u1; name what differs. Give each an id of its own, or none."""

    def a_record(**changes: Any) -> NewRecord:
        settings = {"topic": "customers_locations", "key": "u1", "value": '{"uid":"u1"}', "timestamp_ms": 1000}
        return NewRecord(**{**settings, **changes})

    return a_record
