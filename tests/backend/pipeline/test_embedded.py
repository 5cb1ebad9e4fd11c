"""The pipeline as a whole, in front of a real local Ably, heard by the official client."""

import asyncio
import json
import time

import jwt
import pytest
from ably import AblyRealtime

from endcap.clock import SystemClock
from endcap.messages import CustomerAlert, promotions_channel
from endcap.testing import a_location, a_product, a_promotion
from endcap.wire import epoch_ms
from endcap_backend.log import Log, NewRecord
from endcap_backend.pipeline.embedded import EmbeddedPipeline
from endcap_backend.pipeline.push import CAPABILITY, AblyPush
from endcap_devkit.ably_server import AblyServer

WAIT_S = 20.0


@pytest.fixture(scope="module")
def ably():
    with AblyServer() as server:
        yield server


def a_token(ably, capability=CAPABILITY):
    name, secret = ably.key.split(":")
    claims = {"iat": int(time.time()), "exp": int(time.time()) + 600, "x-ably-capability": json.dumps(capability)}
    return jwt.encode(claims, secret, "HS256", headers={"kid": name})


@pytest.fixture
def log(tmp_path):
    log = Log(tmp_path / "log.db")
    yield log
    log.close()


@pytest.fixture
def pipeline(log, ably):
    pipeline = EmbeddedPipeline(log, AblyPush(ably.url, lambda: a_token(ably)))
    pipeline.start()
    yield pipeline
    pipeline.stop()


def put(log, *messages):
    now_ms = epoch_ms(SystemClock().now())
    log.append(
        [
            NewRecord(type(each).TOPIC, getattr(each, "uid", None), each.to_text(), now_ms, getattr(each, "id", None))
            for each in messages
        ]
    )


async def heard_by(ably, uid, act, count):
    """The data of the first `count` messages on her channel after `act` was done by another thread."""
    client = AblyRealtime(key=ably.key, endpoint=f"localhost:{ably.port}/", tls=False)
    heard = asyncio.Queue()
    await asyncio.wait_for(client.channels.get(promotions_channel(uid)).subscribe(heard.put_nowait), WAIT_S)
    await asyncio.to_thread(act)
    messages = [await asyncio.wait_for(heard.get(), WAIT_S) for _ in range(count)]
    await client.close()
    return messages


def test_a_fix_in_the_log_is_an_offer_on_her_channel(log, ably, pipeline):
    put(log, a_product(), a_promotion())
    (message,) = asyncio.run(heard_by(ably, "ann", lambda: put(log, a_location(uid="ann", id="ann:1")), 1))
    alert = CustomerAlert.from_text(message.data)
    assert (alert.uid, alert.pid, alert.sku, alert.title) == ("ann", "p1", 9001, "20 % off dark roast")
    assert message.name == "alert"
    assert message.id == f"{alert.id}:0"


def test_stats_tell_of_every_stage(log, ably, pipeline):
    put(log, a_product(), a_promotion())
    asyncio.run(heard_by(ably, "bob", lambda: put(log, a_location(uid="bob", id="bob:1")), 1))
    while pipeline.stats()["match lag"] or pipeline.stats()["delivery lag"]:
        log.wait(log.end(), 0.01)
    pipeline.stop()
    stats = pipeline.stats()
    assert (stats["fixes"], stats["decide alerts"], stats["delivery pushed"]) == (1, 1, 1)
    assert (stats["match lag"], stats["delivery oldest unsent s"]) == (0, 0)


def test_a_pipeline_is_ready_once_its_state_is_rebuilt_and_no_more_once_stopped(log, ably, pipeline):
    put(log, a_product())
    assert log.wait(0, WAIT_S)
    while not pipeline.ready():
        log.wait(log.end(), 0.01)
    pipeline.stop()
    assert not pipeline.ready()


def test_without_ably_alerts_are_kept_and_delivered_when_there_is_one(log, ably):
    alone = EmbeddedPipeline(log)
    alone.start()
    put(log, a_product(), a_promotion(), a_location(uid="cyd", id="cyd:1"))
    while not log.read(0, topics=["customers_alerts"]):
        assert log.wait(log.end(), WAIT_S)
    alone.stop()
    connected = EmbeddedPipeline(log, AblyPush(ably.url, lambda: a_token(ably)))
    (message,) = asyncio.run(heard_by(ably, "cyd", connected.start, 1))
    connected.stop()
    assert json.loads(message.data)["uid"] == "cyd"


def test_what_ably_does_not_let_us_publish_is_a_dead_letter_and_no_uid_is_logged(log, ably, caplog):
    push = AblyPush(ably.url, lambda: a_token(ably, {"promotions:amy": ["publish"]}))
    pipeline = EmbeddedPipeline(log, push)
    pipeline.start()
    put(log, a_product(), a_promotion())

    def act():
        put(log, a_location(uid="u-eve", id="u-eve:1"), a_location(uid="amy", id="amy:1"))

    asyncio.run(heard_by(ably, "amy", act, 1))
    while not (letters := log.read(0, topics=["customers_alerts_dlq"])):
        assert log.wait(log.end(), WAIT_S)
    pipeline.stop()
    assert letters[0].key == "u-eve"
    assert "40160" in json.loads(letters[0].value)["reason"]
    assert "can't be delivered" in caplog.text
    assert "u-eve" not in caplog.text
