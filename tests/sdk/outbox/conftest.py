"""Outboxes on a clock of the test's."""

import pytest

from endcap.outbox import Outbox
from endcap.testing import ManualClock


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def open_outbox(tmp_path, clock):
    opened = []

    def open_one(**settings):
        opened.append(Outbox(tmp_path / "box", clock=clock, **settings))
        return opened[-1]

    yield open_one
    for outbox in opened:
        outbox.close()


@pytest.fixture
def outbox(open_outbox):
    return open_outbox()
