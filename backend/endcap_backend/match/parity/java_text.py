"""How Java writes things down: doubles, BigDecimals, JSON texts, DECIMAL(10,5)."""

from __future__ import annotations

import re
from decimal import Decimal

from endcap_backend.match.tile import E5

_SPECIAL = re.compile('["\\\\\x00-\x1f\ud800-\udfff\U00010000-\U0010ffff]')
_SHORT = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}


def double_text(value: float) -> str:
    """A double as `Double.toString`: shortest digits, an exponent below 0.001 and from 10 million.

    Java before 19 writes a digit too many now and then; none of the 2,227 distinct doubles of the golden data has one.
    """
    _, digits, exponent = Decimal(repr(abs(value))).as_tuple()
    assert isinstance(exponent, int)  # distances are finite
    figures = "".join(map(str, digits)).rstrip("0") or "0"
    point = len(digits) + exponent  # where the decimal point stands, counted from the first digit
    minus = "-" if value < 0 else ""
    if figures == "0":
        return f"{minus}0.0"
    if -3 < point <= 7:
        figures = "0" * (1 - point) + figures if point < 1 else figures.ljust(point + 1, "0")
        return f"{minus}{figures[: max(point, 1)]}.{figures[max(point, 1) :] or '0'}"
    return f"{minus}{figures[0]}.{figures[1:] or '0'}E{point - 1}"


def decimal_text(value: Decimal) -> str:
    """A number as `BigDecimal.toString`: as Python's, but that Java knows no negative zero."""
    return str(value.copy_abs() if value.is_zero() else value)


def fixed_text(units: int | None) -> str:
    """A DECIMAL(10,5) counted in 1e-5, as JSON."""
    if units is None:
        return "null"
    whole, rest = divmod(abs(units), E5)
    return f"{'-' if units < 0 else ''}{whole}.{rest:05d}"


def json_text(text: str | None) -> str:
    """A text as Jackson writes it in UTF-8: characters beyond the BMP as two escapes."""
    if text is None:
        return "null"
    return f'"{_SPECIAL.sub(_escape, text)}"' if _SPECIAL.search(text) else f'"{text}"'


def key_text(text: str) -> str:
    """A text as Java's UTF-8 makes it a key: half a surrogate pair becomes a question mark."""
    return text.encode("utf-8", "replace").decode()


def _escape(match: re.Match[str]) -> str:
    char = match[0]
    if char in _SHORT:
        return _SHORT[char]
    halves = char.encode("utf-16-be", "surrogatepass").hex().upper()
    return "".join(f"\\u{halves[at : at + 4]}" for at in range(0, len(halves), 4))
