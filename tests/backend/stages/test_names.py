"""Shoppers' names of the day through Kafka: nothing raw bears a uid, and at midnight nobody hears anything twice."""

from collections import Counter
from contextlib import closing

import pytest

from endcap.clock import SystemClock
from endcap.messages import (
    CUSTOMERS_ALERTS,
    CUSTOMERS_EVENTS,
    CUSTOMERS_LOCATIONS,
    NEARBY_CUSTOMERS,
    CustomerAlert,
)
from endcap.testing import ManualClock, a_location, a_product, a_promotion, an_event
from endcap.wire import epoch_ms
from endcap_backend.decide import Limits
from endcap_backend.log import Log, NewRecord
from endcap_backend.pipeline.forward import Forwarder
from endcap_backend.pipeline.stages.decide import decide_stage
from endcap_backend.pipeline.stages.match import match_stage
from endcap_backend.pipeline.stages.route import route_stage
from endcap_backend.pipeline.stages.topics import LOCATIONS_BY_CELL
from endcap_backend.pseudonym import Pseudonyms
from endcap_backend.retail.day_secrets import DaySecrets

pytestmark = pytest.mark.kafka
SHOPPERS = [f"{number:02x}" * 16 for number in range(12)]
RAW = (CUSTOMERS_LOCATIONS, CUSTOMERS_EVENTS, LOCATIONS_BY_CELL, NEARBY_CUSTOMERS)
DAY_S = 86_400
TO_MIDNIGHT_S = 10 * 3600  # from noon of UTC to midnight in Helsinki, in winter


@pytest.fixture
def days():
    return ManualClock()


@pytest.fixture
def secrets(database):
    return DaySecrets(database, "Europe/Helsinki")


@pytest.fixture
def log(tmp_path, cluster, secrets, days):
    """A log whose records go on to Kafka under names of the day."""
    with closing(Log(tmp_path / "log.db", min_free_bytes=0, durability="fast")) as log:
        forwarder = Forwarder(log, cluster.settings, pseudonyms=Pseudonyms(secrets, days))
        forwarder.start()
        yield log
        forwarder.stop()


def put(log, *messages):
    now_ms = epoch_ms(SystemClock().now())
    keys = {"stores_products": "sku", "products_promotions": "segment"}
    log.append(
        [
            NewRecord(each.TOPIC, str(getattr(each, keys.get(each.TOPIC, "uid"))), each.to_text(), now_ms)
            for each in messages
        ]
    )


def alerts(cluster, count):
    messages = cluster.until(CUSTOMERS_ALERTS, lambda found: len(found) >= count)
    return [CustomerAlert.from_text(each.value()) for each in messages if each.key().decode() in SHOPPERS]


def stages(cluster, secrets, days, **limits):
    kafka = cluster.settings
    return (
        route_stage(kafka), match_stage(kafka),
        decide_stage(kafka, Limits(per_fix=1, **limits), pseudonyms=Pseudonyms(secrets, days)),
    )  # fmt: skip


def put_shop(log):
    put(log, *(a_product(sku=n, name=f"tea {n}") for n in range(3)))
    put(log, *(a_promotion(pid=f"p{n}", sku=n, discount=10.0 + n) for n in range(3)))


def test_over_three_days_each_is_told_everything_once_and_nothing_raw_bears_her_uid(
    cluster, log, secrets, days, running, until
):  # fmt: skip
    put_shop(log)
    trio = stages(cluster, secrets, days)
    running(*trio)
    for day in range(1, 4):
        put(log, *(a_location(uid=uid, id=f"install-of-{uid}:{day}") for uid in SHOPPERS))
        put(log, *(an_event(uid=uid, id=f"{day}-{n}") for n, uid in enumerate(SHOPPERS)))
        told = alerts(cluster, day * len(SHOPPERS))
        until(lambda day=day: trio[-1].stats()["events"] == day * len(SHOPPERS))
        days.advance(DAY_S)
    assert Counter((each.uid, each.pid) for each in told) == Counter(
        (uid, f"p{n}") for uid in SHOPPERS for n in range(3)
    )
    for topic in RAW:
        for message in cluster.committed(topic):
            parts = (message.key(), message.value() or b"", *(value for _, value in message.headers() or ()))
            assert not [uid for uid in SHOPPERS if any(uid.encode() in part for part in parts)], topic


def everybody_at(log, number):
    put(log, *(a_location(uid=uid, id=f"i:{number}") for uid in SHOPPERS))


def test_in_the_seconds_around_midnight_her_caps_hold_and_nothing_is_told_twice(
    cluster, log, secrets, days, running, until
):  # fmt: skip
    put_shop(log)
    trio = stages(cluster, secrets, days, per_hour=2)
    running(*trio)
    days.advance(TO_MIDNIGHT_S - 2)
    for second in range(1, 6):  # 23:59:58 to 00:00:02
        everybody_at(log, second)
        until(lambda second=second: trio[-1].stats().get("fixes") == second * len(SHOPPERS))
        days.advance(1)
    assert len(names_on(cluster)) == 2 * len(SHOPPERS)
    told = Counter((each.uid, each.pid) for each in alerts(cluster, 2 * len(SHOPPERS)))
    assert told == Counter((uid, pid) for uid in SHOPPERS for pid in ("p2", "p1"))


def names_on(cluster):
    return {each.key() for each in cluster.committed(CUSTOMERS_LOCATIONS)}


def test_what_left_before_midnight_and_is_decided_after_it_is_told_once_and_nothing_is_lost(
    cluster, log, secrets, days, running, until
):  # fmt: skip
    put_shop(log)
    days.advance(TO_MIDNIGHT_S - 1)
    everybody_at(log, 1)
    until(lambda: len(names_on(cluster)) == len(SHOPPERS))
    days.advance(1)
    running(*stages(cluster, secrets, days))
    for number in range(2, 5):  # whichever of her names is met first, these three are under the later one
        everybody_at(log, number)
    told = Counter((each.uid, each.pid) for each in alerts(cluster, 3 * len(SHOPPERS)))
    assert told == Counter((uid, f"p{n}") for uid in SHOPPERS for n in range(3))


def test_a_worker_that_starts_the_next_day_knows_what_she_heard_under_her_other_name(
    cluster, log, secrets, days, running
):  # fmt: skip
    put_shop(log)
    for day in range(1, 4):
        trio = stages(cluster, secrets, days)
        running(*trio)
        put(log, *(a_location(uid=uid, id=f"i:{day}") for uid in SHOPPERS))
        told = alerts(cluster, day * len(SHOPPERS))
        for stage in trio:
            stage.stop()
        days.advance(DAY_S)
    assert Counter((each.uid, each.pid) for each in told) == Counter(
        (uid, f"p{n}") for uid in SHOPPERS for n in range(3)
    )


def test_who_is_erased_is_forgotten_under_the_name_she_has(cluster, log, secrets, days, running):
    put_shop(log)
    running(*stages(cluster, secrets, days))
    her = SHOPPERS[0]
    put(log, a_location(uid=her, id="i:1"))
    alerts(cluster, 1)
    log.append([NewRecord(CUSTOMERS_LOCATIONS, her, None, epoch_ms(SystemClock().now()))])
    put(log, a_location(uid=her, id="i:2"))
    assert [each.pid for each in alerts(cluster, 2)] == ["p2", "p2"]


def test_a_name_whose_secret_is_not_there_tells_nobody_and_is_counted(cluster, log, secrets, days, running, until):
    put_shop(log)
    kafka = cluster.settings
    trio = route_stage(kafka), match_stage(kafka), decide_stage(kafka, Limits())
    running(*trio)
    put(log, a_location(uid=SHOPPERS[0], id="i:1"))
    until(lambda: trio[-1].stats().get("names of nobody"))
    assert cluster.committed(CUSTOMERS_ALERTS) == []
