"""Publishing to many Ably channels in one request, against the local Ably."""

import socket
import time
from contextlib import closing

import jwt
import pytest

from endcap.errors import NotAuthorised, Refused, Unreachable
from endcap.transports.ably_batch import AblyBatch
from endcap_devkit.ably_server import AblyServer


def test_a_batch_reaches_each_channel_and_says_so(ably, rest, server_token, opened, on_channel):
    batch = opened(AblyBatch(ably.url, server_token))
    outcomes = batch.publish([(f"promotions:b{n}", f"alert-{n}", "alert", f'{{"n":{n}}}') for n in range(250)])
    assert [(outcome.message_id, outcome.error) for outcome in outcomes] == [(f"alert-{n}", None) for n in range(250)]
    assert on_channel("promotions:b7") == ['{"n":7}']


def test_a_batch_published_twice_is_delivered_once(ably, rest, server_token, opened, on_channel):
    batch = opened(AblyBatch(ably.url, server_token))
    for _ in range(2):
        batch.publish(
            [("promotions:b-twice", "alert-1", "alert", "{}"), ("promotions:b-twice", "alert-2", "alert", "{}")]
        )
    assert len(on_channel("promotions:b-twice")) == 2


def test_one_channel_refused_harms_no_other(ably, opened, a_jwt):
    batch = opened(AblyBatch(ably.url, lambda: a_jwt(ably, uid="*", capability={"promotions:*": ["publish"]})))
    good, bad, long = batch.publish(
        [
            ("promotions:x", "1", "alert", "{}"),
            ("secret:x", "2", "alert", "{}"),
            ("promotions:x", "3", "alert", "x" * 70_000),
        ]
    )
    assert good.error is None
    assert isinstance(bad.error, NotAuthorised)
    assert bad.error.channel == "secret:x"
    assert isinstance(long.error, Refused)


def test_an_expired_token_is_asked_for_anew(ably, opened, a_jwt):
    tokens = [a_jwt(ably, uid="*", ttl_s=-5.0, capability={"*": ["*"]}), a_jwt(ably, uid="*", capability={"*": ["*"]})]
    batch = opened(AblyBatch(ably.url, lambda: tokens.pop(0)))
    assert batch.publish([("promotions:e", "1", "alert", "{}")])[0].error is None
    assert tokens == []


def test_a_wrong_secret_is_not_authorised(ably, opened):
    forged = jwt.encode(
        {"iat": int(time.time()), "exp": time.time() + 60},
        "another secret, just as long as it needs to be",
        algorithm="HS256",
        headers={"kid": ably.key.split(":")[0]},
    )
    with pytest.raises((NotAuthorised, Unreachable), match="401"):
        opened(AblyBatch(ably.url, lambda: forged)).publish([("promotions:e", "1", "alert", "{}")])


def test_a_batch_to_nobody_is_unreachable(opened):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(Unreachable):
        opened(AblyBatch(f"http://localhost:{port}", lambda: "token")).publish([("promotions:e", "1", "alert", "{}")])


def test_when_a_host_does_not_answer_another_stands_in_and_is_kept(ably, server_token, opened):
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        dead = f"http://localhost:{listener.getsockname()[1]}"
    batch = opened(AblyBatch(dead, server_token, [ably.url]))
    for number in range(2):
        assert batch.publish([("promotions:f", f"f{number}", "alert", "{}")])[0].error is None


def test_a_connection_that_was_closed_meanwhile_is_made_anew(server_token, opened, a_jwt):
    with AblyServer() as first:
        batch = opened(AblyBatch(first.url, lambda: a_jwt(first, uid="*", capability={"*": ["*"]})))
        batch.publish([("promotions:g", "g1", "alert", "{}")])
        port, key = first.port, first.key
    with AblyServer(port, key):
        assert batch.publish([("promotions:g", "g2", "alert", "{}")])[0].error is None


def test_an_empty_batch_asks_nobody(opened):
    assert opened(AblyBatch("http://localhost:1", lambda: "token")).publish([]) == []
