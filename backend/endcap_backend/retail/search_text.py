"""Words as the search compares them: without case, accents and punctuation, and the index of them.

The words are the same on every database; SQLite finds them by FTS5, PostgreSQL by its text search.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from sqlalchemy import BigInteger, ColumnClause, Connection, Select, column, func, literal_column, select, table, text

_WORD = re.compile(r"[^\W_]+")
_SIMPLE: ColumnClause[str] = literal_column(
    "'simple'"
)  # neither stems nor stop words: the words are in no one language
MAX_WORDS = 12  # of a query; nobody types more


def words(text: str) -> list[str]:
    """The words of a text, in order: "Crème brûlée, 2 × 100 g" has creme, brulee, 2, 100 and g."""
    apart = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(each for each in apart if not unicodedata.combining(each))
    return _WORD.findall(unicodedata.normalize("NFKC", plain))


def searchable(sku: int, segment: str, variant: str | None, name: str | None) -> str:
    """All that a product is found by, as one text of plain words."""
    return " ".join(words(f"{name or ''} {variant or ''} {segment} {sku}"))


def index_words(connection: Connection, of: Mapping[int, str]) -> None:
    """Note what products are found by, `searchable` by SKU; at most as many as a statement takes."""
    key = "rowid" if _is_sqlite(connection) else "sku"
    index = table("product_search", column(key, BigInteger), column("words"))
    held = select(index.c[key], index.c.words).where(index.c[key].in_(list(of)))
    known = {row[0]: row[1] for row in connection.execute(held)}
    rows = [{"sku": sku, "words": found} for sku, found in of.items() if known.get(sku) != found]
    stale = [row["sku"] for row in rows if row["sku"] in known]
    if stale:
        connection.execute(index.delete().where(index.c[key].in_(stale)))
    if rows:
        connection.execute(text(f"INSERT INTO product_search ({key}, words) VALUES (:sku, :words)"), rows)


def found_by(connection: Connection, query: str) -> Select[Any] | None:
    """The SKUs of products that have a word beginning with each word of `query`; None when it holds no word."""
    wanted = words(query)[:MAX_WORDS]
    if not wanted:
        return None
    if _is_sqlite(connection):
        index = table("product_search", column("rowid"), column("words"))
        expression = " ".join(f'"{word}"*' for word in wanted)
        return select(index.c.rowid).where(text("product_search MATCH :wanted").bindparams(wanted=expression))
    index = table("product_search", column("sku"), column("words"))
    expression = " & ".join(f"{word}:*" for word in wanted)
    return select(index.c.sku).where(
        func.to_tsvector(_SIMPLE, index.c.words).bool_op("@@")(func.to_tsquery(_SIMPLE, expression))
    )


def _is_sqlite(connection: Connection) -> bool:
    return connection.dialect.name == "sqlite"
