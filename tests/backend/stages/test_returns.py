"""What the cluster tells comes back into the backend's log: once, in order, and only what is of its own shoppers."""

from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import pytest

from endcap.clock import SystemClock
from endcap.consent import Purpose
from endcap.messages import CUSTOMERS_ALERTS, CUSTOMERS_EVENTS, WITHHELD
from endcap.testing import an_alert, an_event
from endcap_backend.api.shoppers import Consent, Shoppers, forget_session, known_among
from endcap_backend.log import Log
from endcap_backend.pipeline.returned import Returned, as_record
from endcap_backend.pipeline.returns import TOPICS, Returns
from endcap_backend.pipeline.stages.records import Inflow
from endcap_backend.pipeline.stages.topics import OFFERS_WITHHELD

pytestmark = pytest.mark.kafka
DAY_S = 86_400


@pytest.fixture
def log(tmp_path):
    with closing(Log(tmp_path / "log.db", min_free_bytes=0)) as made:
        yield made


@pytest.fixture
def her(log):
    """A shopper with a session here."""
    return Shoppers(log, SystemClock(), DAY_S).enter(Consent(frozenset({Purpose.PROMOTIONS}), "1")).uid


@pytest.fixture
def returns(cluster, log):
    """Starts bringing back; it ends with the test."""
    made = []

    def start():
        made.append(Returns(log, cluster.settings, known_among))
        made[-1].start()
        return made[-1]

    yield start
    for each in made:
        each.stop()


def an_alert_of(uid, number):
    expires_at = SystemClock().now() + timedelta(minutes=15)
    return an_alert(id=f"{uid}-{number:03}", uid=uid, sku=number, expires_at=expires_at)


def ids_in(log, topic=CUSTOMERS_ALERTS):
    return [each.id for each in log.read(0, 10_000, (topic,))]


def tell(cluster, *alerts):
    for each in alerts:
        cluster.write(CUSTOMERS_ALERTS, each.uid, each.to_text())
    cluster.flush()


def test_alerts_of_its_own_shoppers_come_back_in_order_and_others_do_not(cluster, log, her, returns, until):
    cluster.make([OFFERS_WITHHELD])
    bringing = returns()
    tell(cluster, *(an_alert_of(uid, n) for n in range(600) for uid in ("stranger", her)))
    until(lambda: len(ids_in(log)) >= 600 and bringing.stats()["lag"] == 0)
    assert ids_in(log) == [f"{her}-{n:03}" for n in range(600)]
    assert bringing.stats()["records"] == 600


def test_a_restart_goes_on_and_what_is_read_again_is_stored_once(cluster, log, her, returns, until):
    cluster.make([OFFERS_WITHHELD])
    tell(cluster, an_alert_of(her, 1))
    first = returns()
    until(lambda: ids_in(log))
    first.stop()
    tell(cluster, an_alert_of(her, 2))
    second = returns()
    until(lambda: len(ids_in(log)) == 2)
    second.stop()
    assert second.stats()["records"] == 1
    log.transact(lambda connection: connection.execute("DELETE FROM returned"))
    third = returns()
    tell(cluster, an_alert_of(her, 3))
    until(lambda: len(ids_in(log)) >= 3)
    assert ids_in(log) == [f"{her}-{n:03}" for n in (1, 2, 3)]
    assert third.stats()["records"] == 1


def test_what_a_held_out_shopper_would_have_heard_comes_back_as_an_event(cluster, log, her, returns, until):
    cluster.make([OFFERS_WITHHELD])
    returns()
    event = an_event(id="w1", uid=her, kind=WITHHELD, fence=None, pid="p1")
    for value in (event.to_text(), "{}", an_event(id="e1", uid=her).to_text()):
        cluster.write(OFFERS_WITHHELD, her, value)
    cluster.flush()
    until(lambda: ids_in(log, CUSTOMERS_EVENTS))
    assert ids_in(log, CUSTOMERS_EVENTS) == ["w1"]


def test_a_topic_that_is_made_anew_is_read_from_its_beginning(cluster, log, her, returns, until):
    cluster.make([OFFERS_WITHHELD])
    tell(cluster, *(an_alert_of(her, n) for n in range(5)))
    first = returns()
    until(lambda: len(ids_in(log)) == 5)
    first.stop()
    cluster.remake(TOPICS)
    tell(cluster, *(an_alert_of(her, n) for n in range(5, 15)))
    returns()
    until(lambda: len(ids_in(log)) == 15)


def test_nothing_comes_back_of_who_is_erased_between_the_look_and_the_transaction(log, her):
    asked = []

    def known(connection, uids):
        asked.append(uids)
        found = known_among(connection, uids)
        if len(asked) == 1:  # she was still there at the look
            log.transact(lambda writing: forget_session(writing, her))
        return found

    alert = an_alert_of(her, 1)
    record = as_record_of(alert)
    assert Returned(log, known).put([record], {("topic", 0): 1}) == 0
    assert ids_in(log) == []
    assert Returned(log, known).positions() == {("topic", 0): 1}
    assert len(asked) >= 3


def as_record_of(alert):
    return as_record(Inflow(CUSTOMERS_ALERTS, 0, 0, alert.uid, alert.to_text().encode(), 0, {}))


def test_while_there_are_no_topics_it_waits_and_says_so(cluster, log, her, returns, until):
    bringing = returns()
    assert bringing.stats()["up"] == 0.0
    until(lambda: bringing.stats()["up"])  # one of the two is enough
    assert bringing.ready()


def test_while_the_log_is_full_what_comes_back_waits_and_nothing_is_lost(cluster, tmp_path, until):
    cluster.make([OFFERS_WITHHELD])
    with closing(Log(tmp_path / "small.db", min_free_bytes=0, max_records=1000)) as log:
        her = Shoppers(log, SystemClock(), DAY_S).enter(Consent(frozenset({Purpose.PROMOTIONS}), "1")).uid
        log.append([as_record_of(an_alert_of("filling", n)) for n in range(1000)])
        bringing = Returns(log, cluster.settings, known_among)
        bringing.start()
        tell(cluster, an_alert_of(her, 1))
        until(lambda: bringing.stats()["retries"] >= 1 and not bringing.stats()["up"])
        log.discard(range(1, 11))
        until(lambda: ids_in(log)[-1] == f"{her}-001")
        bringing.stop()
    assert bringing.stats()["records"] == 1


def test_the_same_alerts_read_again_would_be_there_twice_but_for_their_ids(log, her):
    """What the offsets, or where they are lost the ids, guard against."""
    record = as_record_of(an_alert_of(her, 1))
    returned = Returned(log, known_among)
    assert [returned.put([record], {("topic", 0): 1}) for _ in range(2)] == [1, 0]
    assert [returned.put([replace(record, id=None)], {("topic", 0): 1}) for _ in range(2)] == [1, 1]
