"""The demo as a person meets it: one command, addresses that answer, a check, and nothing left behind."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from endcap_devkit.ports import free_port

LIMIT_S = 90.0


def test_it_says_where_its_data_is_and_who_may_sign_in(demo):
    folder = re.search(r"^  Data +(\S+) \(gone at the end\)$", demo.said, re.M)[1]
    assert (Path(folder) / "backend" / "log.db").is_file()
    password = re.search(r"\(name manager, password (\S+)\)", demo.said)[1]
    assert "endcap till CODE --url http" in demo.said
    body = json.dumps({"name": "till-1", "password": password}).encode()
    address = demo.links["Backend"].replace("/readyz", "/v1/staff/sessions")
    asked = urllib.request.Request(address, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(asked, timeout=30) as answer:
        assert json.load(answer)["role"] == "till"


@pytest.mark.slow
def test_the_check_passes_and_says_what_it_saw(tmp_path):
    ran = subprocess.run(
        [sys.executable, "-m", "endcap_devkit", "demo", "--check", "--shoppers", "60", "--phones", "2"],
        capture_output=True, text=True, timeout=2 * LIMIT_S,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert re.search(r"ok +offers over WebSocket, official ably client +\d+", ran.stdout)
    assert re.search(r"ok +offers over SSE +\d+", ran.stdout)
    assert re.search(r"p50 [\d.]+ ms, p95 [\d.]+ ms", ran.stdout)


@pytest.mark.slow
@pytest.mark.kafka
def test_through_kafka_the_check_passes_too():
    ran = subprocess.run(
        [sys.executable, "-m", "endcap_devkit", "demo", "--kafka", "--check", "--shoppers", "40", "--phones", "1"],
        capture_output=True, text=True, timeout=4 * LIMIT_S,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert re.search(r"ok +offers that came twice +0", ran.stdout)


def test_every_address_it_prints_answers(demo):
    for name, path in (
        ("Map", ""),
        ("Map", "scene.json"),
        ("Map", "lite.svg"),
        ("Lite page", ""),
        ("Backend", ""),
        ("Local Ably", "time"),
    ):
        with urllib.request.urlopen(demo.links[name] + path, timeout=5) as answer:
            assert answer.status == 200, (name, path)


def test_no_command_line_has_the_key_of_its_ably(demo):
    started = {
        Path(f"/proc/{pid}/cmdline").read_bytes(): Path(f"/proc/{pid}/environ").read_bytes() for pid in demo.children
    }
    (key,) = set(re.findall(rb"\0ENDCAP_ABLY_KEY=([^\0]+)", b"".join(started.values())))
    assert [command for command in started if key in command or b"--key" in command] == []


def test_its_health_has_the_figures(demo, wait_for):
    wait_for(lambda: demo.health().get("fixes", 0) > 0, "no fix was accepted")
    assert demo.health()["status"] == "ok"


def test_chosen_ports_are_used_and_ctrl_c_leaves_nothing_behind(tmp_path, start_demo):
    ports = {"Map": free_port(), "Backend": free_port(), "Local Ably": free_port(), "Lite page": free_port()}
    names = {"Map": "--port", "Backend": "--backend-port", "Local Ably": "--ably-port", "Lite page": "--lite-port"}
    switches = [word for name, port in ports.items() for word in (names[name], str(port))]
    demo = start_demo(tmp_path, "--shoppers", "5", "--phones", "1", *switches)
    expected = {**ports, "Console": ports["Backend"]}
    assert {name: int(re.search(r":(\d+)", link)[1]) for name, link in demo.links.items()} == expected
    assert len(demo.children) == 3
    status, errors = demo.stop(signal.SIGINT)
    assert (status, errors) == (0, "")
    assert demo.children_alive() == []
    assert list(demo.scratch.iterdir()) == []


def test_a_child_that_dies_takes_the_demo_with_it_and_is_named(tmp_path, start_demo):
    demo = start_demo(tmp_path, "--shoppers", "5", "--phones", "0")
    backend = next(pid for pid in demo.children if b"endcap_backend" in Path(f"/proc/{pid}/cmdline").read_bytes())
    os.kill(backend, signal.SIGKILL)
    _, errors = demo.process.communicate(timeout=LIMIT_S)
    assert demo.process.returncode == 1
    assert "backend ended with status -9" in errors
    assert demo.children_alive() == []


def test_killed_outright_it_leaves_no_process_and_starts_again_on_its_data(tmp_path, start_demo, wait_for):
    switches = ("--shoppers", "20", "--phones", "1", "--data", str(tmp_path / "kept"))
    for attempt in ("first", "second"):
        (tmp_path / attempt).mkdir()
        demo = start_demo(tmp_path / attempt, *switches)
        wait_for(lambda demo=demo: demo.health().get("offers", 0) > 0, "no offer arrived")
        demo.stop(signal.SIGKILL)
        wait_for(lambda demo=demo: not demo.children_alive(), "a child outlived the demo")


@pytest.mark.parametrize("folder", ["taken/data", "taken", "/proc/nope", "/proc"])
def test_a_data_folder_that_can_t_be_used_is_said(tmp_path, folder):
    (tmp_path / "taken").touch()
    folder = tmp_path / folder
    ran = subprocess.run(
        [sys.executable, "-m", "endcap_devkit", "demo", "--data", str(folder)],
        capture_output=True, text=True, timeout=30,
    )  # fmt: skip
    reason = "Not a directory" if "taken" in str(folder) else "No such file or directory"
    said = f"{folder} can't be used: {reason}; choose a folder that you may write to"
    assert (ran.returncode, ran.stderr) == (1, f"endcap demo: data: {said}\n")


def test_a_port_in_use_is_said_and_nothing_is_started():
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
        ran = subprocess.run(
            [sys.executable, "-m", "endcap_devkit", "demo", "--port", str(port)],
            capture_output=True, text=True, timeout=30,
        )  # fmt: skip
    assert ran.returncode == 1
    assert f"endcap demo: port: port {port} of 127.0.0.1 is in use; choose another with --port, or 0" in ran.stderr
