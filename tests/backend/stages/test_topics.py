"""Topics that a worker makes itself are as those that `apply` makes."""

import pytest
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType

from endcap.messages import CUSTOMERS_LOCATIONS, NEARBY_CUSTOMERS, STORES_PRODUCTS, VALID_PROMOTIONS
from endcap_backend.pipeline.cluster.topics import topics
from endcap_backend.pipeline.kafka import KafkaSettings
from endcap_backend.pipeline.stages.heard import REMEMBERED_MS, WRITTEN
from endcap_backend.pipeline.stages.topics import LOCATIONS_BY_CELL, ensure_topics

pytestmark = pytest.mark.kafka
WAIT_S = 60
HOLDING = {CUSTOMERS_LOCATIONS, LOCATIONS_BY_CELL, NEARBY_CUSTOMERS}
MADE = (CUSTOMERS_LOCATIONS, STORES_PRODUCTS, LOCATIONS_BY_CELL, NEARBY_CUSTOMERS, f"{LOCATIONS_BY_CELL}_dlq")


def test_a_topic_that_a_worker_makes_is_kept_as_long_as_one_that_apply_makes(kafka_emptied):
    settings = KafkaSettings(kafka_emptied.bootstrap)
    ensure_topics(settings, (*MADE, VALID_PROMOTIONS))
    admin = AdminClient(settings.client_config())
    asked = admin.describe_configs([ConfigResource(ResourceType.TOPIC, name) for name in MADE])
    found = {resource.name: future.result(WAIT_S) for resource, future in asked.items()}
    wanted = {each.name: dict(each.config) for each in topics() if each.name in MADE}
    assert {name: {key: found[name][key].value for key in config} for name, config in wanted.items()} == wanted
    assert wanted[NEARBY_CUSTOMERS]["retention.ms"] == "86400000"
    assert wanted[STORES_PRODUCTS]["retention.ms"] == "-1"


def test_no_position_outlives_its_time_by_more_than_the_shortest_segment_that_clusters_take():
    holding = [each for each in topics(locations_h=1.0) if each.name.removesuffix("_dlq") in HOLDING]
    segments_ms = [int(each.config["segment.ms"]) for each in holding]
    assert len(segments_ms) == 6
    assert set(segments_ms) == {4 * 3600_000}


def test_what_was_told_is_kept_as_long_as_decisions_remember_it():
    kept_ms = {each.name: int(each.config["retention.ms"]) for each in topics() if each.name in WRITTEN}
    assert [kept_ms[name] >= REMEMBERED_MS for name in WRITTEN] == [True, True]
