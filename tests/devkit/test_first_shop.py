"""docs/operating.md: what a newcomer pastes makes a shop, and the offer arrives."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from threading import Event

import pytest

DOCS = Path(__file__).parents[2] / "docs" / "operating.md"
SECTION = re.search(r"## A first shop\n(.*?)\n## ", DOCS.read_text(), re.DOTALL)[1]
FILES, SERVERS, SHOPPER = re.findall(r"```sh\n(.*?)```", SECTION, re.DOTALL)
LIMIT_S = 60


@pytest.fixture
def shell(tmp_path):
    """Runs what is pasted into a shell of an empty folder; what it printed."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    env = {**{name: value for name, value in os.environ.items() if not name.startswith("ENDCAP_")}, "PATH": path}

    def run(text):
        return subprocess.run(
            ["sh", "-c", text], capture_output=True, text=True, timeout=LIMIT_S, cwd=tmp_path, env=env
        )

    run.start = lambda line: subprocess.Popen(
        ["sh", "-c", with_exec(line)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=tmp_path,
        env=env, start_new_session=True,
    )  # fmt: skip
    return run


def with_exec(line):
    """The same, without a shell between us and the server that is ended."""
    return re.sub(r"^((?:\w+=\S+ )*)(?=endcap)", r"\1exec ", line)


def wait_for_match(metrics):
    """Until the match has both shelves and the promotion: a fix before that brings no offer."""
    deadline_s = time.monotonic() + LIMIT_S
    wanted = 'stat="match placements"} 2.0', 'stat="match promotions"} 1.0'
    while True:
        with urllib.request.urlopen(metrics, timeout=LIMIT_S) as answer:
            told = answer.read().decode()
        if all(each in told for each in wanted):
            return
        assert time.monotonic() < deadline_s, told
        Event().wait(0.05)


def test_what_is_pasted_makes_a_shop_and_the_offer_arrives(shell):
    made = shell(FILES)
    assert made.stderr == ""
    assert made.stdout == (
        "placements: 2 new, 0 changed, 0 unchanged\n"
        "promotions: 1 new, 0 changed, 0 unchanged\n"
        "aino may sign in as manager\n"
    )
    moved = {}  # a port of the text -> the one taken here

    def here(text):
        for told, taken in moved.items():
            text = text.replace(told, taken)
        return text

    with ExitStack() as running:
        for line, told, switch in zip(
            SERVERS.splitlines(), (":8801", ":8700", ":8702"), ("", " --port 0", " --port 0"), strict=True
        ):
            wanted = here(line).replace("--port 8801", "--port 0") + switch
            if "endcap-lite" in line:
                wanted += f" --backend-url http://127.0.0.1{moved[':8700']}"
            server = running.enter_context(shell.start(wanted))
            running.callback(server.terminate)
            moved[told] = re.search(r":\d+$", json.loads(server.stdout.readline())["http"])[0]
        wait_for_match(f"http://127.0.0.1{moved[':8700']}/metrics")
        patient = here(SHOPPER).replace("--max-time 3", f"--max-time {LIMIT_S}")
        shopper = running.enter_context(shell.start(patient))
        running.callback(os.killpg, shopper.pid, signal.SIGTERM)
        posted, event, heard = (shopper.stdout.readline() for _ in range(3))  # the answer and the event's id: one line
        page = shell(f"curl -s http://127.0.0.1{moved[':8702']}/")
    assert '"accepted":1' in posted
    assert event == "event: message\n"
    assert "20 % off, right beside you in Dairy" in heard
    assert "Dairy</option>" in page.stdout
    assert "Corner shop" in page.stdout
