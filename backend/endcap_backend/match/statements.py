"""The SQL of the match, for ksqlDB, in the order in which it is to be run.

`ksqldb/seed/` holds the seed's five statements, made to run; `ksqldb/` the product's; `ksqldb/alerts/` what turns the
product's rows into alerts where nothing else decides.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Literal

_NAMES = re.compile(r"(?:CREATE\s+(?:STREAM|TABLE|VIEW)|INSERT\s+INTO)\s+(\w+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement, without its comment and with its semicolon."""

    name: str  # of the stream, table or view it makes or fills, as written
    means: str  # what a row of it says
    sql: str


def statements(kind: Literal["seed", "product", "alerts"]) -> tuple[Statement, ...]:
    """All statements of a kind; each needs those before it."""
    folder = files(__package__) / "ksqldb"
    if kind != "product":
        folder = folder / kind
    return statements_in(folder)


def statements_in(folder: Traversable) -> tuple[Statement, ...]:
    """All statements of a folder's .sql files, in the order of their names."""
    texts = sorted((each.name, each.read_text("utf-8")) for each in folder.iterdir() if each.name.endswith(".sql"))
    return tuple(_statement(part) for _, text in texts for part in re.split(r"(?<=;)\s*\n", text) if part.strip())


def _statement(text: str) -> Statement:
    lines = text.strip().splitlines()
    means = " ".join(line.removeprefix("--").strip() for line in lines if line.startswith("--"))
    sql = "\n".join(line for line in lines if not line.startswith("--"))
    makes = _NAMES.match(sql)
    assert makes is not None, f"neither CREATE nor INSERT in {sql!r}"  # the files are ours
    return Statement(makes[1], means, sql)
