"""Promotions on a store's plan: what holds at a shelf or in a section, and promoting what is picked there."""

import re
from html import unescape

import pytest

from endcap_backend.console.on_offer import TOLD

TEA = {"pid": "p1", "segment": "tea", "title": "Tea week", "discount": "10", "ends_at": "2027-01-01T10:00"}
ROAST = {"pid": "p2", "segment": "coffee", "SKU": "1", "title": "Dark days", "kind": "amount", "value": "1"}


@pytest.fixture
def manager(enter):
    visitor = enter("manager", "aino")
    for each in (TEA, ROAST):
        assert visitor.post("/console/promotions", **each).status_code == 200
    return visitor


def titles(page):
    """The promotions that the page's table tells of."""
    return re.findall(r'pid=\w+">([^<]+)</a></td>', page)


def squares(page, mark):
    """The products whose squares bear a mark."""
    return [int(sku) for sku, classes in re.findall(r'sku=(\d+)"><rect class="([^"]+)"', page) if mark in classes]


def test_each_square_says_what_holds_for_its_product(manager):
    page = manager.get("/console/promotions?store=s1").text
    assert squares(page, "promoted") == [1, 3, 4]
    told = re.findall(r"<title>([^<]+)</title></rect>", page)
    assert told == [
        "Dark roast: Dark days (1.00)",
        "Light roast",
        "Green tea: Tea week (10 %)",
        "Mint tea: Tea week (10 %)",
    ]


def test_a_square_with_many_promotions_names_the_first_of_them(manager):
    for number in range(TOLD):
        manager.post("/console/promotions", **{**TEA, "pid": f"more{number}", "title": f"Tea {number}"})
    told = re.search(r"<title>(Mint tea[^<]+)</title>", manager.get("/console/promotions?store=s1").text)[1]
    assert (told.count("Tea"), told.endswith(" and 1 more")) == (TOLD, True)


@pytest.mark.parametrize(
    ("query", "found"),
    [("section=Tea", ["Tea week"]), ("section=Coffee", ["Dark days"]), ("sku=3", ["Tea week"]), ("sku=2", []),
     ("sku=1", ["Dark days"]), ("section=Coffee&sku=3", ["Tea week"])],
)  # fmt: skip
def test_what_is_picked_has_the_promotions_that_hold_there(manager, query, found):
    page = manager.get(f"/console/promotions?store=s1&{query}").text
    assert titles(page) == found
    assert ("None here yet." in page) == (not found)


def test_nothing_picked_or_something_that_is_not_there_shows_all(manager):
    for query in ("", "section=none", "sku=77", "sku=x"):
        assert sorted(titles(manager.get(f"/console/promotions?store=s1&{query}").text)) == ["Dark days", "Tea week"]


def test_a_section_has_links_to_its_products_and_its_segments(manager):
    page = unescape(manager.get("/console/promotions?store=s1&section=Coffee").text)
    assert re.findall(r'section=Coffee&sku=(\d)">([^<]+)</a>', page) == [("1", "Dark roast"), ("2", "Light roast")]
    assert 'section=Coffee&segment=coffee">Promote all coffee</a>' in page
    assert squares(manager.get("/console/promotions?store=s1&section=Coffee").text, "meant") == [1, 2]


def test_a_drawn_section_holds_what_stands_in_it_although_nothing_names_it(shop, manager):
    outline = "60.16940, 24.93570\n60.16940, 24.93590\n60.16960, 24.93590\n60.16960, 24.93570"
    drawn = {"id": "end", "name": "Endcap", "outline": outline, "categories": "", "skus": ""}
    assert manager.post("/console/plan/section", store="s1", **drawn).status_code == 200
    unnamed = {**manager.form("/console/shelves?store=s1&sku=3", "/console/shelves"), "section": ""}
    assert manager.post("/console/shelves", store="s1", **unnamed).status_code == 200
    page = manager.get("/console/promotions?store=s1&section=end").text
    assert titles(page) == ["Tea week"]
    assert squares(page, "meant") == [3]


def test_a_new_promotion_begins_with_the_product_or_the_segment_that_is_picked(manager):
    def begun(query):
        form = manager.form(f"/console/promotions?store=s1&{query}", "/console/promotions")
        return form["SKU"], form["segment"], form["seen"]

    assert begun("sku=3") == ("3", "tea", "")
    assert begun("section=Tea") == ("", "tea", "")
    assert begun("section=Tea&segment=coffee") == ("", "coffee", "")
    assert begun("") == ("", "", "")


def test_what_is_picked_stays_so_when_it_is_promoted_changed_and_ended(manager):
    form = manager.form("/console/promotions?store=s1&sku=2", "/console/promotions")
    said = manager.post(
        "/console/promotions", **{**form, "store": "s1", "pid": "p3", "title": "Light", "discount": "5"}
    )
    assert (titles(said.text), squares(said.text, "meant")) == (["Light"], [2])
    form = manager.form("/console/promotions?store=s1&sku=2&pid=p3", "/console/promotions")
    assert (form["pid"], form["sku"]) == ("p3", "2")
    changed = manager.post("/console/promotions", **{**form, "store": "s1", "title": "Lighter"})
    assert titles(changed.text) == ["Lighter"]
    over = manager.post("/console/promotions/end", store="s1", sku="2", pid="p3").text
    assert (titles(over), squares(over, "promoted"), 'class="over"' in over) == (["Lighter"], [1, 3, 4], True)
    trail = manager.get("/console/trail").text
    assert re.findall(r"<td>(put|ended)</td><td>promotions/p3</td>", trail) == ["ended", "put", "put"]


def test_an_opened_promotion_shows_where_it_holds(manager):
    assert squares(manager.get("/console/promotions?store=s1&pid=p1").text, "meant") == [3, 4]
    assert squares(manager.get("/console/promotions?store=s1&pid=p2").text, "meant") == [1]


def test_what_is_refused_keeps_the_pick_and_what_was_typed(manager):
    form = manager.form("/console/promotions?store=s1&sku=2", "/console/promotions")
    refused = manager.post("/console/promotions", **{**form, "store": "s1", "pid": "p4", "discount": "300"})
    assert (refused.status_code, squares(refused.text, "meant")) == (422, [2])
    assert 'value="300"' in refused.text


def test_a_shelf_tells_its_promotions_and_leads_to_promoting_it(manager):
    page = unescape(manager.get("/console/shelves?store=s1&sku=3").text)
    assert '/console/promotions?store=s1&sku=3&pid=p1">Tea week</a> 10 %' in page
    assert '/console/promotions?store=s1&sku=3">Promote it</a>' in page
    assert squares(manager.get("/console/shelves?store=s1&sku=3").text, "meant") == [3]


def test_who_is_no_manager_sees_what_holds_and_changes_nothing(manager, enter):
    staff = enter("staff")
    page = staff.get("/console/promotions?store=s1&sku=3").text
    assert titles(page) == ["Tea week"]
    for absent in ("Promote", "New promotion", "End now", "<input"):
        assert absent not in page.split("<main>")[1], absent
    assert staff.post("/console/promotions", store="s1", sku="3", **{**TEA, "pid": "p9"}).status_code == 403


def test_without_any_store_promotions_are_there_all_the_same(manager, shop):
    with shop.database.writing() as connection:
        connection.exec_driver_sql("DELETE FROM placements")
    page = manager.get("/console/promotions").text
    assert (sorted(titles(page)), "<svg" in page) == (["Dark days", "Tea week"], False)
