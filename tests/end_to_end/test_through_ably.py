"""A phone that publishes its fixes on Ably: a rule carries them to the backend, and the offer comes back."""

import socket
from contextlib import closing

import httpx
import pytest

from endcap.messages import CUSTOMERS_LOCATIONS, location_channel
from endcap_devkit.ably_server import AblyServer
from endcap_devkit.ably_server.rules import Rule

WAIT_S = 60.0


@pytest.fixture
def ruled(serve):
    """A backend and an Ably whose rule posts location channels to it."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = listener.getsockname()[1]
    rule = Rule("location:*", f"http://127.0.0.1:{port}/v1/integrations/ably")
    with AblyServer(rules=[rule]) as ably:
        yield serve(2, ably_endpoint=ably.url, ably_key=ably.key, port=port), ably


def publish(ably, shopper, channel, data):
    token = shopper.ably_token()["token"]
    return httpx.post(
        f"{ably.url}/channels/{channel}/messages",
        json={"id": f"{data['id']}-message:0", "name": "location", "data": data},
        headers={"Authorization": f"Bearer {token}"},
        timeout=WAIT_S,
    )


def test_a_fix_published_on_her_channel_is_an_offer(ruled, a_shopper, an_ear):
    backend, ably = ruled
    ann = a_shopper(backend)
    ear = an_ear(ably)
    ear.listen(ann.uid, ann.ably_token())
    assert publish(ably, ann, location_channel(ann.uid), {"uid": ann.uid, **ann.fix(1)}).status_code == 201
    assert ear.until(len)
    assert [(uid, alert.pid) for uid, alert in ear.heard] == [(ann.uid, "p0")]


def test_the_same_fix_by_ably_and_by_http_is_stored_once_and_brings_one_offer(
    ruled, a_shopper, an_ear, log_of, history_problems
):
    backend, ably = ruled
    ann = a_shopper(backend)
    ear = an_ear(ably)
    ear.listen(ann.uid, ann.ably_token())
    first, second = ann.fix(1, step=0), ann.fix(2, step=1)
    for fix in (first, second):
        assert publish(ably, ann, location_channel(ann.uid), {"uid": ann.uid, **fix}).status_code == 201
        assert ann.post(fix).status_code == 202
    assert ear.until(lambda heard: len(heard) == 2)
    records = log_of(backend)
    assert sum(each.topic == CUSTOMERS_LOCATIONS for each in records) == 2
    assert history_problems([first["id"], second["id"]], ear.heard, records) == []


def test_nobody_publishes_a_fix_for_somebody_else(ruled, a_shopper):
    backend, ably = ruled
    ann, bob = a_shopper(backend), a_shopper(backend)
    refused = publish(ably, ann, location_channel(bob.uid), {"uid": bob.uid, **bob.fix(1)})
    assert (refused.status_code, refused.json()["error"]["code"]) == (401, 40160)
