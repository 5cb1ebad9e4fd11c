"""How far long work has come, on standard error: a line that is rewritten on a terminal, one now and then elsewhere."""

from __future__ import annotations

import sys
from typing import TextIO

from endcap.clock import Clock, SystemClock

TERMINAL_S = 0.1  # between two redrawings
PLAIN_S = 5.0  # between two lines of a log file


class Progress:
    """Reports `label`: done of total. Quiet at first, so that short work says nothing. One thread."""

    def __init__(self, label: str, total: int, *, file: TextIO | None = None, clock: Clock | None = None) -> None:
        self._label = label
        self._total = total
        self._file = file or sys.stderr
        self._clock = clock or SystemClock()
        self._terminal = self._file.isatty()
        self._next_s = self._clock.monotonic() + (1.0 if self._terminal else PLAIN_S)
        self._drawn = False

    def __call__(self, done: int) -> None:
        now_s = self._clock.monotonic()
        if now_s < self._next_s:
            return
        self._next_s = now_s + (TERMINAL_S if self._terminal else PLAIN_S)
        share = f"{100 * min(done, self._total) // self._total} %" if self._total else f"{done}"
        self._file.write(f"\r\x1b[K{self._label}: {share}" if self._terminal else f"{self._label}: {share}\n")
        self._file.flush()
        self._drawn = True

    def end(self) -> None:
        """Clear the line."""
        if self._drawn and self._terminal:
            self._file.write("\r\x1b[K")
            self._file.flush()
