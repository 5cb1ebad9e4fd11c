"""The functions of ksqlDB that a match needs, and how many arguments each takes, after its reference manual."""

from __future__ import annotations

SCALARS = {
    "ABS": (1, 1),
    "ARRAY_DISTINCT": (1, 1),
    "AS_VALUE": (1, 1),
    "COALESCE": (1, 99),
    "FILTER": (2, 2),
    "FLOOR": (1, 1),
    "FORMAT_TIMESTAMP": (2, 3),
    "FROM_UNIXTIME": (1, 1),
    "GEO_DISTANCE": (4, 5),
    "ROUND": (1, 2),
    "TRANSFORM": (2, 3),
}
AGGREGATES = {
    "COLLECT_LIST": (1, 1),
    "COUNT": (0, 1),
    "EARLIEST_BY_OFFSET": (1, 3),
    "LATEST_BY_OFFSET": (1, 3),
}
TABULAR = {"EXPLODE": (1, 1)}
KNOWN = SCALARS | AGGREGATES | TABULAR
PSEUDO = ("ROWTIME", "ROWPARTITION", "ROWOFFSET")  # columns that every source has
