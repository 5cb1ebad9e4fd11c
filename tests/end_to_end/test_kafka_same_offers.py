"""The recorded walk of the demo, through the embedded pipeline and through Kafka: the same offers, word for word."""

from collections import Counter
from contextlib import closing
from datetime import timedelta
from itertools import groupby

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from endcap.clock import SystemClock
from endcap.messages import CUSTOMERS_ALERTS, CUSTOMERS_EVENTS, CUSTOMERS_LOCATIONS, CustomerAlert, CustomerLocation
from endcap.testing import an_event
from endcap.tracks import read_track
from endcap.wire import epoch_ms
from endcap_backend.config import Settings
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
from endcap_backend.retail.coupons import put_coupons
from endcap_backend.retail.database import Database, database_url
from endcap_backend.retail.terms import CouponTerms
from endcap_backend.retail.wallet import clip_all
from endcap_backend.retail.wishlist import ListItem, merge
from endcap_backend.wiring import learning_of
from endcap_devkit.demo.city import WALK_FILE, load_city

pytestmark = pytest.mark.kafka
WAIT_S = 180.0
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


def the_events(moment):
    """What her phone tells on the walk, 1 ms after some fix of it: she lingers, and opens a card of what is gone."""
    fixes = read_track(WALK_FILE).fixes
    happened = ((8, "enter", None), (12, "dwell", None), (15, "exit", None), (97, "opened", 6400000000000))
    records = []
    for number, kind, sku in happened:
        at = moment + (fixes[number].taken_at - fixes[0].taken_at) + timedelta(milliseconds=1)
        fence = None if sku else "koiton-talo/Piruetti"
        event = an_event(id=f"{HER}-{number}", uid=HER, kind=kind, occurred_at=at, fence=fence, sku=sku)
        records.append(NewRecord(CUSTOMERS_EVENTS, HER, event.to_text(), epoch_ms(at), event.id))
    return records


@pytest.fixture
def database(tmp_path):
    with closing(Database(database_url(tmp_path / "shop"))) as made:
        yield made


def stock_her_list(database, now):
    """A product that is there, one that is not and a kind of product; and a coupon for another kind."""
    wished = {"sku": 6400000007003, "segment": None}, {"sku": 6400000000007}, {"segment": "toys"}
    items = [ListItem(f"w{n}", "it", now, position=float(n), **each) for n, each in enumerate(wished)]
    with database.writing() as connection:
        merge(connection, HER, items, now)
        put_coupons(connection, [CouponTerms("c1", "A tenth off all shoes", "percent", value=10.0, segment="shoes")])
        clip_all(connection, HER, ["c1"], now)


def test_so_they_do_with_a_list_a_coupon_products_that_are_gone_and_lingering(log, kafka_emptied, tmp_path, database):
    clock = StandingClock(SystemClock().now())
    stock_her_list(database, clock.now())
    settings = Settings(data=tmp_path / "shop")
    shop = the_shop(epoch_ms(clock.now() - timedelta(hours=1)))
    walk = sorted([*the_walk(clock.now()), *the_events(clock.now())], key=lambda record: record.timestamp_ms)
    embedded = offers_embedded(tmp_path, clock, shop, walk, learning_of(settings, database, clock))
    assert Counter(each.kind for each in embedded).keys() == {"deal", "wanted", "alternative", "help"}
    learning = learning_of(settings, database, clock)
    assert offers_by_kafka(log, KafkaSettings(kafka_emptied.bootstrap), clock, shop, walk, learning) == embedded


def test_embedded_and_kafka_give_the_same_offers_for_the_recorded_walk(log, kafka_emptied, tmp_path):
    clock = StandingClock(SystemClock().now())
    shop, walk = the_shop(epoch_ms(clock.now() - timedelta(hours=1))), the_walk(clock.now())
    embedded = offers_embedded(tmp_path, clock, shop, walk)
    assert len(embedded) >= 5
    assert offers_by_kafka(log, KafkaSettings(kafka_emptied.bootstrap), clock, shop, walk) == embedded


def offers_embedded(folder, clock, shop, walk, learning=None):
    log = Log(folder / "embedded.db", min_free_bytes=0)
    log.append(shop)
    pipeline = EmbeddedPipeline(log, limits=PACED, clock=clock, learning=learning)
    pipeline.start()
    log.append(walk)
    wait(lambda: log.committed("match") >= log.end(), log)
    pipeline.stop()
    alerts = [CustomerAlert.from_text(each.value) for each in log.read(0, 10_000, (CUSTOMERS_ALERTS,))]
    log.close()
    return alerts


def region_in(record):
    """Where a fix was; None for an event, which comes once the fixes before it are decided on."""
    if record.topic == CUSTOMERS_EVENTS:
        return None
    return region_of(*CustomerLocation.from_text(record.value).point)


def make_topics(admin):
    """Each with four partitions; the broker makes one with a single one when a client of an earlier test still asks."""
    for topic in TOPICS:
        for _ in range(20):
            if admin.create_topics([NewTopic(topic, 4)])[topic].exception(WAIT_S) is None:
                break
            admin.delete_topics([topic])[topic].exception(WAIT_S)
        else:
            raise AssertionError(f"{topic} is made anew by somebody each time it is deleted")


def settled(kafka):
    """Whether all of the shop can be read: a moment after its commit a transaction may still look open."""
    places = places_of(kafka, ("stores_products", "products_promotions"))
    return ends_of(kafka, places) == ends_of(kafka, places, settled=True)


def offers_by_kafka(log, kafka, clock, shop, walk, learning=None):
    make_topics(AdminClient(kafka.client_config()))
    ensure_topics(kafka, TOPICS)
    forwarder = Forwarder(log, kafka)
    stages = route_stage(kafka), match_stage(kafka, clock), decide_stage(kafka, PACED, clock, learning=learning)
    log.append(shop)
    forwarder.start()
    wait(lambda: forwarder.stats()["forward lag"] == 0, log)
    wait(lambda: settled(kafka), log)
    for stage in stages:
        stage.start()
    wait(lambda: all(stage.stats()["partitions"] for stage in stages), log)
    decided = Counter()
    for _, region in groupby(walk, region_in):  # she is through with one region before she enters the next
        records = list(region)
        what = "fixes" if records[0].topic == CUSTOMERS_LOCATIONS else "events"
        decided[what] += len(log.append(records))
        wait(lambda: stages[-1].stats().get(what) == decided[what], log)  # noqa: B023
    for stage in (forwarder, *stages):
        stage.stop()
    places = places_of(kafka, (CUSTOMERS_ALERTS,))
    spans = {place: (0, end) for place, end in ends_of(kafka, places, settled=True).items()}
    return [CustomerAlert.from_text(each.value) for each in read_between(kafka, spans)]
