"""A demo that runs for all of these tests, and a browser that looks at its page."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from threading import Event

import pytest
from playwright.sync_api import sync_playwright

from endcap_devkit.ports import free_port

CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]
LIMIT_S = 90.0


class Demo:
    """A running `endcap demo`; `links` are the addresses it printed."""

    def __init__(self, folder: Path, *switches: str) -> None:
        self.scratch = folder / "tmp"
        self.scratch.mkdir()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "endcap_devkit", "demo", *switches],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "TMPDIR": str(self.scratch)},
        )  # fmt: skip
        self.said = ""
        self.links = dict(self._read_links())
        self.children = children_of(self.process.pid)

    def _read_links(self):
        for line in self.process.stdout:
            self.said += line
            if found := re.match(r"  (\w+(?: \w+)*) +(http\S+)", line):
                yield found.groups()
            if line.startswith("Ctrl-C"):
                return
        raise AssertionError(f"the demo ended: {self.process.stderr.read()}")

    def end(self) -> None:
        """Whatever state it is in: no process, no open pipe."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def stop(self, number: int = signal.SIGINT) -> tuple[int, str]:
        """Send a signal; the exit status and what was said on standard error."""
        self.process.send_signal(number)
        _, errors = self.process.communicate(timeout=LIMIT_S)
        return self.process.returncode, errors

    def children_alive(self) -> list[int]:
        return [pid for pid in self.children if alive(pid)]

    def health(self):
        with urllib.request.urlopen(f"{self.links['Map']}healthz", timeout=5) as answer:
            return json.load(answer)


def children_of(pid):
    return [int(stat.parent.name) for stat in Path("/proc").glob("[0-9]*/stat") if fields_of(stat)[1:2] == [str(pid)]]


def alive(pid):
    return fields_of(Path(f"/proc/{pid}/stat"))[:1] not in ([], ["Z"])


def fields_of(stat):
    """State, parent and so on of a process; nothing when there is none."""
    try:
        return stat.read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def _wait_for(condition, what):
    deadline_s = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < deadline_s, what
        Event().wait(0.05)


def _until(page, expression, arg=None):
    """Wait until an expression, or a function of `arg`, is true in the page, whose policy forbids to wait inside it."""
    deadline_s = time.monotonic() + LIMIT_S
    while not page.evaluate(expression, arg):
        assert time.monotonic() < deadline_s, expression
        page.wait_for_timeout(50)


@pytest.fixture
def wait_for():
    """Waits until a condition holds; fails with what was awaited."""
    return _wait_for


@pytest.fixture
def until():
    """Waits until an expression is true in a page."""
    return _until


@pytest.fixture(scope="package")
def demo(tmp_path_factory):
    running = Demo(tmp_path_factory.mktemp("demo"), "--shoppers", "60", "--phones", "2", "--port", str(free_port()))
    yield running
    running.end()


@pytest.fixture
def start_demo():
    """Starts demos that are gone when the test is over."""
    started = []

    def start(folder, *switches):
        started.append(Demo(folder, *switches))
        return started[-1]

    yield start
    for each in started:
        each.end()


@pytest.fixture(scope="module")  # its event loop must not outlive the file: others run their own
def browser():
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def visit(browser, demo):
    """Opens the page in a window of a given size; fails on anything in the console when the test is over."""
    said, contexts = [], []

    def open_page(width=1280, height=800, **options):
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda line: said.append(line.text) if line.type in ("error", "warning") else None)
        page.on("pageerror", lambda fault: said.append(str(fault)))
        page.goto(demo.links["Map"])
        _until(page, "window.endcap && endcap.crowd.people.size > 20")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert said == []
