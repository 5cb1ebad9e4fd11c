"""Records at an even rate."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from itertools import islice
from threading import Event
from typing import TypeVar

from endcap.clock import Clock, SystemClock

log = logging.getLogger("endcap.simulate")

T = TypeVar("T")

TICK_S = 0.01  # a batch at most this often: a thousand a second go out by ten
BATCH_MAX = 500  # what the log commits at once
REPORT_S = 5.0  # between two lines of progress


def paced(records: Iterable[T], rate_per_s: float | None, clock: Clock | None = None) -> Iterator[list[T]]:
    """Cut `records` into batches, each handed out when it is due at `rate_per_s`; None is as fast as they are taken.

    A consumer that falls behind is given full batches until it has caught up; nothing is skipped.
    """
    clock = clock or SystemClock()
    source, started_s, given = iter(records), clock.monotonic(), 0
    never = Event()
    while True:
        due = BATCH_MAX if rate_per_s is None else int((clock.monotonic() - started_s) * rate_per_s) + 1 - given
        if due < 1:
            assert rate_per_s is not None
            clock.wait(never, max(TICK_S, (given + 1) / rate_per_s - (clock.monotonic() - started_s)))
            continue
        batch = list(islice(source, min(due, BATCH_MAX)))
        if not batch:
            return
        given += len(batch)
        yield batch


def reported(batches: Iterable[list[T]], what: str, clock: Clock | None = None) -> Iterator[list[T]]:
    """Pass `batches` on and log every few seconds how many records went by, and how fast."""
    clock = clock or SystemClock()
    started_s = last_s = clock.monotonic()
    total = 0
    for batch in batches:
        yield batch
        total += len(batch)
        if (now_s := clock.monotonic()) - last_s >= REPORT_S:
            last_s = now_s
            log.info("%s %s so far, %.0f a second", f"{total:,}", what, total / (now_s - started_s))
    elapsed_s = clock.monotonic() - started_s
    log.info("%s %s in %.1f s", f"{total:,}", what, elapsed_s)
