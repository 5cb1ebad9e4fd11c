"""The outbox: every change reaches its topic once, in order, whatever dies in between."""

import subprocess
import sys
from contextlib import closing

import pytest
from sqlalchemy import func, insert, select

from endcap.messages import ProductPromotion, StoreProduct
from endcap.testing import a_product, a_promotion
from endcap_backend.log import Log
from endcap_backend.retail.catalogue import put_placements, put_promotions
from endcap_backend.retail.feed import Feed
from endcap_backend.retail.schema import Outbox


def prices(log):
    return [StoreProduct.from_text(each.value).price for each in log.read(0, 100_000, (StoreProduct.TOPIC,))]


def put(database, *prices):
    for price in prices:
        with database.writing() as connection:
            put_placements(connection, [a_product(price=price)], 0)


def waiting(database):
    with database.reading() as connection:
        return connection.execute(select(func.count()).select_from(Outbox)).scalar_one()


def test_changes_reach_the_topic_in_order_and_leave_the_outbox(database, log):
    feed = Feed(database, log)
    feed.drain()
    put(database, 1.0, 2.0, 1.0)
    assert feed.drain() == 3
    assert prices(log) == [1.0, 2.0, 1.0]
    assert waiting(database) == 0


def test_a_change_that_is_rolled_back_is_never_told(database, log):
    feed = Feed(database, log)
    feed.drain()

    def fail():
        with database.writing() as connection:
            put_placements(connection, [a_product(price=9.0)], 0)
            raise RuntimeError("on purpose")

    with pytest.raises(RuntimeError):
        fail()
    assert feed.drain() == 0
    assert prices(log) == []


def test_a_record_that_was_appended_but_not_deleted_when_the_process_died_is_not_doubled(database, log):
    feed = Feed(database, log)
    feed.drain()
    put(database, 1.0, 2.0)
    with database.reading() as connection:
        rows = [dict(row._mapping) for row in connection.execute(select(*Outbox.__table__.columns))]
    feed.drain()
    with database.writing() as connection:
        connection.execute(insert(Outbox), rows)
    put(database, 3.0)
    feed.drain()
    assert prices(log) == [1.0, 2.0, 3.0]


def test_a_log_begun_anew_hears_of_the_whole_catalogue_as_it_stands(database, tmp_path):
    with closing(Log(tmp_path / "first.db")) as first:
        Feed(database, first).drain()
        put(database, 1.0, 2.0)
        with database.writing() as connection:
            put_promotions(connection, [a_promotion()], 0)
        Feed(database, first).drain()
    with closing(Log(tmp_path / "second.db")) as second:
        Feed(database, second).drain()
        assert prices(second) == [2.0]
        (promotion,) = second.read(0, topics=(ProductPromotion.TOPIC,))
        assert ProductPromotion.from_text(promotion.value) == a_promotion()


def test_a_log_begun_anew_still_hears_of_what_can_be_told_only_once(database, log):
    """A purchase that waits in the outbox is not part of the catalogue."""
    event = {"topic": "customers_events", "key": "uid-1", "value": "{}", "at_ms": 0}
    with database.writing() as connection:
        put_placements(connection, [a_product()], 0)
        connection.execute(insert(Outbox), [event])
    Feed(database, log).drain()
    assert sorted(each.topic for each in log.read(0)) == ["customers_events", "stores_products"]


def test_a_feed_that_runs_hears_of_a_change_at_once(database, log):
    feed = Feed(database, log)
    feed.start()
    put(database, 1.0)
    assert log.wait(0, 10)
    put(database, 2.0)
    assert log.wait(1, 10)
    feed.stop()
    assert prices(log) == [1.0, 2.0]
    assert feed.stats() == {"up": 0.0, "waiting": 0, "fed": 2}


def test_numbers_of_the_outbox_are_never_given_twice(database, log):
    feed = Feed(database, log)
    feed.drain()
    numbers = []
    for price in (1.0, 2.0):
        put(database, price)
        with database.reading() as connection:
            numbers += connection.execute(select(Outbox.number)).scalars()
        feed.drain()
    assert numbers[0] < numbers[1]


KILLED = """
import os, sys
from pathlib import Path
from endcap_backend.log import Log
from endcap_backend.retail.database import Database
from endcap_backend.retail.feed import Feed

class DyingFeed(Feed):
    # dies at the worst moment: the records are on disk, the outbox still holds them
    def _move(self, batch):
        delete, self._database.writing = self._database.writing, lambda: os.kill(os.getpid(), 9)
        super()._move(batch)

folder = Path(sys.argv[1])
print("ready", flush=True)
DyingFeed(Database(sys.argv[2]), Log(folder / "log.db")).drain()
"""


def test_killed_between_the_log_and_the_outbox_again_and_again_it_loses_and_doubles_nothing(database, url, tmp_path):
    with closing(Log(tmp_path / "log.db")) as log:
        Feed(database, log).drain()
    for round_ in range(5):
        put(database, 10.0 + round_)
        killed = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), url], capture_output=True, text=True)
        assert (killed.returncode, killed.stdout) == (-9, "ready\n"), killed.stderr
    with closing(Log(tmp_path / "log.db")) as log:
        Feed(database, log).drain()
        assert prices(log) == [10.0, 11.0, 12.0, 13.0, 14.0]
