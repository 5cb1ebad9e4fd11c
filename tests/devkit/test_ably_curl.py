"""The local Ably from a shell: curl is how one looks at Ably by hand, and what its documentation is written in."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from endcap_devkit.ably_server import AblyServer

WAIT_S = "20"


def curl(*arguments: str) -> Any:
    command = ["curl", "--silent", "--show-error", "--max-time", WAIT_S, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@contextmanager
def streamed(url: str) -> Iterator[Iterator[str]]:
    """The lines of an event stream, as they come."""
    command = ["curl", "--silent", "--no-buffer", "--max-time", WAIT_S, url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout
        process.kill()


def publish(server: AblyServer, channel: str, body: str) -> Any:
    kind = ("--header", "Content-Type: application/json")
    return curl("--user", server.key, *kind, "--data", body, f"{server.url}/channels/{channel}/messages")


def test_a_message_is_published_with_the_key_and_read_from_history(ably_server: AblyServer) -> None:
    told = publish(ably_server, "chat", '{"name": "said", "data": "hello"}')
    assert told["channel"] == "chat"
    history = curl("--user", ably_server.key, f"{ably_server.url}/channels/chat/messages")
    assert [(each["name"], each["data"]) for each in history] == [("said", "hello")]


def test_a_refusal_carries_ably_s_code_in_the_body_and_the_headers(ably_server: AblyServer) -> None:
    asked = ("--user", f"{ably_server.key.partition(':')[0]}:wrong", f"{ably_server.url}/channels/chat/messages")
    assert curl(*asked)["error"]["code"] == 40101
    assert curl("--output", "/dev/null", "--write-out", "%header{x-ably-errorcode}", *asked) == 40101


def test_a_stream_resumes_after_the_event_it_is_told(ably_server: AblyServer) -> None:
    url = f"{ably_server.url}/sse?v=1.2&channels=chat&key={ably_server.key}"
    with streamed(f"{url}&rewind=2") as lines:
        publish(ably_server, "chat", '[{"data": "one"}, {"data": "two"}]')
        last = next(line.partition(":")[2].strip() for line in lines if line.startswith("id:"))
    with streamed(f"{url}&lastEvent={last}") as lines:
        data = next(json.loads(line.partition(":")[2]) for line in lines if line.startswith("data:"))
    assert data["data"] == "two"


@pytest.mark.ably(tls_port=0)
def test_over_tls_the_ca_that_was_written_is_enough(ably_server: AblyServer, tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    ca.write_bytes(ably_server.ca_pem or b"")
    (now_ms,) = curl("--cacert", str(ca), f"{ably_server.tls_url}/time")
    assert now_ms > 1_700_000_000_000
