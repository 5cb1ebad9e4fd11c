"""The recorded walk of the demo, through the embedded pipeline and through Kafka: the same offers, word for word."""

from datetime import timedelta
from itertools import groupby

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from endcap.clock import SystemClock
from endcap.messages import CUSTOMERS_ALERTS, CustomerAlert, CustomerLocation
from endcap.tracks import read_track
from endcap.wire import epoch_ms
from endcap_backend.decide import Limits
from endcap_backend.log import Log, NewRecord
from endcap_backend.match.regions import region_of
from endcap_backend.pipeline.embedded import EmbeddedPipeline
from endcap_backend.pipeline.forward import Forwarder
from endcap_backend.pipeline.kafka import KafkaSettings
from endcap_backend.pipeline.stages.decide import decide_stage
from endcap_backend.pipeline.stages.match import match_stage
from endcap_backend.pipeline.stages.reading import ends_of, places_of, read_between
from endcap_backend.pipeline.stages.route import route_stage
from endcap_backend.pipeline.stages.topics import ensure_topics
from endcap_devkit.demo.city import WALK_FILE, load_city

pytestmark = pytest.mark.kafka
WAIT_S = 60.0
HER = "walker"
PACED = Limits(per_fix=1, cooldown_s=12.0, per_visit=100, per_hour=100, per_day=100, per_promotion=100)
TOPICS = ("customers_locations", "stores_products", "products_promotions", "customers_events", CUSTOMERS_ALERTS)


class StandingClock(SystemClock):
    """The wall clock stands at the walk's first fix, so that none of the walk is of long ago."""

    def __init__(self, moment):
        self._moment = moment

    def now(self):
        return self._moment


def the_shop(at_ms):
    city = load_city()
    products = [product for store in city.stores for product, _ in store.products]
    return [
        NewRecord(type(each).TOPIC, str(getattr(each, key)), each.to_text(), at_ms)
        for key, messages in (("sku", products), ("segment", city.promotions()))
        for each in messages
    ]


def the_walk(moment):
    """The recorded fixes as the backend stores them, from `moment` on."""
    fixes = read_track(WALK_FILE).fixes
    records = []
    for number, fix in enumerate(fixes):
        at_ms = epoch_ms(moment + (fix.taken_at - fixes[0].taken_at))
        location = CustomerLocation.from_fix(fix, uid=HER, id=f"{HER}:{number}")
        records.append(NewRecord(CustomerLocation.TOPIC, HER, location.to_text(), at_ms, location.id))
    return records


@pytest.fixture
def log(tmp_path):
    made = Log(tmp_path / "log.db", min_free_bytes=0)
    yield made
    made.close()


def wait(holds, log):
    clock = SystemClock()
    deadline_s = clock.monotonic() + WAIT_S
    while not (found := holds()):
        assert clock.monotonic() < deadline_s, "it did not happen in time"
        log.wait(log.end(), 0.05)
    return found


def test_embedded_and_kafka_give_the_same_offers_for_the_recorded_walk(log, kafka_emptied, tmp_path):
    clock = StandingClock(SystemClock().now())
    shop, walk = the_shop(epoch_ms(clock.now() - timedelta(hours=1))), the_walk(clock.now())
    embedded = offers_embedded(tmp_path, clock, shop, walk)
    assert len(embedded) >= 5
    assert offers_by_kafka(log, KafkaSettings(kafka_emptied.bootstrap), clock, shop, walk) == embedded


def offers_embedded(folder, clock, shop, walk):
    log = Log(folder / "embedded.db", min_free_bytes=0)
    log.append(shop)
    pipeline = EmbeddedPipeline(log, limits=PACED, clock=clock)
    pipeline.start()
    log.append(walk)
    wait(lambda: log.committed("match") >= log.end(), log)
    pipeline.stop()
    alerts = [CustomerAlert.from_text(each.value) for each in log.read(0, 10_000, (CUSTOMERS_ALERTS,))]
    log.close()
    return alerts


def region_in(record):
    return region_of(*CustomerLocation.from_text(record.value).point)


def offers_by_kafka(log, kafka, clock, shop, walk):
    admin = AdminClient(kafka.client_config())
    for future in admin.create_topics([NewTopic(topic, 4) for topic in TOPICS]).values():
        future.result(WAIT_S)
    ensure_topics(kafka, TOPICS)
    forwarder = Forwarder(log, kafka)
    stages = route_stage(kafka), match_stage(kafka, clock), decide_stage(kafka, PACED, clock)
    log.append(shop)
    forwarder.start()
    wait(lambda: forwarder.stats()["forward lag"] == 0, log)
    for stage in stages:
        stage.start()
    wait(lambda: all(stage.stats()["partitions"] for stage in stages), log)
    decided = 0
    for _, region in groupby(walk, region_in):  # she is through with one region before she enters the next
        decided += len(log.append(list(region)))
        wait(lambda: stages[-1].stats().get("fixes") == decided, log)  # noqa: B023
    for stage in (forwarder, *stages):
        stage.stop()
    places = places_of(kafka, (CUSTOMERS_ALERTS,))
    spans = {place: (0, end) for place, end in ends_of(kafka, places, settled=True).items()}
    return [CustomerAlert.from_text(each.value) for each in read_between(kafka, spans)]
