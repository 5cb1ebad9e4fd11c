"""Floor plans: what is where, and where it is drawn."""

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from endcap.errors import BadMessage
from endcap.geo import distance_m
from endcap_shopper.floor import FloorPlan, Frame

PLAN = {
    "store": "s1",
    "name": "Riverside",
    "derived": True,
    "sections": [
        {"id": "tea", "name": "Tea", "polygon": [[60.0, 24.0], [60.0, 24.001], [60.001, 24.001]], "skus": [7]},
        {"id": "flat", "name": "Flat", "polygon": [[60.0, 24.0], [60.0, 24.001]]},
    ],
    "aisles": {"nodes": [{"id": "a", "latitude": 60.0, "longitude": 24.0}], "edges": []},
    "doors": [{"id": "main", "name": "Main", "latitude": 60.0, "longitude": 24.0}, {"id": "x"}],
}


def test_a_plan_is_read_without_the_parts_that_cannot_be(caplog):
    with caplog.at_level(logging.WARNING, "endcap.shopper"):
        plan = FloorPlan.from_json(PLAN)
    assert ([each.id for each in plan.sections], [each.id for each in plan.doors]) == (["tea"], ["main"])
    assert plan.derived
    assert [record.getMessage().split(" is left")[0] for record in caplog.records] == [
        "a section of the floor plan",
        "a door of the floor plan",
    ]


@pytest.mark.parametrize(("value", "field"), [({}, "store"), ({"store": "s1"}, "sections")])
def test_a_plan_with_nothing_to_draw_is_refused(value, field):
    with pytest.raises(BadMessage, match=field):
        FloorPlan.from_json(value)


def test_she_is_in_the_smallest_section_that_holds_her(build):
    plan = build.plan()
    assert plan.section_at(build.at(15, 15)).id == "coffee"
    assert plan.section_at(build.at(15, 5)) is None


def test_a_section_is_found_by_id_by_name_by_product_and_by_category(build):
    plan = build.plan()
    assert {plan.section("coffee"), plan.section("Coffee"), plan.section_of(9001), plan.section_of(1, "coffee")} == {
        plan.sections[1]
    }
    assert plan.section(None) is plan.section_of(None) is plan.section_of(1, "soap") is None


@given(st.floats(0, 20), st.floats(0, 20), st.floats(50, 2000), st.floats(50, 2000))
def test_what_is_drawn_is_in_the_picture_and_is_found_again_by_a_click(east_m, north_m, width, height):
    from endcap.geo import LatLon, offset
    from endcap.testing import SHOP
    from endcap_shopper.aisles import Aisles

    corner = LatLon(*SHOP)
    plan = FloorPlan("s1", "S", (), Aisles({"a": corner, "b": offset(corner, 20, 40)}, (("a", "b"),)))
    frame = Frame(plan, width, height, margin=10)
    point = offset(corner, east_m, 2 * north_m)
    x, y = frame.place(point)
    assert 9.9 <= x <= width - 9.9
    assert 9.9 <= y <= height - 9.9
    assert distance_m(frame.point(x, y), point) < 0.01


def test_a_long_store_is_turned_to_fill_a_tall_picture(build):
    from endcap_shopper.aisles import Aisles

    wide = FloorPlan("s1", "S", (), Aisles({"a": build.at(0, 0), "b": build.at(80, 20)}, (("a", "b"),)))
    assert Frame(wide, 400, 800).turned
    assert not Frame(wide, 800, 400).turned
    assert Frame(wide, 400, 800).scale == pytest.approx(10, rel=1e-3)
    x, y = Frame(wide, 400, 800).place(build.at(80, 0))
    assert (x, y) == pytest.approx((300, 800), rel=1e-2)  # east is up, south is to the right
