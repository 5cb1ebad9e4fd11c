"""Reading a shop's files: what is understood, and what is said about the rest."""

import pytest

from endcap.errors import BadConfig, BadMessage
from endcap.messages import ProductPromotion, StoreProduct
from endcap_backend.retail.files import read_rows
from endcap_backend.retail.rows import check_placements, check_products, check_promotions


def faults(checked):
    return [str(fault) for fault in checked.faults]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv_is_read_whichever_way_its_cells_are_separated(a_file, delimiter):
    text = "sku,Segment,LAT,lng,note\n 7 ,tea,60.1,24.9,seen\n".replace(",", delimiter)
    (row,) = read_rows(a_file("plan.csv", text), StoreProduct)
    assert row == ("plan.csv line 2", {"SKU": 7, "segment": "tea", "latitude": 60.1, "longitude": 24.9})


def test_a_spreadsheets_byte_order_mark_is_no_part_of_the_first_column(a_file):
    (row,) = read_rows(a_file("plan.csv", b"\xef\xbb\xbfSKU,segment\n7,tea\n"), StoreProduct)
    assert row.value == {"SKU": 7, "segment": "tea"}


def test_a_row_is_told_by_its_first_line_even_after_cells_of_several_lines(a_file):
    text = 'SKU,segment,name\n7,tea,"two\nlines"\n8,tea,one\n'
    assert [row.where for row in read_rows(a_file("plan.csv", text), StoreProduct)] == [
        "plan.csv line 2",
        "plan.csv line 4",
    ]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("7,tea,60.1", "plan.csv line 2: has 3 cells where the header has 6"),
        ("7,tea,60.1,24.9,1,2,3", "plan.csv line 2: has 7 cells where the header has 6"),
        (",tea,60.1,24.9,1,s1", "plan.csv line 2: SKU: is missing"),
        ("7,,60.1,24.9,1,s1", "plan.csv line 2: segment: is missing"),
        ("7,tea,north,24.9,1,s1", "plan.csv line 2: latitude: must be a number"),
        (
            '7,tea,60.1,24.9,"2,49",s1',
            "plan.csv line 2: price: must be a number with a point, such as 2.49, not a comma",
        ),
        ("7,tea,60.1,24.9,nan,s1", "plan.csv line 2: price: must be a finite number"),
        ("7,tea,60.1,24.9,-1,s1", "plan.csv line 2: price: must not be below 0"),
        ("7.5,tea,60.1,24.9,1,s1", "plan.csv line 2: SKU: must be a whole number"),
        ("1_000,tea,60.1,24.9,1,s1", "plan.csv line 2: SKU: must be a number, not text"),
        ("7,tea,60.1,184.9,1,s1", "plan.csv line 2: longitude: must not be above 180"),
        ("7,tea,60.1,24.9,1,no such/store", "plan.csv line 2: store: must match [A-Za-z0-9._~-]{1,64}"),
        (f"7,{'x' * 65},60.1,24.9,1,s1", "plan.csv line 2: segment: has 65 characters; at most 64 are allowed"),
        ('7,"te"a,60.1,24.9,1,s1', "plan.csv line 2: is no CSV: ',' expected after '\"'"),
    ],
)
def test_a_bad_row_names_its_line_its_field_and_the_reason_and_its_neighbour_passes(a_file, row, said):
    path = a_file("plan.csv", f"SKU,segment,lat,lon,price,store\n{row}\n8,tea,60.1,24.9,1,s1\n")
    checked = check_placements([path], {})
    assert faults(checked) == [said]
    assert [product.sku for product in checked.messages] == [8]


def test_bytes_that_are_no_utf8_fault_their_row_only(a_file):
    path = a_file("plan.csv", b"SKU,segment,lat,lon,name\n7,tea,60.1,24.9,caf\xe9\n8,tea,60.1,24.9,caf\xc3\xa9\n")
    checked = check_placements([path], {})
    assert faults(checked) == ["plan.csv line 2: name: is not valid UTF-8; save the file as UTF-8"]
    assert [product.name for product in checked.messages] == ["café"]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ('{"pid": "a"', "is not JSON: Expecting ',' delimiter at character 12"),
        ('["pid"]', "must be a JSON object"),
        ('{"pid": "a", "segment": "tea", "discount": "20"}', "discount: must be a number, not text"),
        ('{"pid": "a", "segment": "tea", "discount": NaN}',
         "is not JSON that can be read: holds NaN, which is not JSON"),
        ('{"pid": "a", "segment": "tea", "ends_at": "tomorrow"}',
         "ends_at: must be an RFC 3339 time with a zone, such as 2026-11-24T08:30:00.000Z"),
        ('{"pid": "a", "segment": "tea", "starts_at": "2026-11-24T08:30:00Z", "ends_at": "2026-11-24T08:30:00Z"}',
         "ends_at: must be after starts_at"),
        ('{"pid": "b", "segment": "tea"}', "pid: stands already in week.jsonl line 1"),
        ("[" * 100_000, "is nested too deep"),
        ('{"pid": "' + "x" * (1 << 20) + '"}', "is longer than 1048576 bytes"),
    ],
    ids=range(9),
)  # fmt: skip
def test_a_bad_json_line_is_told_and_its_neighbours_pass(a_file, row, said):
    path = a_file("week.jsonl", f'{{"pid": "b", "segment": "coffee"}}\n\n{row}\n{{"pid": "c", "segment": "tea"}}\n')
    checked = check_promotions([path])
    assert faults(checked) == [f"week.jsonl line 3: {said}"]
    assert [promotion.pid for promotion in checked.messages] == ["b", "c"]


@pytest.mark.parametrize(
    ("feature", "said"),
    [
        ({"geometry": {"type": "Polygon", "coordinates": []}}, "geometry: must be a Point"),
        ({"geometry": None}, "geometry: must be a Point"),
        ("point", "geometry: must be a Point"),
        ({"geometry": {"type": "Point", "coordinates": [24.9]}}, "coordinates: must be [longitude, latitude]"),
        ({"geometry": {"type": "Point", "coordinates": [24.9, 60]}, "properties": {"segment": "tea"}},
         "SKU: is missing"),
        ({"geometry": {"type": "Point", "coordinates": ["a", 60]}, "properties": {"SKU": 1, "segment": "tea"}},
         "longitude: must be a number, not text"),
        ({"geometry": {"type": "Point", "coordinates": [24.9, 60]}, "properties": [1]}, "must be a JSON object"),
    ],
    ids=range(7),
)  # fmt: skip
def test_a_bad_feature_is_told_by_its_number(a_file, feature, said):
    path = a_file("plan.geojson", {"type": "FeatureCollection", "features": [feature]})
    assert faults(check_placements([path], {})) == [f"plan.geojson feature 1: {said}"]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("plan.xlsx", "", "has no known ending; use one of .csv, .jsonl, .ndjson, .geojson, .json"),
        ("plan.csv", "", "is empty; its first line names the columns"),
        (
            "plan.csv",
            "a,b\n1,2\n",
            "names no column of ours in its first line; expected some of SKU, segment, latitude",
        ),
        ("plan.csv", "SKU,sku\n1,2\n", "names the column SKU twice"),
        ("plan.geojson", "{", "is not JSON: Expecting property name enclosed in double quotes at character 1"),
        ("plan.json", "[]", "is no GeoJSON FeatureCollection; use .jsonl for JSON lines"),
    ],
    ids=range(6),
)
def test_a_file_that_as_a_whole_cannot_be_read_is_refused_by_name(a_file, name, content, said):
    path = a_file(name, content)
    with pytest.raises(BadConfig) as fault:
        list(read_rows(path, StoreProduct))
    assert str(fault.value).startswith(f"{path}: {said}")


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(BadConfig, match=r"nowhere\.csv: can't be read: No such file or directory"):
        list(read_rows(tmp_path / "nowhere.csv", ProductPromotion))


def test_products_need_no_position_but_all_else_is_checked(a_file):
    path = a_file("products.csv", "SKU,segment,price\n7,tea,3\n,tea,3\n8,tea,-3\n7,tea,4\n")
    products, found = check_products([path])
    assert products == {7: {"SKU": 7, "segment": "tea", "price": 3}}
    assert [str(fault) for fault in found] == [
        "products.csv line 3: SKU: is missing",
        "products.csv line 4: price: must not be below 0",
        "products.csv line 5: SKU: stands twice; a product has one row",
    ]


def test_progress_counts_what_is_read(a_file):
    path = a_file("week.jsonl", '{"pid": "b", "segment": "coffee"}\n' * 3)
    read = []
    list(read_rows(path, ProductPromotion, read.append))
    assert read[-1] == path.stat().st_size
    assert read == sorted(read)


def test_a_row_of_the_reader_is_a_mapping_or_a_fault(a_file):
    good, bad = read_rows(a_file("week.jsonl", '{"pid": "b", "segment": "tea"}\n3\n'), ProductPromotion)
    assert good.value == {"pid": "b", "segment": "tea"}
    assert isinstance(bad.value, BadMessage)
