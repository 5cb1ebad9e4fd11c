"""Lists of any length cost a frame no more than what comes into sight in it."""

import gc
from dataclasses import replace
from itertools import pairwise

import pytest

from endcap_shopper.sample import COUPONS, SampleShopper
from endcap_shopper.views import Look


@pytest.fixture
def many(open_app):
    """The coupons' page with a thousand of them; the driver and its list."""

    def begin(**look):
        shopper = SampleShopper(Look(**{"reduced_motion": True, **look}))
        shopper.coupon_rows = tuple(replace(COUPONS[at % 3], id=f"c{at}", title=f"Coupon {at}") for at in range(1000))
        driver = open_app(shopper)
        driver.until(lambda: not driver.app.pool.stock())
        driver.app.go("coupons")
        driver.settle()
        return driver, driver.app.shell.screen.ids.rows

    return begin


def shown(rows):
    """The coupons that have a widget, by title."""
    return {each.coupon.title: each for each in rows.column.shown if hasattr(each, "coupon")}


def test_after_the_first_pictures_no_widget_is_made_for_a_list(many):
    driver, rows = many()
    made = dict(driver.app.pool._made)
    for place in range(1, 40):
        rows.scroll_y = 1.0 - place / 1000
        driver.frames(1)
    driver.settle()
    assert dict(driver.app.pool._made) == made
    assert "Coupon 39" in shown(rows)


def test_rows_are_shown_one_after_the_other_where_a_frame_has_no_time_for_all(many, monkeypatch):
    driver, rows = many()
    monkeypatch.setattr("endcap_shopper.ui.widgets.column.A_FRAME_S", 1e-9)
    rows.scroll_y = 0.5
    counts = []
    driver.frames(1)
    while rows.column.waiting:
        counts.append(len(shown(rows)))
        driver.frames(1)
    assert len(counts) > 3
    assert all(after - before <= 1 for before, after in pairwise(counts))
    tops = sorted((each.top for each in rows.column.shown), reverse=True)
    assert rows.column.to_parent(0, tops[0])[1] - rows.column.to_parent(0, tops[-1])[1] > rows.height / 2


def test_a_row_that_stays_keeps_its_widget_when_one_comes_before_it(many):
    driver, rows = many()
    before = shown(rows)
    first = replace(driver.shopper.coupon_rows[0], id="new", title="The newest")
    driver.shopper.coupon_rows = (first, *driver.shopper.coupon_rows)
    driver.app.shell.screen.refresh()
    driver.settle()
    after = shown(rows)
    assert "The newest" in after
    assert all(after[title] is widget for title, widget in before.items() if title in after)


def test_what_is_above_a_row_that_grows_does_not_move(many):
    driver, rows = many()
    place = {title: widget.top for title, widget in shown(rows).items()}
    longer = "A detail so long that it takes one line more, and then another one, and another one after that."
    coupons = driver.shopper.coupon_rows
    driver.shopper.coupon_rows = (*coupons[:2], replace(coupons[2], detail=longer), *coupons[3:])
    driver.app.shell.screen.refresh()
    driver.settle()
    moved = {title for title, widget in shown(rows).items() if widget.top != pytest.approx(place.get(title, 0))}
    assert not moved & {"Coupon 0", "Coupon 1", "Coupon 2"}
    assert "Coupon 3" in moved
    ordered = sorted(shown(rows).values(), key=lambda each: -each.top)
    assert all(upper.y >= lower.top for upper, lower in pairwise(ordered))


def test_the_end_of_a_long_list_is_reached_with_its_last_row_whole(many):
    driver, rows = many()
    rows.scroll_y = 0.0
    driver.settle()
    last = shown(rows)["Coupon 999"]
    assert rows.to_window(0, rows.y)[1] <= last.to_window(0, last.y)[1]
    assert len(shown(rows)) < 20


def test_what_is_said_twice_is_drawn_once(open_app):
    driver = open_app()
    from endcap_shopper.ui.widgets.text import Tag

    one, other, bold = (Tag(text="Oat milk", **how) for how in ({}, {}, {"bold": True}))
    driver.frames(2)
    assert one.texture is other.texture is not bold.texture
    other.text = "Lemons"
    driver.frames(2)
    assert one.texture is not other.texture
    assert one.texture_size[0] > other.texture_size[0]


def test_garbage_is_looked_for_only_in_what_came_since_the_app_stood(open_app):
    driver = open_app()
    driver.until(lambda: not driver.app.pool.stock())
    driver.frames(2)
    assert gc.isenabled()
    assert gc.get_freeze_count() > 10_000
    driver.close()
    assert gc.get_freeze_count() == 0
