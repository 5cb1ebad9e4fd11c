"""Listeners: the host's callbacks, each called on the dispatcher, none able to harm anybody."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Literal, get_args

from endcap.dispatch import CallbackThread, Dispatcher, guarded

Topic = Literal["event", "promotion", "notice", "state"]


class Listeners:
    """Who wants to hear of what. Any thread; what one listener raises is logged and reaches nobody else."""

    def __init__(self, dispatcher: Dispatcher | None = None) -> None:
        self._dispatch = dispatcher or CallbackThread()
        self._listeners: dict[Topic, list[Callable[[Any], object]]] = {topic: [] for topic in get_args(Topic)}

    def add(self, topic: Topic, listener: Callable[[Any], object]) -> None:
        self._listeners[topic].append(listener)

    def tell(self, topic: Topic, value: object) -> None:
        for listener in tuple(self._listeners[topic]):
            call = partial(guarded, partial(listener, value))
            guarded(partial(self._dispatch, call))

    @property
    def overflowed(self) -> int:
        """Calls that fell away because the host was too far behind."""
        return self._dispatch.overflowed if isinstance(self._dispatch, CallbackThread) else 0

    def close(self) -> None:
        """Run what is waiting, and end the thread that is ours."""
        if isinstance(self._dispatch, CallbackThread):
            self._dispatch.close()
