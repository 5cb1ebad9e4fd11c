"""Waiting for a process of Java's to come up, and reading what it said when it did not."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

from endcap.clock import Clock
from endcap.errors import Unreachable

LOOK_S = 0.1  # between two looks


def await_start(
    process: subprocess.Popen[bytes],
    answers: Callable[[], bool],
    *,
    log: Path,
    clock: Clock,
    timeout_s: float,
    what: str,
    port: int,
) -> None:
    """Return once it answers. `what` and `port` name it in what goes wrong.

    Raises:
        Unreachable: it ended, or does not answer in time; the last lines of its log are in the message.
    """
    deadline_s = clock.monotonic() + timeout_s
    while clock.monotonic() < deadline_s:
        try:
            process.wait(timeout=LOOK_S)  # also the pause between two looks
        except subprocess.TimeoutExpired:
            if answers():
                return
            continue
        raise Unreachable(f"{what} ended while starting:\n{tail(log)}")
    raise Unreachable(f"{what} did not listen on port {port} within {timeout_s:.0f} s:\n{tail(log)}")


def tail(log: Path, lines: int = 15) -> str:
    """The last lines of a log; nothing when there is none."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:]) if log.exists() else ""
