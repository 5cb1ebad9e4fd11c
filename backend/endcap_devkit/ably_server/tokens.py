"""Tokens: issued to a signed request, or made by whoever holds a key as a JWT."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from endcap_devkit.ably_server.accounts import Accounts, Key
from endcap_devkit.ably_server.capability import Capability
from endcap_devkit.ably_server.errors import (
    BAD_JWT,
    BAD_REQUEST,
    NO_CREDENTIALS,
    NOT_CAPABLE,
    TOKEN_EXPIRED,
    TOKEN_REVOKED,
    UNKNOWN_TOKEN,
    AblyError,
)
from endcap_devkit.ably_server.token_requests import MAX_TTL_MS, Signatures, read_client_id, read_ttl_ms

MAX_REVOCATIONS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Token:
    """What a token says. `client_id` is None, a name, or `*` (any name, one at a time)."""

    text: str
    key: Key
    issued_ms: int
    expires_ms: int
    capability: Capability
    client_id: str | None
    revocation_key: str | None = None

    def to_wire(self) -> dict[str, Any]:
        """The `TokenDetails` object that clients read."""
        details: dict[str, Any] = {
            "token": self.text,
            "keyName": self.key.name,
            "issued": self.issued_ms,
            "expires": self.expires_ms,
            "capability": self.capability.to_text(),
        }
        return details if self.client_id is None else details | {"clientId": self.client_id}


class Tokens:
    """Issues and checks tokens. An opaque token carries its own claims, sealed: nothing is kept for it."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self._seal = secrets.token_bytes(32)
        self._signatures = Signatures()
        self._dead: OrderedDict[str, int] = OrderedDict()  # digest of a token -> the code it is refused with
        self._revoked: OrderedDict[tuple[str, str], tuple[int, int]] = OrderedDict()  # (key name, target)

    def issue(self, key: Key, request: Mapping[str, Any], now_ms: int, signed_by_key: bool = False) -> Token:
        """A token for a request: signed by its `mac`, or sent with the key itself (`signed_by_key`).

        Raises:
            AblyError: 40003 (ttl), 40012 (clientId), 40101 (mac), 40104 (timestamp), 40105 (nonce), 40160 (nothing
            of the capability is the key's), 40000 (anything else).
        """
        if request.get("keyName") not in (None, key.name):
            raise AblyError(NO_CREDENTIALS, "keyName in the body is another than in the path")
        if request.get("mac") is not None:
            self._signatures.check(key, request, now_ms)
        elif not signed_by_key:
            raise AblyError(NO_CREDENTIALS, "a token request needs a mac, or Basic authentication with its key")
        ttl_ms = read_ttl_ms(request.get("ttl"))
        client_id = read_client_id(request.get("clientId"))
        capability = _granted(key, request.get("capability"))
        claims = {
            "k": key.name,
            "i": now_ms,
            "e": now_ms + ttl_ms,
            "c": capability.to_text(),
            "u": client_id,
            "r": secrets.token_hex(4),  # two alike requests give two tokens
        }
        return Token(self._sealed(key, claims), key, now_ms, now_ms + ttl_ms, capability, client_id)

    def read(self, text: str, now_ms: int) -> Token:
        """What a presented token says.

        Raises:
            AblyError: 40101 (no token at all), 40140 (unknown), 40141 (revoked), 40142 (expired), 40144 (bad JWT),
            40400 (JWT of an unknown key).
        """
        is_jwt = text.count(".") == 2 and text.startswith("ey") and text.isascii()
        token = self._read_jwt(text) if is_jwt else self._read_opaque(text)
        if token.expires_ms <= now_ms:
            raise AblyError(TOKEN_EXPIRED, "the token has expired")
        code = self._dead.get(_digest(text)) or (TOKEN_REVOKED if self.is_revoked(token, now_ms) else None)
        if code:
            raise AblyError(code, "the token has expired" if code == TOKEN_EXPIRED else "the token has been revoked")
        return token

    def expire(self, text: str) -> None:
        """Refuse this token from now on as if it had expired."""
        self._dead[_digest(text)] = TOKEN_EXPIRED
        _bound(self._dead, MAX_REVOCATIONS)

    def revoke(self, key: Key, target: str, issued_before_ms: int, applies_at_ms: int) -> None:
        """From `applies_at_ms` on, refuse tokens of `key` issued before a time that match `clientId:…`, `channel:…` or
        `revocationKey:…`."""
        self._revoked[key.name, target] = issued_before_ms, applies_at_ms
        _bound(self._revoked, MAX_REVOCATIONS)

    def is_revoked(self, token: Token, now_ms: int) -> bool:
        """Whether a token is refused, or will be at `now_ms`."""
        targets = [f"clientId:{token.client_id}", f"revocationKey:{token.revocation_key}"]
        targets += [f"channel:{name}" for name in token.capability.resources]
        found = [
            self._revoked[token.key.name, target] for target in targets if (token.key.name, target) in self._revoked
        ]
        return any(
            token.issued_ms <= issued_before_ms and applies_ms <= now_ms for issued_before_ms, applies_ms in found
        )

    def _sealed(self, key: Key, claims: Mapping[str, Any]) -> str:
        body = _b64(json.dumps(claims, separators=(",", ":")).encode())
        return f"{key.name.partition('.')[0]}.{body}{self._mac(body)}"

    def _mac(self, body: str) -> str:
        return _b64(hmac.digest(self._seal, body.encode(), "sha256")[:18])  # 24 characters

    def _read_opaque(self, text: str) -> Token:
        app_id, dot, sealed = text.partition(".")
        if not dot:
            raise AblyError(NO_CREDENTIALS, "this is not a token")
        if app_id not in self._accounts.apps:
            raise AblyError(NO_CREDENTIALS, "the token belongs to no application")
        body, mac = sealed[:-24], sealed[-24:]
        if not hmac.compare_digest(self._mac(body).encode(), mac.encode("utf-8", "surrogateescape")):
            raise AblyError(UNKNOWN_TOKEN, "the token is unknown")
        claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        key = self._accounts.apps[app_id].keys.get(claims["k"])
        if key is None:
            raise AblyError(UNKNOWN_TOKEN, "the token's key is no more")
        return Token(text, key, claims["i"], claims["e"], Capability.read(claims["c"]), claims["u"])

    def _read_jwt(self, text: str) -> Token:
        header, claims = read_jwt_part(text, 0), read_jwt_part(text, 1)
        key_name = header.get("kid")
        if not isinstance(key_name, str):
            raise AblyError(BAD_JWT, "the JWT's header has no kid that names a key")
        key = self._accounts.key(key_name)
        if header.get("alg") != "HS256":
            raise AblyError(BAD_JWT, "the JWT must be signed with HS256")
        signed, _, signature = text.rpartition(".")
        if not hmac.compare_digest(_b64(hmac.digest(key.secret.encode(), signed.encode(), "sha256")), signature):
            raise AblyError(BAD_JWT, "the JWT is not signed with the secret of its key")
        return _from_claims(text, key, claims)


def read_jwt_part(text: str, index: int) -> dict[str, Any]:
    """The header (0) or claims (1) of a JWT, not yet believed.

    Raises:
        AblyError: 40144.
    """
    part = text.split(".")[index]
    try:
        value = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise AblyError(BAD_JWT, "the JWT can't be read")
    return value


def _from_claims(text: str, key: Key, claims: Mapping[str, Any]) -> Token:
    issued_s, expires_s = _seconds(claims.get("iat")), _seconds(claims.get("exp"))
    if issued_s is None or expires_s is None:
        raise AblyError(BAD_JWT, "the JWT needs iat and exp, in seconds")
    if (expires_s - issued_s) * 1000 > MAX_TTL_MS:
        raise AblyError(BAD_JWT, "the JWT lives longer than 24 hours")
    client_id = claims.get("x-ably-clientId")
    if client_id is not None and not isinstance(client_id, str):
        raise AblyError(BAD_JWT, "x-ably-clientId must be text")
    try:
        capability = _granted(key, claims.get("x-ably-capability"))
    except AblyError as fault:
        raise AblyError(fault.code if fault.code == NOT_CAPABLE else BAD_JWT, fault.message) from None
    revocation_key = claims.get("x-ably-revocation-key")
    times_ms = int(issued_s * 1000), int(expires_s * 1000)
    return Token(
        text, key, *times_ms, capability, client_id, revocation_key if isinstance(revocation_key, str) else None
    )


def _granted(key: Key, asked: object) -> Capability:
    if asked is None or asked == "":
        return key.capability
    if not isinstance(asked, str):
        raise AblyError(BAD_REQUEST, "capability must be JSON text")
    granted = Capability.read(asked).intersect(key.capability)
    if not granted.resources:
        raise AblyError(NOT_CAPABLE, "none of the capability asked for is the key's")
    return granted


def _seconds(raw: object) -> float | None:
    usable = isinstance(raw, int | float) and not isinstance(raw, bool) and abs(raw) < 1e12
    return float(raw) if usable else None  # type: ignore[arg-type]  # a number, as just checked


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def _bound(table: OrderedDict[Any, Any], most: int) -> None:
    while len(table) > most:
        table.popitem(last=False)


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
