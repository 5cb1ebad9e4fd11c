"""Tests in a real window, under Xvfb, in a process of their own: Kivy is at home in none that does anything else.

The first of these tests starts the process with all of them; each test's reports are handed over as they come.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from endcap_shopper.ui.virtual_screen import VirtualScreen

HERE = Path(__file__).parent
REPORTS_FD = "ENDCAP_WINDOW_REPORTS"  # set in the process of the window: where its reports go


def in_window_process():
    return REPORTS_FD in os.environ


class WindowProcess:
    """The other process: an Xvfb, and pytest with the same tests."""

    def __init__(self, config, items, folder):
        self._config = config
        self._reports = {}
        self._screen = VirtualScreen()
        read, write = os.pipe()
        self._out = folder / "window-tests.txt"
        told = {"DISPLAY": self._screen.display, REPORTS_FD: str(write), "ENDCAP_KIVY_HOME": str(folder / "kivy")}
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *(item.nodeid for item in items)]
        with self._out.open("w") as out:
            self._tests = subprocess.Popen(
                command, cwd=config.rootpath, env=os.environ | told, pass_fds=[write], stdout=out, stderr=out
            )
        os.close(write)
        self._lines = os.fdopen(read)

    def reports_of(self, item):
        """The reports of one test, in order; fewer than three when the process ended under it."""
        found = self._reports.setdefault(item.nodeid, [])
        while not (found and found[-1].when == "teardown"):
            line = self._lines.readline()
            if not line:
                return [*found, self._broken(item)]
            report = self._config.hook.pytest_report_from_serializable(config=self._config, data=json.loads(line))
            self._reports.setdefault(report.nodeid, []).append(report)
        return found

    def close(self):
        self._tests.kill()  # SDL makes of a SIGTERM an event that nobody reads
        self._tests.wait()
        self._screen.close()

    def _broken(self, item):
        said = f"the process of the window ended during this test:\n{self._out.read_text()[-8000:]}"
        return pytest.TestReport(item.nodeid, item.location, {}, "failed", said, "call")


def pytest_runtest_protocol(item, nextitem):
    if in_window_process() or not item.path.is_relative_to(HERE):
        return None
    session = item.session
    if not hasattr(session, "window_process"):
        items = [each for each in session.items if each.path.is_relative_to(HERE)]
        folder = session.config._tmp_path_factory.mktemp("window")
        session.window_process = WindowProcess(session.config, items, folder)
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for report in session.window_process.reports_of(item):
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    session._setupstate.teardown_exact(nextitem)
    return True


def pytest_sessionfinish(session):
    if hasattr(session, "window_process"):
        session.window_process.close()


def pytest_runtest_logreport(report):
    if in_window_process():
        written = _CONFIG[0].hook.pytest_report_to_serializable(config=_CONFIG[0], report=report)
        os.write(int(os.environ[REPORTS_FD]), json.dumps(written, default=str).encode() + b"\n")


_CONFIG = []


def pytest_configure(config):
    _CONFIG.append(config)


def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.display)


# In the process of the window

if in_window_process():
    from endcap_shopper.ui.environment import prepare

    prepare(Path(os.environ["ENDCAP_KIVY_HOME"]), density=1.0, touch_only=True)


@pytest.fixture
def open_app():
    """Begin an app of the sample shopper, or of another one; a Driver."""
    from endcap_shopper.app import ShopperApp
    from endcap_shopper.sample import SampleShopper
    from endcap_shopper.ui.driver import Driver
    from endcap_shopper.views import Look

    drivers = []

    def begin(shopper=None, *, page=None, first_run_done=True, make=None, display=None, **look):
        shopper = shopper or SampleShopper(Look(**{"reduced_motion": True, **look}), first_run_done=first_run_done)
        driver = Driver(ShopperApp(make or (lambda post: shopper), display=display))
        drivers.append(driver)
        driver.shopper = driver.app.shopper
        if page:
            driver.app.go(page)
            driver.settle()
        return driver

    yield begin
    for driver in drivers:
        driver.close()
