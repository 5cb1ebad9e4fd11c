"""The key under which push services know the shop (VAPID, RFC 8292), made once and kept in the data folder."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import serialization
from py_vapid import Vapid02, VapidException
from py_vapid.utils import b64urlencode

from endcap.clock import Clock
from endcap.errors import BadConfig
from endcap.wire import epoch_ms

LIFE_S = 12 * 3600  # of a signature; services take at most 24 hours
FILE = "vapid.pem"


class Vapid:
    """Signs requests to push services. Any thread.

    `contact` is how they reach the shop, `mailto:` or `https:`.

    Raises:
        BadConfig: the key file can't be read, or `contact` is none.
    """

    def __init__(self, folder: Path, contact: str, clock: Clock) -> None:
        if urlsplit(contact).scheme not in ("mailto", "https"):
            raise BadConfig("push_contact", "must be mailto:... or https://..., where push services can reach the shop")
        self._contact = contact
        self._clock = clock
        self._key = _load(folder / FILE)

    @property
    def public_key(self) -> str:
        """What a browser wants as `applicationServerKey`: 65 bytes in base64url, without padding."""
        point = self._key.public_key.public_bytes(
            serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
        )
        return str(b64urlencode(point))

    def headers(self, endpoint: str) -> dict[str, str]:
        """The `Authorization` that a request to `endpoint` needs."""
        parts = urlsplit(endpoint)
        now_s = epoch_ms(self._clock.now()) // 1000
        claims = {"sub": self._contact, "aud": f"{parts.scheme}://{parts.netloc}", "exp": now_s + LIFE_S}
        return dict(self._key.sign(claims))


def _load(path: Path) -> Vapid02:
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        return _read(path)
    key = Vapid02()
    key.generate_keys()
    with os.fdopen(descriptor, "wb") as file:
        file.write(key.private_pem())
        file.flush()
        os.fsync(file.fileno())
    return key


def _read(path: Path) -> Vapid02:
    try:
        return Vapid02.from_pem(path.read_bytes())
    except (OSError, ValueError, VapidException) as fault:
        raise BadConfig("data", f"{path} holds no VAPID key ({type(fault).__name__}): delete it, and browsers that "
                                "asked for notifications have to ask anew") from None  # fmt: skip
