"""How the tests are shared among processes: a file is never cut, and all that needs a window stays together.

A file's tests share its brokers, browsers and servers; the tests in a window share one process with one screen.
"""

import pytest

WINDOW = "tests/shopper_app/ui/"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            return WINDOW if nodeid.startswith(WINDOW) else nodeid.split("::", 1)[0]

    return ByFile(config, log)
