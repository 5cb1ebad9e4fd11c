"""The SQL of the match, for ksqlDB, in the order in which it is to be run.

`ksqldb/seed/` holds the seed's five statements, made to run; `ksqldb/` the product's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.resources import files
from typing import Literal

_CREATES = re.compile(r"CREATE\s+(?:STREAM|TABLE)\s+(\w+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement, without its comment and with its semicolon."""

    name: str  # of the stream or table it makes, as written
    means: str  # what a row of it says
    sql: str


def statements(kind: Literal["seed", "product"]) -> tuple[Statement, ...]:
    """All statements of a kind; each needs those before it."""
    folder = files(__package__) / "ksqldb"
    if kind == "seed":
        folder = folder / "seed"
    texts = sorted((each.name, each.read_text("utf-8")) for each in folder.iterdir() if each.name.endswith(".sql"))
    return tuple(_statement(part) for _, text in texts for part in re.split(r"(?<=;)\s*\n", text) if part.strip())


def _statement(text: str) -> Statement:
    lines = text.strip().splitlines()
    means = " ".join(line.removeprefix("--").strip() for line in lines if line.startswith("--"))
    sql = "\n".join(line for line in lines if not line.startswith("--"))
    creates = _CREATES.match(sql)
    assert creates is not None, f"no CREATE in {sql!r}"  # the files are ours
    return Statement(creates[1], means, sql)
