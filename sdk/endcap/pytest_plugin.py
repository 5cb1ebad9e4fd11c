"""Fixtures for an app that embeds the SDK: put `pytest_plugins = ["endcap.pytest_plugin"]` into its conftest.py."""

from __future__ import annotations

import pytest

from endcap.testing import ManualClock, RecordingTransport, ScriptedSource


@pytest.fixture
def fake_clock() -> ManualClock:
    """Time that stands still until the test advances it."""
    return ManualClock()


@pytest.fixture
def fake_source() -> ScriptedSource:
    """A location source that emits what the test tells it to."""
    return ScriptedSource()


@pytest.fixture
def fake_transport() -> RecordingTransport:
    """A way out that leads nowhere and keeps what it was given."""
    return RecordingTransport()
