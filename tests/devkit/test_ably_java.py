"""The local Ably, judged by the official Java client as it is published, the one Ably's Kafka connector is built on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from endcap_devkit.ably_server import AblyServer

pytestmark = pytest.mark.java

ROOT = Path(__file__).parents[2]
CLASSPATH = ROOT / ".cache/java/classpath"  # make java
SCRIPT = Path(__file__).parent / "java/conformance.py"
WAIT_S = 90.0

SPOKEN = {"codes": [0, 0, 0], "heard": [["said", "one"], ["said", "two"]], "newest": ["two"]}
EXPECTED: dict[str, Any] = {
    "batch": {"status": 201, "failures": [0, 1], "channel": "promotions:u1", "code": 40010},
    "realtime_msgpack": SPOKEN,
    "realtime_json": SPOKEN,
    "presence": {"code": 0, "members": [["u1", "aisle 3"]]},
    "refused": [0, 40160],
}


@pytest.mark.parametrize("scenario", EXPECTED)
def test_the_client_sees_what_it_should(ably_server: AblyServer, scenario: str) -> None:
    place = {"ABLY_URL": ably_server.url, "ABLY_KEY": ably_server.key, "CLASSPATH": CLASSPATH.read_text().strip()}
    command = [sys.executable, str(SCRIPT), scenario]
    done = subprocess.run(
        command, env={**os.environ, **place}, capture_output=True, text=True, timeout=WAIT_S, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == EXPECTED[scenario]
