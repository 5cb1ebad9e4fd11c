"""The shoppers who are told nothing, so that what telling is worth can be measured against them."""

from __future__ import annotations

from hashlib import sha256

_SALT = b"endcap held out\x1f"  # must never change: whoever is held out stays so


def is_held_out(uid: str, share: float) -> bool:
    """True for about `share` (0 to 1) of all shoppers, always the same; who is in a share is in every larger one."""
    if share <= 0:
        return False
    drawn = int.from_bytes(sha256(_SALT + uid.encode()).digest()[:7], "big")  # 56 bits: a float holds no more
    return drawn < share * 2**56
