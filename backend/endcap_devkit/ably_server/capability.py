"""Who may do what on which channel: `{resource: [operations]}`.

A resource is a channel name or a pattern of `:`-separated segments: `*` alone matches every channel, a last segment `*`
matches one or more segments, a `*` elsewhere exactly one. A leading `[...]` names a kind of channel; without it a
pattern matches ordinary channels only, and `[*]*` matches every kind.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from endcap_devkit.ably_server.errors import BAD_REQUEST, NOT_CAPABLE, AblyError

ANY: Final = "*"
OPERATIONS: Final = frozenset(
    {
        "publish",
        "subscribe",
        "presence",
        "presence-subscribe",
        "history",
        "channel-metadata",
        "stats",
        "push-subscribe",
        "push-admin",
        "privileged-headers",
        "annotation-publish",
        "annotation-subscribe",
        "object-publish",
        "object-subscribe",
        "message-update-own",
        "message-update-any",
        "message-delete-own",
        "message-delete-any",
    }
)


@dataclass(frozen=True, slots=True)
class Capability:
    """Immutable; the operations of all resources that match a channel add up."""

    resources: Mapping[str, frozenset[str]]

    @classmethod
    def everything(cls) -> Capability:
        return cls({ANY: frozenset({ANY})})

    @classmethod
    def read(cls, raw: object) -> Capability:
        """From the JSON text that travels in tokens, or an object already parsed.

        Raises:
            AblyError: 40000, not `{resource: [operation, ...]}` or an operation that does not exist.
        """
        if isinstance(raw, str):
            try:
                raw = json.loads(raw)
            except (ValueError, RecursionError):
                raise AblyError(BAD_REQUEST, "capability is not valid JSON") from None
        if not isinstance(raw, Mapping) or not raw:
            raise AblyError(BAD_REQUEST, "capability must be a JSON object of resource names to lists of operations")
        return cls({_resource(resource): _operations(resource, named) for resource, named in raw.items()})

    def allows(self, operation: str, channel: str) -> bool:
        """Whether `operation` is covered on `channel` (a base name, without `[?...]` qualifiers)."""
        for resource, operations in self.resources.items():
            if (operation in operations or ANY in operations) and matches(resource, channel):
                return True
        return False

    def require(self, operation: str, channel: str) -> None:
        """Raise 40160 unless `operation` is covered on `channel`."""
        if not self.allows(operation, channel):
            raise AblyError(
                NOT_CAPABLE, f"operation {operation} is not permitted on channel {channel!r} by this key or token"
            )

    def intersect(self, other: Capability) -> Capability:
        """What both allow; may be empty."""
        common: dict[str, frozenset[str]] = {}
        for mine, my_operations in self.resources.items():
            for theirs, their_operations in other.resources.items():
                narrower = mine if matches(theirs, mine) else theirs if matches(mine, theirs) else None
                operations = _both(my_operations, their_operations)
                if narrower is not None and operations:
                    common[narrower] = _either(common.get(narrower, frozenset()), operations)
        return Capability(common)

    def to_text(self) -> str:
        """Canonical JSON: resources and operations sorted, no spaces."""
        return json.dumps(
            {resource: sorted(operations) for resource, operations in self.resources.items()},
            sort_keys=True,
            separators=(",", ":"),
        )


def matches(pattern: str, channel: str) -> bool:
    """Whether a resource pattern covers a channel name; a pattern is covered as if its own `*` were plain text."""
    kind, pattern = _split_kind(pattern)
    channel_kind, channel = _split_kind(channel)
    if kind not in (channel_kind, ANY):
        return False
    if pattern in (ANY, channel):
        return True
    if ANY not in pattern:
        return False
    wanted, found = pattern.split(":"), channel.split(":")
    if wanted[-1] == ANY:
        wanted.pop()
        if len(found) <= len(wanted):
            return False
    elif len(found) != len(wanted):
        return False
    return all(segment in (ANY, actual) for segment, actual in zip(wanted, found, strict=False))


def _split_kind(name: str) -> tuple[str, str]:
    if name.startswith("["):
        kind, bracket, rest = name[1:].partition("]")
        if bracket:
            return kind, rest
    return "", name


def _resource(resource: object) -> str:
    if not isinstance(resource, str) or not resource:
        raise AblyError(BAD_REQUEST, "capability has a resource that is no channel name")
    return resource


def _operations(resource: str, named: object) -> frozenset[str]:
    if isinstance(named, str):
        named = [named]
    if not isinstance(named, list) or not named or not all(isinstance(each, str) for each in named):
        raise AblyError(BAD_REQUEST, f"capability for {resource!r} must be a list of operations, at least one")
    operations = frozenset(named)
    unknown = operations - OPERATIONS - {ANY}
    if unknown:
        raise AblyError(
            BAD_REQUEST, f"capability for {resource!r} has an operation that does not exist: {min(unknown)!r}"
        )
    if ANY in operations and len(operations) > 1:
        raise AblyError(BAD_REQUEST, f"capability for {resource!r} has '*' beside other operations")
    return operations


def _both(some: frozenset[str], others: frozenset[str]) -> frozenset[str]:
    if ANY in some:
        return others
    return some if ANY in others else some & others


def _either(some: Iterable[str], others: Iterable[str]) -> frozenset[str]:
    together = frozenset(some) | frozenset(others)
    return frozenset({ANY}) if ANY in together else together
