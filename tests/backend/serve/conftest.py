import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from endcap_backend.config import Settings
from endcap_backend.serve import Backend

CONSENT = {"consent": {"purposes": ["location", "promotions"], "text_version": "2026-11"}}


class IdlePipeline:
    """A pipeline that reads nothing; it tells when it was stopped."""

    def __init__(self) -> None:
        self.stopped = False

    def start(self) -> None:
        self.stopped = False

    def stop(self) -> None:
        self.stopped = True

    def ready(self) -> bool:
        return not self.stopped

    def stats(self) -> Mapping[str, float]:
        return {}


@pytest.fixture
def start_backend(tmp_path: Path) -> Iterator[Callable[..., Backend]]:
    """Starts a backend in this process, with waitress on a free port and nothing behind the log."""
    started: list[Backend] = []

    def start_backend(**settings: Any) -> Backend:
        found = Settings(**{"port": 0, "data": tmp_path / "data", "min_free_mb": 0, **settings})
        backend = Backend(found, lambda settings, log, database, clock: IdlePipeline())
        started.append(backend)
        backend.start()
        return backend

    yield start_backend
    for backend in started:
        backend.stop()


class Served:
    """`endcap-backend serve` as a process of its own."""

    def __init__(self, data: Path, *switches: str, **environ: str) -> None:
        command = [sys.executable, "-m", "endcap_backend", "serve", "--port", "0", "--data", str(data), *switches]
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ENDCAP_")}
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**kept, **environ}
        )

    def url(self) -> str:
        """Its address, once it is ready."""
        assert self.process.stdout is not None
        return str(json.loads(self.process.stdout.readline())["http"])

    def end(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """Send a signal; the exit status and what it logged."""
        self.process.send_signal(number)
        _, logged = self.process.communicate(timeout=20)
        return self.process.returncode, logged


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Served]]:
    """Runs `endcap-backend serve` on one data folder, in a process of its own."""
    running: list[Served] = []

    def serve(*switches: str, **environ: str) -> Served:
        running.append(Served(tmp_path / "data", *switches, **environ))
        return running[-1]

    yield serve
    for each in running:
        if each.process.poll() is None:
            each.process.kill()
            each.process.wait()
        for stream in (each.process.stdout, each.process.stderr):
            if stream is not None:
                stream.close()


@pytest.fixture
def phone() -> Iterator[Callable[[str], httpx.Client]]:
    """A shopper's phone at an address: she has agreed, and her token goes with every request."""
    phones: list[httpx.Client] = []

    def phone(url: str) -> httpx.Client:
        client = httpx.Client(base_url=url, timeout=20)
        phones.append(client)
        session = client.post("/v1/sessions", json=CONSENT).raise_for_status().json()
        client.headers["Authorization"] = f"Bearer {session['token']}"
        return client

    yield phone
    for client in phones:
        client.close()
