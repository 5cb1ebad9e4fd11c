import json
import socket
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from endcap.errors import NotAuthorised, Refused, Unreachable
from endcap.session import Sessions
from endcap.testing import ManualClock, a_location, an_event
from endcap.transports.api import Api
from endcap.transports.http import HttpTransport
from endcap.wire import write_instant

CONSENT = {"purposes": ["location"], "text_version": "1"}


class Drawer(dict):
    """State kept in memory."""

    def set(self, name, value):
        self[name] = value


def some(count):
    return [a_location(id=f"install:{number}") for number in range(1, count + 1)]


@pytest.fixture
def drawer():
    return Drawer()


@pytest.fixture
def clock():
    return ManualClock(datetime.now(UTC))


@pytest.fixture
def api(backend):
    api = Api(backend.url, timeout_s=5)
    yield api
    api.close()


@pytest.fixture
def sessions(api, drawer, clock):
    return Sessions(api, drawer, lambda: CONSENT, clock)


@pytest.fixture
def transport(api, sessions):
    return HttpTransport(api, sessions)


def test_fixes_and_events_reach_their_endpoints_under_the_sessions_pseudonym(transport, backend):
    result = transport.send([a_location(uid="someone"), an_event(uid="someone")])
    assert result.accepted == {0, 1}
    assert [path for path, _, _ in backend.requests] == ["/v1/sessions", "/v1/locations", "/v1/events"]
    assert backend.requests[0][2] == {"consent": CONSENT}
    assert {body["uid"] for body in backend.bodies().values()} == {"u1"}


def test_a_long_body_is_packed_and_a_short_one_is_not(transport, backend):
    transport.send(some(1))
    transport.send(some(50))
    encodings = [headers.get("Content-Encoding") for path, headers, _ in backend.requests if path == "/v1/locations"]
    assert encodings == [None, "gzip"]


def test_a_proxy_that_takes_no_packed_bodies_gets_plain_ones_from_then_on(transport, backend):
    backend.packed_bodies = False
    assert len(transport.send(some(50)).accepted) == 50
    transport.send(some(50))
    assert [path for path, _, _ in backend.requests] == ["/v1/sessions", "/v1/locations", "/v1/locations"]


def test_what_arrived_before_is_told_as_a_duplicate(transport):
    transport.send(some(2))
    result = transport.send(some(3))
    assert (result.accepted, result.duplicates) == ({2}, {0, 1})


def test_a_rejected_item_is_told_with_field_and_reason(transport, backend):
    backend.rejects = {":2": ("taken_at", "must have a zone")}
    result = transport.send(some(3))
    assert (result.accepted, dict(result.rejected)) == ({0, 2}, {1: "rejected: taken_at must have a zone"})


def test_when_every_item_is_rejected_each_is_told(transport, backend):
    backend.rejects = {"": ("latitude", "must be a number")}
    assert dict(transport.send(some(2)).rejected) == dict.fromkeys((0, 1), "rejected: latitude must be a number")


def test_a_refused_token_is_renewed_once(transport, backend):
    transport.send(some(1))
    backend.tokens.clear()
    assert transport.send(some(2)).accepted == {1}
    assert [body for path, _, body in backend.requests if path == "/v1/sessions"][1] == {
        "refresh_token": "refresh-u1",
        "consent": CONSENT,
    }


def test_a_token_refused_twice_is_not_authorised(transport, backend):
    refuse, give_a_session = backend.problem(401, "no"), lambda handler: backend._sessions(handler, {})
    backend.faults = [give_a_session, refuse, give_a_session, refuse]
    with pytest.raises(NotAuthorised, match="no!"):
        transport.send(some(1))
    assert len(backend.requests) == 4


def test_a_refresh_token_that_is_over_gives_a_new_pseudonym(transport, backend, drawer):
    transport.send(some(1))
    backend.tokens.clear()
    backend.faults = [backend.problem(401, "old"), backend.problem(401, "refresh token is over")]
    transport.send(some(2))
    assert json.loads(drawer["session"])["uid"] != "u1"
    assert backend.count() == 2


def test_a_session_is_renewed_a_minute_before_it_ends(sessions, backend, clock):
    first = sessions.current()
    clock.advance(3600 - 62)
    assert sessions.current() == first
    clock.advance(3)
    assert sessions.current().token != first.token
    assert sessions.uid == "u1"


def test_a_token_of_one_minute_is_renewed_after_half_of_it(sessions, backend, clock):
    backend.token_lifetime_s = 60
    first = sessions.current()
    clock.advance(28)
    assert sessions.current() == first
    clock.advance(4)
    assert sessions.current().token != first.token


def test_a_clock_set_a_year_ahead_costs_her_no_pseudonym(sessions, backend, clock):
    uid = sessions.current().uid
    clock.advance(365 * 86_400)
    assert sessions.current().uid == uid


@pytest.mark.parametrize("garbage", ["{", "null", '{"uid": "u1"}', '{"uid": "u1", "expires_at": 5}'])
def test_a_kept_session_that_cannot_be_read_gives_a_new_one(api, backend, clock, garbage):
    assert Sessions(api, Drawer(session=garbage), lambda: CONSENT, clock).current().uid == "u1"


def test_a_session_outlives_the_process(api, sessions, drawer, clock):
    assert Sessions(api, Drawer(session=None), lambda: CONSENT, clock).uid is None
    first = sessions.current()
    again = Sessions(api, drawer, lambda: CONSENT, clock)
    assert again.current() == first


@pytest.mark.parametrize("hours", [-30, 30])
def test_a_device_clock_that_is_far_off_does_not_renew_at_every_call(api, drawer, backend, hours):
    sessions = Sessions(api, drawer, lambda: CONSENT, ManualClock(datetime.now(UTC) + timedelta(hours=hours)))
    assert sessions.current() == sessions.current()
    assert len(backend.requests) == 1


def test_a_consent_that_changed_is_told_before_anything_else_is_sent(api, drawer, backend, clock):
    consent = {"purposes": ["promotions"], "text_version": "1"}
    sessions = Sessions(api, drawer, lambda: consent, clock)
    sessions.current()
    consent["purposes"] = ["location", "promotions"]
    sessions.current()
    sessions.current()
    told = [(path, body) for path, _, body in backend.requests if path == "/v1/me/consent"]
    assert told == [("/v1/me/consent", {"purposes": ["location", "promotions"], "text_version": "1"})]
    Sessions(api, drawer, lambda: consent, clock).current()
    assert len(backend.requests) == 2


def test_a_backend_that_learns_of_consent_only_with_the_session_is_fine(api, drawer, backend, clock):
    consent = {"purposes": ["promotions"], "text_version": "1"}
    sessions = Sessions(api, drawer, lambda: consent, clock)
    sessions.current()
    backend.faults = [backend.problem(404, "no such thing")]
    consent["purposes"] = ["location"]
    assert sessions.current().uid == "u1"


def test_a_batch_says_by_the_devices_clock_when_it_was_sent(api, sessions, backend, clock):
    HttpTransport(api, sessions, clock).send(some(1))
    assert backend.requests[-1][2]["sent_at"] == write_instant(clock.now())


def test_without_consent_there_is_no_session_and_no_request(api, drawer, backend):
    with pytest.raises(Unreachable, match="no consent"):
        Sessions(api, drawer, lambda: None).current()
    assert backend.requests == []


def test_a_forgotten_session_is_gone_from_the_drawer_too(sessions, drawer):
    sessions.current()
    sessions.forget()
    assert (sessions.uid, drawer["session"]) == (None, None)


def test_an_ably_token_names_her_two_channels(sessions, backend):
    token = sessions.ably_token()
    assert (token.client_id, token.location_channel, token.promotions_channel) == ("u1", "location:u1", "promotions:u1")
    backend.tokens.clear()
    assert sessions.ably_token().client_id == "u1"


@pytest.mark.parametrize(
    ("status", "kind"), [(500, Unreachable), (503, Unreachable), (429, Unreachable), (404, Refused)]
)
def test_an_answer_becomes_the_fault_it_means(api, backend, status, kind):
    backend.faults = [backend.problem(status, "so")]
    with pytest.raises(kind, match=f"answered {status}: so!") as fault:
        api.post("/locations", {})
    assert fault.value.status == status


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "120"}, 120),
        ({"Retry-After": "999999999"}, 3600),
        ({"Retry-After": "soon"}, None),
        ({}, None),
        ({"Retry-After": "Fri, 31 Dec 1999 23:59:59 GMT"}, 0),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(api, backend, headers, seconds):
    backend.faults = [backend.problem(503, "busy", headers)]
    with pytest.raises(Unreachable) as fault:
        api.post("/locations", {})
    assert fault.value.retry_after_s == seconds


def test_a_login_page_of_the_wifi_is_no_delivery(transport, sessions, backend):
    sessions.current()
    backend.faults = [lambda handler: backend.answer(handler, 200, b"<html>Welcome to the free Wi-Fi</html>")]
    with pytest.raises(Unreachable, match="login page"):
        transport.send(some(1))


@pytest.mark.parametrize("body", [b"{}", b'{"uid": ""}', b'{"uid": "u1", "token": 7}'])
def test_a_session_that_is_none_is_refused(sessions, backend, body):
    backend.faults = [lambda handler: backend.answer(handler, 201, body)]
    with pytest.raises(Refused, match="can't be read"):
        sessions.current()


def test_a_backend_that_is_away_is_unreachable(api, backend):
    backend.go_offline()
    try:
        with pytest.raises(Unreachable, match="ConnectError"):
            api.post("/sessions", {})
    finally:
        backend.go_online()


def test_a_connection_cut_in_the_middle_of_an_answer_is_unreachable(api, backend):
    def cut(handler):
        handler.wfile.write(b"HTTP/1.1 202 Accepted\r\nContent-Length: 100\r\n\r\n{")
        handler.connection.shutdown(socket.SHUT_RDWR)

    backend.faults = [cut]
    with pytest.raises(Unreachable):
        api.post("/locations", {})


def test_a_server_that_never_answers_is_unreachable_after_the_timeout(backend):
    api, release = Api(backend.url, timeout_s=0.2), threading.Event()
    backend.faults = [lambda handler: release.wait(10)]
    with pytest.raises(Unreachable, match="Timeout"):
        api.post("/locations", {})
    release.set()
    api.close()


def test_an_answer_without_end_is_cut_off(api, backend):
    backend.faults = [lambda handler: backend.answer(handler, 200, b" " * (65 * 2**20))]
    with pytest.raises(Unreachable, match="more than"):
        api.post("/locations", {})


def test_a_closed_connection_says_so(api):
    api.close()
    with pytest.raises(Unreachable, match="closed"):
        api.post("/locations", {})


def connecting(port):
    """How many sockets of this machine wait to be let in there (state 2 is SYN_SENT)."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(row[2].endswith(f":{port:04X}") and row[3] == "02" for row in rows)


def test_a_request_that_was_still_connecting_when_it_was_interrupted_sends_no_body():
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        address = listener.getsockname()
        fillers = [socket.socket() for _ in range(4)]  # a backlog that is full keeps the next connection waiting
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(address)
        api, faults = Api(f"http://127.0.0.1:{address[1]}", timeout_s=10), []

        def post():
            try:
                api.post("/locations", {"locations": ["SECRET"]})
            except Unreachable as fault:
                faults.append(str(fault))

        queued, posting = connecting(address[1]), threading.Thread(target=post)
        posting.start()
        deadline = time.monotonic() + 30
        while connecting(address[1]) == queued:
            assert time.monotonic() < deadline
        api.interrupt()
        heard = b""
        listener.settimeout(10)
        while posting.is_alive() or faults == []:
            connection, _ = listener.accept()
            with connection:
                connection.setblocking(True)
                connection.settimeout(0.5)
                with suppress(TimeoutError):
                    heard += connection.recv(65536)
            posting.join(0.05)
        for filler in fillers:
            filler.close()
        api.close()
    assert "revoked" in faults[0]
    assert b"SECRET" not in heard
