"""Floor plans: loaded from GeoJSON, or derived from where products stand."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from endcap.geo import LatLon, local_m, offset
from endcap.testing import NOON, SHOP, a_product
from endcap_backend.__main__ import main
from endcap_backend.retail.catalogue import Stored, put_placements
from endcap_backend.retail.hull import hull
from endcap_backend.retail.plan_files import check_plans, plans_of
from endcap_backend.retail.plans import Plan, plan_of, put_plans

RING = [[24.935, 60.169], [24.936, 60.169], [24.936, 60.17], [24.935, 60.17], [24.935, 60.169]]
A, B, C = [24.935, 60.169], [24.936, 60.169], [24.936, 60.17]


def a_feature(kind, geometry=None, coordinates=None, **properties):
    shape = {"type": geometry, "coordinates": coordinates} if geometry else None
    return {"type": "Feature", "geometry": shape, "properties": {"kind": kind, "store": "s1", **properties}}


def a_section(**properties):
    return a_feature("section", "Polygon", [RING], **{"id": "coffee", "name": "Coffee & tea", **properties})


def features():
    return [
        a_feature("store", name="Corner shop"),
        a_section(categories=["coffee", "tea"], skus=[9001]),
        a_feature("aisle", "LineString", [A, B, C]),
        a_feature("aisle", "MultiLineString", [[C, A], [B, A]]),
        a_feature("door", "Point", A, id="north", name="North door"),
    ]


def read(*several):
    return plans_of((f"feature {number}", each) for number, each in enumerate(several, 1))


@pytest.fixture
def plan():
    (plan,), faults = read(*features())
    assert faults == []
    return plan


def test_a_file_becomes_sections_an_aisle_graph_and_doors(plan):
    assert plan.to_json() == {
        "store": "s1",
        "name": "Corner shop",
        "derived": False,
        "sections": [
            {
                "id": "coffee",
                "name": "Coffee & tea",
                "polygon": [[60.169, 24.935], [60.169, 24.936], [60.17, 24.936], [60.17, 24.935]],
                "categories": ["coffee", "tea"],
                "skus": [9001],
            }
        ],
        "aisles": {
            "nodes": [
                {"id": "n1", "latitude": 60.169, "longitude": 24.935},
                {"id": "n2", "latitude": 60.169, "longitude": 24.936},
                {"id": "n3", "latitude": 60.17, "longitude": 24.936},
            ],
            "edges": [["n1", "n2"], ["n2", "n3"], ["n3", "n1"]],
        },
        "doors": [{"id": "north", "name": "North door", "latitude": 60.169, "longitude": 24.935}],
    }


def test_a_plan_comes_out_of_its_json_and_of_its_geojson_as_it_went_in(plan):
    assert Plan.of_json(json.loads(json.dumps(plan.to_json()))) == plan
    assert read(*plan.to_geojson()["features"]) == ([plan], [])


def a_polygon(*rings):
    return a_feature("section", "Polygon", list(rings), id="x")


@pytest.mark.parametrize(
    ("feature", "field", "reason"),
    [
        ({"type": "Feature"}, "properties", "are missing"),
        (a_feature("cellar"), "kind", "must be one of store, section, aisle, door"),
        (a_section(store=None), "store", "must not be null"),
        (a_section(id=None), "id", "is missing, and the name can't be one: it does not match [A-Za-z0-9._~-]{1,64}"),
        (a_section(id="x", categories="coffee"), "categories", "must be an array of at most 5000"),
        (a_section(id="x", skus=[1, True]), "skus", "must be a number, not a boolean"),
        (a_feature("section", "Point", A, id="x"), "geometry", "must be a Polygon"),
        (a_polygon(RING[:-1]), "coordinates", "must end where they begin: the ring is not closed"),
        (a_polygon([A, B, A]), "coordinates", "must be at least 4 positions"),
        (a_polygon([A, B, B, A]), "coordinates", "enclose nothing: they lie on one line, or cross each other"),
        (a_polygon(RING, RING), "coordinates", "have a hole; a section has one ring"),
        (a_polygon([[24, 95], *RING[1:]]), "coordinates", "latitude 95.0 is not within -90 and 90 degrees"),
        (a_polygon([["24", 60], *RING[1:]]), "coordinates", "must be positions: [longitude, latitude]"),
        (a_feature("aisle", "LineString", [A]), "coordinates", "must be at least 2 positions"),
        (a_feature("aisle", "LineString", [A, B] * 11_000), "coordinates", "make it more than 20000 positions"),
        (a_feature("door", "Point", [], id="d"), "coordinates", "must be an array"),
        (a_feature("door", "Point", A), "id", "is missing: a door needs an id or a name"),
        (a_feature("store"), "name", "is missing: it is what a feature of kind store is for"),
    ],
)  # fmt: skip
def test_a_fault_is_told_by_its_feature_and_leaves_that_stores_plan_out(feature, field, reason):
    other = {**a_section(), "properties": {"kind": "section", "store": "s2", "id": "x"}}
    plans, faults = read(a_section(), other, feature)
    assert [(each.where, each.field, each.reason) for each in faults] == [("feature 3", field, reason)]
    assert {each.store for each in plans} <= {"s1", "s2"}
    assert "s2" in {each.store for each in plans}


def test_two_sections_of_one_id_and_a_store_without_a_section_are_faults():
    plans, faults = read(a_section(), a_section())
    assert (plans, [str(each) for each in faults]) == ([], ["feature 2: id: is that of another section of the store"])
    assert [str(each) for each in read(a_feature("aisle", "LineString", [A, B]))[1]] == ["store s1: has no section"]


def test_a_plan_replaces_the_one_before_it(database, plan):
    other = replace(plan, name="Corner shop, rebuilt")
    with database.writing() as connection:
        assert put_plans(connection, [plan], NOON) == Stored(1, 0, 0)
        assert put_plans(connection, [plan], NOON) == Stored(0, 0, 1)
        assert put_plans(connection, [other], NOON) == Stored(0, 1, 0)
    with database.reading() as connection:
        assert plan_of(connection, "s1") == other
        assert plan_of(connection, "s2") is None


def test_a_section_that_names_no_products_has_those_placed_in_it(database):
    (bare,), _ = read(a_section())
    with database.writing() as connection:
        put_plans(connection, [bare], NOON)
        put_placements(connection, [a_product(section="Coffee & tea"), a_product(sku=2, section="elsewhere")], 0)
    with database.reading() as connection:
        (section,) = plan_of(connection, "s1").sections
    assert (section.skus, section.categories) == ((9001,), ("coffee",))


def test_without_a_plan_sections_are_outlined_around_their_shelves(database):
    shelves = [
        a_product(sku=1, section="coffee"),
        a_product(sku=2, section="coffee", latitude_deg=SHOP[0] + 1e-4),
        a_product(sku=3, section=None, segment="tea", longitude_deg=SHOP[1] + 1e-3),
    ]
    with database.writing() as connection:
        put_placements(connection, shelves, 0)
    with database.reading() as connection:
        plan = plan_of(connection, "s1")
    assert (plan.derived, plan.nodes, plan.edges, plan.doors) == (True, {}, (), ())
    assert [(each.name, each.skus) for each in plan.sections] == [("coffee", (1, 2)), ("tea", (3,))]
    south, north = (f([p.latitude_deg for p in plan.sections[0].polygon]) for f in (min, max))
    assert (north - south) * 111_195 == pytest.approx(11.1 + 4, abs=0.1)


@given(
    st.lists(st.tuples(st.floats(-50, 50), st.floats(-50, 50)), min_size=1, max_size=12), st.sampled_from([0, 179.9999])
)  # fmt: skip
def test_an_outline_holds_all_its_points_and_turns_left_at_each_corner(spots, east_deg):
    points = [offset(LatLon(60.0, east_deg), *spot) for spot in spots]
    corners = [local_m(points[0], each) for each in hull(points, 2.0)]
    for (ax, ay), (bx, by) in zip(corners, corners[1:] + corners[:1], strict=True):
        for x, y in (local_m(points[0], each) for each in points):
            assert (bx - ax) * (y - ay) - (by - ay) * (x - ax) > 0


def test_the_command_loads_plans_all_or_nothing_and_shows_a_dry_run(database, tmp_path, capsys):
    path = tmp_path / "floors.geojson"
    url = database.url.render_as_string(hide_password=False)

    def load(*several, switches=()):
        path.write_text(json.dumps({"type": "FeatureCollection", "features": several}))
        status = main(["load", "--plans", str(path), "--database-url", url, *switches])
        return status, *capsys.readouterr()

    dry = load(*features(), switches=["--dry-run"])
    assert dry[:2] == (0, "plans: 1 new, 0 changed, 0 unchanged (dry run: nothing stored)\n")
    status, _, said = load(*features(), a_polygon([A, B, B, A]))
    assert (status, said.splitlines()[0]) == (
        1,
        "floors.geojson feature 6: coordinates: enclose nothing: they lie on one line, or cross each other",
    )
    assert load(*features())[:2] == (0, "plans: 1 new, 0 changed, 0 unchanged\n")
    with database.reading() as connection:
        assert plan_of(connection, "s1").name == "Corner shop"


def test_a_file_that_is_no_collection_is_refused_as_a_whole(tmp_path, capsys):
    path = tmp_path / "floors.geojson"
    path.write_text("[]")
    assert main(["load", "--plans", str(path), "--data", str(tmp_path)]) == 1
    assert "is no GeoJSON FeatureCollection" in capsys.readouterr().err
    path.unlink()
    assert main(["load", "--plans", str(path), "--data", str(tmp_path)]) == 1
    assert "No such file" in capsys.readouterr().err


def put(shop, several, **more):
    return shop.call("PUT", "/v1/stores/s1/plan", {"type": "FeatureCollection", "features": several}, **more)


def test_a_manager_puts_a_plan_and_everybody_sees_it(shop):
    shop.work_as("manager")
    without_store = a_section()
    del without_store["properties"]["store"]
    assert put(shop, [without_store]).json == {"new": 1, "changed": 0, "unchanged": 0, "dry_run": False}
    answer = shop.get("/v1/stores/s1/plan", token="")
    assert (answer.status_code, [each["id"] for each in answer.json["sections"]]) == (200, ["coffee"])
    again = shop.get("/v1/stores/s1/plan", token="", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304
    assert shop.get("/v1/stores/nowhere/plan", token="").status_code == 404


def test_a_put_plan_with_faults_tells_each_and_stores_nothing(shop):
    shop.work_as("manager")
    answer = put(shop, [a_section(), a_polygon([A, B, B, A]), a_section(store="s2")])
    assert answer.status_code == 422
    assert answer.json["errors"] == [
        {
            "index": 1,
            "field": "coordinates",
            "reason": "enclose nothing: they lie on one line, or cross each other",
            "where": "feature 2",
        },
        {"index": 2, "field": "store", "reason": "must be the store of this plan, or left out", "where": "feature 3"},
    ]
    assert put(shop, []).status_code == 422
    bare = put(shop, [a_feature("aisle", "LineString", [A, B])])
    assert bare.json["detail"] == "nothing was stored; store s1: has no section"
    assert shop.get("/v1/stores/s1/plan", token="").status_code == 404


def test_a_dry_run_of_a_plan_stores_nothing_and_leaves_no_trail(shop):
    shop.work_as("manager")
    answer = shop.call(
        "PUT", "/v1/stores/s1/plan", {"type": "FeatureCollection", "features": features()}, query_string="dry_run=true"
    )
    assert answer.json == {"new": 1, "changed": 0, "unchanged": 0, "dry_run": True}
    assert "ETag" not in answer.headers  # there is no such plan to replace
    assert shop.get("/v1/stores/s1/plan", token="").status_code == 404


def test_the_files_of_the_docs_are_those_that_are_read(tmp_path):
    path = tmp_path / "floors.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features()}))
    (plan,), faults = check_plans([path])
    assert (plan.name, faults) == ("Corner shop", [])


def test_a_manager_who_was_overtaken_does_not_overwrite(shop, a_shelf):
    a_shelf(shop.database)
    read = shop.get("/v1/stores/s1/plan", token="").headers["ETag"]
    shop.work_as("manager")
    first = put(shop, features(), headers={"If-Match": read})
    assert (first.status_code, first.headers["ETag"]) == (200, shop.get("/v1/stores/s1/plan").headers["ETag"])
    second = put(shop, features(), headers={"If-Match": read})
    assert (second.status_code, second.json["type"]) == (412, "urn:endcap:problem:precondition_failed")
    assert put(shop, features(), headers={"If-Match": first.headers["ETag"]}).status_code == 200
    assert put(shop, features()).status_code == 200  # who does not say, replaces


def test_a_plan_that_is_not_there_matches_nothing(shop):
    shop.work_as("manager")
    assert put(shop, features(), headers={"If-Match": "*"}).status_code == 412
    assert put(shop, features()).status_code == 200
    assert put(shop, features(), headers={"If-Match": "*"}).status_code == 200


@pytest.mark.parametrize("matched", ["", ",", '"unfinished', '"one" two'])
def test_a_mark_that_names_no_plan_replaces_none(shop, matched):
    shop.work_as("manager")
    assert put(shop, features()).status_code == 200
    answer = put(shop, [a_section(name="Other")], headers={"If-Match": matched})
    assert (answer.status_code, answer.json["field"]) == (422, "If-Match")
    assert "Other" not in shop.get("/v1/stores/s1/plan", token="").text


def test_a_section_that_crosses_itself_is_told_where():
    tangled = [[24.935, 60.169], [24.936, 60.17], [24.936, 60.169], [24.9352, 60.1702], [24.935, 60.169]]
    section = {**a_section(), "geometry": {"type": "Polygon", "coordinates": [tangled]}}
    plans, faults = read(section)
    assert plans == []
    assert [(each.field, "crosses itself near latitude" in each.reason) for each in faults] == [("coordinates", True)]
