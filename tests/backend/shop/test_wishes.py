"""Who wishes what, read in bulk."""

import pytest
from sqlalchemy import insert

from endcap.testing import NOON
from endcap_backend.decide.knowledge import Wish
from endcap_backend.retail.shop_tables import Wishlist, WishlistItem
from endcap_backend.retail.wishes import wishes_for, wishes_of


@pytest.fixture
def connection(database):
    """Two shoppers' lists: Ann's with an item of each kind, Bea's with one she has and one she took off."""
    with database.writing() as connection:
        connection.execute(insert(Wishlist), [{"uid": uid, "version": 1} for uid in ("ann", "bea")])
        items = [
            ("ann", "i1", "oat milk", {"sku": 7, "price_alert_cents": 249, "position": 2}),
            ("ann", "i2", "any coffee", {"segment": "coffee", "position": 1}),
            ("ann", "i3", "a present", {}),
            ("bea", "i1", "oat milk", {"sku": 7, "done": True}),
            ("bea", "i2", "coffee", {"segment": "coffee", "removed": True}),
            ("bea", "i3", "dark roast", {"sku": 9, "segment": "coffee"}),
        ]
        rest = {"sku": None, "segment": None, "price_alert_cents": None, "quantity": 1, "position": 0}
        marks = {"done": False, "removed": False, "changed_at": NOON}
        connection.execute(
            insert(WishlistItem),
            [{"uid": uid, "id": id, "text": text, **rest, **marks, **more} for uid, id, text, more in items],
        )
    with database.reading() as connection:
        yield connection


ANNS = (Wish("any coffee", segment="coffee"), Wish("oat milk", sku=7, price_alert=2.49))


def test_open_items_of_a_product_or_a_segment_are_wishes_in_her_order(connection):
    assert wishes_of(connection) == {"ann": ANNS, "bea": (Wish("dark roast", sku=9, segment="coffee"),)}


def test_the_wishes_of_some_are_read_without_those_of_others(connection):
    assert wishes_of(connection, {"ann", "nobody"}) == {"ann": ANNS}
    assert wishes_of(connection, [f"uid-{n}" for n in range(1200)]) == {}


def test_a_product_is_wished_by_its_sku_or_by_its_segment_alone(connection):
    assert wishes_for(connection, 7, "milk") == {"ann": (ANNS[1],)}
    assert wishes_for(connection, 8, "coffee") == {"ann": (ANNS[0],)}
    assert wishes_for(connection, 9, "coffee").keys() == {"ann", "bea"}
