"""The plan's page: drawing a section and a door, and what is refused without losing a word."""

import html
import json
import re

import pytest

from endcap_backend.retail.plans import plan_of

OUTLINE = "60.16950, 24.93600\n60.16950, 24.93620\n60.16970, 24.93620\n60.16970, 24.93600"
SECTION = {"id": "bread", "name": "Bread & cake", "outline": OUTLINE, "categories": "bread\r\ncake", "skus": "3, 4"}
DOOR = {"id": "north", "name": "North door", "latitude": "60.1697", "longitude": "24,9356"}


@pytest.fixture
def manager(enter):
    visitor = enter("manager", "aino")

    def save(what, **form):
        return visitor.post(f"/console/plan/{what}", store="s1", **form)

    visitor.save = save
    return visitor


def opened(visitor, query):
    return visitor.form(f"/console/plan?store=s1&{query}", "/console/plan/")


def plan(shop):
    with shop.database.reading() as connection:
        return plan_of(connection, "s1")


def test_a_section_is_drawn_beside_the_derived_ones_which_are_kept(shop, manager):
    answer = manager.save("section", **SECTION)
    assert (answer.status_code, "Bread &amp; cake is on the plan." in answer.text) == (200, True)
    told = shop.get("/v1/stores/s1/plan").json
    assert [each["name"] for each in told["sections"]] == ["Coffee", "Tea", "Bread & cake"]
    assert told["derived"] is False
    (bread,) = [each for each in told["sections"] if each["id"] == "bread"]
    assert (bread["categories"], bread["skus"]) == (["bread", "cake"], [3, 4])
    assert bread["polygon"][1] == [60.1695, 24.9362]
    (tea,) = [each for each in told["sections"] if each["id"] == "Tea"]
    assert (tea["categories"], tea["skus"]) == (["tea"], [3, 4])  # as its shelves still


def test_aisles_are_drawn_upon_the_sections(shop, manager):
    shop.work_as("manager", "eva")
    ring = [[24.9354, 60.1695], [24.9360, 60.1695], [24.9360, 60.1699], [24.9354, 60.1695]]
    area = {"geometry": {"type": "Polygon", "coordinates": [ring]}, "properties": {"kind": "section", "id": "tea"}}
    aisle = {"geometry": {"type": "LineString", "coordinates": ring[:2]}, "properties": {"kind": "aisle"}}
    features = [{"type": "Feature", **each} for each in (area, aisle)]
    put = shop.call("PUT", "/v1/stores/s1/plan", {"type": "FeatureCollection", "features": features})
    assert put.status_code == 200, put.text
    for page in ("", "/shelves", "/plan"):
        text = manager.get(f"/console{page}?store=s1").text
        assert text.index('class="aisle"') > text.rindex('<polygon class="area'), page


def test_the_app_hears_by_the_etag_that_the_plan_is_another(shop, manager):
    before = shop.get("/v1/stores/s1/plan")
    again = shop.get("/v1/stores/s1/plan", headers={"If-None-Match": before.headers["ETag"]})
    assert again.status_code == 304
    manager.save("section", **SECTION)
    after = shop.get("/v1/stores/s1/plan", headers={"If-None-Match": before.headers["ETag"]})
    assert (after.status_code, len(after.json["sections"])) == (200, 3)


def test_a_section_is_moved_and_named_anew_where_it_stands(shop, manager):
    manager.save("section", **SECTION)
    form = opened(manager, "section=bread")
    moved = OUTLINE.replace("60.16950", "60.16940")
    answer = manager.save("section", **{**form, "id": "bakery", "name": "Bakery", "outline": moved, "categories": ""})
    assert answer.status_code == 200, answer.text
    sections = {each.id: each for each in plan(shop).sections}
    assert list(sections) == ["Coffee", "Tea", "bakery"]
    assert sections["bakery"].polygon[0].latitude_deg == 60.1694


def test_each_change_is_in_the_trail(manager):
    manager.save("section", **SECTION)
    manager.save("door", **DOOR)
    manager.post("/console/plan/door/remove", store="s1", seen=opened(manager, "door=north")["seen"])
    trail = manager.get("/console/trail").text
    for action, thing in (("put", "sections/bread"), ("put", "doors/north"), ("removed", "doors/north")):
        assert f"<td>aino, manager</td><td>{action}</td><td>plans/s1/{thing}</td>" in trail


def test_a_door_is_put_and_taken_off(shop, manager):
    assert manager.save("door", **DOOR).status_code == 200
    assert [(each.id, each.point.longitude_deg) for each in plan(shop).doors] == [("north", 24.9356)]
    seen = opened(manager, "door=north")["seen"]
    assert "north is off the plan." in manager.post("/console/plan/door/remove", store="s1", seen=seen).text
    assert plan(shop).doors == ()


def test_a_section_is_taken_off_but_not_the_last_one(shop, manager):
    for id in ("Coffee", "Tea"):
        seen = opened(manager, f"section={id}")["seen"]
        answer = manager.post("/console/plan/section/remove", store="s1", seen=seen)
    assert answer.status_code == 422
    assert "is that of the only section" in answer.text
    assert [each.id for each in plan(shop).sections] == ["Tea"]


@pytest.mark.parametrize("what", ["section", "door"])
@pytest.mark.parametrize("seen", ["", "{", "[]"])
def test_who_does_not_say_what_to_take_off_takes_nothing_off(shop, manager, what, seen):
    answer = manager.post(f"/console/plan/{what}/remove", store="s1", seen=seen)
    assert (answer.status_code, "Not changed: seen is missing" in answer.text) == (422, True)
    assert plan(shop).derived
    assert "plans/s1" not in manager.get("/console/trail").text


BOW = "60.16950, 24.93600\n60.16970, 24.93620\n60.16970, 24.93600\n60.16950, 24.93620"
UNEVEN = BOW.replace("60.16950, 24.93620", "60.16940, 24.93630")
REFUSED = [
    ("outline", UNEVEN, "crosses itself near latitude 60.169"),
    ("outline", BOW, "enclose nothing: they lie on one line, or cross each other"),
    ("outline", OUTLINE.replace("24.93620", "24.95"), "lie outside the store (corner 2)"),
    ("outline", "60.1695, 24.936\n60.1697, 24.936", "has 2 corners; an outline has three at least"),
    ("outline", "60.1695, 24.936\nhere\n60.1697, 24.936", "line 2 must be a latitude and a longitude"),
    ("outline", "60.1695, 24.936\n60.1696, 24.936\n60.1697, 24.936", "enclose nothing"),
    ("outline", OUTLINE.replace("60.16970", "91"), "latitude"),
    ("id", "Tea", "is that of another section of the store"),
    ("id", "bread and cake", "match"),
    ("name", "x" * 65, "64"),
    ("categories", "x" * 65, "64"),
    ("skus", "3 four", "must be numbers of products"),
    ("skus", "9" * 19 + "9", "must be numbers of products"),
    ("skus", "9" * 19, "must not be above"),
]


@pytest.mark.parametrize(("field", "typed", "why"), REFUSED)
def test_what_can_not_be_is_refused_by_its_field_and_what_was_typed_stays(shop, manager, field, typed, why):
    answer = manager.save("section", **{**SECTION, field: typed})
    page = html.unescape(answer.text)
    assert (answer.status_code, f"Not changed: {field} " in page) == (422, True), page
    assert why in page
    for text in ({**SECTION, field: typed}).values():
        assert text.replace("\r\n", "\n") in page
    assert re.search(rf'id="{field}"[^>]* aria-invalid="true"', page)
    assert plan(shop).derived
    assert "plans/s1" not in manager.get("/console/trail").text


@pytest.mark.parametrize("field", ["latitude", "longitude"])
def test_a_door_without_a_place_is_refused(manager, field):
    answer = manager.save("door", **{**DOOR, field: ""})
    assert (answer.status_code, f"Not changed: {field} is missing." in answer.text) == (422, True)


def test_two_managers_change_two_sections_of_one_plan(shop, enter, manager):
    manager.save("section", **SECTION)
    hers, his = opened(manager, "section=bread"), opened(manager, "section=Tea")
    assert manager.save("section", **{**hers, "name": "Bakery"}).status_code == 200
    other = enter("manager", "mira")
    assert other.post("/console/plan/section", store="s1", **{**his, "name": "Teas"}).status_code == 200
    assert [each.name for each in plan(shop).sections] == ["Coffee", "Teas", "Bakery"]


def test_who_was_overtaken_sees_what_differs_and_loses_nothing(shop, manager):
    manager.save("section", **SECTION)
    form = opened(manager, "section=bread")
    manager.save("section", **{**form, "name": "Bakery"})
    answer = manager.save("section", **{**form, "categories": "rolls"})
    assert answer.status_code == 409
    assert "somebody else has changed it" in answer.text
    assert re.search(r"<td>Name</td><td[^>]*>Bread &amp; cake</td><td[^>]*><b>Bakery</b></td>", answer.text)
    again = re.search(r'name="seen" value="([^"]*)"', answer.text.split('action="/console/plan/section"')[1])[1]
    assert 'value="Bakery"' in answer.text  # what she did not touch is as it is now
    assert ">\nrolls</textarea>" in answer.text
    merged = {**form, "name": "Bakery", "categories": "rolls", "seen": html.unescape(again)}
    assert manager.save("section", **merged).status_code == 200
    (bread,) = [each for each in plan(shop).sections if each.id == "bread"]
    assert (bread.name, bread.categories) == ("Bakery", ("rolls",))


def test_who_changes_what_was_taken_off_meanwhile_may_put_it_back(shop, manager):
    manager.save("section", **SECTION)
    form = opened(manager, "section=bread")
    manager.post("/console/plan/section/remove", store="s1", seen=form["seen"])
    answer = manager.save("section", **form)
    assert (answer.status_code, "it was taken away meanwhile" in answer.text) == (409, True)
    assert manager.save("section", **{**form, "seen": ""}).status_code == 200
    assert "bread" in {each.id for each in plan(shop).sections}


@pytest.mark.parametrize("seen", ["{", "[]", '"x"', "[" * 5000, '{"id": "none"}'])
def test_a_forged_mark_does_no_harm(manager, seen):
    answer = manager.save("section", **{**SECTION, "seen": seen})
    assert answer.status_code in (200, 409)


def test_only_a_manager_draws(enter):
    staff = enter("staff")
    assert staff.get("/console/plan?store=s1").status_code == 200
    assert "<textarea" not in staff.get("/console/plan?store=s1").text
    for path in ("section", "door", "section/remove", "door/remove"):
        assert staff.post(f"/console/plan/{path}", store="s1", **SECTION).status_code == 403


def test_an_unknown_store_and_an_unknown_part_are_told(manager):
    assert manager.post("/console/plan/section", store="none", **SECTION).status_code == 422
    assert manager.post("/console/plan/roof", store="s1", **SECTION).status_code == 404
    assert manager.get("/console/plan?store=none&section=none").status_code == 200


def test_a_store_that_only_has_a_plan_is_there_too(shop, manager):
    shop.work_as("manager", "aino")
    feature = {
        "type": "Feature",
        "geometry": {
            "type": "Polygon",
            "coordinates": [[[24.93, 60.16], [24.931, 60.16], [24.931, 60.161], [24.93, 60.16]]],
        },
        "properties": {"kind": "section", "id": "all", "name": "All"},
    }
    body = json.dumps({"type": "FeatureCollection", "features": [feature]})
    assert shop.call("PUT", "/v1/stores/s7/plan", data=body, content_type="application/geo+json").status_code == 200
    assert "<option>s7</option>" in manager.get("/console/plan").text
    for path in ("", "/shelves", "/plan", "/help"):
        assert manager.get(f"/console{path}?store=s7").status_code == 200
