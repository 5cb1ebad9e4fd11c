"""Token requests: who signed them, when, and what they ask for."""

from __future__ import annotations

import base64
import hmac
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Final

from endcap_devkit.ably_server.accounts import Key
from endcap_devkit.ably_server.errors import (
    BAD_CLIENT_ID,
    BAD_PARAMETER,
    BAD_REQUEST,
    BAD_TIMESTAMP,
    NO_CREDENTIALS,
    NONCE_REPLAYED,
    AblyError,
)

DEFAULT_TTL_MS: Final = 3_600_000
MAX_TTL_MS: Final = 86_400_000
TIMESTAMP_WINDOW_MS: Final = 900_000  # how far a request's timestamp may be off
MIN_NONCE_CHARS: Final = 16
MAX_NONCES: Final = 100_000  # remembered; the oldest goes first


class Signatures:
    """Checks what a client signed with its key; each request works once."""

    def __init__(self) -> None:
        self._nonces: OrderedDict[tuple[str, int], None] = OrderedDict()

    def check(self, key: Key, request: Mapping[str, Any], now_ms: int) -> None:
        """Raises AblyError: 40101 (mac), 40104 (timestamp), 40105 (used before), 40000 (a field of the wrong form)."""
        mac, nonce, timestamp = request.get("mac"), request.get("nonce"), _whole(request.get("timestamp"))
        if not isinstance(nonce, str) or len(nonce) < MIN_NONCE_CHARS:
            raise AblyError(BAD_REQUEST, f"nonce must be text of at least {MIN_NONCE_CHARS} characters")
        if timestamp is None:
            raise AblyError(BAD_REQUEST, "timestamp must be a whole number of milliseconds")
        if not isinstance(mac, str) or not hmac.compare_digest(
            sign_request(key.secret, key.name, request).encode(), mac.encode()
        ):
            raise AblyError(NO_CREDENTIALS, "the mac does not sign this token request")
        if abs(now_ms - timestamp) > TIMESTAMP_WINDOW_MS:
            raise AblyError(BAD_TIMESTAMP, "the token request's timestamp is more than 15 minutes off", 401)
        if (nonce, timestamp) in self._nonces:
            raise AblyError(NONCE_REPLAYED, "the token request was used before", 401)
        self._nonces[nonce, timestamp] = None
        if len(self._nonces) > MAX_NONCES:
            self._nonces.popitem(last=False)


def sign_request(secret: str, key_name: str, request: Mapping[str, Any]) -> str:
    """The `mac` of a token request: HMAC-SHA256 over its fields, one a line, absent ones empty."""
    fields = [key_name, *(request.get(name) for name in ("ttl", "capability", "clientId", "timestamp", "nonce"))]
    text = "".join(f"{'' if field is None else field}\n" for field in fields)
    return base64.b64encode(hmac.digest(secret.encode(), text.encode("utf-8", "surrogatepass"), "sha256")).decode()


def read_ttl_ms(raw: object) -> int:
    if raw is None or raw == "":
        return DEFAULT_TTL_MS
    ttl_ms = _whole(raw)
    if ttl_ms is None or not 0 < ttl_ms <= MAX_TTL_MS:
        raise AblyError(BAD_PARAMETER, f"ttl must be a whole number of milliseconds from 1 to {MAX_TTL_MS}", 400)
    return ttl_ms


def read_client_id(raw: object) -> str | None:
    if raw is not None and (not isinstance(raw, str) or not raw):
        raise AblyError(BAD_CLIENT_ID, "clientId must be text and not empty", 400)
    return raw


def _whole(raw: object) -> int | None:
    """A whole number, also as text: a client may send its query parameters on."""
    if isinstance(raw, str) and raw.isascii() and raw.isdigit() and len(raw) < 20:
        return int(raw)
    return raw if isinstance(raw, int) and not isinstance(raw, bool) else None
