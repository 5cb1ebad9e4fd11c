from contextlib import closing
from datetime import timedelta

import pytest

from endcap.geo import LatLon, distance_km
from endcap.testing import NOON, SHOP, a_product
from endcap_backend.retail.catalogue import put_placements
from endcap_backend.retail.database import Database
from endcap_backend.retail.plans import Plan, put_plans


@pytest.fixture
def database(tmp_path):
    with closing(Database(f"sqlite:///{tmp_path}/retail.db")) as database:
        yield database


@pytest.fixture
def place(database):
    """Puts products on shelves: (sku, store, section, metres north of the shop)."""

    def place(*shelves):
        products = [
            a_product(sku=sku, store=store, section=section, latitude_deg=SHOP[0] + north_m / 111_195, country="FIN")
            for sku, store, section, north_m in shelves
        ]
        with database.writing() as connection:
            put_placements(connection, products, 0)

    return place


@pytest.fixture
def api(make_api, database, place):
    place(
        (1, "s1", "coffee", 0), (2, "s1", "coffee", 10), (3, "s1", "tea", 40), (4, "s2", None, 900), (5, None, None, 0)
    )
    return make_api(database=database)


def test_the_stores_are_listed_with_their_sections(api):
    stores = api.get("/v1/stores").get_json()["stores"]
    assert [(store["id"], store["placements"], store["sections"]) for store in stores] == [
        ("s1", 3, ["coffee", "tea"]),
        ("s2", 1, []),
    ]
    assert stores[0]["country"] == "FIN"


def test_a_store_is_called_as_its_floor_plan_says_and_otherwise_when_that_changes(api, database):
    def call(name, at):
        with database.writing() as connection:
            put_plans(connection, [Plan("s1", name, (), {}, (), ())], at)
        api.clock.advance(30)
        return [store.get("name") for store in api.get("/v1/stores").get_json()["stores"]]

    assert call("Riverside", NOON) == ["Riverside", None]
    assert call("Harbour", NOON + timedelta(seconds=1)) == ["Harbour", None]


def test_every_shelf_stands_within_its_geofences(api):
    fences = {fence["id"]: fence for fence in api.get("/v1/geofences").get_json()["geofences"]}
    assert list(fences) == ["s1", "s1/coffee", "s1/tea", "s2"]
    for id, north_m in (("s1", 0), ("s1", 40), ("s1/coffee", 0), ("s1/coffee", 10), ("s1/tea", 40), ("s2", 900)):
        fence = fences[id]
        middle = LatLon(fence["latitude"], fence["longitude"])
        shelf = LatLon(SHOP[0] + north_m / 111_195, SHOP[1])
        assert distance_km(middle, shelf) * 1000 <= fence["radius_m"] - 4.5
    assert fences["s1/coffee"]["radius_m"] == pytest.approx(10, abs=0.2)
    assert fences["s1"]["radius_m"] == pytest.approx(50, abs=0.2)
    assert fences["s1/coffee"]["section"] == "coffee"


def test_after_a_cursor_only_what_changed_is_told(api, place, database):
    first = api.get("/v1/geofences").get_json()
    assert first["complete"]
    place((6, "s3", "bread", 2000), (3, "s1", "tea", 45))
    api.clock.advance(30)
    changed = api.get(f"/v1/geofences?since={first['cursor']}").get_json()
    assert not changed["complete"]
    assert [fence["id"] for fence in changed["geofences"]] == ["s1", "s1/tea", "s3", "s3/bread"]
    place((3, "s1", "coffee", 45))
    api.clock.advance(30)
    removed = api.get(f"/v1/geofences?since={changed['cursor']}").get_json()
    assert removed["removed"] == ["s1/tea"]
    nothing = api.get(f"/v1/geofences?since={removed['cursor']}").get_json()
    assert (nothing["geofences"], nothing["removed"], nothing["cursor"]) == ([], [], removed["cursor"])


def test_who_follows_the_cursors_knows_what_is_told_to_who_comes_new(api, place):
    known, cursor = {}, ""
    for turn in range(6):
        place((10 + turn % 3, f"s{turn % 2}", f"section {turn % 4}", turn * 7))
        api.clock.advance(30)
        told = api.get(f"/v1/geofences?since={cursor}").get_json()
        known.update({fence["id"]: fence for fence in told["geofences"]})
        for id in told["removed"]:
            known.pop(id)
        cursor = told["cursor"]
    assert list(known.values()) != []
    assert sorted(known) == [fence["id"] for fence in api.get("/v1/geofences").get_json()["geofences"]]


@pytest.mark.parametrize("since", ["yesterday", "0.0", "x.1", "‮", "ffffffff.99999999999999999999"])
def test_with_any_other_cursor_everything_is_told(api, since):
    told = api.get("/v1/geofences", query_string={"since": since}).get_json()
    assert (told["complete"], len(told["geofences"]), told["removed"]) == (True, 4, [])


def test_a_cursor_longer_than_any_of_ours_is_refused(api):
    assert api.get("/v1/geofences", query_string={"since": "x" * 300}).status_code == 422


def test_an_answer_is_kept_for_thirty_seconds(api, place):
    before = api.get("/v1/stores")
    assert before.headers["Cache-Control"] == "public, max-age=30"
    place((7, "s9", None, 0))
    assert api.get("/v1/stores").get_json() == before.get_json()
    api.clock.advance(30)
    assert "s9" in [store["id"] for store in api.get("/v1/stores").get_json()["stores"]]


def test_what_has_not_changed_is_not_sent_again(api):
    etag = api.get("/v1/stores").headers["ETag"]
    again = api.get("/v1/stores", headers={"If-None-Match": etag})
    assert (again.status_code, again.data) == (304, b"")


def test_a_shop_without_stores_has_none(make_api):
    api = make_api()
    assert api.get("/v1/stores").get_json() == {"stores": []}
    assert api.get("/v1/geofences").get_json()["geofences"] == []
