"""The keys a till verifies codes with: fetched when it can, kept for when it can't."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from endcap.errors import BadMessage


def read_jwks(value: object) -> dict[bytes, Ed25519PublicKey]:
    """The Ed25519 keys of a JSON Web Key Set by the name a code gives them; keys of other kinds are left out.

    Raises:
        BadMessage: no key set, or a key in it that is none.
    """
    keys = value.get("keys") if isinstance(value, Mapping) else None
    if not isinstance(keys, list):
        raise BadMessage("keys", "must be an array: this is no JSON Web Key Set")
    return dict(_key(each) for each in keys if isinstance(each, Mapping) and each.get("crv") == "Ed25519")


def load_kept(path: Path) -> Any:
    """The key set that was kept in `path`.

    Raises:
        BadMessage: there is none, or it can't be read.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadMessage("keys", f"there are none in {path}: run once with the backend in reach") from None
    except (OSError, ValueError) as fault:
        raise BadMessage("keys", f"{path} can't be read: {fault}") from None


def keep(path: Path, jwks: object) -> None:
    """Keep a key set for a time without the backend."""
    path.write_text(json.dumps(jwks), encoding="utf-8")


def _key(jwk: Mapping[str, Any]) -> tuple[bytes, Ed25519PublicKey]:
    try:
        x = str(jwk["x"])
        public = Ed25519PublicKey.from_public_bytes(urlsafe_b64decode(x + "=" * (-len(x) % 4)))
        return bytes.fromhex(jwk["kid"]), public
    except (KeyError, ValueError, TypeError):
        raise BadMessage("keys", "holds a key that can't be read") from None
