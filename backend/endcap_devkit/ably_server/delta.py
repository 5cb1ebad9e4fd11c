"""Deltas: a payload as its difference from the one before it, in VCDIFF (RFC 3284).

One window with one source segment, the whole earlier payload: copy what both begin with, add what is new, copy what
both end with. That is what suits a payload of which a field or two change; it is always valid and never larger than
the payload plus some twenty bytes.
"""

from __future__ import annotations

from typing import Final

HEADER: Final = b"\xd6\xc3\xc4\x00\x00"  # "VCD", version 0, no indicator: default code table, no compression
_SOURCE_WINDOW: Final = 1  # VCD_SOURCE
_ADD: Final = 1  # default code table: ADD, size follows
_COPY: Final = 19  # default code table: COPY in mode 0, size follows, address is absolute
_SHORTEST_COPY: Final = 4  # bytes; a shorter one costs more than it saves


def encode(source: bytes, target: bytes) -> bytes:
    """The VCDIFF that makes `target` from `source`."""
    prefix = _common(source, target)
    suffix = _common(source[prefix:][::-1], target[prefix:][::-1])
    prefix, suffix = (each if each >= _SHORTEST_COPY else 0 for each in (prefix, suffix))
    added = target[prefix : len(target) - suffix]
    instructions = addresses = b""
    if prefix:
        instructions += bytes([_COPY]) + _number(prefix)
        addresses += _number(0)
    if added:
        instructions += bytes([_ADD]) + _number(len(added))
    if suffix:
        instructions += bytes([_COPY]) + _number(suffix)
        addresses += _number(len(source) - suffix)
    sections = _number(len(added)) + _number(len(instructions)) + _number(len(addresses))
    body = _number(len(target)) + b"\x00" + sections + added + instructions + addresses
    window = bytes([_SOURCE_WINDOW]) + _number(len(source)) + _number(0)
    return HEADER + window + _number(len(body)) + body


def _common(some: bytes, others: bytes) -> int:
    """How many bytes both begin with."""
    low, high = 0, min(len(some), len(others))
    while low < high:  # by halves: comparing slices is quicker than comparing bytes
        middle = (low + high + 1) // 2
        if some[:middle] == others[:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _number(value: int) -> bytes:
    """RFC 3284's integers: seven bits a byte, most significant first, all but the last with the high bit set."""
    encoded = bytes([value & 0x7F])
    while value := value >> 7:
        encoded = bytes([0x80 | value & 0x7F]) + encoded
    return encoded
