"""FrameQueue: the one way from other threads to the window's: bounded, and emptied a little every frame."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from time import thread_time

log = logging.getLogger("endcap.shopper")

CAPACITY = 2000  # four seconds of the fastest Ably allows a connection
A_FRAME = 50  # about 5 ms of them
A_FRAME_S = 0.008  # of the window's own processor time; then the next frame goes on


class FrameQueue:
    """Calls that other threads want made on the window's. Each is made once, in order.

    A thread that finds it full waits until there is room: whatever it brings is slowed down, and nothing is lost.
    The window's own thread never waits. `wake` is called, from any thread, when there is something to drain.
    """

    def __init__(self, wake: Callable[[], object], *, capacity: int = CAPACITY) -> None:
        self._wake, self._capacity = wake, capacity
        self._calls: deque[Callable[[], object]] = deque()
        self._room = threading.Condition()
        self._owner = threading.get_ident()
        self._closed = False

    def __len__(self) -> int:
        return len(self._calls)

    def post(self, call: Callable[[], object]) -> None:
        """Have `call` made by `drain`; after `close` it is dropped."""
        with self._room:
            if threading.get_ident() != self._owner:
                self._room.wait_for(lambda: self._closed or len(self._calls) < self._capacity)
            if self._closed:
                return
            self._calls.append(call)
        self._wake()

    def drain(self, most: int = A_FRAME) -> int:
        """Make the oldest calls, on the window's thread; how many. More left: `wake` is called again.

        At least one is made, and none that another one posts meanwhile: that is for the next frame. One that raises is
        logged, and the next is made.
        """
        made, until_s = 0, thread_time() + A_FRAME_S
        most = min(most, len(self._calls))
        while made < most and (not made or thread_time() < until_s):
            with self._room:
                if not self._calls:
                    break
                call = self._calls.popleft()
                self._room.notify()
            made += 1
            try:
                call()
            except Exception:
                log.exception("what another thread asked of the window failed")
        if self._calls:
            self._wake()
        return made

    def close(self) -> None:
        """Drop what waits and let go who waits. Idempotent."""
        with self._room:
            self._closed = True
            self._calls.clear()
            self._room.notify_all()
