"""Keyring: the keys that sign what signs say, and how far each can be trusted."""

from __future__ import annotations

import base64
import hmac
import json
import os
import re
import secrets
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from endcap.clock import Clock, SystemClock
from endcap.errors import BadConfig
from endcap_lite.settings import folder_refused
from endcap_lite.zones import Zone, Zones

MAC_BYTES = 16  # 128 bits, 26 characters in base32
STEP_S = 30  # how long a rotating sign shows one code
PRINTED, ROTATING, STAFF = 1, 2, 3  # evidence levels; 0 is her word or her satellites alone
LEVELS = {PRINTED: "printed", ROTATING: "rotating", STAFF: "staff"}
MAX_TEXT = 96
_KID = re.compile(r"[A-Z0-9]{1,8}")
_DUMMY = secrets.token_bytes(32)  # stands in for an unknown key, so that it takes as long as a wrong MAC


@dataclass(frozen=True, slots=True)
class SignKey:
    """One secret. `level` is what its signs prove: 1 somebody saw this print once, 2 she stands before a display now,
    3 staff showed it to her. A key of level 2 or 3 changes its MAC every 30 seconds."""

    kid: str
    level: int
    secret: bytes
    revoked: bool = False

    @property
    def rotating(self) -> bool:
        return self.level >= ROTATING

    def mac(self, zone_key: str, step: int) -> str:
        """The MAC for a zone, 26 characters of base32; `step` counts only for rotating keys."""
        text = f"sign\x1f{self.kid}\x1f{zone_key}\x1f{step if self.rotating else 0}"
        digest = hmac.digest(self.secret, text.encode(), "sha256")[:MAC_BYTES]
        return base64.b32encode(digest).decode().rstrip("=")

    def till_mac(self, zone_key: str) -> str:
        """What a till's display must know to show this zone's rotating code."""
        digest = hmac.digest(self.secret, f"till\x1f{self.kid}\x1f{zone_key}".encode(), "sha256")[:MAC_BYTES]
        return base64.b32encode(digest).decode().rstrip("=")


@dataclass(frozen=True, slots=True)
class Claim:
    """That she is at a zone, how well it is proven (0 to 3), and the sign's text as scanned."""

    zone: Zone
    level: int
    sign: str | None = None


class Keyring:
    """The keys of one server, in a file that only it and `endcap-lite signs` read. Any thread.

    A change of the file counts from the next request on: revoking needs no restart.

    Raises:
        BadConfig: the file can't be read.
    """

    def __init__(self, path: Path, clock: Clock | None = None) -> None:
        self._path = path
        self._clock = clock or SystemClock()
        self._read_at = -1
        self._keys: dict[str, SignKey] = {}
        self._refresh()

    def __iter__(self) -> Iterator[SignKey]:
        """Oldest first, the revoked included."""
        self._refresh()
        return iter(list(self._keys.values()))

    def current(self, level: int) -> SignKey | None:
        """The newest live key of a level: the one to sign with."""
        live = [key for key in self if key.level == level and not key.revoked]
        return live[-1] if live else None

    def add(self, level: int) -> SignKey:
        """Make a key of this level; older ones stay good until they are revoked."""
        self._refresh()
        kid = next(name for name in _kids() if name not in self._keys)
        key = SignKey(kid, level, secrets.token_bytes(32))
        self._write({**self._keys, kid: key})
        return key

    def revoke(self, kid: str) -> None:
        """End all signs of a key.

        Raises:
            BadConfig: there is no such key.
        """
        self._refresh()
        if kid not in self._keys:
            raise BadConfig("--revoke", f"there is no key {kid!r}; there are {', '.join(self._keys) or 'none'}")
        self._write({**self._keys, kid: replace(self._keys[kid], revoked=True)})

    def text(self, key: SignKey, zone: Zone) -> str:
        """What a sign of this zone says now: `kid.store.zone.mac`, all of it fit for a QR code's alphanumeric mode."""
        return f"{key.kid}.{zone.key}.{key.mac(zone.key, self._step())}"

    def claim(self, text: str, zones: Zones) -> Claim | None:
        """The claim that a scanned text proves; None for a wrong MAC, an unknown zone, an unknown or revoked key.

        A rotating sign is good for its step and one either side. It takes the same work whatever is wrong.
        """
        kid, _, rest = text[:MAX_TEXT].upper().partition(".")
        zone_key, _, mac = rest.rpartition(".")
        self._refresh()
        key = self._keys.get(kid)
        zone = zones.get(zone_key)
        trusted = key if key is not None and not key.revoked else None
        signer = trusted or SignKey(kid, PRINTED, _DUMMY)
        now = self._step()
        steps = (now - 1, now, now + 1) if signer.rotating else (now,)
        right = [hmac.compare_digest(signer.mac(zone_key, step).encode(), mac.encode()) for step in steps]
        if trusted is None or zone is None or not any(right):
            return None
        return Claim(zone, trusted.level, text.upper())

    def till(self, text: str, zones: Zones) -> tuple[SignKey, Zone] | None:
        """The rotating key and the zone of a till's display that knows its address; None when it is none of ours."""
        kid, _, rest = text[:MAX_TEXT].upper().partition(".")
        zone_key, _, mac = rest.rpartition(".")
        self._refresh()
        key, zone = self._keys.get(kid), zones.get(zone_key)
        if key is None or zone is None or key.revoked or not key.rotating:
            return None
        return (key, zone) if hmac.compare_digest(key.till_mac(zone_key).encode(), mac.encode()) else None

    def _step(self) -> int:
        return int(self._clock.now().timestamp()) // STEP_S

    def _refresh(self) -> None:
        try:
            changed_at = self._path.stat().st_mtime_ns
        except (FileNotFoundError, NotADirectoryError):
            self._keys = {}
            return
        if changed_at != self._read_at:
            self._keys = _read(self._path)
            self._read_at = changed_at

    def _write(self, keys: dict[str, SignKey]) -> None:
        rows = [{**asdict(key), "secret": base64.b64encode(key.secret).decode()} for key in keys.values()]
        beside = self._path.with_suffix(".new")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
                json.dump({"keys": rows}, file, indent=1)
            beside.replace(self._path)
        except OSError as fault:
            raise folder_refused(self._path.parent, fault) from None
        self._refresh()


def _read(path: Path) -> dict[str, SignKey]:
    try:
        return {key.kid: key for key in map(_key, json.loads(path.read_text())["keys"])}
    except (OSError, ValueError, KeyError, TypeError) as fault:
        raise BadConfig(
            "sign keys", f"{path} can't be read ({fault!r}); restore it, or remove it and print anew"
        ) from None


def _key(row: dict[str, Any]) -> SignKey:
    secret = base64.b64decode(row["secret"], validate=True)
    if not _KID.fullmatch(row["kid"]) or row["level"] not in LEVELS or len(secret) < MAC_BYTES:
        raise ValueError(f"key {row['kid']!r}")
    return SignKey(row["kid"], row["level"], secret, bool(row["revoked"]))


def _kids() -> Iterator[str]:
    """A1 ... A9, B1 ... Z9: two characters keep the QR code small."""
    return (f"{letter}{digit}" for letter in "ABCDEFGHJKLMNPQRSTUVWXYZ" for digit in range(1, 10))
