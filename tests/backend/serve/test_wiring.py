from contextlib import closing

import pytest

from endcap.clock import SystemClock
from endcap.errors import BadConfig
from endcap_backend.config import Settings
from endcap_backend.log import Log
from endcap_backend.retail.database import Database
from endcap_backend.wiring import make_pipeline


@pytest.fixture
def made(tmp_path):
    """Makes the pipeline of some settings over a log and a database of its own."""
    with (
        closing(Log(tmp_path / "log.db", min_free_bytes=0)) as log,
        closing(Database(f"sqlite:///{tmp_path}/retail.db")) as database,
    ):
        yield lambda **settings: make_pipeline(Settings(**settings), log, database, SystemClock())


def test_the_embedded_pipeline_feeds_matches_and_delivers(made, caplog):
    stages = {name.split()[0] for name in made(ably_key="app.key:secret").stats()}
    assert caplog.messages == []
    assert {"feed", "match", "delivery"} <= stages


def test_without_an_ably_key_nothing_is_delivered_but_everything_matched(made, caplog):
    stages = {name.split()[0] for name in made().stats()}
    assert caplog.messages == ["no ENDCAP_ABLY_KEY: alerts are decided and kept, and nobody is told"]
    assert {"feed", "match"} <= stages
    assert "delivery" not in stages


def test_a_pipeline_starts_becomes_ready_and_stops(made):
    pipeline = made()
    assert not pipeline.ready()
    pipeline.start()
    pipeline.stop()
    assert not pipeline.ready()


def test_with_kafka_the_log_is_forwarded_and_matched_elsewhere(made):
    pipeline = made(pipeline="kafka", kafka_bootstrap_servers="localhost:1")
    stages = {name.split()[0] for name in pipeline.stats()}
    assert "match" not in stages
    assert {"feed", "forward", "return"} <= stages


def test_browsers_are_notified_wherever_it_is_decided(made, tmp_path, caplog):
    contact = {"push_contact": "mailto:shop@example.org", "data": tmp_path, "ably_key": "app.key:secret"}
    assert "webpush taken" in made(**contact).stats()
    assert caplog.messages == []
    elsewhere = made(**contact, pipeline="kafka", kafka_bootstrap_servers="localhost:1")
    assert "webpush taken" in elsewhere.stats()
    assert caplog.messages == []


def test_quiet_hours_that_are_none_are_named(made):
    with pytest.raises(BadConfig, match="quiet_hours"):
        made(quiet_hours="at night")
