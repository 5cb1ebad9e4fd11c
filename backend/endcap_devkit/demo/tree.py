"""The demo's process tree: children that say when they are ready, are watched, and end when the demo does."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from endcap.errors import EndcapError

log = logging.getLogger("endcap.demo")

READY_S = 60.0  # for a child's first line, on a slow machine
STOP_S = 10.0  # from SIGTERM to SIGKILL
TAIL_LINES = 12  # of a failed child's log, shown


class ChildFailed(EndcapError):
    """A process of the demo did not start, or ended by itself; the message has the end of its log."""


@dataclass(slots=True)
class Child:
    name: str
    process: Process
    line: int  # our end of the leash: it ends when this is closed
    log_file: Path
    output: asyncio.Task[None] | None = None


class Tree:
    """Starts children one after the other and stops them the other way round. One thread: the demo's loop.

    Each child runs in a process group of its own, so that a Ctrl-C in the terminal reaches the demo alone, which then
    stops them in order; and on a leash (`endcap_devkit.demo.leash`), so that none stays behind whatever happens to us.
    """

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._children: list[Child] = []

    async def start(self, name: str, module: str, arguments: Sequence[str], env: Mapping[str, str]) -> dict[str, Any]:
        """Start `python -m module arguments` and give back the JSON object of its first line.

        Raises:
            ChildFailed: it ended, or said nothing within a minute.
        """
        child = await self._spawn(name, module, arguments, env)
        self._children.append(child)
        assert child.process.stdout is not None
        try:
            line = await asyncio.wait_for(child.process.stdout.readline(), READY_S)
            ready: dict[str, Any] = json.loads(line)
        except TimeoutError:
            await self._end(child)
            raise ChildFailed(f"{name} said nothing for {READY_S:g} s\n{_tail(child)}") from None
        except ValueError:
            with suppress(TimeoutError):  # what it says last comes when it ends; if it does not, `stop` sees to it
                await asyncio.wait_for(child.process.wait(), STOP_S)
            await self._end(child)
            raise ChildFailed(f"{name} did not start\n{_tail(child)}") from None
        child.output = asyncio.create_task(_drain(child.process.stdout))
        log.info("%s is ready: %s", name, ready.get("http", ""))
        return ready

    async def run(self, name: str, module: str, arguments: Sequence[str], env: Mapping[str, str]) -> None:
        """Run `python -m module arguments` to its end.

        Raises:
            ChildFailed: it ended with another status than 0.
        """
        child = await self._spawn(name, module, arguments, env)
        self._children.append(child)
        assert child.process.stdout is not None
        await _drain(child.process.stdout)
        status = await child.process.wait()
        self._children.remove(child)
        os.close(child.line)
        if status:
            raise ChildFailed(f"{name} ended with status {status}\n{_tail(child)}")

    async def until_one_ends(self) -> None:
        """Wait until a child ends by itself.

        Raises:
            ChildFailed: always; says which, with the end of its log.
        """
        waits = {asyncio.create_task(child.process.wait()): child for child in self._children}
        done, pending = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for each in pending:
            each.cancel()
        child = waits[done.pop()]
        raise ChildFailed(f"{child.name} ended with status {child.process.returncode}\n{_tail(child)}")

    def complaints(self) -> str:
        """The last lines of each child's log that are no mere information."""
        return "\n".join(filter(None, (_tail(child, " INFO ") for child in self._children)))

    def pids(self) -> list[int]:
        """The processes that run now."""
        return [child.process.pid for child in self._children]

    async def stop(self) -> None:
        """End all, the last started first. Idempotent."""
        while self._children:
            await self._end(self._children[-1])

    async def _end(self, child: Child) -> None:
        self._children.remove(child)
        with suppress(ProcessLookupError):
            child.process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(child.process.wait(), STOP_S)
        except TimeoutError:
            log.warning("%s did not stop in %g s; killed", child.name, STOP_S)
            child.process.kill()
            await child.process.wait()
        os.close(child.line)
        if child.output is not None:
            await child.output

    async def _spawn(self, name: str, module: str, arguments: Sequence[str], env: Mapping[str, str]) -> Child:
        self._logs.mkdir(parents=True, exist_ok=True)
        log_file = self._logs / f"{name}.log"
        theirs, ours = os.pipe()
        try:
            with log_file.open("ab") as errors:
                process = await _exec(module, arguments, env, theirs, errors)
        except BaseException:
            os.close(ours)
            raise
        finally:
            os.close(theirs)
        return Child(name, process, ours, log_file)


async def _exec(
    module: str, arguments: Sequence[str], env: Mapping[str, str], stdin: int, stderr: IO[bytes]
) -> Process:
    command = [sys.executable, "-m", "endcap_devkit.demo.leash", module, *arguments]
    return await asyncio.create_subprocess_exec(
        *command, stdin=stdin, stdout=PIPE, stderr=stderr, env={**os.environ, **env}, start_new_session=True
    )


async def _drain(stdout: asyncio.StreamReader) -> None:
    while await stdout.read(65_536):
        pass


def _tail(child: Child, without: str | None = None) -> str:
    lines = child.log_file.read_text(errors="replace").splitlines()
    kept = [line for line in lines if without is None or without not in line][-TAIL_LINES:]
    return "\n".join(f"  {child.name} | {line}" for line in kept)
