import json
import signal
import subprocess
import sys

import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from endcap.errors import BadConfig, Unreachable
from endcap_devkit.kafka import jars
from endcap_devkit.kafka.broker import KafkaBroker
from endcap_devkit.kafka.security import CLIENT, Credentials

pytestmark = pytest.mark.kafka
ANSWER_S = 20


@pytest.fixture(scope="module")
def secured():
    with KafkaBroker(secure=True) as broker:
        yield broker


def produce(config, topic, value):
    """The delivery report's error, None when the record was taken."""
    reports = []
    producer = Producer(config | {"message.timeout.ms": "8000"})
    producer.produce(topic, value, on_delivery=lambda error, _: reports.append(error))
    producer.flush(ANSWER_S)
    return reports[0]


def consume(config, topic, count):
    consumer = Consumer(config | {"group.id": "reader", "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    found = []
    for _ in range(ANSWER_S * 10):
        message = consumer.poll(0.1)
        if message is not None and message.error() is None:
            found.append(message.value())
        if len(found) == count:
            break
    consumer.close()
    return found


def test_records_outlive_a_power_cut():
    with KafkaBroker() as broker:
        assert produce(broker.client_config(), "shelf", b"milk") is None
        broker.kill()
        broker.start()
        assert consume(broker.client_config(), "shelf", 1) == [b"milk"]


def test_a_user_without_rights_is_told_so_and_with_them_gets_through(secured):
    admin = AdminClient(secured.client_config())
    assert produce(secured.client_config(), "guarded", b"by the administrator") is None
    assert produce(secured.client_config(CLIENT), "guarded", b"no").name() == "TOPIC_AUTHORIZATION_FAILED"
    grant = AclBinding(
        ResourceType.TOPIC,
        "guarded",
        ResourcePatternType.LITERAL,
        f"User:{CLIENT.name}",
        "*",
        AclOperation.WRITE,
        AclPermissionType.ALLOW,
    )
    for future in admin.create_acls([grant]).values():
        future.result(ANSWER_S)
    assert produce(secured.client_config(CLIENT), "guarded", b"yes") is None


def test_a_wrong_password_is_refused(secured):
    faults = []
    stranger = secured.client_config(Credentials("admin", "guessed"))
    stranger["error_cb"] = lambda error: faults.append(error.name())
    producer = Producer(stranger)
    for _ in range(ANSWER_S * 10):
        producer.poll(0.1)
        if faults:
            break
    assert faults[0] == "_AUTHENTICATION"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_command_prints_where_it_listens_and_ends_on_a_signal(number):
    # as a shell starts what runs in the background: with SIGINT ignored
    order = ["sh", "-c", 'trap "" INT; exec "$@"', "sh", sys.executable, "-m", "endcap_devkit", "kafka"]
    with subprocess.Popen(order, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        ready = json.loads(process.stdout.readline())
        assert produce(ready["client"], "shelf", b"bread") is None
        process.send_signal(number)
        assert process.wait(ANSWER_S) == 0


def test_a_broker_that_does_not_come_up_leaves_no_process(monkeypatch):
    monkeypatch.setattr("endcap_devkit.kafka.broker.START_TIMEOUT_S", 0.0)
    broker = KafkaBroker()
    with pytest.raises(Unreachable, match="did not listen on port"), broker:
        pass
    with pytest.raises(AssertionError, match="not running"):
        _ = broker.pid


def test_a_port_that_can_t_be_is_named():
    ran = subprocess.run(
        [sys.executable, "-m", "endcap_devkit", "kafka", "--port", "99999"], capture_output=True, text=True, timeout=30
    )
    said = "argument --port: must be a whole number from 0 to 65535, not '99999' (--help says what there is)"
    assert (ran.returncode, ran.stderr) == (2, f"endcap kafka: error: {said}\n")


def test_a_missing_java_says_what_to_install(monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(BadConfig, match="default-jre-headless"):
        jars.java()
