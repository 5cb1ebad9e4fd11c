"""The secret that signs tokens: given by the operator, or made once and kept beside the log."""

from __future__ import annotations

import hmac
import os
import secrets
from pathlib import Path

from endcap.errors import BadConfig

SECRET_CHARS = 32  # at least; 256 bit when we make it


def load_secret(given: str, folder: Path) -> str:
    """The operator's secret, or the one in `folder`, which is made at the first start, readable by its owner alone.

    Raises:
        BadConfig: the file can't be read or is too short.
    """
    if given:
        return given
    path = folder / "secret"
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        return _read(path)
    with os.fdopen(descriptor, "w") as file:
        made = secrets.token_hex(SECRET_CHARS)
        file.write(made)
        file.flush()
        os.fsync(file.fileno())
    return made


def derived_key(secret: str, purpose: str) -> bytes:
    """A key for one purpose alone: what is signed for one can't be used for another."""
    return hmac.digest(secret.encode(), f"endcap {purpose}".encode(), "sha256")


def _read(path: Path) -> str:
    try:
        found = path.read_text().strip()
    except OSError as fault:
        raise BadConfig("secret", f"{path} can't be read: {fault}") from None
    if len(found) < SECRET_CHARS:
        raise BadConfig("secret", f"{path} holds fewer than {SECRET_CHARS} characters: delete it to have one made anew")
    return found
