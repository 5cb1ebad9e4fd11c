"""`endcap ably`: started, used over TLS, ended."""

from __future__ import annotations

import json
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

WAIT_S = 30.0  # less than the minute for which a server asks its clients to leave by themselves


@contextmanager
def running(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """The command, once it has printed its line."""
    command = [sys.executable, "-m", "endcap_devkit", "ably", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process, json.loads(process.stdout.readline())
        finally:
            process.kill()


def test_the_command_says_where_it_is_and_sigterm_ends_it(tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    with running("--tls-port", "0", "--ca-out", str(ca), "--key", "local.dev:s") as (process, ready):
        assert set(ready) == {"http", "tls", "ca", "key"}
        assert (ready["key"], ready["ca"]) == ("local.dev:s", str(ca))
        trusting = ssl.create_default_context(cafile=ready["ca"])
        for host in ("localhost", "127.0.0.1"):
            url = ready["tls"].replace("localhost", host)
            assert httpx.get(f"{url}/time", verify=trusting).status_code == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(WAIT_S) == 0


def test_a_client_that_still_listens_does_not_keep_the_command_alive() -> None:
    with running("--key", "local.dev:s") as (process, ready):
        url = f"{ready['http']}/sse?channels=chat&key=local.dev:s"
        with httpx.stream("GET", url, timeout=WAIT_S, verify=False) as stream:
            assert stream.status_code == 200
            process.send_signal(signal.SIGINT)
            assert process.wait(WAIT_S) == 0


def test_without_tls_there_is_no_ca() -> None:
    with running() as (_, ready):
        assert (ready["tls"], ready["ca"]) == (None, None)
        assert len(ready["key"].split(":")) == 2


def test_its_key_comes_from_the_environment_and_stands_on_no_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENDCAP_ABLY_KEY", "local.dev:from-the-environment")
    with running() as (_, ready):
        assert ready["key"] == "local.dev:from-the-environment"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--key", "nonsense"], "endcap ably: --key: must read app.id:secret"),
        (["--rule", "nonsense"], "--rule: 'nonsense' must read CHANNELS=URL"),
        (["--ca-out", "ca.pem"], "--ca-out: needs --tls-port"),
        (["--port", "99999"], "argument --port: must be a whole number from 0 to 65535, not '99999'"),
    ],
)
def test_a_switch_that_cannot_be_is_named(arguments: list[str], complaint: str) -> None:
    command = [sys.executable, "-m", "endcap_devkit", "ably", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=WAIT_S, check=False)
    assert done.returncode == 2
    assert complaint in done.stderr


def test_a_key_from_the_environment_that_cannot_be_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENDCAP_ABLY_KEY", "nonsense")
    command = [sys.executable, "-m", "endcap_devkit", "ably"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=WAIT_S, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("endcap ably: ENDCAP_ABLY_KEY: must read app.id:secret")


@pytest.mark.parametrize("switch", ["port", "tls-port"])
def test_a_taken_port_is_named(switch: str) -> None:
    with running() as (_, ready):
        port = ready["http"].rpartition(":")[2]
        command = [sys.executable, "-m", "endcap_devkit", "ably", f"--{switch}", port]
        done = subprocess.run(command, capture_output=True, text=True, timeout=WAIT_S, check=False)
    assert done.returncode == 1
    assert done.stderr == (
        f"endcap ably: {switch}: can't listen on 127.0.0.1:{port} (Address already in use): "
        f"choose another with --{switch}, or 0 for a free one\n"
    )
