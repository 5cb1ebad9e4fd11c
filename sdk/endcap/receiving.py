"""Receiver: listens for offers as soon as there is a network, and as long as she agrees."""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Event, Thread, current_thread
from typing import Protocol

from endcap.clock import Clock, SystemClock
from endcap.errors import EndcapError
from endcap.subscriber import Subscriber

log = logging.getLogger("endcap")

FIRST_PAUSE_S = 2.0  # after the first failure; doubles with each
LONGEST_PAUSE_S = 300.0


class Channel(Protocol):
    """What offers come over: `endcap.transports.ably.AblyTransport`."""

    def listen(self, subscriber: Subscriber) -> None:
        """Block until listening, then go on in the background, over any gap; raises an EndcapError when it can't."""
        ...

    def close(self) -> None: ...


class Receiver:
    """Keeps `subscriber` listening on a channel that `connect` makes, and makes another when the pseudonym changes.

    One daemon thread, "endcap-receiver", which sleeps while all is well. The public calls may come from any.
    """

    def __init__(
        self,
        connect: Callable[[], Channel],
        subscriber: Subscriber,
        *,
        on_state: Callable[[], None] = lambda: None,
        clock: Clock | None = None,
    ) -> None:
        self.state = "stopped"  # "connecting", "listening", or why not
        self._connect = connect
        self._subscriber = subscriber
        self._on_state = on_state
        self._clock = clock or SystemClock()
        self._channel: Channel | None = None
        self._wake = Event()
        self._stopping = False
        self._anew = False
        self._thread = Thread(target=self._run, name="endcap-receiver", daemon=True)

    def start(self) -> None:
        """Begin; once."""
        self._become("connecting")
        self._thread.start()

    def reconnect(self) -> None:
        """Listen anew, on whatever channel is hers now. Returns at once."""
        self._anew = True
        self._wake.set()

    def close(self, timeout_s: float = 3.0) -> None:
        """Stop listening, and come back at most after `timeout_s`, whatever the other side does. Idempotent."""
        self._stopping = True
        self._wake.set()
        closing = Thread(target=self._let_go, name="endcap-closing", daemon=True)  # ends a `listen` under way, too
        closing.start()
        closing.join(timeout_s)
        if self._thread.is_alive() and self._thread is not current_thread():
            self._thread.join(timeout_s / 4)
        self._become("stopped")

    def _run(self) -> None:
        failures = 0
        while not self._stopping:
            if self._anew:
                self._anew = False
                self._let_go()
            pause_s: float | None = None
            if self._channel is None:
                failures = 0 if self._listen() else failures + 1
                pause_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(failures - 1, 20)) if failures else None
            self._clock.wait(self._wake, pause_s)
            self._wake.clear()
        self._let_go()

    def _let_go(self) -> None:
        channel, self._channel = self._channel, None
        if channel is not None:
            channel.close()

    def _listen(self) -> bool:
        try:
            self._channel = channel = self._connect()
            if not self._stopping:  # else `close` may have found no channel yet to let go of
                channel.listen(self._subscriber)
                self._become("listening")
                return True
        except EndcapError as fault:
            self._become(f"not listening: {fault}")
        except Exception as fault:  # ours stay ours: the host must not die of them
            log.exception("listening for offers failed; trying again")
            self._become(f"not listening: {type(fault).__name__}")
        self._let_go()
        return False

    def _become(self, state: str) -> None:
        if state != self.state and (state == "stopped" or not self._stopping):
            self.state = state
            self._on_state()
