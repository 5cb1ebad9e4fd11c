"""Live promotions are told again before the match's windows let them vanish; ended ones are not."""

import json
from datetime import timedelta

import pytest

from endcap.messages import ProductPromotion, StoreProduct
from endcap.testing import NOON, SHOP, ManualClock, a_product, a_promotion
from endcap.wire import epoch_ms
from endcap_backend.log import Log
from endcap_backend.match.engine import MatchEngine
from endcap_backend.retail.catalogue import put_placements, put_promotions
from endcap_backend.retail.feed import Feed
from endcap_backend.retail.refresh import Refresh


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def log(tmp_path, clock):
    log = Log(tmp_path / "log.db", clock=clock)
    yield log
    log.close()


@pytest.fixture
def stocked(database, log, clock):
    """A shelf of coffee and one of tea; the coffee is promoted until half past three."""
    Feed(database, log, clock=clock).drain()
    with database.writing() as connection:
        shelves = [a_product(country="FIN"), a_product(sku=2, segment="tea", name="Green tea", country="FIN")]
        put_placements(connection, shelves, epoch_ms(clock.now()))
        promotion = a_promotion(sku=None, ends_at=NOON + timedelta(hours=3, minutes=30))
        put_promotions(connection, [promotion], epoch_ms(clock.now()))
    return database


def minutes(clock, count):
    for _ in range(count):
        clock.advance(60)
        yield clock.now()


def told(database, log, clock):
    """Records since the last call: (topic, minute of its time)."""
    before = log.end()
    Feed(database, log, clock=clock).drain()
    return [(each.topic, (each.timestamp_ms - epoch_ms(NOON)) // 60_000) for each in log.read(before, 1000)]


def test_the_seeds_match_finds_a_live_promotion_at_any_time_and_an_ended_one_soon_no_more(stocked, log, clock):
    match = MatchEngine("parity")
    refresh = Refresh(stocked, clock)
    offset = 0
    found = []
    for now in minutes(clock, 300):
        refresh.look()
        Feed(stocked, log, clock=clock).drain()
        for each in log.read(offset, 1000):
            match.process(each.topic, each.key, each.value.encode(), each.timestamp_ms)
            offset = each.offset
        fix = {"uid": "ann", "latitude": SHOP[0], "longitude": SHOP[1], "country": "FIN"}
        rows = match.process("customers_locations", "ann", json.dumps(fix).encode(), epoch_ms(now))
        found.append(bool(rows))
    assert all(found[:209])
    assert not any(found[240:])  # half an hour after the end: the window that the seed's SQL has


def test_without_the_refresh_it_would_vanish(stocked, log, clock):
    """The same without a refresh: what the one above is for."""
    match = MatchEngine("parity")
    Feed(stocked, log, clock=clock).drain()
    for each in log.read(0, 1000):
        match.process(each.topic, each.key, each.value.encode(), each.timestamp_ms)
    fix = {"uid": "ann", "latitude": SHOP[0], "longitude": SHOP[1], "country": "FIN"}
    found = [
        bool(match.process("customers_locations", "ann", json.dumps(fix).encode(), epoch_ms(now)))
        for now in minutes(clock, 40)
    ]
    assert found == [True] * 30 + [False] * 10


def test_promotions_are_told_every_twenty_minutes_and_their_shelves_every_fifty(stocked, log, clock):
    refresh = Refresh(stocked, clock)
    told(stocked, log, clock)
    heard = []
    for _ in minutes(clock, 125):
        refresh.look()
        heard += told(stocked, log, clock)
    promotion, shelf = ProductPromotion.TOPIC, StoreProduct.TOPIC
    assert [minute for topic, minute in heard if topic == shelf] == [1, 51, 101]  # the coffee's alone
    assert [minute for topic, minute in heard if topic == promotion] == [1, 21, 41, 51, 71, 91, 101, 121]


def test_one_that_begins_later_is_told_when_it_begins_with_its_shelves(stocked, log, clock):
    refresh = Refresh(stocked, clock)
    with stocked.writing() as connection:
        later = a_promotion(pid="p2", segment="tea", sku=2, starts_at=NOON + timedelta(minutes=5))
        put_promotions(connection, [later], epoch_ms(clock.now()))
    refresh.look()
    told(stocked, log, clock)
    heard = []
    for _ in minutes(clock, 8):
        refresh.look()
        heard += told(stocked, log, clock)
    assert heard == [(StoreProduct.TOPIC, 5), (ProductPromotion.TOPIC, 5)]


def test_a_backend_that_starts_again_tells_all_that_is_live(stocked, log, clock):
    assert Refresh(stocked, clock).look() == 2
    clock.advance(60)
    assert Refresh(stocked, clock).look() == 2
    clock.advance(4 * 3600)
    assert Refresh(stocked, clock).look() == 0
