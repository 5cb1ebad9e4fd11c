"""JSON to columns, as ksqlDB coerces: BIGINT, DECIMAL(10,5) and VARCHAR, with its ways of finding a name.

A name counts in any case: exactly upper case first, even when its value is null, else the last of those that differ in
case. A missing name is null. One column that can't be read drops the whole record.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from decimal import Decimal

from endcap_backend.match.parity.jackson import Json, Malformed, Missing, decimal
from endcap_backend.match.parity.java_text import decimal_text, json_text

_DIGITS_BEFORE_POINT = 5  # of DECIMAL(10,5)
_SCALE = 5
_LONG = re.compile(r"[+-]?[0-9]+")
_BIG_DECIMAL = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")


class Columns:
    """One record's columns by upper-case name.

    Raises:
        Malformed: the value is no JSON object.
    """

    def __init__(self, value: Json | Missing) -> None:
        if not isinstance(value, dict):
            raise Malformed(f"Can't convert type. sourceType: {_node(value)}, requiredType: STRUCT, path: $")
        self._exact = value
        self._upper = {name.upper(): each for name, each in value.items()}

    def varchar(self, name: str) -> str | None:
        """Anything, as its text."""
        value = self._get(name)
        return None if value is None else varchar(value)

    def bigint(self, name: str) -> int | None:
        """A number cut towards zero to its low 64 bits, or text that is a 64-bit integer.

        Raises:
            Malformed: anything else.
        """
        value = self._get(name)
        if isinstance(value, str):
            return _parse_long(value, name)
        number = _number(value, "BIGINT", name)
        return None if number is None else _low_64_bits(number)

    def decimal_10_5(self, name: str) -> int | None:
        """A number, or text that is one, with at most five decimals and below 100 000, counted in 1e-5.

        Raises:
            Malformed: anything else.
        """
        value = self._get(name)
        if isinstance(value, str):
            return _fit(_parse_big_decimal(value, name), name)
        number = _number(value, "DECIMAL(10, 5)", name)
        return None if number is None else _fit(Decimal(number), name)

    def _get(self, name: str) -> Json:
        return self._exact[name] if name in self._exact else self._upper.get(name)


def varchar(value: Json) -> str:
    """The text of a value: an array as `[x, 1, null]`, an object as compact JSON, both to any depth."""
    pieces: list[str] = []
    work: list[Iterator[Json | _Raw]] = [iter([value])]
    inside: list[bool] = [False]  # an object, where texts are quoted
    while work:
        each = next(work[-1], _END)
        if each is _END:
            work.pop()
            inside.pop()
        elif isinstance(each, _Raw):
            pieces.append(each.text)
        elif isinstance(each, dict):
            work.append(_members(each))
            inside.append(True)
        elif isinstance(each, list):
            work.append(_items(each, "," if inside[-1] else ", "))
            inside.append(inside[-1])
        elif isinstance(each, str):
            pieces.append(_quoted(each) if inside[-1] else each)
        else:
            pieces.append(_scalar(each))
    return "".join(pieces)


class _Raw:
    """Text that goes out as it is."""

    def __init__(self, text: str) -> None:
        self.text = text


_END = _Raw("")


def _members(value: dict[str, Json]) -> Iterator[Json | _Raw]:
    yield _Raw("{")
    for at, (name, each) in enumerate(value.items()):
        yield _Raw(f"{',' if at else ''}{_quoted(name)}:")
        yield each
    yield _Raw("}")


def _items(value: list[Json], between: str) -> Iterator[Json | _Raw]:
    yield _Raw("[")
    for at, each in enumerate(value):
        if at:
            yield _Raw(between)
        yield each
    yield _Raw("]")


def _quoted(text: str) -> str:
    """JSON text as Jackson writes it to characters: nothing beyond ASCII is escaped."""
    return "".join(json_text(char)[1:-1] if char < " " or char in '"\\' else char for char in f"{text}").join('""')


def _scalar(value: int | Decimal | bool | None) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return decimal_text(value) if isinstance(value, Decimal) else str(value)


def _parse_long(text: str, name: str) -> int:
    plain = _ascii_digits(text)
    if not _LONG.fullmatch(plain) or len(plain) > 1000 or not -(2**63) <= int(plain) < 2**63:
        raise Malformed(f"Can't coerce string to type. targetType: BIGINT, path: $.{name}")
    return int(plain)


def _parse_big_decimal(text: str, name: str) -> Decimal:
    plain = _ascii_digits(text)
    if not _BIG_DECIMAL.fullmatch(plain):
        raise Malformed(f"the text is no decimal number, path: $.{name}")
    return decimal(plain)


def _ascii_digits(text: str) -> str:
    """Java takes every digit of the BMP for one."""
    if text.isascii():
        return text
    return "".join(
        str(unicodedata.decimal(char)) if char < "\U00010000" and unicodedata.decimal(char, None) is not None else char
        for char in text
    )


def _low_64_bits(value: int | Decimal) -> int:
    if isinstance(value, Decimal):
        if value.is_zero() or value.adjusted() < 0 or _exponent(value) >= 64:  # 10**64 has no low 64 bits
            return 0
        value = int(value)
    return (value + 2**63) % 2**64 - 2**63


def _fit(value: Decimal, name: str) -> int:
    if value.is_zero():
        return 0
    if value.adjusted() >= _DIGITS_BEFORE_POINT:
        raise Malformed(
            f"Numeric field overflow: A field with precision 10 and scale 5 must round to an absolute value less than "
            f"10^5, path: $.{name}"
        )
    digits = "".join(map(str, value.as_tuple().digits))
    kept = digits.rstrip("0")
    shift = _exponent(value) + len(digits) - len(kept) + _SCALE
    if shift < 0:
        raise Malformed(f"Cannot fit decimal into DECIMAL(10, 5) without rounding, path: $.{name}")
    units = int(kept) * int("1" + "0" * shift)
    return -units if value.is_signed() else units


def _exponent(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    assert isinstance(exponent, int)  # JSON has no infinity
    return exponent


def _number(value: Json, wanted: str, name: str) -> int | Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | Decimal | None):
        raise Malformed(f"Can't convert type. sourceType: {_node(value)}, requiredType: {wanted}, path: $.{name}")
    return value


def _node(value: Json | Missing) -> str:
    names = {dict: "ObjectNode", list: "ArrayNode", str: "TextNode", bool: "BooleanNode", int: "IntNode"}
    names |= {Decimal: "DecimalNode", Missing: "MissingNode", type(None): "NullNode"}
    return names[type(value)]
