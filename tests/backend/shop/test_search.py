"""Finding products by words and by distance, and what may stand for one."""

import itertools
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from endcap.geo import LatLon, distance_ft, offset
from endcap.testing import NOON, SHOP, a_product, a_promotion
from endcap_backend.retail import promoted
from endcap_backend.retail.catalogue import put_placements, put_promotions
from endcap_backend.retail.removal import remove_placement
from endcap_backend.retail.search import Wanted, search
from endcap_backend.retail.search_text import words
from endcap_backend.retail.stock import StockLevel, put_stock
from endcap_backend.retail.terms import ShopPromotion

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


class OpenList:
    """A list that somebody looks at, asked for again and again with the ETag of what she has."""

    def __init__(self, shop, path="/v1/products?q=roast"):
        self.shop, self.path, self.etag = shop, path, ""
        assert self.look() is not None

    def look(self):
        """What has changed it; None when nothing has."""
        answer = self.shop.get(self.path, token="", headers={"If-None-Match": self.etag})
        assert answer.headers["Cache-Control"] == "no-cache"
        if answer.status_code == 304:
            assert answer.data == b""
            return None
        self.etag = answer.headers["ETag"]
        return answer.json

    def dark_roast(self):
        """The promotion that a changed list shows of it."""
        (found,) = [each for each in self.look()["products"] if each["sku"] == 1]
        return found["promotion"]["pid"]


def promote(shop, promotion):
    with shop.database.writing() as connection:
        put_promotions(connection, [promotion], 0)


CHANGES = {
    "stock": lambda connection: put_stock(connection, [StockLevel(1, 11, "s1")], 0),
    "price": lambda connection: put_placements(connection, [replace(SHELVES[0], price=5.9)], 0),
    "a shelf that is moved": lambda connection: put_placements(connection, [replace(SHELVES[0], **at(1))], 0),
    "a product that is taken off": lambda connection: remove_placement(connection, 1, "s1", 0),
    "a new product": lambda connection: put_placements(connection, [a_product(sku=9, name="Roast")], 0),
    "a promotion": lambda connection: put_promotions(connection, [replace(PROMOTIONS[1], discount=50)], 0),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_an_open_list_is_sent_again_when_what_it_shows_has_changed_and_not_before(stocked, change):
    opened = OpenList(stocked)
    assert opened.look() is None
    with stocked.database.writing() as connection:
        change(connection)
    assert opened.look() is not None
    assert opened.look() is None


def test_what_an_open_list_does_not_show_leaves_it_as_it_is(stocked):
    opened = OpenList(stocked)
    with stocked.database.writing() as connection:
        put_stock(connection, [StockLevel(5, 4, "s1")], 0)
    assert opened.look() is None


def test_an_open_list_hears_that_a_promotion_begins_ends_and_has_spent_its_budget(stocked):
    from_, until = NOON + timedelta(minutes=1), NOON + timedelta(minutes=2)
    promote(stocked, a_promotion(pid="soon", sku=1, segment="coffee", discount=60, starts_at=from_, ends_at=until))
    opened = OpenList(stocked)
    pids = []
    for _ in range(2):
        stocked.clock.advance(60)
        pids.append(opened.dark_roast())
    assert pids == ["soon", "dark"]
    fresh = {"pid": "fresh", "segment": "coffee", "SKU": 1, "kind": "percent", "value": 70, "budget": 5}
    promote(stocked, ShopPromotion.from_json(fresh))
    assert opened.dark_roast() == "fresh"
    with stocked.database.writing() as connection:
        promoted.use(connection, "fresh", 500)
    assert opened.dark_roast() == "dark"


def test_open_alternatives_follow_the_stock_too(stocked):
    opened = OpenList(stocked, "/v1/products/3/alternatives?store=s1")
    assert opened.look() is None
    with stocked.database.writing() as connection:
        put_stock(connection, [StockLevel(1, 0, "s1")], 0)
    assert [each["sku"] for each in opened.look()["alternatives"]] == [2]
