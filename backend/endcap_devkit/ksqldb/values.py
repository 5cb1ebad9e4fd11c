"""What an expression of a statement comes to, for one row. Null is None; what has a null in it is null, mostly."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from math import floor, fmod
from typing import Any

from lark import Token, Tree

from endcap.errors import OutOfRange
from endcap.geo import haversine_km
from endcap_devkit.ksqldb.reading import Node, name_of

Row = Mapping[str, Any]
ISO_MS = "yyyy-MM-dd'T'HH:mm:ss.SSSX"


def value(node: Node, row: Row) -> Any:
    """The value of an expression; `row` holds columns by name, and as SOURCE.COLUMN.

    Raises:
        NotImplementedError: a form that no statement of ours uses.
    """
    kind, parts = str(node.data), [each for each in node.children if isinstance(each, Tree)]
    if kind in _SIMPLE:
        return _SIMPLE[kind](node, parts, row)
    if kind in _TESTS:
        values = [value(each, row) for each in parts]
        return _TESTS[kind](*values)
    raise NotImplementedError(f"an expression of the kind {kind}")


def _literal(node: Node, parts: list[Node], row: Row) -> Any:
    token = node.children[0]
    assert isinstance(token, Token)
    if token.type == "TEXT":
        return token[1:-1].replace("''", "'")
    return (
        {"INT": int, "DECIMAL": float}[token.type](token) if token.type in ("INT", "DECIMAL") else token.type == "TRUE"
    )


def _field(node: Node, parts: list[Node], row: Row) -> Any:
    struct = value(parts[0], row)
    return None if struct is None else struct[name_of(parts[1])]


def _case(node: Node, parts: list[Node], row: Row) -> Any:
    for when, then in zip(parts[0::2], parts[1::2], strict=False):
        if value(when, row):
            return value(then, row)
    return value(parts[-1], row) if len(parts) % 2 else None


def _cast(node: Node, parts: list[Node], row: Row) -> Any:
    inner, kind = value(parts[0], row), name_of(next(parts[1].find_data("name")))
    if inner is None:
        return None
    return {"BIGINT": int, "INTEGER": int, "DOUBLE": float, "VARCHAR": str}[kind](inner)


def _struct(node: Node, parts: list[Node], row: Row) -> Any:
    return {name_of(name): value(each, row) for name, each in zip(parts[0::2], parts[1::2], strict=True)}


def _chain(node: Node, parts: list[Node], row: Row) -> Any:
    """a + b - c, from the left."""
    result = value(parts[0], row)
    signs = [str(each) for each in node.children if isinstance(each, Token)]
    for sign, part in zip(signs, parts[1:], strict=True):
        result = _arithmetic(sign, result, value(part, row))
    return result


def _arithmetic(sign: str, left: Any, right: Any) -> Any:
    if isinstance(left, str) or isinstance(right, str):
        return f"{'null' if left is None else left}{'null' if right is None else right}"  # as Java joins texts
    if left is None or right is None:
        return None
    if isinstance(left, int) and isinstance(right, int) and sign in "/%":
        whole = abs(left) // abs(right) * (1 if (left < 0) == (right < 0) else -1)  # towards zero
        return whole if sign == "/" else left - whole * right
    arithmetic: dict[str, Callable[[Any, Any], Any]] = {
        "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv, "%": fmod,
    }  # fmt: skip
    return arithmetic[sign](left, right)


def _compared(node: Node, parts: list[Node], row: Row) -> Any:
    left, right = (value(each, row) for each in parts)
    if left is None or right is None:
        return False
    sign = str(next(each for each in node.children if isinstance(each, Token)))
    comparing: dict[str, Callable[[Any, Any], bool]] = {
        "=": operator.eq, "<>": operator.ne, "!=": operator.ne, "<": operator.lt, "<=": operator.le,
        ">": operator.gt, ">=": operator.ge,
    }  # fmt: skip
    return comparing[sign](left, right)


def _call(node: Node, parts: list[Node], row: Row) -> Any:
    name, *arguments = parts
    function = name_of(name)
    if function in ("FILTER", "TRANSFORM"):
        return _each(function, arguments[0], arguments[1], row)
    return _FUNCTIONS[function](*(value(each, row) for each in arguments))


def _each(function: str, values: Node, each: Node, row: Row) -> Any:
    found = value(values, row)
    if found is None:
        return None
    name, body = (part for part in each.children if isinstance(part, Tree))
    results = [(item, value(body, {**row, name_of(name): item})) for item in found]
    return [item for item, holds in results if holds] if function == "FILTER" else [result for _, result in results]


def _geo_distance(latitude_1: Any, longitude_1: Any, latitude_2: Any, longitude_2: Any, unit: str) -> float | None:
    if None in (latitude_1, longitude_1, latitude_2, longitude_2):
        return None
    try:
        return haversine_km(latitude_1, longitude_1, latitude_2, longitude_2)
    except OutOfRange:
        return None


def _format_timestamp(timestamp_ms: int, pattern: str, zone: str) -> str:
    if pattern != ISO_MS or zone != "UTC":
        raise NotImplementedError(f"the time pattern {pattern}")
    seconds, ms = divmod(timestamp_ms, 1000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{ms:03}Z"


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "ABS": lambda number: None if number is None else abs(number),
    "ARRAY_DISTINCT": lambda values: None if values is None else list(dict.fromkeys(values)),
    "AS_VALUE": lambda same: same,
    "COALESCE": lambda *values: next((each for each in values if each is not None), None),
    "FLOOR": lambda number: None if number is None else float(floor(number)),
    "FORMAT_TIMESTAMP": _format_timestamp,
    "FROM_UNIXTIME": lambda timestamp_ms: timestamp_ms,
    "GEO_DISTANCE": _geo_distance,
    "ROUND": lambda number: None if number is None else floor(number + 0.5),
}
_SIMPLE: dict[str, Callable[[Node, list[Node], Row], Any]] = {
    "literal": _literal,
    "reference": lambda node, parts, row: row[name_of(parts[0])],
    "qualified": lambda node, parts, row: row[f"{name_of(parts[0])}.{name_of(parts[1])}"],
    "field": _field,
    "case": _case,
    "cast": _cast,
    "struct": _struct,
    "array": lambda node, parts, row: [value(each, row) for each in parts],
    "expression": _chain,
    "term": _chain,
    "compared": _compared,
    "call": _call,
    "conjunction": lambda node, parts, row: all(value(each, row) for each in parts),
    "condition": lambda node, parts, row: any(value(each, row) for each in parts),
    "negated": lambda node, parts, row: not value(parts[0], row),
    "signed": lambda node, parts, row: -value(parts[0], row) if node.children[0] == "-" else value(parts[0], row),
}
_TESTS: dict[str, Callable[..., bool]] = {
    "between": lambda number, low, high: number is not None and low <= number <= high,
    "is_null": lambda each: each is None,
    "is_not_null": lambda each: each is not None,
}
