"""Notifications on a real session bus; the desktop's service is the test's own, and answers there."""

import os
import socket
import subprocess
import threading
from collections import deque
from dataclasses import replace
from itertools import count

import pytest
from jeepney import DBusAddress, HeaderFields, MessageType, new_error, new_method_return, new_signal
from jeepney.bus_messages import message_bus
from jeepney.io.threading import DBusRouter, Proxy, ReceiveStopped, open_dbus_connection

from endcap_shopper.platform import desktop_bus
from endcap_shopper.platform.contract import check_notifier
from endcap_shopper.platform.desktop import DesktopNotifier
from endcap_shopper.platform.desktop_bus import NAME, PATH, BusNotifier
from endcap_shopper.platform.ports import MUTE_LINK, Notification, offer_link

WAIT_S = 60.0
BUS = """<busconfig><type>session</type><listen>unix:tmpdir=/tmp</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/></policy>
</busconfig>"""
NOTE = Notification("a1", "deal", "20 % off", "Tea & <cake>", offer_link("a1"), "Mute today")


class Service:
    """What a desktop does with notifications: shows them, numbers them, and tells of clicks."""

    def __init__(self, address, can=("actions", "body", "body-markup")):
        self._can = list(can)
        self._numbers = count(7)
        self._changed = threading.Condition()
        self.shown = {}
        self._bus = open_dbus_connection(address, auth_timeout=WAIT_S)
        with DBusRouter(self._bus) as router:
            Proxy(message_bus, router, timeout=WAIT_S).RequestName(NAME)
        self._serving = threading.Thread(target=self._serve, daemon=True)
        self._serving.start()

    def until(self, satisfied):
        with self._changed:
            assert self._changed.wait_for(lambda: satisfied(self.shown), WAIT_S), self.shown

    def click(self, number, action):
        self.press(number, action)
        self.close(number)

    def press(self, number, action):
        self._tell("ActionInvoked", "us", number, action)

    def close(self, number):
        self._tell("NotificationClosed", "uu", number, 2)

    def end(self):
        self._bus.interrupt()
        self._serving.join(WAIT_S)
        self._bus.close()

    def _tell(self, member, signature, *values):
        self._bus.send(new_signal(DBusAddress(PATH, interface=NAME), member, signature, values))

    def _serve(self):
        try:
            while True:
                message = self._bus.receive()
                if message.header.message_type is MessageType.method_call:
                    with self._changed:
                        self._bus.send(self._answer(message, message.header.fields[HeaderFields.member]))
                        self._changed.notify_all()
        except (ReceiveStopped, ConnectionError):
            return

    def _answer(self, message, member):
        if member == "GetCapabilities":
            return new_method_return(message, "as", (self._can,))
        if member == "Notify":
            number = message.body[1] or next(self._numbers)
            self.shown[number] = message.body
            return new_method_return(message, "u", (number,))
        if member == "CloseNotification" and message.body[0] in self.shown:
            del self.shown[message.body[0]]
            return new_method_return(message)
        return new_error(message, f"{NAME}.Error.NoSuchThing")


@pytest.fixture
def bus(monkeypatch, tmp_path):
    """A session bus of the test's own, and no other program that could notify."""
    settings = tmp_path / "bus.conf"
    settings.write_text(BUS)
    command = ["dbus-daemon", f"--config-file={settings}", "--nofork", "--nopidfile", "--print-address=1"]
    daemon = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    address = daemon.stdout.readline().strip()
    assert address, "the bus did not begin"
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", address)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(desktop_bus, "ANSWER_S", WAIT_S)  # a machine under load is no service that hangs
    yield address
    daemon.kill()
    daemon.wait()
    daemon.stdout.close()


@pytest.fixture
def service(bus):
    service = Service(bus)
    yield service
    service.end()


@pytest.fixture
def clicks():
    """What was clicked on, and a way to wait for it."""

    class Clicks(deque):
        came = threading.Semaphore(0)

        def note(self, link):
            self.append(link)
            self.came.release()

        def next(self):
            assert self.came.acquire(timeout=WAIT_S), "no click came"
            return self.popleft()

    return Clicks()


def test_the_contract_holds_on_a_bus(service):
    notifier = DesktopNotifier()
    assert notifier.permitted()
    check_notifier(notifier)


def test_a_click_on_a_notification_opens_its_offer_and_its_button_mutes(service, clicks):
    notifier = DesktopNotifier(clicks.note)
    assert notifier.show(NOTE)
    service.until(lambda shown: 7 in shown)
    service.click(7, "default")
    assert clicks.next() == "endcap://offer/a1"
    assert notifier.show(NOTE)
    service.until(lambda shown: 8 in shown)
    service.click(8, "mute")
    assert clicks.next() == MUTE_LINK


def test_what_was_clicked_is_not_replaced_for_its_closing_comes_yet(service, clicks):
    notifier = DesktopNotifier(clicks.note)
    notifier.show(NOTE)
    service.until(lambda shown: 7 in shown)
    service.press(7, "default")
    assert clicks.next() == NOTE.link
    notifier.show(NOTE)
    service.until(lambda shown: 8 in shown)
    service.close(7)
    service.click(8, "mute")
    assert clicks.next() == MUTE_LINK


def test_a_closing_of_the_one_before_leaves_the_one_in_its_place(bus, clicks):
    class Hasty(Service):
        def _answer(self, message, member):
            if member == "Notify" and message.body[1]:
                self.close(message.body[1])  # she closes it while the next is on its way
            return super()._answer(message, member)

    service = Hasty(bus)
    notifier = DesktopNotifier(clicks.note)
    notifier.show(NOTE)
    notifier.bus.until_idle(WAIT_S)
    notifier.show(replace(NOTE, title="30 % off"))
    service.until(lambda shown: shown[7][3] == "30 % off")
    service.press(7, "default")
    assert clicks.next() == NOTE.link
    service.end()


def test_what_is_shown_cancelled_and_shown_again_in_a_row_is_shown(service):
    notifier = DesktopNotifier()
    go = threading.Event()
    notifier.bus._lane.do("a slow bus", lambda: go.wait(WAIT_S))
    notifier.show(NOTE)
    notifier.cancel(NOTE.id)
    notifier.show(NOTE)
    go.set()
    assert notifier.bus.until_idle(WAIT_S)
    assert list(service.shown) == [7]


def test_a_number_of_a_service_that_has_gone_is_not_asked_of_the_next(bus, clicks):
    first = Service(bus)
    notifier = DesktopNotifier(clicks.note)
    notifier.show(NOTE)
    first.until(lambda shown: shown)
    first.end()
    second = Service(bus, can=["actions"])
    second.press(7, "default")  # of another program's
    notifier.bus._router.ask(NAME, "GetCapabilities")  # its answer comes after
    assert notifier.bus.until_idle(WAIT_S)
    assert not clicks
    notifier.show(NOTE)
    second.until(lambda shown: shown)
    assert (second.shown[7][1], second.shown[7][4]) == (0, "Tea & <cake>")
    second.end()


def test_what_it_says_is_as_the_service_wants_it(service):
    DesktopNotifier().show(NOTE)
    service.until(lambda shown: shown)
    name, _, _, title, text, actions, _, _ = service.shown[7]
    assert (name, title, text) == ("Endcap", "20 % off", "Tea &amp; &lt;cake&gt;")
    assert actions == ["default", "20 % off", "mute", "Mute today"]


def test_a_service_without_buttons_and_marks_is_asked_for_none(bus):
    service = Service(bus, can=["body"])
    DesktopNotifier().show(NOTE)
    service.until(lambda shown: shown)
    assert (service.shown[7][4], service.shown[7][5]) == ("Tea & <cake>", [])
    service.end()


def test_the_same_again_takes_the_place_of_the_one_before_and_can_be_taken_away(service):
    notifier = DesktopNotifier()
    notifier.show(NOTE)
    service.until(lambda shown: shown)
    notifier.show(replace(NOTE, title="30 % off"))
    service.until(lambda shown: shown[7][3] == "30 % off")
    notifier.cancel("a1")
    service.until(lambda shown: not shown)


def test_a_click_on_another_programs_notification_opens_nothing(service, clicks):
    notifier = DesktopNotifier(clicks.note)
    notifier.show(NOTE)
    service.until(lambda shown: shown)
    service.click(99, "default")
    service.click(7, "default")
    assert clicks.next() == "endcap://offer/a1"
    assert not clicks


def test_a_bus_on_which_nobody_shows_notifications_is_no_fault_and_the_program_is_asked(bus, tmp_path):
    said = tmp_path / "said"
    (tmp_path / "notify-send").write_text(f'#!/bin/sh\necho "$@" > {said}\n')
    (tmp_path / "notify-send").chmod(0o755)
    notifier = DesktopNotifier()
    assert notifier.show(NOTE)
    assert notifier.bus.until_idle(WAIT_S)
    notifier._commands._running.wait(WAIT_S)
    assert said.read_text().strip() == "--app-name=Endcap -- 20 % off Tea & <cake>"


def test_a_bus_that_goes_is_no_fault(service):
    notifier = DesktopNotifier()
    notifier.show(NOTE)
    service.until(lambda shown: shown)
    router = notifier.bus._router
    router.conn.sock.shutdown(socket.SHUT_RDWR)
    router._rcv_thread.join(WAIT_S)
    assert router.conn.sock.fileno() == -1
    notifier.show(NOTE)
    service.until(lambda shown: 8 in shown)


def test_a_bus_that_dies_while_it_is_asked_leaves_it_to_the_program(bus):
    class Last(Service):
        def _answer(self, message, member):
            if member == "Notify":
                notifier._router.conn.sock.shutdown(socket.SHUT_RDWR)
            return super()._answer(message, member)

    service = Last(bus)
    instead = []
    for _ in range(30):  # the reader and the lane learn of it in either order
        notifier = BusNotifier(lambda link: None, instead.append)
        notifier.show(NOTE)
        assert notifier.until_idle(WAIT_S)
    assert instead == [NOTE] * 30
    service.end()


def test_a_bus_that_nobody_answers_on_leaves_no_file_open(bus):
    instead = []
    notifier = BusNotifier(lambda link: None, instead.append)

    def open_after(shows):
        for _ in range(shows):
            notifier.show(NOTE)
            assert notifier.until_idle(WAIT_S)
        return len(os.listdir("/proc/self/fd"))

    first = open_after(1)
    assert open_after(10) < first + 10
    assert len(instead) == 11


def test_a_service_that_begins_later_is_found(bus):
    notifier = DesktopNotifier()
    notifier.show(NOTE)
    assert notifier.bus.until_idle(WAIT_S)
    service = Service(bus)
    notifier.show(NOTE)
    service.until(lambda shown: shown)
    service.end()


def test_a_click_leads_to_the_offer_in_the_app(service, a_phone):
    phone = a_phone().agree("promotions")
    notifier = DesktopNotifier(phone.platform.links.open)
    phone.app.parts.ground.platform = replace(phone.platform, notifier=notifier)
    phone.clock.set_wall(phone.clock.now().replace(hour=12))
    phone.app.looked_at(False)
    phone.offer()
    service.until(lambda shown: shown)
    service.click(7, "default")
    assert phone.until(lambda: phone.app.asked_page() == "near", WAIT_S)
    assert phone.app.asked_deal().id == "alert-1"
    phone.clock.advance(400)
    phone.offer(id="alert-2", pid="p2")
    service.until(lambda shown: 8 in shown)
    service.click(8, "mute")
    assert phone.until(lambda: phone.app.settings().muted_today, WAIT_S)
