import logging
import subprocess
import sys

import pytest

from endcap_backend.pipeline import kafka
from endcap_backend.pipeline.stages import stage

LOADING = (
    "[thrd:main]: Failed to acquire idempotence PID from broker b/1: Broker: Coordinator load in progress: retrying"
)
REFUSED = "[thrd:b]: b/bootstrap: Connect to ipv4#127.0.0.1:1 failed: Connection refused"


def said_by(logger, level, kind, text):
    """As confluent_kafka calls a client's logger."""
    logger.log(level, "%s [%s] %s", kind, "rdkafka#producer-1", text)


@pytest.mark.parametrize("logger", [kafka.log, stage.log], ids=["kafka", "stages"])
def test_a_broker_that_still_starts_is_information(logger, caplog):
    with caplog.at_level(logging.INFO, logger.name):
        said_by(logger, logging.WARNING, "GETPID", LOADING)
    assert [(each.levelname, each.levelno) for each in caplog.records] == [("INFO", logging.INFO)]


def test_who_wants_warnings_alone_is_spared_it(caplog):
    with caplog.at_level(logging.WARNING, kafka.log.name):
        said_by(kafka.log, logging.WARNING, "GETPID", LOADING)
    assert caplog.records == []


def test_a_broker_that_refuses_is_no_less_an_error(caplog):
    with caplog.at_level(logging.WARNING, kafka.log.name):
        said_by(kafka.log, logging.ERROR, "FAIL", REFUSED)
    assert [each.levelname for each in caplog.records] == ["ERROR"]


def test_it_does_not_appear_among_the_progress_of_simulate():
    code = f"""
from endcap_backend.pipeline.kafka import log
from endcap_devkit.__main__ import main
main(["simulate", "products", "--count", "1"])
log.warning("%s [%s] %s", "GETPID", "rdkafka#producer-1", {LOADING!r})
log.error("%s [%s] %s", "FAIL", "rdkafka#producer-1", "down")
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert "FAIL [rdkafka#producer-1] down" in ran.stderr
    assert "GETPID" not in ran.stderr
