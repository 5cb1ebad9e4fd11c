"""Passwords of the staff: kept as scrypt makes them, so that the table gives none away."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from base64 import b64decode, b64encode

from endcap.errors import BadConfig

MIN_CHARS = 10
MAX_CHARS = 256
_COST, _BLOCK, _LANES = 2**14, 8, 1  # 16 MiB and some 50 ms a try, as RFC 7914 has it for signing in
_SALT_BYTES = 16


def hashed(password: str) -> str:
    """What is kept of a password: `scrypt$n$r$p$salt$hash`, different each time.

    Raises:
        BadConfig: too short or too long.
    """
    if not MIN_CHARS <= len(password) <= MAX_CHARS:
        raise BadConfig("password", f"has {len(password)} characters; {MIN_CHARS} to {MAX_CHARS} are taken")
    salt = secrets.token_bytes(_SALT_BYTES)
    made = _scrypt(password, salt, _COST, _BLOCK, _LANES)
    return f"scrypt${_COST}${_BLOCK}${_LANES}${b64encode(salt).decode()}${b64encode(made).decode()}"


def matches(password: str, kept: str) -> bool:
    """True when `kept` was made of this password; takes as long when it was not."""
    _, cost, block, lanes, salt, made = kept.split("$")
    found = _scrypt(password, b64decode(salt), int(cost), int(block), int(lanes))
    return hmac.compare_digest(found, b64decode(made))


def _scrypt(password: str, salt: bytes, cost: int, block: int, lanes: int) -> bytes:
    raw = password.encode("utf-8", "surrogatepass")
    return hashlib.scrypt(raw, salt=salt, n=cost, r=block, p=lanes, maxmem=2 * 128 * cost * block)
