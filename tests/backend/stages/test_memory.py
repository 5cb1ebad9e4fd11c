"""What of shoppers and of days that are over is in memory no more."""

from contextlib import closing, suppress

import pytest
from confluent_kafka import KafkaException

from endcap.clock import SystemClock
from endcap.messages import CUSTOMERS_ALERTS, NEARBY_CUSTOMERS
from endcap.testing import ManualClock, an_alert
from endcap.wire import epoch_ms
from endcap_backend.decide import Limits
from endcap_backend.pipeline.deciding import Deciding
from endcap_backend.pipeline.learning import Learning
from endcap_backend.pipeline.stages.attention import Attention
from endcap_backend.pipeline.stages.decisions import Decisions
from endcap_backend.pipeline.stages.heard import Heard
from endcap_backend.pipeline.stages.lasting import Lasting
from endcap_backend.pipeline.stages.records import Inflow
from endcap_backend.pipeline.stages.topics import OFFERS_WITHHELD
from endcap_backend.pseudonym import NAME, Pseudonyms
from endcap_backend.retail.day_secrets import DaySecrets

HER, ANOTHER = "0f" * 16, "f0" * 16
DAY_S = 86_400


def within(thing):
    """All that an object of ours leads to: texts, numbers and objects."""
    seen, waiting = {}, [thing]
    while waiting:
        each = waiting.pop()
        if id(each) in seen:
            continue
        seen[id(each)] = each
        if isinstance(each, dict):
            waiting += [*each, *each.values()]
        elif isinstance(each, (list, tuple, set, frozenset)) or hasattr(each, "popleft"):
            waiting += each
        elif type(each).__module__.startswith("endcap"):
            waiting += vars(each).values() if hasattr(each, "__dict__") else ()
    return list(seen.values())


def keys_in(thing):
    return [each for each in within(thing) if type(each).__name__ == "_Key"]


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def secrets(database):
    return DaySecrets(database)


@pytest.fixture
def names(secrets, clock):
    return Pseudonyms(secrets, clock)


@pytest.fixture
def lasting(secrets, clock):
    return Lasting(Pseudonyms(secrets, clock))


def a_mark(name, value=None):
    return Inflow(NEARBY_CUSTOMERS, 0, 0, name, value, 0, {"endcap-shop": b""})


def test_a_forwarder_has_no_secret_whose_time_is_over(names, clock):
    for _ in range(5):
        names.outward(HER)
        clock.advance(DAY_S)
    names.today()
    assert len(keys_in(names)) == 2


def test_a_decision_to_which_no_record_comes_drops_the_secrets_all_the_same(lasting, names, clock):
    lasting.of(a_mark(names.outward(HER)))
    assert keys_in(lasting)
    clock.advance(3 * DAY_S)
    lasting.forget_old()
    assert not keys_in(lasting)


def test_a_decision_keeps_nobodys_name_of_the_day(lasting, names, clock):
    decisions = Decisions(0, Deciding(Limits(), clock), Attention(Learning(clock=clock), print), lasting)
    decisions.handle([a_mark(names.outward(uid)) for uid in (HER, ANOTHER)])
    texts = {each for each in within(decisions) if isinstance(each, str)}
    assert texts >= {HER, ANOTHER}
    assert not [each for each in texts if NAME.fullmatch(each)]


@pytest.fixture
def now_ms(clock):
    clock.advance((SystemClock().now() - clock.now()).total_seconds())  # so that Kafka's own retention takes nothing
    return epoch_ms(clock.now())


@pytest.fixture
def heard(cluster, clock, now_ms, until):
    cluster.make([OFFERS_WITHHELD])

    def caught_up():
        with suppress(KafkaException):  # topics made a moment ago may have no leader
            heard.catch_up()
            return True

    with closing(Heard(cluster.settings, clock)) as heard:
        until(caught_up)
        yield heard


def tell(cluster, heard, *told):
    for uid, at_ms in told:
        cluster.write(CUSTOMERS_ALERTS, uid, an_alert(uid=uid).to_text(), at_ms)
    cluster.flush()
    heard.catch_up()


def times(heard, uid):
    return [each.timestamp_ms for each in heard.of(uid)]


@pytest.mark.kafka
def test_of_who_is_erased_nothing_she_heard_stays_nor_comes_by_a_late_record(cluster, heard, now_ms):
    tell(cluster, heard, (HER, now_ms), (ANOTHER, now_ms))
    heard.forget(HER, now_ms + 1)
    tell(cluster, heard, (HER, now_ms + 1), (ANOTHER, now_ms + 1))
    assert not [each for each in within(heard) if isinstance(each, Inflow) and each.key == HER]
    assert times(heard, ANOTHER) == [now_ms, now_ms + 1]


@pytest.mark.kafka
def test_what_was_told_after_she_was_forgotten_is_remembered(cluster, heard, now_ms):
    tell(cluster, heard, (HER, now_ms), (HER, now_ms + 2))
    heard.forget(HER, now_ms + 1)
    assert times(heard, HER) == [now_ms + 2]


@pytest.mark.kafka
def test_what_was_told_is_remembered_for_72_hours_and_dropped_within_another(cluster, heard, clock, now_ms):
    yesterday_ms = now_ms - DAY_S * 1000
    tell(cluster, heard, (HER, yesterday_ms), (HER, now_ms))
    clock.advance(2 * DAY_S)
    heard.follow()
    assert times(heard, HER) == [yesterday_ms, now_ms]
    clock.advance(3600)
    heard.follow()
    assert times(heard, HER) == [now_ms]
    clock.advance(DAY_S)
    heard.follow()
    assert not [each for each in within(heard) if HER in (each, getattr(each, "key", ""))]
