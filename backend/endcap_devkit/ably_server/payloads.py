"""Payloads: a message's data and its chain of encodings, as they travel and as they are kept."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from endcap_devkit.ably_server.errors import BAD_CLIENT_ID, BAD_DATA, BAD_REQUEST, AblyError
from endcap_devkit.ably_server.formats import Format, to_json_text

Data = str | bytes | None


def read_data(raw: dict[str, Any]) -> tuple[Data, str | None]:
    """`data` and `encoding` as they are kept: bytes instead of base64, JSON text instead of an object.

    Raises:
        AblyError: 40013, data of another type or base64 that is none.
    """
    data, encoding = raw.get("data"), text_field(raw, "encoding") or None
    if isinstance(data, dict | list):
        return to_json_text(plain(data)), f"{encoding}/json" if encoding else "json"
    if data is not None and not isinstance(data, str | bytes):
        raise AblyError(BAD_DATA, "a message's data must be text, bytes, an object or an array")
    if encoding is None or encoding.rpartition("/")[2] != "base64" or not isinstance(data, str):
        return data, encoding
    try:
        return base64.b64decode(data, validate=True), encoding.rpartition("/")[0] or None
    except (binascii.Error, ValueError):
        raise AblyError(BAD_DATA, "a message's data is not valid base64") from None


def put_data(wire: dict[str, Any], data: Data, encoding: str | None, format: Format) -> None:
    """Write what `read_data` kept: bytes are base64 in JSON and themselves in msgpack."""
    if isinstance(data, bytes) and format is Format.JSON:
        data = base64.b64encode(data).decode()
        encoding = f"{encoding}/base64" if encoding else "base64"
    put(wire, data=data, encoding=encoding)


def text_field(raw: dict[str, Any], name: str) -> str | None:
    """A field that is text or absent.

    Raises:
        AblyError: 40000 (40012 for a clientId).
    """
    value = raw.get(name)
    if value is not None and not isinstance(value, str):
        raise AblyError(BAD_CLIENT_ID if name == "clientId" else BAD_REQUEST, f"{name} must be text")
    return value


def plain(value: Any) -> Any:
    """`value` without bytes, which JSON could not carry: old raw strings that are no UTF-8."""
    if isinstance(value, bytes):
        raise AblyError(BAD_DATA, "bytes may stand in a message's data, not inside an object")
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, list) else value


def weigh(part: Data) -> int:
    """Bytes."""
    return len(part.encode()) if isinstance(part, str) else len(part or b"")


def put(wire: dict[str, Any], **fields: Any) -> None:
    """Add the fields that are there."""
    wire.update((name, value) for name, value in fields.items() if value is not None)
