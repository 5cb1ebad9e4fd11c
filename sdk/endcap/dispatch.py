"""Dispatchers: on which thread the host's callbacks run."""

from __future__ import annotations

import logging
from collections.abc import Callable
from queue import Empty, Full, Queue
from threading import Lock, Thread, current_thread

log = logging.getLogger("endcap")

Call = Callable[[], None]
Dispatcher = Callable[[Call], None]
# A toolkit's own is one line, for example Kivy's: lambda call: Clock.schedule_once(lambda dt: call())

WAITING_AT_MOST = 10_000  # calls; a host this far behind hears no more until it has caught up


def inline(call: Call) -> None:
    """Run the callback at once, on the SDK's own thread: it must return soon."""
    call()


class CallbackThread:
    """Runs the callbacks one after the other on a daemon thread, "endcap-callbacks"; so a slow host delays nobody else.

    `overflowed` counts what came while 10,000 calls were waiting, and fell away.
    """

    def __init__(self) -> None:
        self.overflowed = 0
        self._calls: Queue[Call | None] = Queue(WAITING_AT_MOST)
        self._lock = Lock()
        self._thread: Thread | None = None

    def __call__(self, call: Call) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = Thread(target=self._run, name="endcap-callbacks", daemon=True)
                self._thread.start()
        try:
            self._calls.put_nowait(call)
        except Full:
            self.overflowed += 1

    def close(self, timeout_s: float = 2.0) -> None:
        """Run what is waiting, and end; a call after it begins anew."""
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is None or thread is current_thread():
            return
        try:
            self._calls.put(None, timeout=timeout_s)
        except Full:
            return
        thread.join(timeout_s)

    def _run(self) -> None:
        while True:
            try:
                call = self._calls.get()
            except Empty:
                continue
            if call is None:
                return
            guarded(call)


def guarded(call: Callable[[], object]) -> None:
    """Run a host's callback; its exception is logged and goes no further."""
    try:
        call()
    except Exception:
        log.exception("a callback of the host failed")
