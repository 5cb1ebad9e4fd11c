import socket
import ssl
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import text

from endcap.errors import BadConfig
from endcap.messages import CUSTOMERS_ALERTS
from endcap.testing import NOON, an_alert
from endcap.wire import epoch_ms
from endcap_backend.log import Log, NewRecord
from endcap_backend.webpush.sending import Sender
from endcap_backend.webpush.stage import REST_S, WebPush
from endcap_backend.webpush.vapid import Vapid

CONTACT = "mailto:shop@example.org"


@pytest.fixture
def vapid(tmp_path, clock):
    return Vapid(tmp_path, CONTACT, clock)


@pytest.fixture
def records(tmp_path, clock):
    log = Log(tmp_path / "log.db", clock=clock)
    yield log
    log.close()


@pytest.fixture
def make_stage(records, subscriptions, vapid, clock):
    """Starts the stage over a client; it stops with the test."""
    with ExitStack() as made:

        def make(client):
            stage = WebPush(records, subscriptions, Sender(vapid, client), clock)
            stage.start()
            made.callback(stage.stop)
            return stage

        yield make


@pytest.fixture
def stage(make_stage, client):
    return make_stage(client)


def tell(records, *alerts):
    records.append([NewRecord(CUSTOMERS_ALERTS, each.uid, each.to_text(), epoch_ms(NOON), each.id) for each in alerts])


def settled(stage, records, clock, count):
    """Until that many alerts are dealt with, time passing meanwhile."""
    for _ in range(2000):
        if stage.stats()["records"] >= count:
            return True
        clock.advance(0.5)
        records.wait(records.end(), 0.01)
    return False


def knocks(server):
    """How many have connected since the last look."""
    server.settimeout(0)
    count = 0
    while True:
        try:
            server.accept()[0].close()
        except BlockingIOError:
            return count
        count += 1


def test_her_browser_gets_the_offer_and_nobody_else_s_does(
    stage, records, subscriptions, service, a_browser, vapid, signed_for
):
    ann, bob = a_browser("ann"), a_browser("bob")
    subscriptions.keep("ann", ann.subscription())
    subscriptions.keep("bob", bob.subscription())
    alert = an_alert(id="a-1", uid="ann")
    tell(records, alert)
    assert service.until(1)
    path, headers, body = service.requests[0]
    assert path == "/push/ann"
    assert ann.read(body) == {"id": "a-1", "kind": alert.kind, "title": alert.title, "why": alert.why}
    assert signed_for(headers, vapid.public_key)["aud"] == service.url
    assert int(headers["TTL"]) == int((alert.expires_at - NOON).total_seconds())
    assert [each[0] for each in service.requests] == ["/push/ann"]


def test_a_service_that_is_busy_is_asked_again(stage, records, subscriptions, service, a_browser, clock):
    subscriptions.keep("ann", a_browser().subscription())
    service.answers = [503, 429]
    tell(records, an_alert(id="a-1", uid="ann"))
    assert settled(stage, records, clock, 1)
    assert len(service.requests) == 3
    assert stage.stats()["taken"] == 1


def test_a_service_that_stays_away_holds_nobody_up(stage, records, subscriptions, service, a_browser, clock):
    subscriptions.keep("ann", a_browser("ann").subscription())
    subscriptions.keep("bob", a_browser("bob").subscription())
    service.answers = [500]
    tell(records, an_alert(id="a-1", uid="ann"), an_alert(id="b-1", uid="bob"))
    assert service.until(2)  # the clock stands still: ann's second try is not due
    assert [path for path, _, _ in service.requests] == ["/push/ann", "/push/bob"]
    service.answers = [500, 500]
    assert settled(stage, records, clock, 2)
    assert [path for path, _, _ in service.requests] == ["/push/ann", "/push/bob", "/push/ann", "/push/ann"]
    assert (stage.stats()["later"], stage.stats()["taken"]) == (1, 1)


def test_a_service_that_is_silent_is_left_alone_for_a_while(
    make_stage, records, subscriptions, service, a_browser, authority, clock
):
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    stage = make_stage(httpx.Client(verify=trusting, timeout=0.5))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"https://localhost:{silent.getsockname()[1]}/push/ann"
        subscriptions.keep("ann", replace(a_browser("ann").subscription(), endpoint=endpoint))
        subscriptions.keep("bob", a_browser("bob").subscription())
        tell(records, *(an_alert(id=f"a-{n}", uid="ann") for n in range(3)), an_alert(id="b-1", uid="bob"))
        assert service.until(1)
        assert settled(stage, records, clock, 4)
        assert (stage.stats()["silent"], stage.stats()["taken"]) == (3, 1)
        assert knocks(silent) == 1
        clock.advance(REST_S)
        tell(records, an_alert(id="a-9", uid="ann"))
        assert settled(stage, records, clock, 5)
        assert knocks(silent) == 1


def test_while_the_database_is_away_notifications_wait(stage, records, subscriptions, database, service, a_browser):
    subscriptions.keep("ann", a_browser().subscription())
    with database.writing() as connection:
        connection.execute(text("ALTER TABLE push_subscriptions RENAME TO hidden"))
    tell(records, an_alert(id="a-1", uid="ann"))
    assert not service.until(1, timeout_s=0.5)
    with database.writing() as connection:
        connection.execute(text("ALTER TABLE hidden RENAME TO push_subscriptions"))
    assert service.until(1)
    assert stage.stats()["faults"] == 0


def test_a_browser_that_is_gone_is_forgotten(stage, records, subscriptions, service, a_browser, clock):
    subscriptions.keep("ann", a_browser().subscription())
    service.answers = [410]
    tell(records, an_alert(id="a-1", uid="ann"), an_alert(id="a-2", uid="ann"))
    assert settled(stage, records, clock, 2)
    assert len(service.requests) == 1
    assert subscriptions.of("ann") == []


@pytest.mark.parametrize("endpoint", ["https://localhost/\x01", "https://..push.apple.com/x"])
def test_an_address_that_can_not_be_one_is_forgotten_and_holds_nobody_up(
    stage, records, subscriptions, service, a_browser, clock, endpoint
):
    subscriptions.keep("eve", replace(a_browser("eve").subscription(), endpoint=endpoint))
    subscriptions.keep("bob", a_browser("bob").subscription())
    tell(records, an_alert(id="e-1", uid="eve"), an_alert(id="b-1", uid="bob"))
    assert settled(stage, records, clock, 2)
    assert [path for path, _, _ in service.requests] == ["/push/bob"]
    assert subscriptions.of("eve") == []
    assert stage.stats()["faults"] == 0


def test_an_offer_that_is_over_is_not_sent(stage, records, subscriptions, service, a_browser, clock):
    subscriptions.keep("ann", a_browser().subscription())
    tell(records, an_alert(id="a-1", uid="ann", expires_at=NOON - timedelta(seconds=1)))
    assert settled(stage, records, clock, 1)
    assert service.requests == []
    assert stage.stats()["expired"] == 1


def test_the_key_outlives_a_restart(tmp_path, clock, vapid):
    assert Vapid(tmp_path, CONTACT, clock).public_key == vapid.public_key
    assert (tmp_path / "vapid.pem").stat().st_mode & 0o777 == 0o600


def test_a_key_that_is_none_and_a_contact_that_is_none_are_refused(tmp_path, clock):
    with pytest.raises(BadConfig, match="mailto"):
        Vapid(tmp_path, "shop@example.org", clock)
    (tmp_path / "vapid.pem").write_text("nothing of the kind")
    with pytest.raises(BadConfig, match=r"vapid\.pem holds no VAPID key"):
        Vapid(tmp_path, CONTACT, clock)
