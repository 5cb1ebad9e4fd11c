"""How a field travels: its wire name, its kind, its bounds, and the one strict reader for all messages.

`endcap.messages` declares each message as a frozen dataclass whose fields carry a `Wire`; this module turns those
declarations into reading, writing and JSON Schema, so that a rule about a field stands once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from datetime import UTC, datetime
from math import isfinite
from typing import Any, ClassVar, Literal, Self

from endcap.errors import BadMessage

Kind = Literal["text", "number", "integer", "instant", "flag"]

MAX_TEXT_CHARS = 256  # any text field without a bound of its own
ID_PATTERN = r"[A-Za-z0-9._~-]{1,64}"  # what may stand in a channel name and a URL path unescaped
BIGINT_MAX = 2**63 - 1  # ksqlDB's BIGINT
_UNFIT = re.compile("[\x00-\x1f\ud800-\udfff]")  # control characters, halves of surrogate pairs
_COMPACT = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))  # json.dumps would make one a message
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)")


@dataclass(frozen=True, slots=True)
class Wire:
    """One field's contract. `unit` and `meaning` are what `docs/messages.md` and the OpenAPI document say of it."""

    name: str
    kind: Kind
    meaning: str
    unit: str = ""
    required: bool = True
    minimum: float | None = None
    maximum: float | None = None
    max_chars: int = MAX_TEXT_CHARS
    pattern: str = ""
    choices: tuple[str, ...] = ()

    def read(self, value: object) -> object:
        """The Python value for a JSON value.

        Raises:
            BadMessage: wrong type, out of range, no valid Unicode.
        """
        if self.kind == "text":
            return self._text(value)
        if self.kind == "instant":
            return self._instant(value)
        if self.kind == "flag":
            if not isinstance(value, bool):
                raise BadMessage(self.name, f"must be true or false, not {_type(value)}")
            return value
        return self._number(value)

    def write(self, value: object) -> object:
        """The JSON value for a Python value."""
        return write_instant(value) if isinstance(value, datetime) else value

    def schema(self) -> dict[str, Any]:
        """The field as JSON Schema (2020-12)."""
        types = {"text": "string", "instant": "string", "number": "number", "integer": "integer", "flag": "boolean"}
        schema: dict[str, Any] = {"type": types[self.kind], "description": self.meaning}
        if self.kind == "instant":
            schema["format"] = "date-time"
        if self.kind == "text":
            schema["maxLength"] = self.max_chars
            if self.pattern:
                schema["pattern"] = f"^{self.pattern}$"
            if self.choices:
                schema["enum"] = list(self.choices)
        if self.minimum is not None:
            schema["minimum"] = self.minimum
        if self.maximum is not None:
            schema["maximum"] = self.maximum
        if not self.required:
            schema["type"] = [schema["type"], "null"]
            if self.choices:
                schema["enum"].append(None)
        return schema

    def _text(self, value: object) -> str:
        if not isinstance(value, str):
            raise BadMessage(self.name, f"must be text, not {_type(value)}")
        if self.choices and value not in self.choices:
            raise BadMessage(self.name, f"must be one of {', '.join(self.choices)}")
        if self.pattern and not re.fullmatch(self.pattern, value):
            raise BadMessage(self.name, f"must match {self.pattern}")
        if not value and not self.pattern:
            raise BadMessage(self.name, "must not be empty")
        if len(value) > self.max_chars:
            raise BadMessage(self.name, f"has {len(value)} characters; at most {self.max_chars} are allowed")
        if _UNFIT.search(value):
            raise BadMessage(self.name, "holds a control character or half of a surrogate pair")
        return value

    def _instant(self, value: object) -> datetime:
        if not isinstance(value, str) or not _INSTANT.fullmatch(value):
            raise BadMessage(self.name, "must be an RFC 3339 time with a zone, such as 2026-11-24T08:30:00.000Z")
        try:
            return datetime.fromisoformat(value).astimezone(UTC)
        except (ValueError, OverflowError):
            raise BadMessage(self.name, "is no time that exists") from None

    def _number(self, value: object) -> float | int:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise BadMessage(self.name, f"must be a number, not {_type(value)}")
        if self.kind == "integer":
            if isinstance(value, float) and not (isfinite(value) and value == int(value)):
                raise BadMessage(self.name, "must be a whole number")
            number: float | int = int(value)
        else:
            try:
                number = float(value)
            except OverflowError:
                raise BadMessage(self.name, "is too large for a number") from None
            if not isfinite(number):
                raise BadMessage(self.name, "must be a finite number")
        if self.minimum is not None and number < self.minimum:
            raise BadMessage(self.name, f"must not be below {self.minimum:g}")
        if self.maximum is not None and number > self.maximum:
            raise BadMessage(self.name, f"must not be above {self.maximum:g}")
        return number


def wired(name: str, kind: Kind, meaning: str, *, default: Any = MISSING, **bounds: Any) -> Any:
    """A dataclass field that travels; one with a default may be missing or null on the wire."""
    wire = Wire(name, kind, meaning, required=default is MISSING, **bounds)
    return field(default=default, metadata={"wire": wire})


class Message:
    """The base of every message: reading is strict, writing leaves out what is None."""

    __slots__ = ()
    TOPIC: ClassVar[str] = ""
    KEY: ClassVar[str] = ""  # the wire field that keys the record

    @classmethod
    def wires(cls) -> dict[str, Wire]:
        """The contract of each field, by Python attribute name, in order."""
        return _wires(cls)

    @classmethod
    def from_json(cls, value: object) -> Self:
        """Read a parsed JSON object; unknown fields are ignored, so that a newer sender is still understood.

        Raises:
            BadMessage: names the first field at fault.
        """
        if not isinstance(value, Mapping):
            raise BadMessage("", f"a {cls.__name__} must be a JSON object, not {_type(value)}")
        found: dict[str, Any] = {}
        for attribute, wire in _wires(cls).items():
            raw = value.get(wire.name)
            if raw is not None:
                found[attribute] = wire.read(raw)
            elif wire.required:
                raise BadMessage(wire.name, "is missing" if wire.name not in value else "must not be null")
        return cls(**found)

    @classmethod
    def from_text(cls, text: str | bytes) -> Self:
        """Read JSON text.

        Raises:
            BadMessage: no JSON, nested too deep, or a field at fault.
        """
        return cls.from_json(parse_json(text))

    def to_json(self) -> dict[str, Any]:
        """The message as a JSON object by wire names; a field that is None is left out."""
        return {
            wire.name: wire.write(value)
            for attribute, wire in _wires(type(self)).items()
            if (value := getattr(self, attribute)) is not None
        }

    def to_text(self) -> str:
        """The message as compact JSON text."""
        return _COMPACT.encode(self.to_json())

    @classmethod
    def schema(cls) -> dict[str, Any]:
        """The message as JSON Schema (2020-12), for the OpenAPI document."""
        wires = _wires(cls).values()
        return {
            "type": "object",
            "description": (cls.__doc__ or "").strip().splitlines()[0],
            "required": [wire.name for wire in wires if wire.required],
            "properties": {wire.name: wire.schema() for wire in wires},
        }


_declared: dict[type[Message], dict[str, Wire]] = {}  # read once a class


def parse_json(text: str | bytes, *, refuse_nan: bool = True) -> object:
    """One strict JSON value: NaN, Infinity and invalid UTF-8 are refused.

    With `refuse_nan=False` NaN and Infinity are read, for the fields to refuse: each then names itself, and the other
    messages of a batch still count.

    Raises:
        BadMessage: with what is wrong and where.
    """
    try:
        return json.loads(text, parse_constant=_refuse_constant if refuse_nan else float)
    except UnicodeDecodeError:
        raise BadMessage("", "is not valid UTF-8") from None
    except RecursionError:
        raise BadMessage("", "is nested too deep") from None
    except json.JSONDecodeError as fault:
        raise BadMessage("", f"is not JSON: {fault.msg} at character {fault.pos}") from None
    except ValueError as fault:  # an integer of thousands of digits
        raise BadMessage("", f"is not JSON that can be read: {fault}") from None


def write_instant(moment: datetime) -> str:
    """An aware time as RFC 3339 in UTC with milliseconds: 2026-11-24T08:30:00.000Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def epoch_ms(moment: datetime) -> int:
    """An aware time as whole milliseconds since 1970, as Kafka's record timestamps."""
    return round(moment.timestamp() * 1000)


def from_epoch_ms(milliseconds: int) -> datetime:
    """The aware UTC time of a Kafka record timestamp."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _refuse_constant(name: str) -> float:
    raise BadMessage("", f"holds {name}, which is not JSON")


def _wires(cls: type[Message]) -> dict[str, Wire]:
    if cls not in _declared:
        declared: tuple[Field[Any], ...] = fields(cls)  # type: ignore[arg-type]  # each subclass is a dataclass
        _declared[cls] = {each.name: each.metadata["wire"] for each in declared if "wire" in each.metadata}
    return _declared[cls]


def _type(value: object) -> str:
    names = {bool: "a boolean", int: "a number", float: "a number", str: "text", list: "an array", type(None): "null"}
    return names.get(type(value), "an object")
