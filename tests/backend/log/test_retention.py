import json
import logging

import pytest

from endcap_backend.config import Settings
from endcap_backend.retention import Retention

HOUR_S = 3600


@pytest.fixture
def retention(log, clock):
    return Retention.of(Settings(), log, clock)


def values(log):
    return [record.value for record in log.read(0, limit=10_000)]


def test_raw_fixes_are_kept_for_a_day_and_no_longer(log, clock, retention, a_record):
    log.append([a_record(value="fix")])
    clock.advance(24 * HOUR_S)
    assert retention.expire() == 0
    clock.advance(0.001)
    assert retention.expire() == 1
    assert values(log) == []


def test_time_counts_from_when_a_fix_was_stored_not_from_when_it_was_taken(log, clock, retention, a_record):
    log.append([a_record(timestamp_ms=0)])
    clock.advance(23 * HOUR_S)
    assert retention.expire() == 0


@pytest.mark.parametrize(
    ("topic", "hours"),
    [("customers_events", 720), ("customers_alerts", 72), ("customers_locations_dlq", 24), ("anything else", 720)],
)
def test_each_topic_has_a_time_of_its_own(log, clock, retention, a_record, topic, hours):
    log.append([a_record(topic=topic)])
    clock.advance(hours * HOUR_S)
    assert retention.expire() == 0
    clock.advance(1)
    assert retention.expire() == 1


def test_only_what_is_old_goes(log, clock, retention, a_record):
    log.append([a_record(value=f"old {number}") for number in range(1200)])
    clock.advance(20 * HOUR_S)
    log.append([a_record(value="young"), a_record(topic="customers_events", value="event")])
    clock.advance(5 * HOUR_S)
    assert retention.expire() == 1200
    assert values(log) == ["young", "event"]


def test_a_repeat_is_recognised_as_long_as_a_fix_is_kept(log, clock, retention, a_record):
    log.append([a_record(id="install:1")])
    clock.advance(24 * HOUR_S)
    retention.expire()
    assert log.append([a_record(id="install:1")])[0].duplicate


def test_an_unread_record_goes_too_and_its_consumer_is_named(log, clock, retention, a_record, caplog):
    log.append([a_record(), a_record()])
    log.commit("forward", 1)
    clock.advance(25 * HOUR_S)
    with caplog.at_level(logging.WARNING):
        retention.expire()
    assert "1 records of customers_locations go before forward has read them" in caplog.text


def test_products_and_promotions_stay_until_a_later_one_replaces_them(log, clock, retention, a_record):
    def promoted(pid, title):
        value = json.dumps({"pid": pid, "title": title})
        return a_record(topic="products_promotions", key="coffee", value=value)

    def placed(sku, store, name):
        value = json.dumps({"SKU": sku, "store": store, "name": name})
        return a_record(topic="stores_products", key=str(sku), value=value)

    log.append([promoted("p1", "old"), promoted("p1", "new"), promoted("p2", "only")])
    log.append([placed(1, "s1", "old"), placed(1, "s1", "new"), placed(1, "s2", "only")])
    clock.advance(23 * HOUR_S)
    assert retention.compact() == 0  # a repeat of it must still be recognised
    clock.advance(10_000 * HOUR_S)
    assert retention.expire() == 0
    assert retention.compact() == 2
    kept = [json.loads(value) for value in values(log)]
    assert [each.get("title", each.get("name")) for each in kept] == ["new", "only", "new", "only"]


def test_what_was_forgotten_is_nowhere_on_disk(log, clock, retention, a_record, path):
    log.append([a_record(value=f"CANARY {number}" * 30) for number in range(1000)])
    clock.advance(25 * HOUR_S)
    retention.expire()
    assert b"CANARY" not in b"".join(each.read_bytes() for each in path.parent.iterdir())


def test_what_a_reader_kept_in_the_journal_goes_the_next_time(log, clock, retention, a_record, path):
    log.append([a_record(value=f"CANARY {number}" * 30) for number in range(1000)])
    clock.advance(25 * HOUR_S)
    with log.reading() as connection:
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM records").fetchone()
        retention.expire()
        connection.execute("COMMIT")
    assert b"CANARY" in b"".join(each.read_bytes() for each in path.parent.iterdir())
    assert retention.expire() == 0
    assert b"CANARY" not in b"".join(each.read_bytes() for each in path.parent.iterdir())


def test_what_sqlite_kept_of_rows_that_it_had_moved_goes_within_the_hour(log, clock, retention, a_record, path, soil):
    for statements in soil.rounds:
        log.transact(lambda connection, these=statements: [connection.execute(each) for each in these])
    log.append([a_record()])
    clock.advance(25 * HOUR_S)
    assert retention.expire() == 1
    assert log.fold()
    assert soil.left_in(path)
    retention.compact()
    assert soil.left_in(*path.parent.iterdir()) == []
