"""The store's map tells the way, takes steps, and is looked at closely by fingers, wheel, buttons and keys."""

from dataclasses import replace
from itertools import combinations

import pytest

from endcap_shopper.floor import FloorPlan
from endcap_shopper.sample.store import at
from endcap_shopper.ui.widgets.labels import meets
from endcap_shopper.ui.widgets.sight import MOST, Sight


@pytest.fixture
def on_map(open_app):
    """The map's page, and its map."""

    def begin(**look):
        driver = open_app(page="map", **look)
        return driver, driver.app.shell.screen.ids.map

    return begin


def finger(shown, right=0, up=0, *, button=None):
    """A finger so far from the middle of the map."""
    from kivy.tests.common import UnitTestTouch

    touch = UnitTestTouch(*shown.to_window(shown.center_x + right, shown.center_y + up))
    if button is not None:
        touch.profile = [*touch.profile, "button"]
        touch.button = button
    return touch


def asked(driver, what):
    return [each for each in driver.shopper.asked if each[0] == what]


def test_two_fingers_enlarge_what_is_between_them(on_map):
    driver, shown = on_map()
    x, y = shown.to_window(*shown.center)
    before = shown.sight.spot((0.5, 0.5))
    one, other = finger(shown, right=-40), finger(shown, right=40)
    for touch in (one, other):
        touch.touch_down()
    driver.frames(1)
    one.touch_move(x - 100, y)
    driver.frames(1)
    other.touch_move(x + 100, y)
    driver.frames(1)
    for touch in (one, other):
        touch.touch_up()
    driver.frames(2)
    assert shown.sight.zoom == pytest.approx(2.5, rel=0.01)
    assert shown.sight.spot((0.5, 0.5)) == pytest.approx(before, abs=0.01)
    assert asked(driver, "walk_to") == []


def test_a_second_tap_right_after_the_first_enlarges_and_is_no_second_step(on_map):
    from kivy.input.postproc import kivy_postproc_modules

    driver, shown = on_map()
    one, other = finger(shown), finger(shown)
    kivy_postproc_modules["doubletap"].process([(what, each) for each in (one, other) for what in ("begin", "end")])
    for touch in (one, other):
        touch.touch_down()
        touch.touch_up()
    driver.frames(3)
    assert shown.sight.zoom > 1.0
    assert len(asked(driver, "walk_to")) == 1


@pytest.mark.parametrize(("button", "larger"), [("scrolldown", True), ("scrollup", False)])
def test_the_wheel_enlarges_and_reduces_about_the_pointer(on_map, button, larger):
    driver, shown = on_map()
    shown.sight = Sight(2.0, 0.5, 0.5)
    pointed = shown.sight.spot((0.25, 0.5))
    touch = finger(shown, right=-0.25 * shown.width, button=button)
    touch.touch_down()
    touch.touch_up()
    driver.frames(2)
    assert (shown.sight.zoom > 2.0) is larger
    assert shown.sight.spot((0.25, 0.5)) == pytest.approx(pointed, abs=0.01)
    assert asked(driver, "walk_to") == []


def test_buttons_enlarge_and_reduce_as_far_as_it_makes_sense(on_map):
    driver, shown = on_map()
    assert driver.find("Smaller").disabled
    while not driver.find("Larger").disabled:
        driver.tap("Larger")
    assert shown.sight.zoom == MOST
    while not driver.find("Smaller").disabled:
        driver.tap("Smaller")
    assert shown.sight == Sight()


def test_a_drag_moves_the_map_no_further_than_its_edge_and_is_no_step(on_map):
    driver, shown = on_map()
    shown.sight = Sight(3.0, 0.5, 0.5)
    x, y = shown.center
    driver.drag(shown, x + 60, y - 30)
    assert shown.sight.x < 0.5 < shown.sight.y
    for _ in range(4):
        driver.drag(shown, shown.right - 2, shown.y + 2)
    assert (shown.sight.x, shown.sight.y) == pytest.approx((1 / 6, 5 / 6))
    assert asked(driver, "walk_to") == []


def test_a_tap_on_an_enlarged_map_is_a_step_to_where_it_was(on_map):
    driver, shown = on_map()
    shown.sight = Sight(4.0, 0.4, 0.6)
    driver.frames(2)
    touch = finger(shown, right=-50, up=20)
    touch.touch_down()
    touch.touch_up()
    driver.frames(2)
    there = shown.spot(asked(driver, "walk_to")[0][1])
    assert there == pytest.approx((shown.center_x - 50, shown.center_y + 20), abs=1.0)


def test_she_has_herself_in_the_middle_by_one_button(on_map):
    driver, shown = on_map()
    driver.shopper.map_view = replace(
        driver.shopper.map_view, dot=replace(driver.shopper.map_view.dot, point=at(14, 18))
    )
    driver.app.shell.screen.refresh()
    driver.tap("Where I am")
    assert shown.sight.zoom >= 2.0
    assert shown.spot(at(14, 18)) == pytest.approx(shown.center, abs=1.0)


def test_the_buttons_stand_in_the_window_also_when_the_store_comes_after_the_page(open_app):
    driver = open_app()
    view = driver.shopper.map_view
    driver.shopper.map_view = replace(view, plan=None)
    driver.app.go("map")
    driver.settle()
    driver.shopper.map_view = view
    driver.app.shell.screen.refresh()
    driver.settle()
    larger = driver.find("Larger")
    assert larger.to_window(larger.right, 0)[0] <= driver.app.shell.width


def test_nobody_is_centred_who_is_nowhere(on_map):
    driver, _ = on_map()
    driver.shopper.map_view = replace(driver.shopper.map_view, dot=None)
    driver.app.shell.screen.refresh()
    driver.frames(2)
    with pytest.raises(LookupError):
        driver.find("Where I am")


def test_what_she_looks_at_stays_when_she_walks_on_and_is_new_in_another_store(on_map):
    driver, shown = on_map()
    shown.sight = looked_at = Sight(3.0, 0.5, 0.5)
    view = driver.shopper.map_view
    driver.shopper.map_view = replace(view, dot=replace(view.dot, point=at(10, 10)))
    driver.app.shell.screen.refresh()
    driver.settle()
    assert shown.sight == looked_at
    driver.app.go("wishlist")
    driver.app.go("map")
    driver.settle()
    assert shown.sight == looked_at
    plan = view.plan
    driver.shopper.map_view = replace(view, plan=FloorPlan("s2", "Harbour", plan.sections, plan.aisles, plan.doors))
    driver.app.shell.screen.refresh()
    driver.settle()
    assert shown.sight == Sight()


def test_keys_move_enlarge_and_show_all_again(on_map):
    driver, shown = on_map()
    shown.focus = True

    def press(name, text=""):
        shown.keyboard_on_key_down(None, (0, name), text, [])
        driver.frames(1)

    press("=", "+")
    press("=", "+")
    enlarged = shown.sight
    assert enlarged.zoom > 2.0
    press("right")
    assert shown.sight.x > enlarged.x
    press("up")
    assert shown.sight.y > enlarged.y
    press("-", "-")
    assert shown.sight.zoom < enlarged.zoom
    press("home")
    assert shown.sight == Sight()


def test_with_less_motion_it_is_there_at_once_and_else_it_glides(on_map):
    driver, shown = on_map()
    shown.enlarge()
    assert shown.sight.zoom == pytest.approx(1.6)
    driver.close()
    driver, shown = on_map(reduced_motion=False)
    shown.enlarge()
    assert shown.sight.zoom < 1.6
    driver.until(lambda: shown.sight.zoom == pytest.approx(1.6))


@pytest.fixture
def on_the_way(on_map):
    """The map while it glides, slowly, from three times as large to six times."""
    driver, shown = on_map(reduced_motion=False)
    shown.glide_s, shown.sight = 60.0, Sight(3.0, 0.5, 0.5)
    shown.enlarge(2.0)
    driver.frames(3)
    assert 3.0 < shown.sight.zoom < 4.0
    return driver, shown


def test_a_finger_takes_the_map_along_from_where_it_is_on_its_way(on_the_way):
    driver, shown = on_the_way
    before = shown.sight
    touch = finger(shown)
    x, y = shown.to_window(*shown.center)
    touch.touch_down()
    touch.touch_move(x + 0.2 * shown.width, y)
    moved = shown.sight
    assert moved.zoom == pytest.approx(before.zoom)
    assert moved.spot((0.7, 0.5)) == pytest.approx(before.spot((0.5, 0.5)))
    driver.frames(3)
    assert shown.sight == moved
    touch.touch_up()


def test_the_wheel_enlarges_the_map_from_where_it_is_on_its_way(on_the_way):
    driver, shown = on_the_way
    before = shown.sight
    touch = finger(shown, button="scrolldown")
    touch.touch_down()
    touch.touch_up()
    rolled = shown.sight
    assert rolled.zoom == pytest.approx(before.zoom * 1.2)
    driver.frames(3)
    assert shown.sight == rolled


def test_another_store_is_seen_whole_though_the_map_was_on_its_way(on_the_way):
    driver, shown = on_the_way
    view = driver.shopper.map_view
    driver.shopper.map_view = replace(view, plan=replace(view.plan, store="s2"))
    driver.app.shell.screen.refresh()
    driver.until(lambda: shown.view.plan.store == "s2")
    driver.frames(3)
    assert shown.sight == Sight()


def test_the_map_tells_the_next_step_and_goes_on_when_she_has_it(open_app):
    driver = open_app(page="map")
    assert driver.says("Straight on for 15\xa0m, then right to Espresso beans.")
    driver.tap("Say it aloud")
    driver.tap("Got it")
    driver.until(lambda: ("finish_wish", "w1", True) in driver.shopper.asked)
    assert ("speak_step",) in driver.shopper.asked


def test_a_click_on_the_map_is_a_step_to_where_she_clicked(open_app):
    driver = open_app(page="map")
    page_map = driver.app.shell.screen.ids.map
    driver.tap(page_map)
    asked = driver.until(lambda: [each for each in driver.shopper.asked if each[0] == "walk_to"])
    x, y = page_map.spot(asked[0][1])
    assert (round(x), round(y)) == (round(page_map.center_x), round(page_map.center_y))


def test_another_store_is_chosen_from_a_list(open_app):
    driver = open_app(page="map")
    driver.tap("Riverside")
    driver.until_text("Harbour")
    driver.tap("Harbour")
    driver.until(lambda: ("choose_store", "s2") in driver.shopper.asked)


@pytest.mark.parametrize("text_scale", [1.0, 1.5, 2.0])
def test_no_name_on_the_map_lies_under_a_pin_a_flag_a_button_or_another_name(on_map, text_scale):
    driver, shown = on_map(text_scale=text_scale)
    taken = shown._taken(shown.view)
    assert len(shown.names) == 6
    assert [name for name in shown.names if any(meets(name, each) for each in taken)] == []
    assert not any(meets(one, other) for one, other in combinations(shown.names, 2))
    crowded = replace(shown.view, pins=tuple(replace(pin, point=at(24, 20.5)) for pin in shown.view.pins))
    driver.shopper.store_map = lambda: crowded
    driver.app.shell.screen.refresh()
    driver.settle()
    assert [name for name in shown.names if any(meets(name, each) for each in shown._taken(crowded))] == []
