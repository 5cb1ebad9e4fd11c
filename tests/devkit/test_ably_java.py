"""The local Ably, judged by the official Java client as it is published, the one Ably's Kafka connector is built on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
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


def seen(scenario: str, url: str, key: str, trust_store: str = "") -> Any:
    place = {"ABLY_URL": url, "ABLY_KEY": key, "CLASSPATH": CLASSPATH.read_text().strip(), "TRUST_STORE": trust_store}
    done = subprocess.run(
        [sys.executable, str(SCRIPT), scenario],
        env={**os.environ, **place},
        capture_output=True,
        text=True,
        timeout=WAIT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[AblyServer, str]]:
    """A server that speaks TLS, and a Java trust store with its CA."""
    folder = tmp_path_factory.mktemp("tls")
    with AblyServer(tls_port=0) as server:
        (folder / "ca.pem").write_bytes(server.ca_pem or b"")
        keytool = ["keytool", "-importcert", "-noprompt", "-storetype", "PKCS12", "-storepass", "changeit"]
        store = str(folder / "trust.p12")
        subprocess.run([*keytool, "-file", str(folder / "ca.pem"), "-keystore", store], check=True, capture_output=True)
        yield server, store


@pytest.mark.parametrize("scenario", EXPECTED)
def test_the_client_sees_what_it_should(ably_server: AblyServer, scenario: str) -> None:
    assert seen(scenario, ably_server.url, ably_server.key) == EXPECTED[scenario]


@pytest.mark.parametrize("scenario", ["batch", "realtime_msgpack"])
def test_over_tls_it_sees_the_same(secure: tuple[AblyServer, str], scenario: str) -> None:
    server, store = secure
    assert server.tls_url is not None
    assert seen(scenario, server.tls_url, server.key, store) == EXPECTED[scenario]
