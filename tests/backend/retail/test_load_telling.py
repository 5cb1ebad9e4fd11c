"""What `endcap-backend load` tells an operator beside the counts."""

import pytest

SHELF = "SKU,segment,latitude,longitude\n9001,coffee,60.17,24.94\n"


def test_a_promotion_for_nothing_on_a_shelf_is_named_and_stored(load, shelves, a_file):
    load("--placements", shelves)
    offers = a_file("week.csv", "pid,segment,SKU\na,cofee,\nb,coffee,\nc,coffee,77\n")
    status, said, noted = load("--promotions", offers)
    assert (status, said) == (0, "promotions: 3 new, 0 changed, 0 unchanged\n")
    assert noted == (
        "note: 2 promotions for what is on no shelf, such as a (segment cofee): nobody hears of it until it is placed\n"
    )


def test_placements_of_the_same_load_count(load, shelves, a_file):
    offers = a_file("week.csv", "pid,segment,SKU\na,coffee,9001\n")
    assert load("--placements", shelves, "--promotions", offers)[2] == ""
    assert load("--placements", shelves, "--promotions", offers, "--dry-run")[2] == ""


def test_a_file_without_rows_is_told_of_with_its_zeros(load, a_file):
    empty = a_file("shelves.csv", "SKU,segment,latitude,longitude\n")
    assert load("--placements", empty) == (0, "placements: 0 new, 0 changed, 0 unchanged\n", "")


@pytest.mark.parametrize("content", [b"", b"\n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_called_empty(load, a_file, content):
    path = a_file("shelves.csv", content)
    status, _, said = load("--placements", path)
    assert (status, said) == (1, f"endcap-backend load: {path}: is empty; its first line names the columns\n")


def test_a_spreadsheets_unicode_text_is_told_how_to_be_saved(load, a_file):
    path = a_file("shelves.csv", SHELF.encode("utf-16"))
    status, _, said = load("--placements", path)
    assert (status, said) == (1, f"endcap-backend load: {path}: is no text in UTF-8; save it as CSV in UTF-8\n")


def test_a_sku_with_letters_is_told_what_skus_are(load, a_file):
    status, _, said = load("--placements", a_file("shelves.csv", SHELF.replace("9001", "A-9001")))
    assert status == 1
    assert said == (
        "shelves.csv line 2: SKU: must be a whole number\n"
        "1 bad row: nothing is stored; mend what is wrong, or let the others pass with --skip-bad\n"
    )


def test_a_dry_run_where_no_shop_is_leaves_no_folder_behind(load, a_file, data, tmp_path):
    elsewhere = tmp_path / "new"
    status, said, _ = load("--placements", a_file("shelves.csv", SHELF), "--data", elsewhere, "--dry-run")
    assert (status, said) == (0, "placements: 1 new, 0 changed, 0 unchanged (dry run: nothing stored)\n")
    assert not elsewhere.exists()
