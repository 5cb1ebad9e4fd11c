"""What one caller wants of the log's writer, and what came of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Any

from endcap_backend.logmarks import mark
from endcap_backend.logsql import NewRecord


class Work:
    """One caller's part of a transaction; `done` is a lock the caller blocks on, the cheapest thing that wakes one.

    Whoever wakes first wakes `wakes`: a hundred threads woken at once would fight for the interpreter's lock.
    """

    __slots__ = ("action", "done", "drop", "fault", "folds", "marks", "position", "records", "result", "wakes")

    def __init__(
        self,
        records: Sequence[NewRecord] = (),
        position: tuple[str, int] | None = None,
        action: Callable[[sqlite3.Connection], object] | None = None,
        drop: Sequence[int] = (),
        folds: bool = False,
    ) -> None:
        self.records = records
        self.marks = [
            mark(each.topic, each.key, each.id) for each in records
        ]  # here, while the writer waits for the disk
        self.position = position
        self.action = action
        self.drop = drop
        self.folds = folds
        self.result: Any = None
        self.fault: Exception | None = None
        self.wakes: Work | None = None
        self.done = Lock()
        self.done.acquire()

    @property
    def is_plain(self) -> bool:
        """Whether there is nothing to do but to store records."""
        return self.position is None and self.action is None and not (self.drop or self.folds)
