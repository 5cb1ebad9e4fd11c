"""Finding products by words and by distance, and what may stand for one."""

import itertools
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from endcap.geo import LatLon, distance_ft, offset
from endcap.testing import NOON, SHOP, a_product, a_promotion
from endcap_backend.retail.catalogue import put_placements, put_promotions
from endcap_backend.retail.search import Wanted, search
from endcap_backend.retail.search_text import words

HERE = LatLon(*SHOP)


def at(east_m):
    point = offset(HERE, east_m, 0)
    return {"latitude_deg": point.latitude_deg, "longitude_deg": point.longitude_deg}


SHELVES = [
    a_product(sku=1, name="Dark roast 500 g", price=6.9, stock=12, **at(0)),
    a_product(sku=2, name="Café crème, lightly roasted", price=4.5, stock=3, **at(20)),
    a_product(sku=3, name="Espresso", variant="dark", price=6.9, stock=0, **at(5)),
    a_product(sku=4, name="Instant coffee", price=6.95, stock=9, **at(10)),
    a_product(sku=5, name="Green tea", segment="tea", section="tea", price=3.2, stock=None, **at(40)),
    a_product(sku=2, name="Café crème, lightly roasted", price=4.0, stock=1, store="s2", **at(2000)),
]
PROMOTIONS = [
    a_promotion(pid="week", sku=None, segment="coffee", discount=10, title="Coffee week"),
    a_promotion(pid="dark", sku=1, segment="coffee", discount=5, ends_at=NOON + timedelta(days=1)),
    a_promotion(pid="over", sku=2, segment="coffee", discount=50, ends_at=NOON),
]


@pytest.fixture
def stocked(shop):
    with shop.database.writing() as connection:
        put_placements(connection, SHELVES, 0)
        put_promotions(connection, PROMOTIONS, 0)
    return shop


def find(shop, **query):
    answer = shop.get("/v1/products", token="", query_string={"near": f"{SHOP[0]},{SHOP[1]}", **query})
    assert answer.status_code == 200, answer.text
    return answer.json["products"]


def skus(found):
    return [each["sku"] for each in found]


@pytest.mark.parametrize(
    ("q", "expected"),
    [
        ("coffee", [1, 3, 4, 2]),
        ("DARK", [1, 3]),
        ("roast", [1, 2]),
        ("cafe creme", [2]),
        ("crème light", [2]),
        ("roast dark 500", [1]),
        ("5", [1, 5]),
        ("roa", [1, 2]),
        ("oast", []),
        ("whisky", []),
        ("'; DROP TABLE products; --", []),
        ('"*', []),
        ("AND OR NOT (", []),
        ("", [1, 3, 4, 2, 5]),
    ],
)
def test_products_are_found_by_the_beginnings_of_their_words_the_nearest_first(stocked, q, expected):
    assert skus(find(stocked, q=q)) == expected


def test_a_product_is_told_with_its_shelf_stock_distance_and_best_live_promotion(stocked):
    dark, light = find(stocked, q="roast")
    assert dark == {
        "sku": 1,
        "segment": "coffee",
        "name": "Dark roast 500 g",
        "price": 6.9,
        "stock": 12,
        "store": "s1",
        "section": "coffee",
        "latitude": SHOP[0],
        "longitude": SHOP[1],
        "distance_ft": 0.0,
        "promotion": {
            "pid": "dark", "title": PROMOTIONS[1].title, "discount": 5.0, "ends_at": "2026-11-25T12:00:00.000Z",
            "members_only": False,
        },
    }  # fmt: skip
    assert light["promotion"]["pid"] == "week"  # the one for it alone is over
    assert light["distance_ft"] == pytest.approx(65.6, abs=2)


def test_the_search_follows_stock_and_names_as_they_change(stocked):
    stocked.work_as("staff")
    stocked.call("PUT", "/v1/stock", {"stock": [{"sku": 1, "store": "s1", "stock": 1}]})
    assert find(stocked, q="roast")[0]["stock"] == 1
    with stocked.database.writing() as connection:
        put_placements(connection, [replace(SHELVES[0], name="House blend")], 0)
    assert skus(find(stocked, q="roast")) == [2]
    assert skus(find(stocked, q="house")) == [1]


def test_of_several_shelves_the_nearest_is_told_that_has_some_left(stocked):
    assert [(each["store"], each["price"]) for each in find(stocked, q="creme")] == [("s1", 4.5)]
    with stocked.database.writing() as connection:
        put_placements(connection, [replace(SHELVES[1], stock=0)], 0)
    assert [(each["store"], each["price"]) for each in find(stocked, q="creme")] == [("s2", 4.0)]
    assert [each["stock"] for each in find(stocked, q="creme", store="s1")] == [0]


def test_near_nothing_products_come_by_name_and_no_more_than_asked_for(stocked):
    answer = stocked.get("/v1/products?store=s1&limit=3", token="")
    assert [each["name"][0] for each in answer.json["products"]] == ["C", "D", "E"]
    assert all("distance_ft" not in each for each in answer.json["products"])


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("near=60", "near"),
        ("near=95,24", "near"),
        ("near=nan,24", "near"),
        ("near=60,24,7", "near"),
        ("limit=0", "limit"),
        ("limit=x", "limit"),
        ("store=%2e%2f", "store"),
        ("q=" + "x" * 200, "q"),
        ("q=%00", "q"),
    ],
)
def test_a_query_that_can_not_be_is_refused_by_its_field(shop, query, field):
    for path in ("/v1/products", "/v1/products/1/alternatives"):
        answer = shop.get(f"{path}?{query}", token="")
        if "alternatives" not in path or field != "q":
            assert (answer.status_code, answer.json["field"]) == (422, field)


def test_an_alternative_is_of_the_same_kind_in_stock_near_and_not_dearer_and_says_why(stocked):
    answer = stocked.get("/v1/products/3/alternatives?store=s1", token="")
    assert [(each["sku"], each["why"]) for each in answer.json["alternatives"]] == [
        (1, "Also coffee, at the same price, 12 in stock, about 16 ft away in coffee"),
        (2, "Also coffee, 2.40 € less than Espresso, 3 in stock, about 49 ft away in coffee"),
    ]
    assert stocked.get("/v1/products/77/alternatives", token="").status_code == 404
    assert stocked.get("/v1/products/espresso/alternatives", token="").status_code == 404
    assert stocked.get(f"/v1/products/{2**63}/alternatives", token="").status_code == 404


def test_of_a_product_that_is_not_in_the_store_alternatives_are_those_that_are(stocked):
    with stocked.database.writing() as connection:
        put_placements(connection, [a_product(sku=9, name="Cold brew", price=9.0, store="s2", **at(2000))], 0)
    answer = stocked.get(f"/v1/products/9/alternatives?store=s1&near={SHOP[0]},{SHOP[1]}", token="")
    assert skus(answer.json["alternatives"]) == [1, 4, 2]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    spots=st.lists(st.tuples(st.floats(-300, 300), st.floats(-300, 300)), min_size=1, max_size=8),
    middle=st.sampled_from([LatLon(60.17, 24.94), LatLon(0.0, 179.9995), LatLon(-45.0, -179.9995)]),
)
def test_the_order_is_that_of_the_distance_also_where_the_longitude_turns_over(database, spots, middle):
    points = [offset(middle, *spot) for spot in spots]
    shelves = [
        a_product(sku=sku, latitude_deg=point.latitude_deg, longitude_deg=point.longitude_deg)
        for sku, point in enumerate(points)
    ]
    with database.writing(keep=False) as connection:
        put_placements(connection, shelves, 0)
        found = search(connection, Wanted(near=middle), NOON)
        exact = [distance_ft(middle, each.point) for each in found]
    assert len(found) == len(shelves)
    assert all(near <= far * 1.001 + 1 for near, far in itertools.pairwise(exact))


@given(st.text(max_size=40))
def test_the_words_of_words_are_those_words(text):
    assert words(" ".join(words(text))) == words(text)
