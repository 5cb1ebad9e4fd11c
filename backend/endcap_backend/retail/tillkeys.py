"""The keys that sign the codes shoppers show at the till: in the data folder, and made anew every month.

A key is published a day before it signs, so that a till which is offline knows it by then, and for two days after the
next one took over. A key that got into wrong hands is replaced at once with `endcap-backend till-keys --rotate`.
"""

from __future__ import annotations

import fcntl
import json
import os
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from endcap.clock import Clock
from endcap.errors import BadConfig
from endcap.wire import write_instant
from endcap_backend.datafolder import data_folder

SIGNS_FOR = timedelta(days=30)
PUBLISHED_AHEAD = timedelta(days=1)  # also how old a scan of a till that was offline may be
PUBLISHED_AFTER = timedelta(days=2)
KID_BYTES = 4


@dataclass(frozen=True, slots=True)
class TillKey:
    """An Ed25519 key, and from when it signs."""

    seed: bytes
    signs_from: datetime

    @property
    def private(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.seed)

    @property
    def public(self) -> Ed25519PublicKey:
        return self.private.public_key()

    @property
    def kid(self) -> bytes:
        """Names the key in a code: the beginning of the public key's SHA-256."""
        return sha256(self.public.public_bytes_raw()).digest()[:KID_BYTES]

    def jwk(self) -> dict[str, str]:
        """The public half as RFC 8037 writes it."""
        x = urlsafe_b64encode(self.public.public_bytes_raw()).rstrip(b"=").decode()
        return {"kty": "OKP", "crv": "Ed25519", "kid": self.kid.hex(), "x": x, "use": "sig", "alg": "EdDSA"}


class TillKeys:
    """The keys in a data folder, readable by its owner alone. Safe from any thread and from several processes.

    Raises:
        BadConfig: the file can't be read or written, or holds something else.
    """

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._path = folder / "till-keys"
        self._clock = clock
        self._lock = Lock()
        self._read_at: tuple[int, int] | None = None  # the file as it was read: its time and number
        self._keys: list[TillKey] = []
        with data_folder(folder):
            self.known()

    def signing(self) -> TillKey:
        """The key that signs now."""
        now = self._clock.now()
        return [key for key in self.known() if key.signs_from <= now][-1]

    def known(self) -> list[TillKey]:
        """Every key that may have signed a code that is still good, and the next one; oldest first."""
        with self._lock:
            self._look()
            if self._tended(self._keys) != self._keys:
                self._change(self._tended)
            return list(self._keys)

    def public(self) -> dict[bytes, Ed25519PublicKey]:
        """The public keys by the name a code gives them."""
        return {key.kid: key.public for key in self.known()}

    def jwks(self) -> dict[str, Any]:
        """What `GET /v1/till/keys` answers."""
        return {"keys": [key.jwk() for key in self.known()]}

    def rotate(self) -> TillKey:
        """Sign with a new key from now on, and forget every other: codes they signed are refused."""
        new = _new_key(self._clock.now())
        with self._lock:
            self._change(lambda keys: [new])
        return new

    def _tended(self, keys: list[TillKey]) -> list[TillKey]:
        """The keys as they should be now: the next one in time, old ones gone."""
        now = self._clock.now()
        if not keys:
            return [_new_key(now)]
        found = list(keys)
        while now >= found[-1].signs_from + SIGNS_FOR - PUBLISHED_AHEAD:
            found.append(_new_key(max(found[-1].signs_from + SIGNS_FOR, now + PUBLISHED_AHEAD)))
        ended = [later.signs_from + PUBLISHED_AFTER <= now for later in found[1:]]
        return [key for key, gone in zip(found, [*ended, False], strict=True) if not gone]

    def _look(self) -> None:
        """Read the file when it is another than the one that was read."""
        try:
            stat = self._path.stat()
        except FileNotFoundError:
            self._keys, self._read_at = [], None
            return
        if self._read_at != (stat.st_mtime_ns, stat.st_ino):
            self._keys, self._read_at = self._read(), (stat.st_mtime_ns, stat.st_ino)

    def _change(self, change: Any) -> None:
        with self._alone():
            self._look()
            self._keys = change(self._keys)
            self._write()
            self._look()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """No other process changes the file meanwhile."""
        with (self._path.parent / "till-keys.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _read(self) -> list[TillKey]:
        try:
            keys = [_key(each) for each in json.loads(self._path.read_text())["keys"]]
            if not keys:
                raise ValueError("no key")
        except OSError as fault:
            raise BadConfig("till-keys", f"{self._path} can't be read: {fault.strerror}") from None
        except (ValueError, KeyError, TypeError):
            raise BadConfig("till-keys", f"{self._path} is damaged: delete it to have a key made anew") from None
        return sorted(keys, key=lambda key: key.signs_from)

    def _write(self) -> None:
        text = json.dumps({"keys": [_kept(key) for key in self._keys]})
        beside = self._path.with_suffix(".new")
        beside.unlink(missing_ok=True)
        descriptor = os.open(beside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self._path)


def _new_key(signs_from: datetime) -> TillKey:
    return TillKey(Ed25519PrivateKey.generate().private_bytes_raw(), signs_from)


def _key(kept: Mapping[str, str]) -> TillKey:
    key = TillKey(bytes.fromhex(kept["seed"]), datetime.fromisoformat(kept["signs_from"]))
    if len(key.seed) != 32 or key.signs_from.tzinfo is None:
        raise ValueError("no key")
    return key


def _kept(key: TillKey) -> dict[str, str]:
    return {"seed": key.seed.hex(), "signs_from": write_instant(key.signs_from)}
