"""The local Ably, judged by the official JavaScript client in Node as it is published."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from endcap_devkit.ably_server import AblyServer

pytestmark = pytest.mark.node

ROOT = Path(__file__).parents[2]
CLIENT = ROOT / ".cache/node/node_modules/ably/build/ably-node.js"
SCRIPT = Path(__file__).parent / "js/conformance.mjs"
WAIT_S = 90.0

EXPECTED = {
    "publish": [{"x": 1}, "text", [0, 255], None],
    "token_renewed_in_mid_stream": {"told": list("01234567"), "issued": 5},
    "offline_publishes_arrive_once": ["before", *(str(number) for number in range(20)), "after"],
    "an_unanswered_publish_is_sent_again_and_published_once": ["0", "1", "2"],
    "rewind": ["last", "new"],
    "recover": {"heard": "missed", "same": True},
    "presence": {
        "members": ["u1"],
        "seen": [["enter", "u1", {"aisle": 3}], ["update", "u1", {"aisle": 4}], ["leave", "u1", {"aisle": 4}]],
    },
    "capability": [0, 40160, 40160],
    "history_and_batch": {"told": list("0123456"), "active": True, "time": True},
}


def seen(scenario: str, url: str, key: str, ca: Path | None = None, binary: bool = True) -> Any:
    """What the scenario printed."""
    place = {"ABLY_URL": url, "ABLY_KEY": key, "ABLY_MODULE": str(CLIENT), "ABLY_BINARY": str(int(binary))}
    trust = {"NODE_EXTRA_CA_CERTS": str(ca)} if ca else {}
    command = ["node", str(SCRIPT), scenario]
    environment = {**os.environ, **place, **trust}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=WAIT_S, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[tuple[AblyServer, Path]]:
    """A server with a TLS port, and its CA."""
    with AblyServer(tls_port=0) as server:
        ca = tmp_path / "ca.pem"
        ca.write_bytes(server.ca_pem or b"")
        yield server, ca


@pytest.mark.parametrize("scenario", EXPECTED)
def test_the_client_sees_what_it_should(ably_server: AblyServer, scenario: str) -> None:
    assert seen(scenario, ably_server.url, ably_server.key) == EXPECTED[scenario]


@pytest.mark.parametrize("scenario", ["publish", "token_renewed_in_mid_stream", "presence"])
def test_in_json_it_sees_the_same(ably_server: AblyServer, scenario: str) -> None:
    assert seen(scenario, ably_server.url, ably_server.key, binary=False) == EXPECTED[scenario]


@pytest.mark.parametrize("scenario", ["publish", "history_and_batch"])
def test_over_tls_it_sees_the_same(secure: tuple[AblyServer, Path], scenario: str) -> None:
    server, ca = secure
    assert server.tls_url is not None
    assert seen(scenario, server.tls_url, server.key, ca) == EXPECTED[scenario]
