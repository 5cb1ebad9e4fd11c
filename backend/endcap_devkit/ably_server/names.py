"""Channel names as they travel: `[kind?param=value&…]base` or `[filter=…?…]base`, where the bracket is optional."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl

from endcap_devkit.ably_server.channels import check_name
from endcap_devkit.ably_server.errors import BAD_CHANNEL_NAME, AblyError
from endcap_devkit.ably_server.filters import Filter

FILTER = "filter="


@dataclass(frozen=True, slots=True)
class ChannelName:
    """`wire` is what the client calls the channel; `base` is what capability, history and fan-out go by."""

    wire: str
    base: str
    params: dict[str, str]
    filter: Filter | None = None  # which messages of the base channel it hears; None: all

    @classmethod
    def read(cls, wire: object) -> ChannelName:
        """Raises AblyError 40010: no text, no valid base name, or a bracket that is never closed."""
        if not isinstance(wire, str):
            raise AblyError(BAD_CHANNEL_NAME, "channel must be text")
        if not wire.startswith("["):
            check_name(wire)
            return cls(wire, wire, {})
        qualifier, bracket, base = wire[1:].partition("]")
        if not bracket:
            raise AblyError(BAD_CHANNEL_NAME, f"{wire[:100]!r} has a '[' that is never closed")
        kind, _, query = qualifier.partition("?")
        check_name(base)
        params = dict(parse_qsl(query, keep_blank_values=True))
        if kind.startswith(FILTER):
            return cls(wire, base, params, Filter(kind.removeprefix(FILTER)))
        return cls(wire, f"[{kind}]{base}" if kind else base, params)
