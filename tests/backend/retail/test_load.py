"""`endcap-backend load`, as an operator calls it."""

import json
from contextlib import closing

import pytest

from endcap.messages import ProductPromotion, StoreProduct
from endcap_backend.__main__ import main
from endcap_backend.log import Log
from endcap_backend.retail.database import Database, database_url
from endcap_backend.retail.feed import Feed


@pytest.fixture
def stored(data, feed_into_log):
    """What a topic holds once the feed has moved what waits: keys and messages."""

    def read(cls):
        return [(each.key, cls.from_text(each.value)) for each in feed_into_log(data) if each.topic == cls.TOPIC]

    return read


def test_placements_and_promotions_stand_in_the_log_keyed_as_the_topics_say(load, shelves, promotions, stored):
    status, said, faults = load("--placements", shelves, "--promotions", promotions)
    assert (status, faults) == (0, "")
    assert said == "placements: 3 new, 0 changed, 0 unchanged\npromotions: 2 new, 0 changed, 0 unchanged\n"
    assert [key for key, _ in stored(StoreProduct)] == ["9001", "9002", "9003"]
    assert [key for key, _ in stored(ProductPromotion)] == ["coffee", "tea"]
    _, product = stored(StoreProduct)[1]
    assert (product.name, product.price, product.stock, product.section) == ("Filter, light", 4.5, None, "Coffee")


def test_loading_the_same_files_again_changes_nothing(load, shelves, promotions, stored):
    load("--placements", shelves, "--promotions", promotions)
    before = stored(StoreProduct), stored(ProductPromotion)
    _, said, _ = load("--placements", shelves, "--promotions", promotions)
    assert said == "placements: 0 new, 0 changed, 3 unchanged\npromotions: 0 new, 0 changed, 2 unchanged\n"
    assert (stored(StoreProduct), stored(ProductPromotion)) == before


def test_only_what_changed_is_written(load, shelves, stored):
    load("--placements", shelves)
    shelves.write_text(shelves.read_text().replace("6.90", "5.90"))
    _, said, _ = load("--placements", shelves)
    assert said == "placements: 0 new, 1 changed, 2 unchanged\n"
    assert [product.price for _, product in stored(StoreProduct)][-1] == 5.9


def test_going_back_to_an_earlier_price_is_a_change(load, shelves, stored):
    first = shelves.read_text()
    for text in (first, first.replace("6.90", "5.90"), first):
        shelves.write_text(text)
        load("--placements", shelves)
    assert [product.price for key, product in stored(StoreProduct) if key == "9001"] == [6.9, 5.9, 6.9]


def test_a_promotion_that_moved_to_another_segment_and_back_is_current_again(load, promotions, stored):
    first = promotions.read_text()
    for text in (first, first.replace("p2,tea", "p2,coffee"), first):
        promotions.write_text(text)
        load("--promotions", promotions)
    assert [key for key, promotion in stored(ProductPromotion) if promotion.pid == "p2"] == [
        "tea",
        "coffee",
        "tea",
    ]


def test_the_same_product_in_two_stores_is_two_placements(load, data, a_file):
    rows = [{"SKU": 1, "segment": "tea", "latitude": 60.1, "longitude": 24.9, "store": store} for store in ("s1", "s2")]
    path = a_file("plan.jsonl", "\n".join(map(json.dumps, rows)))
    assert load("--placements", path)[1] == "placements: 2 new, 0 changed, 0 unchanged\n"
    assert load("--placements", path)[1] == "placements: 0 new, 0 changed, 2 unchanged\n"


def test_one_bad_row_and_nothing_is_stored(load, shelves, stored):
    shelves.write_text(shelves.read_text() + "9004,tea,95,24.9,s1,Tea,Black,2,1\n")
    status, said, faults = load("--placements", shelves)
    assert (status, said) == (1, "")
    assert faults.splitlines() == [
        "shelves.csv line 5: latitude: must not be above 90",
        "1 bad row: nothing is stored; mend what is wrong, or let the others pass with --skip-bad",
    ]
    assert stored(StoreProduct) == []


def test_all_that_is_wrong_with_a_row_is_told_at_once_and_a_dry_run_tells_the_same(load, shelves, stored):
    shelves.write_text(shelves.read_text() + '9004,,95,24.9,s1,Tea,Black,"2,5",x\n9005,tea,1,2,s1,Tea,Black,free,-1\n')
    found = load("--placements", shelves)
    assert found[:2] == (1, "")
    assert found[2].splitlines() == [
        "shelves.csv line 5: segment: is missing",
        "shelves.csv line 5: latitude: must not be above 90",
        "shelves.csv line 5: price: must be a number with a point, such as 2.49, not a comma",
        "shelves.csv line 5: stock: must be a whole number",
        "shelves.csv line 6: price: must be a number",
        "shelves.csv line 6: stock: must not be below 0",
        "2 bad rows: nothing is stored; mend what is wrong, or let the others pass with --skip-bad",
    ]
    assert load("--placements", shelves, "--dry-run") == found
    skipped = load("--placements", shelves, "--dry-run", "--skip-bad")
    assert skipped[:2] == (1, "placements: 3 new, 0 changed, 0 unchanged (dry run: nothing stored)\n")
    assert skipped[2].splitlines() == found[2].splitlines()[:-1]
    assert stored(StoreProduct) == []


def test_bad_rows_may_be_skipped_and_the_status_still_tells_of_them(load, shelves, stored):
    shelves.write_text(shelves.read_text() + "9004,tea,95,24.9,s1,Tea,Black,2,1\n")
    status, said, faults = load("--placements", shelves, "--skip-bad")
    assert (status, said) == (1, "placements: 3 new, 0 changed, 0 unchanged\n")
    assert faults == "shelves.csv line 5: latitude: must not be above 90\n"
    assert len(stored(StoreProduct)) == 3


def test_a_dry_run_says_what_would_change_and_stores_nothing(load, shelves, stored):
    assert load("--placements", shelves, "--dry-run")[1] == (
        "placements: 3 new, 0 changed, 0 unchanged (dry run: nothing stored)\n"
    )
    assert stored(StoreProduct) == []
    load("--placements", shelves)
    shelves.write_text(shelves.read_text().replace("6.90", "5.90"))
    assert load("--placements", shelves, "--dry-run")[1] == (
        "placements: 0 new, 1 changed, 2 unchanged (dry run: nothing stored)\n"
    )
    assert len(stored(StoreProduct)) == 3


def test_a_running_backend_hears_of_what_is_loaded_by_another_process(load, data, shelves):
    with closing(Log(data / "log.db")) as log:
        feed = Feed(Database(database_url(data)), log)
        feed.start()
        assert load("--placements", shelves)[0] == 0
        assert log.wait(0, 10)
        feed.stop()
        assert len(log.read(0)) == 3


def test_products_fill_what_placements_leave_out(load, a_file, stored):
    products = a_file("products.csv", "SKU;segment;name;price\n7;tea;Green tea;3.2\n8;coffee;Dark roast;6.9\n")
    plan = a_file(
        "plan.geojson",
        {
            "type": "FeatureCollection",
            "features": [
                {
                    "type": "Feature",
                    "geometry": {"type": "Point", "coordinates": [24.93545, 60.16952]},
                    "properties": {"SKU": 7, "store": "s1", "price": 2.9},
                }
            ],
        },
    )
    assert load("--products", products, "--placements", plan)[0] == 0
    ((key, product),) = stored(StoreProduct)
    assert (key, product.segment, product.name, product.price) == ("7", "tea", "Green tea", 2.9)
    assert product.point == (60.16952, 24.93545)


def test_a_product_once_known_need_not_be_told_again(load, shelves, a_file, stored):
    load("--placements", shelves)
    plan = a_file("second.csv", "SKU,lat,lon,store\n9001,60.2,24.9,s2\n")
    assert load("--placements", plan)[1] == "placements: 1 new, 0 changed, 0 unchanged\n"
    assert stored(StoreProduct)[-1][1].name == "Dark roast 500 g"


def test_a_product_that_gets_another_name_changes_on_every_shelf(load, shelves, a_file, stored):
    load("--placements", shelves)
    load("--placements", a_file("second.csv", "SKU,lat,lon,store\n9001,60.2,24.9,s2\n"))
    renamed = a_file("renamed.csv", shelves.read_text().replace("Dark roast 500 g", "Dark roast 450 g"))
    assert load("--placements", renamed)[1] == "placements: 0 new, 2 changed, 2 unchanged\n"
    assert [(p.store, p.name) for _, p in stored(StoreProduct)[-2:]] == [
        ("s1", "Dark roast 450 g"),
        ("s2", "Dark roast 450 g"),
    ]


def test_one_sku_as_two_products_is_refused(load, a_file):
    plan = a_file("plan.csv", "SKU,segment,lat,lon,store\n1,tea,60,24,s1\n1,coffee,60,24,s2\n")
    assert load("--placements", plan)[2].splitlines()[0] == (
        "plan.csv line 3: segment: differs from plan.csv line 2; a product is the same on every shelf"
    )


def test_a_database_that_cannot_be_opened_is_named_without_its_password(capsys, shelves):
    url = "postgresql://user:s3cret@127.0.0.1:1/endcap?connect_timeout=2"
    assert main(["load", "--placements", str(shelves), "--database-url", url]) == 1
    said = capsys.readouterr().err
    assert said.startswith("endcap-backend load: database_url: postgresql+psycopg://user:***@127.0.0.1:1/endcap")
    assert "s3cret" not in said


@pytest.mark.parametrize("url", ["mysql://host/endcap", "no url"])
def test_a_url_of_no_known_database_is_refused(capsys, shelves, url):
    with pytest.raises(SystemExit) as refused:
        main(["load", "--placements", str(shelves), "--database-url", url])
    said = capsys.readouterr().err
    assert (refused.value.code, said.count("\n")) == (2, 1)
    assert said.startswith("endcap-backend load: error: argument --database-url: ")


def test_a_url_in_the_environment_that_can_not_be_is_refused_likewise(capsys, shelves, monkeypatch):
    monkeypatch.setenv("ENDCAP_DATABASE_URL", "mysql://user:s3cret@host/endcap")
    with pytest.raises(SystemExit) as refused:
        main(["load", "--placements", str(shelves)])
    said = capsys.readouterr().err
    assert (refused.value.code, "mysql: is no database known here" in said, "s3cret" in said) == (2, True, False)


def test_without_a_file_it_says_what_to_name(load):
    told = (
        "endcap-backend load: files: name at least one with --placements, --promotions, --coupons or --plans; "
        "--products alone places nothing on a shelf\n"
    )
    assert load() == load("--products", "products.csv") == (1, "", told)


@pytest.mark.parametrize("name", ["shelves.csv", "shelves.csv/data"])
def test_a_data_folder_that_cannot_be_made_is_named(tmp_path, shelves, capsys, name):
    assert main(["load", "--placements", str(shelves), "--data", str(tmp_path / name)]) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"endcap-backend load: data: {tmp_path / name} can't be used (")
    assert said.endswith("): choose another folder with --data\n")


def test_many_faults_are_cut_short_and_counted(load, a_file):
    path = a_file("plan.csv", "SKU,segment,lat,lon\n" + "x,tea,60,24\n" * 120)
    _, _, faults = load("--placements", path)
    lines = faults.splitlines()
    assert len(lines) == 52
    assert lines[0] == "plan.csv line 2: SKU: must be a whole number"
    assert lines[50:] == [
        "… and 70 more",
        "120 bad rows: nothing is stored; mend what is wrong, or let the others pass with --skip-bad",
    ]


@pytest.mark.parametrize("kind", ["placements", "promotions", "coupons"])
def test_help_names_the_fields(kind, capsys):
    from endcap_backend.__main__ import main

    with pytest.raises(SystemExit):
        main(["load", "--help"])
    assert f"--{kind} FILE" in capsys.readouterr().out
