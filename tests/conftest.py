"""How the tests are shared among processes: a file is never cut, and all that needs a window stays together.

A file's tests share its brokers, browsers and servers; the tests in a window share one process with one screen.
"""

import logging
import os

import pytest
from hypothesis import HealthCheck, settings

os.environ["KIVY_LOG_MODE"] = "PYTHON"  # else Kivy, once imported, takes over the logs of all tests, and at DEBUG

WINDOW = "tests/shopper_app/ui/"

# A machine that has other work makes an example take long, and a law must not fail by the luck of its draw:
# `ENDCAP_EXPLORE=1` draws other examples each time.
settings.register_profile(
    "endcap",
    deadline=None,
    derandomize="ENDCAP_EXPLORE" not in os.environ,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("endcap")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            return WINDOW if nodeid.startswith(WINDOW) else nodeid.split("::", 1)[0]

    return ByFile(config, log)


@pytest.fixture(autouse=True)
def logs_as_before():
    """Programs that a test runs in this process say how much is logged; the next test must not hear it."""
    before = {logger: logger.level for logger in _loggers()}
    yield
    for logger in _loggers():
        logger.setLevel(before.get(logger, logging.NOTSET))


def _loggers():
    known = logging.root.manager.loggerDict.values()
    return [logging.root, *(each for each in known if isinstance(each, logging.Logger))]
