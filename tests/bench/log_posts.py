"""Posting fixes: from the request to the 202 that says they are on disk, over loopback, with a process of its own."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple

A_FIX = {"latitude": 60.16952, "longitude": 24.93545, "accuracy_m": 8.0, "source": "gps"}
UNLIMITED = {"ENDCAP_USER_REQUESTS_PER_S": "1e6", "ENDCAP_USER_REQUESTS_BURST": "1000000000",
             "ENDCAP_USER_FIXES_PER_S": "1e9", "ENDCAP_USER_FIXES_BURST": "1000000000",
             "ENDCAP_LOG_LEVEL": "WARNING"}  # fmt: skip


class Measured(NamedTuple):
    """Latencies in ms, and what got through."""

    posts_per_s: float
    p50_ms: float
    p95_ms: float
    p99_ms: float


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """`endcap-backend serve` on a free port; gives host:port."""
    command = [sys.executable, "-m", "endcap_backend", "serve", "--port", "0", "--data", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, **UNLIMITED}) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["http"].removeprefix("http://")
        process.terminate()


class Phone:
    """One shopper on one connection."""

    def __init__(self, address: str, name: str) -> None:
        self._connection = HTTPConnection(address)
        self._headers = {"Content-Type": "application/json"}
        self._name = name
        self._sent = 0
        consent = {"purposes": ["location"], "text_version": "1"}
        self._headers["Authorization"] = f"Bearer {self._post('/v1/sessions', {'consent': consent})['token']}"

    def send(self, fixes: int) -> float:
        """Post so many fixes at once; how long it took, in ms."""
        items = [{**A_FIX, "id": f"{self._name}:{self._sent + number}"} for number in range(fixes)]
        self._sent += fixes
        began = time.perf_counter()
        answer = self._post("/v1/locations", {"locations": items})
        assert answer["accepted"] == fixes
        return (time.perf_counter() - began) * 1000

    def close(self) -> None:
        self._connection.close()

    def _post(self, path: str, body: object) -> Any:
        self._connection.request("POST", path, json.dumps(body), self._headers)
        return json.loads(self._connection.getresponse().read())


def measured(address: str, run: str, phones: int, posts: int, fixes: int) -> Measured:
    """Each of `phones` sends its share of `posts`, one after the other."""
    took: list[float] = []

    def walk(number: int) -> None:
        phone = Phone(address, f"{run}-{number}")
        took.extend([phone.send(fixes) for _ in range(posts // phones)])
        phone.close()

    threads = [Thread(target=walk, args=(number,)) for number in range(phones)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    cuts = statistics.quantiles(took, n=100)
    return Measured(len(took) / (time.perf_counter() - began), cuts[49], cuts[94], cuts[98])


def run(quick: bool) -> str:
    """Markdown; phones and backend share the machine's cores."""
    posts = 1500 if quick else 6000
    lines = [
        "### Posting fixes",
        "",
        "From the request to the 202, every fix on disk by then; pipeline running, loopback, client on the same cores.",
        "",
        "| phones | fixes a post | posts/s | fixes/s | p50 | p95 | p99 |",
        "|---|---|---|---|---|---|---|",
    ]
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder, served(Path(folder)) as address:
        measured(address, "warm", 8, 400, 1)
        for turn, (phones, fixes) in enumerate(((1, 1), (8, 1), (32, 1), (4, 100), (4, 500))):
            found = measured(address, f"r{turn}", phones, max(phones * 5, posts // fixes), fixes)
            lines.append(
                f"| {phones} | {fixes} | {found.posts_per_s:,.0f} | {found.posts_per_s * fixes:,.0f} "
                f"| {found.p50_ms:.1f} ms | {found.p95_ms:.1f} ms | {found.p99_ms:.1f} ms |"
            )
    return "\n".join(lines)
