"""The demo's children start in order, are watched, and never stay behind."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from endcap.errors import BadConfig
from endcap_devkit.demo.city import load_city
from endcap_devkit.demo.parts import Parts
from endcap_devkit.demo.settings import Settings
from endcap_devkit.demo.signs import signs
from endcap_devkit.demo.tree import ChildFailed, Tree
from endcap_devkit.ports import free_port

GOOD = "import json, signal, sys; print(json.dumps({'http': sys.argv[1]}), flush=True); signal.pause()"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('{}', flush=True); signal.pause()"
TIDY = """
import pathlib, signal, sys
def tidy(*_):
    pathlib.Path(sys.argv[1]).write_text("tidy")
    sys.exit()
signal.signal(signal.SIGTERM, tidy)
print("{}", flush=True)
while True:
    signal.pause()
"""
QUITS = "import sys; sys.stdin.read(); print('{}', flush=True); sys.stderr.write('out of paper\\n'); sys.exit(3)"
CHATTY = "import signal; print('welcome', flush=True); signal.pause()"
SILENT = "import sys; sys.stderr.write('no such folder\\n'); sys.exit(2)"


@pytest.fixture
def modules(tmp_path, monkeypatch):
    """Small modules a tree can start, by name."""
    codes = {
        "good": GOOD, "tidy": TIDY, "stubborn": STUBBORN, "quits": QUITS, "silent": SILENT, "chatty": CHATTY
    }  # fmt: skip
    for name, code in codes.items():
        (tmp_path / f"a_{name}.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *sys.path]))
    return tmp_path


@pytest.fixture
def taken_port():
    with socket.create_server(("127.0.0.1", 0)) as holder:
        yield holder.getsockname()[1]


def alive(pid):
    """True while the process exists and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


async def gone(pid, timeout_s=10.0):
    async with asyncio.timeout(timeout_s):
        while alive(pid):
            await asyncio.sleep(0.02)


def test_a_childs_first_line_says_that_it_is_ready(modules):
    async def scenario():
        tree = Tree(modules / "logs")
        ready = await tree.start("good", "a_good", ["http://x"], {})
        pids = tree.pids()
        await tree.stop()
        return ready, pids

    ready, pids = asyncio.run(scenario())
    assert ready == {"http": "http://x"}
    assert len(pids) == 1
    assert not alive(pids[0])


def test_a_child_that_does_not_start_is_named_with_the_end_of_its_log(modules):
    async def scenario():
        tree = Tree(modules / "logs")
        try:
            await tree.start("backend", "a_silent", [], {})
        finally:
            assert tree.pids() == []
            await tree.stop()

    with pytest.raises(ChildFailed, match=r"backend did not start\n  backend \| no such folder"):
        asyncio.run(scenario())


def test_a_child_that_says_something_else_first_and_stays_is_not_waited_for(modules, monkeypatch):
    monkeypatch.setattr("endcap_devkit.demo.tree.STOP_S", 0.3)

    async def scenario():
        tree = Tree(modules / "logs")
        try:
            async with asyncio.timeout(20):
                await tree.start("printer", "a_chatty", [], {})
        finally:
            await tree.stop()

    with pytest.raises(ChildFailed, match="printer did not start"):
        asyncio.run(scenario())


def test_a_child_that_ends_by_itself_is_noticed(modules):
    async def scenario():
        tree = Tree(modules / "logs")
        await tree.start("good", "a_good", ["-"], {})
        await tree.start("lite", "a_quits", [], {})
        try:
            await tree.until_one_ends()
        finally:
            await tree.stop()

    with pytest.raises(ChildFailed, match=r"lite ended with status 3\n  lite \| out of paper"):
        asyncio.run(scenario())


def test_what_children_complained_of_can_be_told(modules):
    (modules / "a_sour.py").write_text(
        "import sys; sys.stderr.write('1 INFO all well\\n2 ERROR no ink\\n');"
        "import json, signal; print('{}', flush=True); signal.pause()"
    )

    async def scenario():
        tree = Tree(modules / "logs")
        await tree.start("printer", "a_sour", [], {})
        said = tree.complaints()
        await tree.stop()
        return said

    assert asyncio.run(scenario()) == "  printer | 2 ERROR no ink"


def test_a_child_that_ignores_sigterm_is_killed(modules, monkeypatch):
    monkeypatch.setattr("endcap_devkit.demo.tree.STOP_S", 0.3)

    async def scenario():
        tree = Tree(modules / "logs")
        await tree.start("stubborn", "a_stubborn", [], {})
        pids = tree.pids()
        await tree.stop()
        return pids

    assert not alive(asyncio.run(scenario())[0])


def test_children_end_in_order_when_their_parent_was_killed(modules):
    parent = textwrap.dedent(
        """
        import asyncio, pathlib, sys
        from endcap_devkit.demo.tree import Tree

        async def main():
            tree = Tree(pathlib.Path(sys.argv[1]))
            await tree.start("one", "a_tidy", [sys.argv[1] + ".one"], {})
            await tree.start("two", "a_tidy", [sys.argv[1] + ".two"], {})
            print(*tree.pids(), flush=True)
            await asyncio.Event().wait()

        asyncio.run(main())
        """
    )
    with subprocess.Popen(
        [sys.executable, "-c", parent, str(modules / "logs")], stdout=subprocess.PIPE, text=True
    ) as running:
        pids = [int(pid) for pid in running.stdout.readline().split()]
        assert [alive(pid) for pid in pids] == [True, True]
        os.kill(running.pid, signal.SIGKILL)
    for pid in pids:
        asyncio.run(gone(pid))
    assert [(modules / f"logs.{name}").read_text() for name in ("one", "two")] == ["tidy", "tidy"]


def test_a_taken_port_is_named_with_its_switch(taken_port):
    with pytest.raises(BadConfig, match=rf"^lite-port: port {taken_port} of 127\.0\.0\.1 is in use"):
        Settings(lite_port=taken_port).check_ports()


def test_the_backend_takes_its_usual_port_when_nobody_else_has_or_wants_it(taken_port, monkeypatch):
    port = free_port()
    monkeypatch.setattr("endcap_devkit.demo.settings.BACKEND_PORT", port)
    assert Settings().preferred_backend_port() == port
    assert Settings(lite_port=port).preferred_backend_port() == 0
    assert Settings(backend_port=47113).preferred_backend_port() == 47113
    monkeypatch.setattr("endcap_devkit.demo.settings.BACKEND_PORT", taken_port)
    assert Settings().preferred_backend_port() == 0


def test_a_backend_whose_usual_port_is_taken_while_it_starts_takes_another(taken_port, modules, monkeypatch):
    monkeypatch.setattr("endcap_devkit.demo.settings.BACKEND_PORT", taken_port)
    monkeypatch.setattr("endcap_devkit.demo.settings.is_free", lambda host, port: True)

    async def scenario():
        tree = Tree(modules / "logs")
        parts = Parts(tree, Settings(), modules)
        try:
            addresses = await parts.start_servers("http://localhost:1")
            return addresses["backend"], len(tree.pids())
        finally:
            await tree.stop()

    city = load_city()
    (modules / "zones.csv").write_text(signs(city), encoding="utf-8")
    address, running = asyncio.run(scenario())
    assert running == 2
    assert not address.endswith(f":{taken_port}")


def test_one_port_for_two_things_is_refused():
    with pytest.raises(BadConfig, match=r"--port: port 47113 is chosen twice"):
        Settings(port=47113, ably_port=47113).check_ports()


@pytest.mark.parametrize(
    ("setting", "value", "switch"), [("shoppers", 5000, "--shoppers"), ("pace", 0.0, "--pace"), ("port", -1, "--port")]
)
def test_a_setting_out_of_range_is_named_by_its_switch(setting, value, switch):
    with pytest.raises(BadConfig, match=rf"^{switch}: must be from"):
        Settings(**{setting: value})
