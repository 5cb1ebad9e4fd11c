"""Modes: what a connection asks to do on a channel, and what its capability grants."""

from __future__ import annotations

from enum import IntFlag
from typing import Final

from endcap_devkit.ably_server.capability import Capability
from endcap_devkit.ably_server.errors import BAD_REQUEST, NOT_CAPABLE, AblyError


class Flag(IntFlag):
    """The flags of ATTACH and ATTACHED: what happened, and the modes."""

    HAS_PRESENCE = 1
    HAS_BACKLOG = 1 << 1
    RESUMED = 1 << 2
    ATTACH_RESUME = 1 << 5
    PRESENCE = 1 << 16
    PUBLISH = 1 << 17
    SUBSCRIBE = 1 << 18
    PRESENCE_SUBSCRIBE = 1 << 19
    ANNOTATION_PUBLISH = 1 << 21
    ANNOTATION_SUBSCRIBE = 1 << 22


_NEEDS: Final = {  # any one of these operations grants the mode
    Flag.PRESENCE: ("presence",),
    Flag.PUBLISH: ("publish",),
    Flag.SUBSCRIBE: ("subscribe",),
    Flag.PRESENCE_SUBSCRIBE: ("subscribe", "presence-subscribe"),
    Flag.ANNOTATION_PUBLISH: ("annotation-publish",),
    Flag.ANNOTATION_SUBSCRIBE: ("annotation-subscribe",),
}
_MODES: Final = {(mode.name or "").lower(): mode for mode in _NEEDS}
ALL_MODES: Final = Flag(sum(_NEEDS))
_DEFAULT_MODES: Final = ALL_MODES & ~Flag.ANNOTATION_SUBSCRIBE


def granted(asked: Flag | None, capability: Capability, channel: str) -> Flag:
    """The modes asked for (None: the usual ones) that `capability` covers on `channel`.

    Raises:
        AblyError: 40160, none.
    """
    modes = Flag(0)
    for mode, operations in _NEEDS.items():
        if mode in (asked or _DEFAULT_MODES) and any(capability.allows(each, channel) for each in operations):
            modes |= mode
    if not modes:
        raise AblyError(NOT_CAPABLE, f"channel {channel!r} is denied by the capability of this key or token")
    return modes


def modes_of_param(text: str) -> Flag:
    """`publish,subscribe` as flags; raises AblyError 40000 for a mode that does not exist."""
    modes = Flag(0)
    for word in text.split(","):
        mode = _MODES.get(word.strip().lower())
        if mode is None:
            raise AblyError(BAD_REQUEST, f"{word.strip()[:40]!r} is not a channel mode; there are {', '.join(_MODES)}")
        modes |= mode
    return modes
