"""The match on Kafka: partitioned by region, exactly once, whoever dies."""

import json
from collections import Counter
from dataclasses import replace

import pytest

from endcap.messages import CUSTOMERS_LOCATIONS, NEARBY_CUSTOMERS, NearbyPromotion
from endcap.testing import a_location, a_product, a_promotion
from endcap_backend.match.product import ProductMatch
from endcap_backend.match.regions import partition_of, region_of
from endcap_backend.pipeline.stages.marks import FIX
from endcap_backend.pipeline.stages.match import match_stage
from endcap_backend.pipeline.stages.route import route_stage
from endcap_backend.pipeline.stages.topics import LOCATIONS_BY_CELL

pytestmark = pytest.mark.kafka
STEP_DEG = 0.013  # a shop every 1.4 km: each in a region of its own


def a_town(shops):
    """A promoted product in each of so many shops, far from one another."""
    products = [
        replace(a_product(sku=n, store=f"s{n}", name=f"tea {n}"), latitude_deg=round(50.0 + n * STEP_DEG, 5))
        for n in range(shops)
    ]
    return [*products, *(a_promotion(pid=f"p{n}", sku=n) for n in range(shops))]


def a_fix(uid, number, shop):
    at = round(50.0 + shop * STEP_DEG, 5)
    return replace(a_location(uid=uid, id=f"{uid}:{number}"), latitude_deg=at)


def rows_of(messages):
    return [NearbyPromotion.from_text(each.value()) for each in messages if each.value() is not None]


def matched_in(messages):
    """The ids of the fixes that are marked as matched."""
    marks = [dict(each.headers() or ()) for each in messages if each.value() is None]
    return [json.loads(each[FIX])["id"] for each in marks if FIX in each]


def both(cluster):
    return route_stage(cluster.settings), match_stage(cluster.settings)


def test_a_fix_near_a_promoted_product_gives_a_row_and_a_mark_behind_it(cluster, running):
    cluster.put(*a_town(1))
    running(*both(cluster))
    cluster.put(a_fix("ann", 1, 0))
    row, mark = cluster.until(NEARBY_CUSTOMERS, matched_in)
    assert (row.key(), NearbyPromotion.from_text(row.value()).pid) == (b"ann", "p0")
    assert (mark.key(), mark.value(), mark.partition()) == (b"ann", None, row.partition())
    assert row.timestamp()[1] == mark.timestamp()[1]


def test_fixes_lie_in_the_partition_of_their_region(cluster, running):
    running(route_stage(cluster.settings))
    cluster.put(*(a_fix("ann", n, n) for n in range(20)))
    for message in cluster.until(LOCATIONS_BY_CELL, lambda found: len(found) == 20):
        fix = json.loads(message.value())
        assert message.partition() == partition_of(region_of(fix["latitude"], fix["longitude"]), 4)


def test_what_can_t_be_read_is_put_aside_once_and_its_neighbours_pass(cluster, running):
    cluster.put(*a_town(1))
    running(*both(cluster))
    cluster.write(CUSTOMERS_LOCATIONS, "ann", b'{"uid":"ann","latitude":"north"}')
    cluster.put(a_fix("ann", 2, 0))
    assert matched_in(cluster.until(NEARBY_CUSTOMERS, matched_in)) == ["ann:2"]
    (letter,) = [json.loads(each.value()) for each in cluster.committed(f"{CUSTOMERS_LOCATIONS}_dlq")]
    assert (letter["where"], letter["value"]) == ("match", '{"uid":"ann","latitude":"north"}')
    assert "latitude" in letter["reason"]


def test_a_change_of_the_shop_is_told_to_who_stands_there(cluster, running):
    cluster.put(a_town(1)[0])
    running(*both(cluster))
    cluster.put(a_fix("ann", 1, 0))
    cluster.until(NEARBY_CUSTOMERS, matched_in)
    cluster.put(a_promotion(pid="p0", sku=0))
    (row,) = rows_of(cluster.until(NEARBY_CUSTOMERS, rows_of))
    assert (row.uid, row.pid, row.location_id) == ("ann", "p0", "ann:1")


def test_a_restart_knows_who_was_told_what_and_forgets_who_is_erased(cluster, running):
    cluster.put(*a_town(1))
    for number in (1, 2):
        stages = both(cluster)
        running(*stages)
        cluster.put(a_fix("ann", number, 0))
        cluster.until(NEARBY_CUSTOMERS, lambda found, number=number: len(matched_in(found)) == number)
        for stage in stages:
            stage.stop()
    assert len(rows_of(cluster.committed(NEARBY_CUSTOMERS))) == 1
    running(*both(cluster))
    cluster.write(CUSTOMERS_LOCATIONS, "ann", None)
    cluster.put(a_fix("ann", 3, 0))
    assert len(rows_of(cluster.until(NEARBY_CUSTOMERS, lambda found: len(matched_in(found)) == 3))) == 2


def expected_rows(town, fixes):
    """(fix, promotion) as one match in one process has them, shopper by shopper."""
    match = ProductMatch()
    for each in town:
        (match.place if hasattr(each, "section") else match.promote)(each, 0)
    return Counter((row.location_id, row.pid) for n, fix in enumerate(fixes, 1) for row in match.locate(fix, n))


SHOPS, SHOPPERS, FIXES = 24, 40, 6000


def test_of_two_workers_one_is_killed_and_every_row_is_there_once(cluster, worker, until):
    town = a_town(SHOPS)
    cluster.put(*town)
    doomed, heir = (each.ready() for each in (worker("match"), worker("match")))
    until(lambda: [each.figures()["match partitions"] for each in (doomed, heir)] == [2, 2])
    fixes = [a_fix(f"u{n % SHOPPERS}", n, (n // SHOPPERS + n) % SHOPS) for n in range(FIXES)]
    for first in range(0, FIXES, 100):
        cluster.put(*fixes[first : first + 100])
        if first == FIXES // 3:
            until(lambda: doomed.figures()["match records"] > 100)
            doomed.kill()
    found = cluster.until(NEARBY_CUSTOMERS, lambda found: len(set(matched_in(found))) == FIXES)
    assert history_problems([fix.id for fix in fixes], expected_rows(town, fixes), found) == []
    assert heir.figures()["match partitions"] == 4


def history_problems(posted, expected, found):
    """What is wrong with what the match wrote; nothing when each fix counts once."""
    matched = Counter(matched_in(found))
    rows = Counter((row.location_id, row.pid) for row in rows_of(found))
    problems = [f"fix {id} is matched {matched[id]} times" for id in posted if matched[id] != 1]
    problems += [f"row {row} is there {rows[row]} times, not {n}" for row, n in expected.items() if rows[row] != n]
    problems += [f"row {row} is nobody's" for row in rows - expected]
    return problems
