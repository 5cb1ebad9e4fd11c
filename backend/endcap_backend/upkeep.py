"""What has to be done now and then, on one thread."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from threading import Event, Thread
from typing import NamedTuple

from endcap.clock import Clock

log = logging.getLogger("endcap.upkeep")


class Chore(NamedTuple):
    """Something to do every `every_s` seconds, the first time at the start."""

    name: str
    every_s: float
    do: Callable[[], object]


class Upkeep:
    """Does chores from `start` to `stop` on the thread `endcap-upkeep`; one that fails is logged and comes again."""

    def __init__(self, chores: Sequence[Chore], clock: Clock) -> None:
        self._chores = chores
        self._clock = clock
        self._due_s = {chore.name: clock.monotonic() for chore in chores}
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="endcap-upkeep", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            for chore in self._chores:
                if self._due_s[chore.name] <= self._clock.monotonic() and not self._stopping.is_set():
                    self._do(chore)
            self._clock.wait(self._stopping, max(0.0, min(self._due_s.values()) - self._clock.monotonic()))

    def _do(self, chore: Chore) -> None:
        try:
            chore.do()
        except Exception:
            log.exception("%s failed; it comes again in %g s", chore.name, chore.every_s)
        self._due_s[chore.name] = self._clock.monotonic() + chore.every_s
