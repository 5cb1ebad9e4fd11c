"""The decision on Kafka: rebalances and restarts tell nobody twice, and nobody is left out."""

from collections import Counter
from contextlib import closing
from dataclasses import replace
from itertools import count

import pytest

from endcap.clock import SystemClock
from endcap.messages import (
    CUSTOMERS_ALERTS,
    CUSTOMERS_EVENTS,
    CUSTOMERS_LOCATIONS,
    NEARBY_CUSTOMERS,
    CustomerAlert,
    CustomerEvent,
    NearbyPromotion,
)
from endcap.testing import a_location, a_product, a_promotion, an_event
from endcap_backend.decide import Known, Limits, Wish
from endcap_backend.pipeline.learning import Learning, Sources
from endcap_backend.pipeline.stages.decide import decide_stage
from endcap_backend.pipeline.stages.match import match_stage
from endcap_backend.pipeline.stages.route import route_stage
from endcap_backend.pipeline.stages.topics import OFFERS_WITHHELD
from endcap_backend.retail.database import Database, database_url
from endcap_backend.retail.wishlist import ListItem, merge

pytestmark = pytest.mark.kafka
SHELVES = 3
UNLIMITED = {
    "alerts_per_visit": 1000, "alerts_per_hour": 1000, "alerts_per_day": 1000, "alerts_per_promotion": 1000,
}  # fmt: skip


def a_shop(count=SHELVES):
    return [a_product(sku=n, name=f"tea {n}") for n in range(count)] + [
        a_promotion(pid=f"p{n}", sku=n, discount=10.0 + n) for n in range(count)
    ]


def alerts_in(messages):
    return [CustomerAlert.from_text(each.value()) for each in messages]


def alerts(cluster, count):
    return alerts_in(cluster.until(CUSTOMERS_ALERTS, lambda found: len(found) >= count))


def stages(cluster, **limits):
    kafka = cluster.settings
    return route_stage(kafka), match_stage(kafka), decide_stage(kafka, Limits(**limits))


def test_she_is_told_once_best_first_and_the_rest_when_she_has_room(cluster, running):
    cluster.put(*a_shop())
    running(*stages(cluster, per_fix=1))
    told = []
    for number in range(1, 5):
        cluster.put(a_location(uid="ann", id=f"ann:{number}"))
        told = alerts(cluster, min(number, SHELVES))
    assert [each.pid for each in told] == ["p2", "p1", "p0"]


def test_a_restart_repeats_nothing_and_goes_on_with_what_waited(cluster, running):
    cluster.put(*a_shop())
    for number in range(1, 5):
        trio = stages(cluster, per_fix=1)
        running(*trio)
        cluster.put(a_location(uid="ann", id=f"ann:{number}"))
        told = alerts(cluster, min(number, SHELVES))
        for stage in trio:
            stage.stop()
    assert [each.pid for each in told] == ["p2", "p1", "p0"]
    assert len(cluster.committed(CUSTOMERS_ALERTS)) == SHELVES


def test_rows_of_another_engine_are_decided_too(cluster, running):
    running(decide_stage(cluster.settings, Limits()))
    row = NearbyPromotion("ann", 60.17, 24.94, "p1", 7, "tea", 40.0, title="Tea week")
    cluster.put(row, replace(row, sku=8))
    assert {each.sku for each in alerts(cluster, 2)} == {7, 8}


def test_who_is_erased_is_forgotten(cluster, running):
    cluster.put(*a_shop(1))
    running(*stages(cluster))
    cluster.put(a_location(uid="ann", id="ann:1"))
    alerts(cluster, 1)
    cluster.write(CUSTOMERS_LOCATIONS, "ann", None)
    cluster.put(a_location(uid="ann", id="ann:2"))
    assert [each.pid for each in alerts(cluster, 2)] == ["p0", "p0"]


def test_a_row_that_can_t_be_read_is_put_aside(cluster, running):
    running(decide_stage(cluster.settings, Limits()))
    cluster.write(NEARBY_CUSTOMERS, "ann", "{}")
    cluster.put(NearbyPromotion("ann", 60.17, 24.94, "p1", 7, "tea", 40.0, title="Tea week"))
    assert len(alerts(cluster, 1)) == 1
    assert len(cluster.committed(f"{NEARBY_CUSTOMERS}_dlq")) == 1


def knowing(known):
    """What a shop's database would tell."""
    return Learning(Sources(lambda uids: {uid: known[uid] for uid in uids if uid in known}, lambda *_: {}, dict))


def knowing_stages(cluster, known, held_out=0.0):
    kafka, limits = cluster.settings, Limits(help_after_s=0.001, per_visit=100, per_hour=100)
    return (
        route_stage(kafka), match_stage(kafka), decide_stage(kafka, limits, learning=knowing(known), held_out=held_out)
    )  # fmt: skip


def seen(trio, what, count, until):
    until(lambda: trio[-1].stats().get(what) == count)


def test_wishes_what_may_stand_for_them_and_help_are_told_and_a_restart_repeats_nothing(cluster, running, until):
    known = {"ann": Known(wishes=(Wish("tea", 3), Wish("cocoa", 2)))}
    cluster.put(*(a_product(sku=sku, price=3.0, stock=stock) for sku, stock in ((1, 5), (2, 0), (3, 5))))
    for number in (1, 2):
        trio = knowing_stages(cluster, known)
        running(*trio)
        if number == 1:
            cluster.put(an_event(uid="ann", kind="enter", fence="s1/tea"))
            seen(trio, "events", 1, until)
        cluster.put(a_location(uid="ann", id=f"ann:{number}"))
        seen(trio, "fixes", 1, until)
        if number == 2:
            cluster.put(an_event(uid="ann", id="dwell", kind="dwell", fence="s1/tea"))
            seen(trio, "events", 1, until)
        for stage in trio:
            stage.stop()
    told = [(each.kind, each.sku) for each in alerts_in(cluster.committed(CUSTOMERS_ALERTS))]
    assert sorted(told, key=str) == [("alternative", 1), ("help", None), ("wanted", 3)]


def test_what_a_held_out_shopper_would_have_heard_is_an_event_and_counts_after_a_restart(cluster, running, until):
    cluster.put(*a_shop(1))
    for number in (1, 2):
        trio = knowing_stages(cluster, {}, held_out=1.0)
        running(*trio)
        cluster.put(a_location(uid="ann", id=f"ann:{number}"))
        seen(trio, "fixes", 1, until)
        for stage in trio:
            stage.stop()
    assert cluster.committed(CUSTOMERS_ALERTS) == []
    (event,) = [CustomerEvent.from_text(each.value()) for each in cluster.committed(OFFERS_WITHHELD)]
    assert (event.uid, event.kind, event.pid, event.note) == ("ann", "withheld", "p0", "deal")


def test_an_event_that_can_t_be_read_is_put_aside(cluster, running):
    running(decide_stage(cluster.settings, Limits()))
    cluster.write(CUSTOMERS_EVENTS, "ann", "{}")
    assert len(cluster.until(f"{CUSTOMERS_EVENTS}_dlq", lambda found: found)) == 1


SHOPPERS = 120
PARTITIONS = 4  # of the cluster's topics
MOST_FIXES = 40
WISHED = 99  # promoted by nobody


@pytest.fixture
def lists(tmp_path):
    """The shop's database that workers find, where each shopper has the same thing on her list."""
    item, now = ListItem("w1", "it", SystemClock().now(), sku=WISHED), SystemClock().now()
    with closing(Database(database_url(tmp_path / "shop"))) as database, database.writing() as connection:
        for number in range(SHOPPERS):
            merge(connection, f"u{number}", [item], now)


def has_all_and_is_through(figures):
    stages = ("match-route", "match", "decide")
    return all((figures[f"{each} partitions"], figures[f"{each} lag"]) == (PARTITIONS, 0) for each in stages)


def walk(cluster, number):
    cluster.put(*(a_location(uid=f"u{n}", id=f"u{n}:{number}") for n in range(SHOPPERS)))


def test_of_two_workers_one_is_killed_and_every_shopper_is_told_everything_once(cluster, worker, until, lists):
    cluster.put(*a_shop(), a_product(sku=WISHED))
    doomed, heir = (worker("match", "decide", alerts_per_fix=1, **UNLIMITED).ready() for _ in range(2))
    until(lambda: all(each.figures()["decide partitions"] == 2 for each in (doomed, heir)))
    walk(cluster, 1)
    walk(cluster, 2)
    cluster.put(*(an_event(uid=f"u{n}", id=f"d{n}", kind="dwell", fence="s1/tea") for n in range(SHOPPERS)))
    until(lambda: doomed.figures()["decide written"] > 0)
    doomed.kill()  # amid its work
    told = []
    for number in range(3, MOST_FIXES):  # help may be told at a fix in the place of an offer, so the number varies
        walk(cluster, number)
        until(lambda: has_all_and_is_through(heir.figures()))
        told = alerts_in(cluster.committed(CUSTOMERS_ALERTS))
        if len(told) >= SHOPPERS * (SHELVES + 2):
            break
    everything = [*(f"p{pid}" for pid in range(SHELVES)), WISHED, "help"]
    assert Counter((each.uid, each.pid or each.sku or each.kind) for each in told) == Counter(
        (f"u{n}", what) for n in range(SHOPPERS) for what in everything
    )


def wish(database, sku):
    now = SystemClock().now()
    with database.writing() as connection:
        merge(connection, "ann", [ListItem(f"w{sku}", "it", now, sku=sku)], now)


def test_a_worker_knows_what_postgresql_has_of_her_also_what_came_a_moment_ago(cluster, worker, until, postgresql):
    cluster.put(a_product(sku=WISHED), a_product(sku=98))
    url = postgresql()
    with closing(Database(url)) as database:
        wish(database, WISHED)
        worker("match", "decide", database_url=url, **UNLIMITED).ready()
        cluster.put(a_location(uid="ann", id="ann:0"))
        assert [(each.kind, each.sku) for each in alerts(cluster, 1)] == [("wanted", WISHED)]
        wish(database, 98)
        fixes = count(1)

        def told_of_both():
            cluster.put(a_location(uid="ann", id=f"ann:{next(fixes)}"))
            told = alerts_in(cluster.committed(CUSTOMERS_ALERTS))
            return told if len(told) > 1 else None

        assert [(each.kind, each.sku) for each in until(told_of_both)] == [("wanted", WISHED), ("wanted", 98)]


def test_who_stands_there_hears_once_that_a_wished_price_came_down_though_the_worker_dies(cluster, running, until):
    known = {"ann": Known(wishes=(Wish("tea", 1, price_alert=2.0),))}
    cluster.put(a_product(sku=1, price=3.0))
    for number in (1, 2):
        trio = knowing_stages(cluster, known)
        running(*trio)
        if number == 1:
            cluster.put(a_location(uid="ann"))
            seen(trio, "fixes", 1, until)
            until(lambda: len(cluster.committed(CUSTOMERS_ALERTS)) == 1)
        else:
            until(lambda: len(cluster.committed(CUSTOMERS_ALERTS)) == 2)  # what came while nobody decided
            cluster.put(a_location(uid="ann", id="ann:2"))
            seen(trio, "fixes", 1, until)
        for stage in trio:
            stage.stop()
        cluster.put(a_product(sku=1, price=1.9))
    first, second = alerts_in(cluster.committed(CUSTOMERS_ALERTS))
    assert (first.kind, second.kind) == ("wanted", "wanted")
    assert "now 1.90 €, you asked for 2.00 €" in second.why
