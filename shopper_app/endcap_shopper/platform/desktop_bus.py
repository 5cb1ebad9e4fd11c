"""Notifications over a Linux desktop's session bus: a click on one opens its offer, its button mutes today.

As https://specifications.freedesktop.org/notification-spec has them.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from itertools import count
from pathlib import Path
from typing import Any

from jeepney import DBusAddress, HeaderFields, MatchRule, MessageType, message_bus, new_method_call
from jeepney.bus import get_bus
from jeepney.io.blocking import prep_socket
from jeepney.io.threading import DBusConnection, DBusRouter, Proxy
from jeepney.wrappers import unwrap_msg

from endcap_shopper.lane import Lane
from endcap_shopper.platform.ports import MUTE_LINK, Notification

log = logging.getLogger("endcap.shopper")

NAME, PATH = "org.freedesktop.Notifications", "/org/freedesktop/Notifications"
ANSWER_S = 5.0  # patience with a service that the bus may have to start first
OPEN, MUTE = "default", "mute"  # keys of actions; the first is a click on the notification itself
AS_LONG_AS_USUAL = -1  # it is shown


@dataclass(slots=True)
class _Shown:
    """A notification on her screen."""

    number: int  # the service's own
    since: int  # its answer's place among all that came: a closing before it is of one that had the number before
    links: dict[str, str]  # what its actions lead to
    clicked: bool = False  # and so about to be closed: it is not replaced, its number would go with it


class BusNotifier:
    """Shows notifications by the desktop's own service. `on_link` is called with what she clicks on, on any thread.

    Nothing waits for the bus: a lane asks it, and calls `instead` for what it does not take. Any thread.
    """

    def __init__(self, on_link: Callable[[str], None], instead: Callable[[Notification], object]) -> None:
        self._on_link, self._instead = on_link, instead
        self._lane = Lane("endcap-notify")
        self._router: _Router | None = None
        self._service = ""  # its name on this bus for as long as it runs: another one counts anew
        self._can: frozenset[str] = frozenset()
        self._shown: dict[str, _Shown] = {}  # by what it is about

    def show(self, notification: Notification) -> None:
        self._lane.do(f"note {notification.id}", lambda: self._show(notification))

    def cancel(self, id: str) -> None:
        self._lane.do(f"note {id}", lambda: self._cancel(id))  # the later of the two counts

    def until_idle(self, timeout_s: float = 10.0) -> bool:
        """Block, in real time, until the bus was asked all; for tests."""
        return self._lane.until_idle(timeout_s)

    def _show(self, notification: Notification) -> None:
        known = self._router is not None
        try:
            self._notify(self._connected(), notification)
        except Exception as fault:  # jeepney's, the socket's, or the service's own
            log.info("the desktop's notifications can't be reached: %r", fault)
            self._disconnect()
            if known:  # another service may have come in its place
                self._show(notification)
            else:
                self._instead(notification)

    def _notify(self, router: _Router, notification: Notification) -> None:
        actions = [OPEN, notification.title] if notification.link else []
        actions += [MUTE, notification.mute] if notification.mute else []
        text = escape(notification.text, quote=False) if "body-markup" in self._can else notification.text
        before = self._shown.get(notification.id)
        replaced = before.number if before is not None and not before.clicked else 0
        shown = ("Endcap", replaced, "", notification.title, text)
        more = (actions if "actions" in self._can else [], {"desktop-entry": ("s", "endcap")}, AS_LONG_AS_USUAL)
        answer = router.ask(self._service, "Notify", "susssasa{sv}i", *shown, *more)
        links = {OPEN: notification.link, MUTE: MUTE_LINK}
        self._shown[notification.id] = _Shown(answer.body[0], answer.place, links)

    def _cancel(self, id: str) -> None:
        shown = self._shown.pop(id, None)
        if shown is None or self._router is None:
            return
        try:
            self._router.ask(self._service, "CloseNotification", "u", shown.number)
        except Exception as fault:  # as above; and one that is gone already may be an error to the service
            log.info("a notification can't be closed: %r", fault)

    def _connected(self) -> _Router:
        if self._router is not None and self._router.up:
            return self._router
        self._disconnect()
        router = self._router = _Router(address(), self._hear)
        router.begin()
        answer = router.ask(NAME, "GetCapabilities")
        self._service, self._can = answer.header.fields[HeaderFields.sender], frozenset(answer.body[0])
        return router

    def _disconnect(self) -> None:
        router, self._router = self._router, None
        self._shown.clear()
        if router is not None:
            router.end()

    def _hear(self, router: _Router, signal: Any) -> None:
        """Take it in on the lane, after what was shown before it. The reader's thread."""
        self._lane.do(f"signal {id(signal)}", lambda: self._take(router, signal))

    def _take(self, router: _Router, signal: Any) -> None:
        fields = signal.header.fields
        if router is not self._router or fields.get(HeaderFields.sender) != self._service:
            return
        member, (number, what) = fields[HeaderFields.member], signal.body[:2]
        id = next((id for id, shown in self._shown.items() if shown.number == number), None)
        if id is None:
            return
        shown = self._shown[id]
        if member == "ActionInvoked":
            shown.clicked = True
            if link := shown.links.get(what):
                self._on_link(link)
        elif member == "NotificationClosed" and signal.place > shown.since:
            del self._shown[id]


class _Router(DBusRouter):  # type: ignore[misc]  # jeepney has no types
    """A connection to the bus and the thread that reads it, which alone closes it; each message bears its `place`.

    The bus may go, as it does when she logs out: then it is not `up`, and what is asked raises. `hear` is called with
    each signal of the service's, on the reader's thread.
    """

    def __init__(self, address: str | None, hear: Callable[[_Router, Any], None]) -> None:
        self._hear = hear
        self._places = count()
        self.up = True
        super().__init__(DBusConnection(prep_socket(get_bus(address), timeout=ANSWER_S)))

    def begin(self) -> None:
        """Enter the bus, and ask for what the service tells."""
        bus = Proxy(message_bus, self, timeout=ANSWER_S)
        (self.conn.unique_name,) = bus.Hello()
        bus.AddMatch(MatchRule(type="signal", sender=NAME, interface=NAME, path=PATH))

    def ask(self, service: str, member: str, signature: str | None = None, *values: Any) -> Any:
        """The answer, a message with a `place`."""
        asked = new_method_call(DBusAddress(PATH, bus_name=service, interface=NAME), member, signature, values)
        answer = self.send_and_get_reply(asked, timeout=ANSWER_S)
        unwrap_msg(answer)  # raises what the service or the bus refuses with
        return answer

    def end(self) -> None:
        """Idempotent; any thread but the reader's."""
        with self.conn.send_lock:
            if self.up:
                self.conn.interrupt()
        self._rcv_thread.join(ANSWER_S)

    def _dispatch(self, message: Any) -> None:
        message.place = next(self._places)
        if message.header.message_type is not MessageType.signal:
            super()._dispatch(message)
        elif message.header.fields.get(HeaderFields.interface) == NAME:
            self._hear(self, message)

    def _receiver(self) -> None:
        try:
            super()._receiver()
        except Exception as fault:  # the socket's, or what can't be read
            log.info("the session bus is gone: %r", fault)
        finally:
            self._close()

    def _close(self) -> None:
        """Nobody writes meanwhile: another's file might have the number by then."""
        with self.conn.send_lock:
            self.up = False
            self.conn.close()
            for pipe in (self.conn._stop_r, self.conn._stop_w):  # which jeepney leaves open
                os.close(pipe)


def address() -> str | None:
    """Where the session bus listens, None for none."""
    usual = Path(os.environ.get("XDG_RUNTIME_DIR", "/run/nobody")) / "bus"
    return os.environ.get("DBUS_SESSION_BUS_ADDRESS") or (f"unix:path={usual}" if usual.is_socket() else None)
