"""The catalogue in its database, SQLite and PostgreSQL alike."""

import re
import threading
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from endcap.messages import ProductPromotion, StoreProduct
from endcap.testing import NOON, a_product, a_promotion
from endcap_backend.retail.catalogue import Stored, known_products, put_placements, put_promotions
from endcap_backend.retail.database import Database
from endcap_backend.retail.feed import Feed
from endcap_backend.retail.migrations import versions
from endcap_backend.retail.schema import VERSION, Base, Outbox, Placement


def test_the_migrations_lead_to_the_tables_of_the_schema(database):
    def declared(name, kind, within):
        """All but the search's index, which each kind of database has in its own way."""
        return kind != "table" or not name.startswith("product_search")

    with database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"include_name": declared})
        assert compare_metadata(context, Base.metadata) == []


def test_the_schemas_version_is_the_last_of_the_migrations():
    config = Config()
    config.set_main_option("script_location", "endcap_backend.retail:migrations")
    assert ScriptDirectory.from_config(config).get_heads() == [VERSION]


def test_a_migration_stands_alone_whatever_the_rest_of_us_becomes():
    found = list(Path(versions.__file__).parent.glob("v0*.py"))
    assert len(found) == int(VERSION)
    imported = [(path.name, line) for path in found for line in path.read_text().splitlines() if "import" in line]
    assert [each for each in imported if re.search(r"\bendcap", each[1])] == []


def test_a_database_that_is_opened_again_keeps_its_name_and_what_it_holds(database, url):
    with database.writing() as connection:
        put_placements(connection, [a_product()], 0)
    again = Database(url)
    assert again.uuid == database.uuid
    with again.reading() as connection:
        assert known_products(connection) == {9001: {"segment": "coffee", "name": "Dark roast 500 g"}}
    again.close()


def test_what_is_put_comes_out_as_it_went_in(database, log):
    Feed(database, log).drain()
    products = [
        a_product(),
        a_product(sku=2**63 - 1, store=None, section=None, name=None, price=None, stock=None, variant="dark"),
        a_product(sku=0, latitude_deg=-89.99999, longitude_deg=179.99999, price=0.1 + 0.2, country="FIN"),
    ]
    promotions = [
        a_promotion(),
        a_promotion(pid="p2", sku=None, title=None, discount=None, starts_at=NOON, ends_at=NOON),
    ]
    with database.writing() as connection:
        put_placements(connection, products, 0)
        put_promotions(connection, promotions, 0)
    Feed(database, log).drain()
    found = log.read(0)
    assert {StoreProduct.from_text(each.value) for each in found if each.topic == StoreProduct.TOPIC} == set(products)
    assert [
        ProductPromotion.from_text(each.value) for each in found if each.topic == ProductPromotion.TOPIC
    ] == promotions


def test_the_same_again_is_unchanged_and_not_told(database):
    for expected in (Stored(new=1), Stored(unchanged=1)):
        with database.writing() as connection:
            assert put_placements(connection, [a_product()], 0) == expected
            assert put_promotions(connection, [a_promotion()], 0) == expected
    with database.reading() as connection:
        assert len(connection.execute(select(Outbox.number)).all()) == 2


prices = st.floats(0, 1e9, allow_nan=False)
changes = st.lists(st.tuples(st.integers(1, 3), st.sampled_from([None, "s1", "s2"]), st.sampled_from([1.0, 2.0])))


@given(changes)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_topic_replayed_is_the_table(database, changes):
    """Whatever is put in whatever order: the latest record of each shelf is what its row says."""
    for sku, store, price in changes:
        with database.writing() as connection:
            put_placements(connection, [a_product(sku=sku, store=store, price=price)], 0)
    with database.reading() as connection:
        told = connection.execute(select(Outbox.value).order_by(Outbox.number)).scalars()
        latest = {(each.sku, each.store or ""): each.price for each in map(StoreProduct.from_text, told)}
        assert latest == {
            (sku, store): price
            for sku, store, price in connection.execute(select(Placement.sku, Placement.store, Placement.price))
        }


def test_writers_of_one_shelf_take_turns_and_the_last_to_commit_is_the_last_told(database):
    def raise_price(number):
        for step in range(5):
            with database.writing() as connection:
                put_placements(connection, [a_product(price=float(number * 10 + step))], 0)

    threads = [threading.Thread(target=raise_price, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.reading() as connection:
        told = connection.execute(select(Outbox.value).order_by(Outbox.number)).scalars().all()
        assert StoreProduct.from_text(told[-1]).price == connection.execute(select(Placement.price)).scalar_one()
    assert len(told) == 30


@pytest.mark.slow
def test_a_whole_chain_of_stores_is_loaded_in_one_transaction(database):
    chain = [a_product(sku=sku, store=f"s{store}") for sku in range(1000) for store in range(10)]
    with database.writing() as connection:
        assert put_placements(connection, chain, 0) == Stored(new=10_000)
        assert put_placements(connection, chain, 0) == Stored(unchanged=10_000)
