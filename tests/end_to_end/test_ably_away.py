"""Ably away for a while: nothing is lost, and nobody is flooded with what is no longer true."""

import json
from contextlib import closing
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from endcap.messages import CUSTOMERS_ALERTS
from endcap.testing import an_alert
from endcap.wire import epoch_ms
from endcap_backend.log import Log, NewRecord
from endcap_devkit.ably_server import AblyServer

WAIT_S = 60.0


@pytest.fixture
def away(ably):
    """The address of an Ably that is not there yet, and a way to bring it there."""

    class Away:
        def __init__(self):
            with AblyServer() as gone:
                self.port, self.key = gone.port, gone.key
            self.url = f"http://localhost:{self.port}"
            self.server = None

        def come_back(self):
            self.server = AblyServer(self.port, self.key).start()

    away = Away()
    yield away
    if away.server is not None:
        away.server.stop()


def test_offers_made_while_ably_was_away_arrive_when_it_is_back(serve, a_shopper, away, handled):
    backend = serve(3, ably_endpoint=away.url, ably_key=away.key)
    ann = a_shopper(backend)
    for step in range(3):
        assert ann.post(ann.fix(step, step=step)).status_code == 202
    handled(backend, lambda log: len(log.read(0, topics=[CUSTOMERS_ALERTS])) == 3)
    away.come_back()
    handled(backend, lambda log: log.committed("delivery") >= log.read(0, topics=[CUSTOMERS_ALERTS])[-1].offset, WAIT_S)
    assert pids_in_history(away, ann.uid) == ["p0", "p1", "p2"]


def test_an_offer_that_expired_meanwhile_is_not_pushed(serve, a_shopper, away, handled):
    backend = serve(2, ably_endpoint=away.url, ably_key=away.key)
    ann = a_shopper(backend)
    ann.post(ann.fix(1, step=0))
    handled(backend, lambda log: log.read(0, topics=[CUSTOMERS_ALERTS]))
    backend.stop()
    stale = an_alert(id="stale", uid=ann.uid, pid="stale", expires_at=datetime.now(UTC) - timedelta(seconds=1))
    with closing(Log(backend.data / "log.db")) as log:
        log.append([NewRecord(CUSTOMERS_ALERTS, ann.uid, stale.to_text(), epoch_ms(stale.expires_at), stale.id)])
    backend.start()
    ann.post(ann.fix(2, step=1))
    handled(backend, lambda log: len(log.read(0, topics=[CUSTOMERS_ALERTS])) == 3)
    away.come_back()
    handled(backend, lambda log: log.committed("delivery") >= log.read(0, topics=[CUSTOMERS_ALERTS])[-1].offset, WAIT_S)
    assert pids_in_history(away, ann.uid) == ["p0", "p1"]


def pids_in_history(away, uid):
    found = httpx.get(
        f"{away.url}/channels/promotions:{uid}/messages?direction=forwards",
        auth=tuple(away.key.split(":")),
        timeout=WAIT_S,
    )
    return [json.loads(message["data"])["pid"] for message in found.json()]
