"""At midnight two workers may have one shopper's two names: what the one tells her, the other must not tell."""

from contextlib import ExitStack, closing, suppress
from datetime import UTC, datetime

import pytest
from confluent_kafka import KafkaException

from endcap.clock import SystemClock
from endcap.messages import (
    CUSTOMERS_ALERTS,
    CUSTOMERS_EVENTS,
    NEARBY_CUSTOMERS,
    CustomerAlert,
    CustomerLocation,
    NearbyPromotion,
)
from endcap.testing import ManualClock
from endcap.wire import epoch_ms
from endcap_backend.decide import Limits
from endcap_backend.pipeline.learning import Learning
from endcap_backend.pipeline.stages.decide import DecisionWork
from endcap_backend.pipeline.stages.lasting import TURN
from endcap_backend.pipeline.stages.marks import FIX, FOLLOWED
from endcap_backend.pipeline.stages.records import Inflow, Start
from endcap_backend.pipeline.stages.topics import OFFERS_WITHHELD
from endcap_backend.pseudonym import Pseudonyms
from endcap_backend.retail.day_secrets import DaySecrets

pytestmark = pytest.mark.kafka
HER = "0f" * 16
HERE = (60.17, 24.94)
START = Start({NEARBY_CUSTOMERS: None, CUSTOMERS_EVENTS: None}, "")
OFFERS = {"p1": (7, "tea"), "p2": (8, "cocoa")}


@pytest.fixture
def days():
    return ManualClock(datetime(2026, 11, 24, 23, 59, 50, tzinfo=UTC))


@pytest.fixture
def names(database, days):
    """Makes one process's names of the day; all are of one shop."""
    return lambda: Pseudonyms(DaySecrets(database), days)


@pytest.fixture
def works(cluster, names, until):
    """Makes workers, each with the partitions that it has taken on."""
    cluster.make([CUSTOMERS_EVENTS, OFFERS_WITHHELD])
    clock = SystemClock()
    with ExitStack() as open_ones:

        def make(*numbers):
            work = DecisionWork(cluster.settings, Limits(), clock, Learning(clock=clock), pseudonyms=names())
            open_ones.enter_context(closing(work))

            def taken():
                with suppress(KafkaException):  # topics made a moment ago may have no leader
                    return dict(work.take_on(dict.fromkeys(numbers, START)))

            shares = until(taken)
            work.look(shares)
            return work, shares

        yield make


def found(name, number, *pids):
    """What the match writes of a fix near these offers."""
    now_ms = epoch_ms(SystemClock().now())
    for pid in pids:
        sku, kind = OFFERS[pid]
        row = NearbyPromotion(
            name, *HERE, pid, sku, kind, 4.0, title=kind, shelf_latitude_deg=HERE[0], shelf_longitude_deg=HERE[1]
        )
        yield Inflow(NEARBY_CUSTOMERS, number, 0, name, row.to_text().encode(), now_ms, FOLLOWED)
    fix = CustomerLocation(name, *HERE, accuracy_m=3.0).to_text().encode()
    yield Inflow(NEARBY_CUSTOMERS, number, 0, name, None, now_ms, {FIX: fix})


def told(shares, number, name, *pids):
    """The alerts that come of it, as they are to be written."""
    produced = shares[number].handle(list(found(name, number, *pids))).produced
    return [each for each in produced if each.topic == CUSTOMERS_ALERTS]


def pids(alerts):
    return [CustomerAlert.from_text(each.value).pid for each in alerts]


def test_who_has_her_new_name_tells_her_nothing_until_nobody_can_by_her_old_one(cluster, works, names, days):
    old_name = names().outward(HER)
    days.advance(20)
    new_name = names().outward(HER)
    _, before = works(0, 1)
    after, shares = works(2, 3)
    by_old = told(before, 0, old_name, "p1")
    assert pids(by_old) == ["p1"]
    assert told(shares, 2, new_name, "p1", "p2") == []  # what the other said is in no topic yet
    for each in by_old:
        cluster.write(each.topic, each.key, each.value, each.timestamp_ms, partition=each.partition)
    cluster.flush()
    days.advance(TURN.total_seconds())
    shares |= after.take_on({3: START})  # which reads up to the end
    after.look(shares)
    assert pids(told(shares, 2, new_name)) == ["p2"]


def test_who_has_all_partitions_knows_both_names_and_tells_her_at_once(works, names, days):
    old_name = names().outward(HER)
    days.advance(20)
    new_name = names().outward(HER)
    _, shares = works(0, 1, 2, 3)
    assert pids(told(shares, 0, old_name, "p1")) == ["p1"]
    assert pids(told(shares, 2, new_name, "p1", "p2")) == ["p2"]
