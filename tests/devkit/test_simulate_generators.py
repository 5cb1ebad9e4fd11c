"""The three generators: the tutorial's JSON, the same by the same seed, near enough to match when asked."""

import json
import os
import signal
import subprocess
import sys
from contextlib import closing
from itertools import islice
from threading import Event

import confluent_kafka
import pytest

from endcap.errors import BadConfig, Unreachable
from endcap.geo import NEAR_FT, LatLon, distance_ft
from endcap.messages import CustomerLocation, ProductPromotion, StoreProduct
from endcap_backend.log import Log
from endcap_backend.pipeline.kafka import KafkaProducer, KafkaSettings
from endcap_devkit.simulate.generators import NEAR, STREAMS, customers, products, promotions
from endcap_devkit.simulate.pace import paced

FIELDS = {
    "customers": ["uid", "latitude", "longitude", "country"],
    "products": ["SKU", "segment", "variant", "latitude", "longitude", "country"],
    "promotions": ["pid", "SKU", "segment"],
}
MESSAGE = {"customers": CustomerLocation, "products": StoreProduct, "promotions": ProductPromotion}


class SteppedClock:
    """A clock that runs only while someone waits."""

    def __init__(self):
        self.seconds = 0.0
        self.waits = 0

    def monotonic(self):
        return self.seconds

    def wait(self, event: Event, timeout_s: float | None) -> bool:
        self.seconds += timeout_s or 0.0
        self.waits += 1
        return False


def simulate(*args, **options):
    command = [sys.executable, "-m", "endcap_devkit", "simulate", *args]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, **options)


@pytest.mark.parametrize("stream", STREAMS)
def test_each_line_is_the_tutorials_json(stream):
    ran = simulate(stream, "--count", "50", "--near")
    records = [json.loads(line) for line in ran.stdout.splitlines()]
    assert ran.returncode == 0
    assert len(records) == 50
    assert all(list(record) == FIELDS[stream] for record in records)


@pytest.mark.parametrize("stream", STREAMS)
def test_each_record_is_a_message_of_its_topic(stream):
    for record in islice(STREAMS[stream].generate(7), 500):
        assert MESSAGE[stream].from_json(record).to_json() == record


@pytest.mark.parametrize("stream", STREAMS)
def test_the_same_seed_makes_the_same_records(stream):
    generate = STREAMS[stream].generate
    assert list(islice(generate(5), 100)) == list(islice(generate(5), 100))
    assert list(islice(generate(5), 100)) != list(islice(generate(6), 100))


def test_positions_are_all_over_the_globe():
    found = list(islice(customers(1), 2000))
    for field, bound in (("latitude", 90), ("longitude", 180)):
        values = [record[field] for record in found]
        assert min(values) < -0.95 * bound
        assert max(values) > 0.95 * bound


def test_no_coordinate_has_a_sixth_decimal():
    for record in islice(customers(1), 2000):
        assert record["latitude"] == round(record["latitude"], 5)
        assert record["longitude"] == round(record["longitude"], 5)


def test_near_customers_stand_within_100_ft_of_promoted_products():
    placed = list(islice(products(1, NEAR), 200))
    promoted = {record["SKU"] for record in islice(promotions(2, NEAR), 100)}
    shelves = [LatLon(p["latitude"], p["longitude"]) for p in placed if p["SKU"] in promoted]
    here = [LatLon(c["latitude"], c["longitude"]) for c in islice(customers(1, NEAR), 100)]
    near = [point for point in here if any(distance_ft(point, shelf) <= NEAR_FT for shelf in shelves)]
    assert len(near) > 90


def test_so_many_different_shoppers_come_again_and_again():
    assert len({record["uid"] for record in islice(customers(1, shoppers=8), 500)}) == 8
    assert len({record["uid"] for record in islice(customers(1), 500)}) == 500


def test_records_are_handed_out_at_the_rate_asked_for():
    clock = SteppedClock()
    given = sum(len(batch) for batch in paced(range(1000), 200.0, clock))
    assert given == 1000
    assert clock.seconds == pytest.approx(5.0, abs=0.05)


def test_without_a_rate_nothing_waits():
    clock = SteppedClock()
    assert sum(len(batch) for batch in paced(range(5000), None, clock)) == 5000
    assert clock.waits == 0


def test_a_consumer_that_fell_behind_is_given_all_it_missed():
    clock = SteppedClock()
    batches = paced(range(1000), 100.0, clock)
    assert next(batches) == [0]
    clock.seconds = 3.0
    assert next(batches) == list(range(1, 301))


def test_a_reader_that_leaves_ends_it_quietly():
    with subprocess.Popen(
        [sys.executable, "-m", "endcap_devkit", "simulate", "customers"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as running:  # fmt: skip
        running.stdout.readline()
        running.stdout.close()
        assert running.wait(timeout=20) == 0
        assert "Traceback" not in running.stderr.read()


def test_ctrl_c_ends_it_quietly():
    with subprocess.Popen(
        [sys.executable, "-m", "endcap_devkit", "simulate", "products", "--rate", "1/s"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as running:  # fmt: skip
        running.stdout.readline()
        running.send_signal(signal.SIGINT)
        assert running.wait(timeout=20) == 130
        assert "Traceback" not in running.stderr.read()


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["customers", "--rate", "0"], "0 is no rate; write 10 or 10/s"),
        (["customers", "--count", "-1"], "-1 is no whole number above 0"),
        (["customers", "--count", "ten"], "ten is no whole number above 0"),
        (["customers", "--near", "--radius", "wide"], "wide is not between 0 and 100000 metres"),
        (["customers", "--near", "--centre", "91,0"], "91,0 is no position; write 60.17,24.94"),
        (["customers", "--radius", "5"], "--near: is needed with"),
        (["customers", "--to", "log"], "--data: is needed with --to log"),
        (["shelves"], "invalid choice: 'shelves'"),
    ],
)
def test_a_wrong_switch_is_named(args, said):
    ran = simulate(*args)
    assert ran.returncode != 0
    assert said in ran.stderr


def test_kafka_without_an_address_says_which_switch_or_variable_to_set():
    environ = {key: value for key, value in os.environ.items() if not key.startswith("ENDCAP_")}
    ran = simulate("customers", "--to", "kafka", "--count", "1", env=environ)
    assert ran.returncode == 2
    said = "--bootstrap-servers: is needed with --to kafka: host:port of a broker (or ENDCAP_KAFKA_BOOTSTRAP_SERVERS)"
    assert ran.stderr == f"endcap simulate: {said}\n"


def test_the_login_comes_from_the_environment(tmp_path):
    (tmp_path / "secret").write_text("hush\n")
    settings = KafkaSettings.from_env(
        {
            "ENDCAP_KAFKA_BOOTSTRAP_SERVERS": "broker:9092",
            "ENDCAP_KAFKA_SASL_USERNAME": "key",
            "ENDCAP_KAFKA_SASL_PASSWORD_FILE": str(tmp_path / "secret"),
        }
    )
    assert settings.client_config() == {
        "bootstrap.servers": "broker:9092",
        "security.protocol": "SASL_SSL",
        "sasl.mechanisms": "PLAIN",
        "sasl.username": "key",
        "sasl.password": "hush",
    }


def test_half_a_login_is_refused():
    with pytest.raises(BadConfig, match="ENDCAP_KAFKA_SASL_PASSWORD: is not set"):
        KafkaSettings.from_env({"ENDCAP_KAFKA_BOOTSTRAP_SERVERS": "b:1", "ENDCAP_KAFKA_SASL_USERNAME": "key"})


def test_a_password_is_not_shown():
    assert "hush" not in repr(KafkaSettings("b:1", "key", "hush"))


def test_an_unknown_protocol_is_named_with_what_it_may_be():
    with pytest.raises(BadConfig, match=r"must be one of .*SASL_SSL"):
        KafkaSettings.from_env({"ENDCAP_KAFKA_BOOTSTRAP_SERVERS": "b:1", "ENDCAP_KAFKA_SECURITY_PROTOCOL": "TLS"})


@pytest.fixture
def brokers():
    """librdkafka's own cluster in this process: the address, for as long as the test runs."""
    cluster = confluent_kafka.Producer({"test.mock.num.brokers": 1, "bootstrap.servers": "unused"})
    yield ",".join(str(broker).rsplit("/", 1)[0] for broker in cluster.list_topics(timeout=5).brokers.values())
    cluster.flush()


def consumed(brokers, topic, count):
    consumer = confluent_kafka.Consumer(
        {"bootstrap.servers": brokers, "group.id": "test", "auto.offset.reset": "earliest"}
    )
    consumer.assign([confluent_kafka.TopicPartition(topic, partition, 0) for partition in range(4)])
    found = []
    while len(found) < count:
        batch = consumer.consume(count - len(found), timeout=20)
        assert batch, f"{len(found)} of {count} records came"
        found += batch
    consumer.close()
    return found


def test_records_reach_kafka_with_their_keys(brokers):
    ran = simulate("products", "--count", "200", "--seed", "3", "--to", "kafka", "--bootstrap-servers", brokers)
    assert ran.returncode == 0, ran.stderr
    found = consumed(brokers, "stores_products", 200)
    values = [json.loads(message.value()) for message in found]
    expected = list(islice(products(3), 200))
    assert sorted(values, key=json.dumps) == sorted(expected, key=json.dumps)
    assert all(message.key().decode() == str(value["SKU"]) for message, value in zip(found, values, strict=True))


def test_the_producer_counts_what_was_acknowledged(brokers):
    producer = KafkaProducer(KafkaSettings(brokers))
    producer.produce("customers_locations", ((None, json.dumps(record)) for record in islice(customers(1), 1000)))
    producer.flush()
    assert (producer.acknowledged, producer.refused) == (1000, {})


def test_a_broker_that_is_not_there_is_said(monkeypatch):
    monkeypatch.setattr("endcap_backend.pipeline.kafka.CONTACT_TIMEOUT_S", 0.5)
    with pytest.raises(Unreachable, match=r"no Kafka broker answers at 127\.0\.0\.1:1"):
        KafkaProducer(KafkaSettings("127.0.0.1:1"))


def test_records_reach_a_backends_log_in_order(tmp_path):
    ran = simulate("customers", "--count", "1200", "--seed", "9", "--to", "log", "--data", str(tmp_path / "var"))
    assert ran.returncode == 0, ran.stderr
    with closing(Log.open_readonly(tmp_path / "var" / "log.db")) as log:
        found = log.read(0, limit=2000)
    assert [json.loads(record.value) for record in found] == list(islice(customers(9), 1200))
    assert all(record.key == json.loads(record.value)["uid"] for record in found)
    assert {record.topic for record in found} == {"customers_locations"}


def test_a_log_that_a_backend_writes_to_is_left_alone(tmp_path):
    with closing(Log(tmp_path / "log.db")):
        ran = simulate("customers", "--count", "1", "--to", "log", "--data", str(tmp_path))
    assert ran.returncode == 1
    assert "log.db" in ran.stderr
    assert "Traceback" not in ran.stderr
