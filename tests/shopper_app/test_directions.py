"""Directions: what one would say at each corner."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from endcap.geo import LatLon
from endcap_shopper.directions import bearing_deg, next_step, steps, turn_of
from endcap_shopper.i18n import Words

EN = Words("en")


def test_a_way_is_cut_where_it_turns(build):
    path = [build.at(0, 0), build.at(0, 10), build.at(0, 20), build.at(10, 20)]
    found = steps(path)
    assert [step.turn for step in found] == ["ahead", "right"]
    assert [step.length_m for step in found] == pytest.approx([20, 10], rel=1e-3)


def test_the_next_step_names_the_turn_after_it(build):
    found = steps([build.at(0, 0), build.at(0, 20), build.at(-10, 20)])
    assert next_step(found, "Tea", EN) == "Straight on for 20\xa0m. Then left."


def test_the_last_step_names_what_is_fetched(build):
    assert next_step(steps([build.at(0, 0), build.at(0, 20)]), "Tea", EN) == "Straight on for 20\xa0m, to Tea."


def test_a_section_on_the_way_is_named(build):
    found = steps([build.at(5, 5), build.at(15, 5), build.at(15, 15)], build.plan())
    assert [step.section for step in found] == ["", "Coffee"]
    assert next_step(found[1:], "Dark roast", EN) == "Turn left, then 10\xa0m to Dark roast."


def test_who_faces_the_other_way_is_told_to_turn_around(build):
    found = steps([build.at(0, 0), build.at(0, 20)], heading_deg=180)
    assert next_step(found, "Tea", EN) == "Turn around, then 20\xa0m to Tea."


def test_before_the_shelf_there_is_nothing_to_walk(build):
    assert next_step(steps([build.at(0, 0), build.at(0, 2)]), "Tea", EN) == "Tea is right here."
    assert next_step(steps([build.at(0, 0), build.at(0, 0)]), "Tea", EN) == "Tea is right here."


def test_it_speaks_german(build):
    found = steps([build.at(0, 0), build.at(0, 20), build.at(-10, 20)])
    assert next_step(found, "Tee", Words("de")) == "Geradeaus, 20\xa0m. Dann links."


@given(st.floats(-720, 720))
def test_a_turn_and_its_mirror_are_each_others_opposite(change_deg):
    mirror = {"ahead": "ahead", "back": "back", "left": "right", "right": "left"}
    assert turn_of(-change_deg) == mirror[turn_of(change_deg)]


def test_bearings_are_clockwise_from_north():
    here = LatLon(60.0, 24.0)
    assert [round(bearing_deg(here, LatLon(60.0 + a, 24.0 + b))) for a, b in ((1, 0), (0, 1), (-1, 0), (0, -1))] == [
        0,
        90,
        180,
        270,
    ]
