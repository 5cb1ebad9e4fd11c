"""Text to JSON, as strict and as lax as Jackson with ksqlDB's settings.

The first complete value is read and what follows is ignored; a repeated name takes the last value and the first place;
decimals keep their digits; limits are Jackson's `StreamReadConstraints`. Python's own scanner agrees with Jackson on
every text that no limit can concern; the rest goes through a scanner here, which needs no recursion.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal

from endcap_backend.match.parity.encoding import joined

MOST_DEPTH = 1000
MOST_DIGITS = 1000
MOST_NAME_BYTES = 50_000
MOST_TEXT_CHARS = 20_000_000
MOST_EXPONENT_DIGITS = 10
INT32 = 2**31
_SAFE_CHARS = 1000  # a text so short breaks no limit
_SAFE_DEPTH = 100  # what Python's recursive scanner takes with room to spare

Json = dict[str, "Json"] | list["Json"] | str | int | Decimal | bool | None

_TOKEN = re.compile(
    r"""[ \t\r\n]*+(?:
      (?P<mark>[{}\[\]:,])
    | "(?P<text>(?:[^"\\\x00-\x1f]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*+)"
    | (?P<number>-?(?:0|[1-9][0-9]*)(?P<float>(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?))
    | (?P<word>true|false|null)
    )""",
    re.VERBOSE,
)
_WORDS: dict[str, Json] = {"true": True, "false": False, "null": None}
_SPACE = re.compile(r"[ \t\r\n]*")


class Malformed(ValueError):
    """What Jackson refuses; the reason in words."""


class Missing:
    """No value at all: an empty text, or nothing but blanks."""


def read(text: str) -> Json | Missing:
    """The first value of a text.

    Raises:
        Malformed: it is no JSON, or breaks a limit.
    """
    start = _blanks(text)
    if start == len(text):
        return Missing()
    if len(text) > _SAFE_CHARS or text.count("{") + text.count("[") > _SAFE_DEPTH:
        return _Scanner(text).value()
    try:
        value: Json = _decoder.raw_decode(text, start)[0]
    except json.JSONDecodeError as fault:
        raise Malformed(f"{fault.msg} at character {fault.pos}") from None
    return value


def decimal(text: str) -> Decimal:
    """A number with all its digits, as `new BigDecimal(text)`.

    Raises:
        Malformed: its scale is no 32-bit integer.
    """
    mantissa, _, exponent = text.replace("E", "e").partition("e")
    if len(exponent.lstrip("+-0")) > MOST_EXPONENT_DIGITS:
        raise Malformed("an exponent is out of range")
    scale = len(mantissa.partition(".")[2]) - int(exponent or 0)
    if not -INT32 <= scale < INT32:
        raise Malformed("an exponent is out of range")
    return Decimal(text)


def _blanks(text: str) -> int:
    blanks = _SPACE.match(text)
    assert blanks is not None  # it matches nothing too
    return blanks.end()


def _refuse(word: str) -> None:
    raise Malformed(f"{word} is not JSON")


_decoder = json.JSONDecoder(parse_float=decimal, parse_constant=_refuse)


class _Scanner:
    """Reads one value with its own stack, minding the limits."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def value(self) -> Json:
        open_: list[tuple[Json, str]] = []  # container, and in an object the name that waits for its value
        value, container = self._next_value()
        while True:
            if container:
                if len(open_) >= MOST_DEPTH:
                    raise Malformed(f"nested deeper than {MOST_DEPTH}")
                name = self._first_name(value)
                if name is not None:
                    open_.append((value, name))
                    value, container = self._next_value()
                    continue
            while open_:  # a value is complete
                holder, name = open_[-1]
                _put(holder, name, value)
                if self._more(holder):
                    open_[-1] = (holder, self._name() if isinstance(holder, dict) else "")
                    value, container = self._next_value()
                    break
                value = open_.pop()[0]
            else:
                return value

    def _next_value(self) -> tuple[Json, bool]:
        token = self._token("a value")
        if token["text"] is not None:
            return _unescaped(token["text"]), False
        if token["number"] is not None:
            return _number(token["number"], token["float"]), False
        if token["word"] is not None:
            return _WORDS[token["word"]], False
        if token["mark"] == "{":
            return {}, True
        if token["mark"] == "[":
            return [], True
        raise self._unexpected(token, "a value")

    def _first_name(self, container: Json) -> str | None:
        """The first name of an object, "" before the first item of an array, None when the container is empty."""
        close = "}" if isinstance(container, dict) else "]"
        token = _TOKEN.match(self._text, self._at)
        if token is not None and token["mark"] == close:
            self._at = token.end()
            return None
        return self._name() if isinstance(container, dict) else ""

    def _name(self) -> str:
        token = self._token("a name")
        if token["text"] is None:
            raise self._unexpected(token, "a name in double quotes")
        name = _unescaped(token["text"])
        if len(name.encode("utf-8", "surrogatepass")) > MOST_NAME_BYTES:
            raise Malformed(f"a name is longer than {MOST_NAME_BYTES} bytes")
        colon = self._token("a colon")
        if colon["mark"] != ":":
            raise self._unexpected(colon, "a colon")
        return name

    def _more(self, container: Json) -> bool:
        token = self._token("a comma or the end")
        if token["mark"] == ",":
            return True
        if token["mark"] == ("}" if isinstance(container, dict) else "]"):
            return False
        raise self._unexpected(token, "a comma or the end")

    def _token(self, expected: str) -> re.Match[str]:
        token = _TOKEN.match(self._text, self._at)
        if token is None:
            raise Malformed(f"expected {expected} at character {self._at}")
        self._at = token.end()
        return token

    @staticmethod
    def _unexpected(token: re.Match[str], expected: str) -> Malformed:
        return Malformed(f"expected {expected} at character {token.start()}")


def _put(holder: Json, name: str, value: Json) -> None:
    if isinstance(holder, dict):
        holder[name] = value
    elif isinstance(holder, list):
        holder.append(value)


def _number(text: str, fraction: str) -> int | Decimal:
    if sum(char.isdigit() for char in text) > MOST_DIGITS:
        raise Malformed(f"a number has more than {MOST_DIGITS} digits")
    return decimal(text) if fraction else int(text)


def _unescaped(text: str) -> str:
    if "\\" in text:
        text = joined(json.loads(f'"{text}"'))
    if len(text) > MOST_TEXT_CHARS:
        raise Malformed(f"a text is longer than {MOST_TEXT_CHARS} characters")
    return text
