"""What another partition tells a shopper is known where she is met, also when she was met before."""

from contextlib import closing, suppress
from dataclasses import replace

import pytest
from confluent_kafka import KafkaException

from endcap.clock import SystemClock
from endcap.messages import CUSTOMERS_ALERTS, CUSTOMERS_EVENTS, NEARBY_CUSTOMERS, NearbyPromotion
from endcap.testing import an_alert
from endcap.wire import epoch_ms
from endcap_backend.decide import Limits
from endcap_backend.pipeline.deciding import Deciding
from endcap_backend.pipeline.kafka import KafkaSettings
from endcap_backend.pipeline.learning import Learning
from endcap_backend.pipeline.stages.attention import Attention
from endcap_backend.pipeline.stages.decide import DecisionWork
from endcap_backend.pipeline.stages.decisions import Decisions
from endcap_backend.pipeline.stages.heard import Heard
from endcap_backend.pipeline.stages.records import Inflow, Outflow, Start
from endcap_backend.pipeline.stages.topics import OFFERS_WITHHELD

HER = "0f" * 16
TEA, COCOA = (
    NearbyPromotion(HER, 60.17, 24.94, pid, sku, name, 40.0, title=f"{name} week")
    for pid, sku, name in (("p1", 7, "tea"), ("p2", 8, "cocoa"))
)


def found(*rows):
    now_ms = epoch_ms(SystemClock().now())
    return [Inflow(NEARBY_CUSTOMERS, 0, 0, HER, row.to_text().encode(), now_ms, {}) for row in rows]


def told(share, *rows):
    return [each.value for each in share.handle(found(*rows)).produced if each.topic == CUSTOMERS_ALERTS]


def an_alert_for(row, partition=1, **changes):
    alert = replace(an_alert(uid=HER, pid=row.pid, sku=row.sku), **changes)
    return Inflow(CUSTOMERS_ALERTS, partition, 0, HER, alert.to_text().encode(), epoch_ms(SystemClock().now()), {})


@pytest.fixture
def share():
    clock = SystemClock()
    return Decisions(0, Deciding(Limits(), clock), Attention(Learning(clock=clock), print))


def test_what_another_partition_tells_after_she_was_met_here_is_not_told_again(share):
    assert len(told(share, TEA)) == 1
    share.hear([an_alert_for(COCOA)])
    assert told(share, COCOA) == []


def test_what_another_partition_tells_counts_in_her_caps():
    clock = SystemClock()
    share = Decisions(0, Deciding(Limits(per_hour=2), clock), Attention(Learning(clock=clock), print))
    assert len(told(share, TEA)) == 1
    share.hear([an_alert_for(replace(COCOA, sku=9))])
    assert told(share, COCOA) == []


def test_a_partition_that_has_not_met_her_keeps_nothing_of_what_she_hears_elsewhere(share):
    share.hear([an_alert_for(COCOA)])
    assert share.deciding.stats()["shoppers"] == 0


def test_what_was_told_and_can_t_be_read_holds_up_nobody(share):
    assert len(told(share, TEA)) == 1
    share.hear([an_alert_for(TEA)._replace(value=b"{}"), an_alert_for(COCOA)])
    assert told(share, COCOA) == []


def test_what_this_worker_tells_is_known_before_it_is_read_back_and_forgotten_with_her():
    heard = Heard(KafkaSettings("127.0.0.1:1"), SystemClock())
    record = an_alert_for(TEA)
    heard.say([Outflow(record.topic, HER, record.value.decode(), record.timestamp_ms, 1)])
    assert [each.value for each in heard.of(HER)] == [record.value]
    heard.forget(HER, record.timestamp_ms)
    assert list(heard.of(HER)) == []


def test_what_is_told_of_a_time_before_she_was_forgotten_is_not_remembered():
    heard = Heard(KafkaSettings("127.0.0.1:1"), SystemClock())
    record = an_alert_for(TEA)
    heard.forget(HER, record.timestamp_ms)
    old, later = (
        Outflow(record.topic, HER, record.value.decode(), record.timestamp_ms + more_ms, 1) for more_ms in (0, 1)
    )
    heard.say([old])
    assert list(heard.of(HER)) == []
    heard.say([later])
    assert [each.timestamp_ms for each in heard.of(HER)] == [later.timestamp_ms]


@pytest.fixture
def work(cluster):
    cluster.make([CUSTOMERS_EVENTS, OFFERS_WITHHELD])
    clock = SystemClock()
    with closing(DecisionWork(cluster.settings, Limits(), clock, Learning(clock=clock))) as work:
        yield work


@pytest.mark.kafka
def test_a_worker_takes_in_what_was_told_while_it_has_her_partition(cluster, work, until):
    start = Start({NEARBY_CUSTOMERS: None, CUSTOMERS_EVENTS: None}, "")

    def taken(number):
        with suppress(KafkaException):  # topics made a moment ago may have no leader
            return dict(work.take_on({number: start}))

    shares = until(lambda: taken(0))
    work.look(shares)
    assert len(told(shares[0], TEA)) == 1
    record = an_alert_for(COCOA)
    cluster.write(record.topic, HER, record.value, record.timestamp_ms, partition=record.partition)
    cluster.flush()
    shares |= until(lambda: taken(2))  # which reads up to the end
    work.look(shares)
    assert told(shares[0], COCOA) == []


@pytest.mark.kafka
def test_what_one_partition_of_a_worker_tells_is_known_in_another_where_she_was_met_before(cluster, work, until):
    start = Start({NEARBY_CUSTOMERS: None, CUSTOMERS_EVENTS: None}, "")

    def taken(*numbers):
        with suppress(KafkaException):  # topics made a moment ago may have no leader
            return dict(work.take_on(dict.fromkeys(numbers, start)))

    shares = until(lambda: taken(0, 1))
    work.look(shares)
    assert len(told(shares[0], TEA)) == 1
    (alert,) = (each for each in shares[1].handle(found(COCOA)).produced if each.topic == CUSTOMERS_ALERTS)
    cluster.write(alert.topic, alert.key, alert.value, alert.timestamp_ms, partition=alert.partition)
    cluster.flush()
    shares |= until(lambda: taken(2))  # which reads up to the end
    work.look(shares)
    assert told(shares[0], COCOA) == []
