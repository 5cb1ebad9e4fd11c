"""Notifications over a Linux desktop's session bus: a click on one opens its offer, its button mutes today.

As https://specifications.freedesktop.org/notification-spec has them.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from html import escape
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any

from jeepney import DBusAddress, HeaderFields, MatchRule, message_bus, new_method_call
from jeepney.io.threading import DBusRouter, Proxy, open_dbus_connection
from jeepney.wrappers import unwrap_msg

from endcap_shopper.lane import Lane
from endcap_shopper.platform.ports import MUTE_LINK, Notification

log = logging.getLogger("endcap.shopper")

NAME, PATH = "org.freedesktop.Notifications", "/org/freedesktop/Notifications"
ANSWER_S = 5.0  # patience with a service that the bus may have to start first
OPEN, MUTE = "default", "mute"  # keys of actions; the first is a click on the notification itself
AS_LONG_AS_USUAL = -1  # it is shown


class BusNotifier:
    """Shows notifications by the desktop's own service. `on_link` is called with what she clicks on, on any thread.

    Nothing waits for the bus: a lane asks it, and calls `instead` for what it does not take. Any thread.
    """

    def __init__(self, on_link: Callable[[str], None], instead: Callable[[Notification], object]) -> None:
        self._on_link, self._instead = on_link, instead
        self._lane = Lane("endcap-notify")
        self._router: Any = None
        self._clicks: SimpleQueue[Any] = SimpleQueue()
        self._can: frozenset[str] = frozenset()
        self._numbers: dict[str, int] = {}  # the service's own, by what it is about
        self._links: dict[int, dict[str, str]] = {}  # what an action of a number leads to

    def show(self, notification: Notification) -> None:
        self._lane.do(f"show {notification.id}", lambda: self._show(notification))

    def cancel(self, id: str) -> None:
        self._lane.do(f"cancel {id}", lambda: self._cancel(id))

    def until_idle(self, timeout_s: float = 10.0) -> bool:
        """Block, in real time, until the bus was asked all; for tests."""
        return self._lane.until_idle(timeout_s)

    def _show(self, notification: Notification) -> None:
        try:
            self._connect()
            actions = [OPEN, notification.title] if notification.link else []
            actions += [MUTE, notification.mute] if notification.mute else []
            text = escape(notification.text, quote=False) if "body-markup" in self._can else notification.text
            shown = ("Endcap", self._numbers.get(notification.id, 0), "", notification.title, text)
            more = (actions if "actions" in self._can else [], {"desktop-entry": ("s", "endcap")}, AS_LONG_AS_USUAL)
            (number,) = self._ask("Notify", "susssasa{sv}i", *shown, *more)
        except Exception as fault:  # jeepney's, the socket's, or the service's own
            log.info("the desktop's notifications can't be reached: %r", fault)
            self._disconnect()
            self._instead(notification)
            return
        self._numbers[notification.id] = number
        self._links[number] = {OPEN: notification.link, MUTE: MUTE_LINK}

    def _cancel(self, id: str) -> None:
        number = self._numbers.pop(id, None)
        if number is None:
            return
        self._links.pop(number, None)
        try:
            self._ask("CloseNotification", "u", number)
        except Exception as fault:  # as above; and one that is gone already may be an error to the service
            log.info("a notification can't be closed: %r", fault)

    def _ask(self, member: str, signature: str | None = None, *values: Any) -> tuple[Any, ...]:
        asked = new_method_call(DBusAddress(PATH, bus_name=NAME, interface=NAME), member, signature, values)
        body: tuple[Any, ...] = unwrap_msg(self._router.send_and_get_reply(asked, timeout=ANSWER_S))
        return body

    def _connect(self) -> None:
        if self._router is not None:
            return
        self._router = _Router(open_dbus_connection(address()))
        clicks = self._clicks = SimpleQueue[Any]()
        self._router.filter(MatchRule(type="signal", interface=NAME, path=PATH), queue=clicks)
        from_service = MatchRule(type="signal", sender=NAME, interface=NAME, path=PATH)
        Proxy(message_bus, self._router, timeout=ANSWER_S).AddMatch(from_service)
        Thread(target=self._listen, args=(clicks,), name="endcap-clicks", daemon=True).start()
        self._can = frozenset(self._ask("GetCapabilities")[0])

    def _disconnect(self) -> None:
        router, self._router = self._router, None
        self._numbers.clear()
        self._links.clear()
        self._clicks.put(None)
        if router is not None:
            router.end()

    def _listen(self, clicks: SimpleQueue[Any]) -> None:
        """Take each signal in on the lane, after what was shown before it."""
        while (signal := clicks.get()) is not None:
            self._lane.do(f"signal {id(signal)}", lambda signal=signal: self._take(signal))  # type: ignore[misc]  # bound now

    def _take(self, signal: Any) -> None:
        member, (number, what) = signal.header.fields[HeaderFields.member], signal.body[:2]
        if member == "ActionInvoked":
            link = self._links.get(number, {}).get(what, "")
            if link:
                self._on_link(link)
        elif member == "NotificationClosed":
            self._links.pop(number, None)
            self._numbers = {id: each for id, each in self._numbers.items() if each != number}


class _Router(DBusRouter):  # type: ignore[misc]  # jeepney has no types
    """One whose bus may go, as it does when she logs out: then what is asked raises."""

    def _receiver(self) -> None:
        try:
            super()._receiver()
        except OSError as fault:
            log.info("the session bus is gone: %s", fault)
            self.conn.close()

    def end(self) -> None:
        """Idempotent."""
        if self._rcv_thread.is_alive():
            self.close()
        self.conn.close()


def address() -> str | None:
    """Where the session bus listens, None for none."""
    usual = Path(os.environ.get("XDG_RUNTIME_DIR", "/run/nobody")) / "bus"
    return os.environ.get("DBUS_SESSION_BUS_ADDRESS") or (f"unix:path={usual}" if usual.is_socket() else None)
