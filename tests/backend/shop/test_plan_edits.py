"""Changing parts of one plan at once, on each kind of database."""

from dataclasses import replace
from threading import Thread

import pytest

from endcap.errors import BadMessage
from endcap.geo import LatLon
from endcap.testing import NOON, SHOP, a_product
from endcap_backend.retail.catalogue import put_placements
from endcap_backend.retail.plan_edits import OUTSIDE_M, changing, plan_to_change, put_door, put_section, remove_section
from endcap_backend.retail.plans import Door, Section, plan_of

AT = LatLon(*SHOP)


def a_section(id, north=0):
    south, west = AT.latitude_deg + north * 1e-4, AT.longitude_deg
    corners = ((south, west), (south, west + 1e-4), (south + 1e-4, west + 1e-4), (south + 1e-4, west))
    return Section(id, id, tuple(LatLon(*each) for each in corners))


@pytest.fixture
def store(database):
    with database.writing() as connection:
        put_placements(connection, [a_product(), a_product(sku=2, section="Tea & herbs", segment="tea")], 0)
    return database


def change(database, how, *what):
    with database.writing() as connection:
        how(connection, changing(connection, "s1"), *what, NOON)


def test_sections_that_are_drawn_at_once_are_all_there(store):
    drawing = [Thread(target=change, args=(store, put_section, "", a_section(f"x{n}", n))) for n in range(6)]
    for each in drawing:
        each.start()
    for each in drawing:
        each.join(60)
    with store.reading() as connection:
        found = [each.id for each in plan_of(connection, "s1").sections]
    assert found[:2] == ["Tea-herbs", "coffee"]
    assert sorted(found[2:]) == [f"x{n}" for n in range(6)]


def test_a_derived_plan_that_becomes_ones_own_keeps_its_sections_filled_by_their_shelves(store):
    with store.reading() as connection:
        derived = plan_of(connection, "s1")
    change(store, put_door, "", Door("north", "North", AT))
    with store.reading() as connection:
        kept = plan_of(connection, "s1")
        assert [each.skus for each in plan_to_change(connection, "s1").sections] == [(), ()]
    assert not kept.derived
    assert [(each.name, each.categories, each.skus) for each in kept.sections] == [
        (each.name, each.categories, each.skus) for each in derived.sections
    ]
    with store.writing() as connection:
        put_placements(connection, [a_product(sku=3, section="Tea & herbs", segment="tea")], 0)
    with store.reading() as connection:
        assert plan_of(connection, "s1").sections[0].skus == (2, 3)


def test_names_that_are_alike_as_ids_become_two_ids(database):
    with database.writing() as connection:
        shelves = [a_product(sku=n, section=name) for n, name in enumerate(("Tea!", "Tea?", "!", "?"))]
        put_placements(connection, shelves, 0)
        assert [each.id for each in plan_to_change(connection, "s1").sections] == [
            "section",
            "section-1",
            "Tea",
            "Tea-1",
        ]


def test_outside_begins_100_m_from_what_is_known(store):
    def door(away_m):
        return Door("far", "Far", LatLon(AT.latitude_deg + away_m / 111_195, AT.longitude_deg))

    with store.reading() as connection:
        corners = [point for each in plan_of(connection, "s1").sections for point in each.polygon]
    edge_m = (max(each.latitude_deg for each in corners) - AT.latitude_deg) * 111_195
    with pytest.raises(BadMessage, match="outside the store"):
        change(store, put_door, "", door(edge_m + OUTSIDE_M + 1))
    change(store, put_door, "", door(edge_m + OUTSIDE_M - 1))


def test_the_only_section_stays(store):
    change(store, remove_section, "coffee")
    with pytest.raises(BadMessage, match="only section"):
        change(store, remove_section, "Tea-herbs")


def test_another_sections_id_is_taken_but_its_own_is_not(store):
    change(store, put_section, "", a_section("x"))
    change(store, put_section, "x", replace(a_section("x", 1), name="Moved"))
    with pytest.raises(BadMessage, match="another section"):
        change(store, put_section, "x", a_section("coffee"))


def test_a_store_that_nobody_knows_has_no_plan_to_change(database):
    with database.writing() as connection, pytest.raises(BadMessage, match="is not known"):
        changing(connection, "s9")
