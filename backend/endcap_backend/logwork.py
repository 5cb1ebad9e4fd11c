"""What one caller wants of the log's writer, and what came of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from threading import Lock, Thread
from typing import Any

from endcap_backend.logmarks import mark
from endcap_backend.logsql import NewRecord


class Work:
    """One caller's part of a transaction; `done` is a lock the caller blocks on, the cheapest thing that wakes one.

    Who wakes up wakes the next, `wakes`: a hundred threads woken at once would fight for the interpreter's lock.
    """

    __slots__ = (
        "action",
        "done",
        "drop",
        "fault",
        "folds",
        "is_plain",
        "marks",
        "position",
        "records",
        "result",
        "wakes",
    )

    def __init__(
        self,
        records: Sequence[NewRecord] = (),
        position: tuple[str, int] | None = None,
        action: Callable[[sqlite3.Connection], object] | None = None,
        drop: Sequence[int] = (),
        folds: bool = False,
    ) -> None:
        self.records = records
        # here, while the writer waits for the disk
        self.marks = [mark(each.topic, each.key, each.id) for each in records]
        self.position = position
        self.action = action
        self.drop = drop
        self.folds = folds
        self.is_plain = position is None and action is None and not (drop or folds)  # only records to store
        self.result: Any = None
        self.fault: Exception | None = None
        self.wakes: Work | None = None
        self.done = Lock()
        self.done.acquire()

    def wait(self) -> None:
        """Block until it is done, then wake the next; once, however often it is called."""
        with self.done:
            # no call between taking the next and waking it: an interrupt comes only behind one
            after, self.wakes = self.wakes, None
            if after is not None:
                after.done.release()

    def leave(self) -> None:
        """Its caller was interrupted: who is behind him is woken all the same, by a thread that can't be."""
        Thread(target=self.wait, name="endcap-log-wakes", daemon=True).start()
