"""The six characters under a sign, for whoever has no camera: five name the zone, the last catches a slip."""

from __future__ import annotations

import hmac
from collections.abc import Iterable

from endcap.errors import BadConfig
from endcap_lite.signs.keys import PRINTED, Keyring, SignKey
from endcap_lite.zones import Zone, Zones

ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # no zero, O, one or I: they look alike on paper
LENGTH = 6
_POLYNOMIAL = 0b100101  # x^5 + x^2 + 1, over which the 32 characters are a field


def code_of(key: SignKey, zone: Zone) -> str:
    """The code of a zone's sign under a key: 25 bits of its MAC and a check character."""
    digest = hmac.digest(key.secret, f"code\x1f{key.kid}\x1f{zone.key}".encode(), "sha256")
    bits = int.from_bytes(digest[:4]) >> 7
    values = [bits >> shift & 31 for shift in (20, 15, 10, 5, 0)]
    return "".join(ALPHABET[value] for value in [*values, _check(values)])


def is_sound(code: str) -> bool:
    """True when the check character fits: any one wrong character, and any two that changed places, are noticed."""
    if len(code) != LENGTH or any(char not in ALPHABET for char in code):
        return False
    *values, check = (ALPHABET.index(char) for char in code)
    return _check(values) == check


def zone_of(typed: str, keyring: Keyring, zones: Zones) -> Zone | None:
    """The zone whose sign bears what she typed, in either case, with spaces or hyphens; None when none does."""
    code = "".join(char for char in typed[:32].upper() if char not in " -.")
    if not is_sound(code):
        return None
    keys = [key for key in keyring if key.level == PRINTED and not key.revoked]
    return next((zone for key in keys for zone in zones if hmac.compare_digest(code_of(key, zone), code)), None)


def check_distinct(key: SignKey, zones: Iterable[Zone]) -> None:
    """Make sure that no two zones share a code before they are printed: of 1,000 zones, two do once in 67 times.

    Raises:
        BadConfig: names the two.
    """
    seen: dict[str, Zone] = {}
    for zone in zones:
        twin = seen.setdefault(code_of(key, zone), zone)
        if twin is not zone:
            raise BadConfig("zones", f"{twin.key} and {zone.key} get the same typed code; make a new key by --rotate")


def _check(values: Iterable[int]) -> int:
    """The sum of a^i times the i-th value, where a generates the field: each place has a weight of its own."""
    total = 0
    for value in reversed(list(values)):
        total = _double(total ^ value)
    return total


def _double(value: int) -> int:
    value <<= 1
    return value ^ _POLYNOMIAL if value & 32 else value
