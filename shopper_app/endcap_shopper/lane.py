"""Lane: a thread of the app's own on which blocking calls run one after the other, away from the window's."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable
from threading import Condition, Thread, current_thread

from endcap.errors import EndcapError

log = logging.getLogger("endcap.shopper")

Call = Callable[[], None]


class Lane:
    """Runs calls in order on a daemon thread, which begins with the first. Any thread may ask.

    A call of a key that waits already takes the place of the one before, at its turn: a screen that asks ten times
    while the shop does not answer is answered once. What a call raises is the lane's end of nothing: it is handed to
    `on_fault` and logged.
    """

    def __init__(self, name: str, on_fault: Callable[[str, Exception], None] = lambda key, fault: None) -> None:
        self._name, self._on_fault = name, on_fault
        self._calls: OrderedDict[str, Call] = OrderedDict()
        self._changed = Condition()
        self._busy = False
        self._closed = False
        self._thread: Thread | None = None

    def do(self, key: str, call: Call) -> None:
        """Run `call` when it is its turn; after `close` it is not run."""
        with self._changed:
            if self._closed:
                return
            self._calls[key] = call
            if self._thread is None:
                self._thread = Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def until_idle(self, timeout_s: float = 10.0) -> bool:
        """Block, in real time, until nothing runs or waits; False when it wasn't so in time."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._calls and not self._busy, timeout_s)

    def close(self, patience_s: float = 2.0, *, finish: bool = False) -> None:
        """End after the call that runs, or (`finish`) after all that wait. Idempotent."""
        with self._changed:
            self._closed = True
            if not finish:
                self._calls.clear()
            self._changed.notify_all()
        if self._thread is not None and self._thread is not current_thread():
            self._thread.join(patience_s)

    def _run(self) -> None:
        while (found := self._next()) is not None:
            key, call = found
            try:
                call()
            except EndcapError as fault:
                log.info("%s: %s", key, fault)
                self._on_fault(key, fault)
            except Exception as fault:
                log.exception("%s failed", key)
                self._on_fault(key, fault)
            finally:
                with self._changed:
                    self._busy = False
                    self._changed.notify_all()

    def _next(self) -> tuple[str, Call] | None:
        with self._changed:
            self._changed.wait_for(lambda: self._calls or self._closed)
            if not self._calls:
                return None
            self._busy = True
            return self._calls.popitem(last=False)
