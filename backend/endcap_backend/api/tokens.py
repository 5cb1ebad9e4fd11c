"""Tokens: the signed kind that this API gives and takes, and the kind that opens a shopper's Ably channels."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import jwt

from endcap.clock import Clock
from endcap_backend.secretfile import derived_key

ISSUER = "endcap"
ALGORITHM = "HS256"
ACCESS = "access"  # a session's bearer token
REFRESH = "refresh"  # good for one new session token
STAFF = "staff"  # the bearer token of who works in the shop; names her session
KNOWN = 20_000  # tokens remembered as good: checking a signature costs a tenth of a request
_REQUIRED = ("iss", "aud", "sub", "iat", "exp")


class BadToken(Exception):
    """A token that is not ours, not for this, or over; says which, never what it held."""


class Tokens:
    """Signs and reads tokens of one kind each: the kind stands in `typ` and `aud`, and has a key of its own.

    Safe from any thread. HS256 alone is read, and no header may bring a key or name one.
    """

    def __init__(self, secret: str, clock: Clock) -> None:
        self._keys = {kind: derived_key(secret, kind) for kind in (ACCESS, REFRESH, STAFF)}
        self._clock = clock
        self._known: dict[tuple[str, str], Mapping[str, Any]] = {}

    def issue(self, kind: str, uid: str, life_s: float, **claims: Any) -> tuple[str, datetime]:
        """A token and when it ends."""
        now = self._clock.now()
        ends = now + timedelta(seconds=life_s)
        payload = {
            "iss": ISSUER,
            "aud": f"endcap-{kind}",
            "sub": uid,
            "iat": int(now.timestamp()),
            "exp": int(ends.timestamp()),
        }
        token = jwt.encode(payload | claims, self._keys[kind], ALGORITHM, headers={"typ": f"{kind}+jwt"})
        return token, ends.replace(microsecond=0)

    def read(self, kind: str, token: str) -> Mapping[str, Any]:
        """The claims of a token of this kind.

        Raises:
            BadToken: any other token.
        """
        claims = self._known.get((kind, token))
        if claims is None:
            claims = self._verified(kind, token)
            if len(self._known) >= KNOWN:
                self._known.clear()
            self._known[kind, token] = claims
        if self._clock.now().timestamp() >= claims["exp"]:
            raise BadToken("the token has expired")
        return claims

    def _verified(self, kind: str, token: str) -> Mapping[str, Any]:
        try:
            if jwt.get_unverified_header(token) != {"alg": ALGORITHM, "typ": f"{kind}+jwt"}:
                raise BadToken("the token is not of the kind that is taken here")
            claims: dict[str, Any] = jwt.decode(
                token,
                self._keys[kind],
                algorithms=[ALGORITHM],
                audience=f"endcap-{kind}",
                issuer=ISSUER,
                options={"require": list(_REQUIRED), "verify_exp": False, "verify_iat": False},
            )
        except (jwt.PyJWTError, ValueError, RecursionError):
            raise BadToken("the token is not one of ours") from None
        return claims


class AblyTokens:
    """Signs Ably's own JWT with the API key, which never leaves the server. Safe from any thread.

    By hand, since pyjwt warns of a secret below 32 bytes, and Ably alone decides how long its secrets are.
    """

    def __init__(self, key: str, clock: Clock) -> None:
        self.key_name, _, self._secret = key.partition(":")
        self._clock = clock

    def issue(
        self, capability: Mapping[str, Sequence[str]], life_s: float, client_id: str = ""
    ) -> tuple[str, datetime]:
        """A token that allows `capability` and no more, bound to `client_id`; and when it ends."""
        now = self._clock.now()
        ends = now + timedelta(seconds=life_s)
        payload: dict[str, Any] = {
            "iat": int(now.timestamp()),
            "exp": int(ends.timestamp()),
            "x-ably-capability": json.dumps(capability, separators=(",", ":"), sort_keys=True),
        }
        if client_id:
            payload["x-ably-clientId"] = client_id
        signed = f"{_part({'alg': ALGORITHM, 'kid': self.key_name, 'typ': 'JWT'})}.{_part(payload)}"
        signature = hmac.digest(self._secret.encode(), signed.encode(), "sha256")
        return f"{signed}.{_base64url(signature)}", ends.replace(microsecond=0)

    def signs(self, body: bytes, key_name: str, signature: str) -> bool:
        """True when `signature` is what Ably puts under `body` with our key: base64 of its HMAC-SHA256."""
        expected = base64.b64encode(hmac.digest(self._secret.encode(), body, "sha256")).decode()
        return key_name == self.key_name and hmac.compare_digest(
            expected.encode(), signature.encode("utf-8", "replace")
        )


def _part(value: Mapping[str, Any]) -> str:
    return _base64url(json.dumps(value, separators=(",", ":")).encode())


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
