"""Credentials: who is calling, and which client id he may speak under."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass

from endcap_devkit.ably_server.accounts import Accounts, App, Key
from endcap_devkit.ably_server.capability import Capability
from endcap_devkit.ably_server.errors import BAD_CLIENT_ID, MISMATCHED_CREDENTIALS, NO_CREDENTIALS, AblyError
from endcap_devkit.ably_server.tokens import Token, Tokens

WILDCARD = "*"


@dataclass(frozen=True, slots=True)
class Identity:
    """A caller. `client_id` is the one it has; None: none, or any when `may_assume`."""

    app: App
    key: Key
    capability: Capability
    client_id: str | None
    may_assume: bool
    token: Token | None = None

    def client_id_of(self, asked: str | None) -> str | None:
        """The client id of a message that asked for one, or for none.

        Raises:
            AblyError: 40012, another than the caller's own.
        """
        if asked is None:
            return self.client_id
        if asked == WILDCARD or not asked:
            raise AblyError(BAD_CLIENT_ID, f"{asked!r} can't be a message's clientId")
        if asked != self.client_id and not (self.may_assume and self.client_id is None):
            raise AblyError(BAD_CLIENT_ID, f"clientId {asked!r} is another than the caller's own")
        return asked

    def assuming(self, asked: str | None) -> Identity:
        """The caller under the client id it names when it connects.

        Raises:
            AblyError: 40012 (`*` or empty), 40102 (the credentials don't allow it).
        """
        if asked is None or asked == self.client_id:
            return self
        if not asked or asked == WILDCARD:
            if self.may_assume and asked == WILDCARD and self.token is not None:
                return self
            raise AblyError(BAD_CLIENT_ID, f"{asked!r} can't be a connection's clientId")
        if not self.may_assume:
            raise AblyError(MISMATCHED_CREDENTIALS, f"the token does not allow clientId {asked!r}")
        return Identity(self.app, self.key, self.capability, asked, self.may_assume, self.token)


class Authenticator:
    """Turns credentials into an `Identity`."""

    def __init__(self, accounts: Accounts, tokens: Tokens) -> None:
        self._accounts, self._tokens = accounts, tokens

    def identify(self, headers: Mapping[str, str], query: Mapping[str, str], now_ms: int) -> Identity:
        """The caller of a REST request or an event stream.

        Raises:
            AblyError: 40101 and the others of `Accounts.authenticate` and `Tokens.read`.
        """
        scheme, _, credentials = headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "basic":
            identity = self.by_key(_unbase64(credentials))
            return identity.assuming(_asserted_client_id(headers))
        if scheme.lower() == "bearer":
            return self.by_token(_bearer(credentials.strip()), now_ms)
        return self.by_query(query, now_ms)

    def by_query(self, query: Mapping[str, str], now_ms: int) -> Identity:
        """The caller by `key` or `accessToken` of a URL."""
        if token := query.get("accessToken") or query.get("access_token"):
            return self.by_token(token, now_ms)
        if key := query.get("key"):
            return self.by_key(key)
        raise AblyError(NO_CREDENTIALS, "there are no credentials: send a key or a token")

    def by_key(self, text: str) -> Identity:
        app, key = self._accounts.authenticate(text)
        return Identity(app, key, key.capability, None, may_assume=True)

    def by_token(self, text: str, now_ms: int) -> Identity:
        token = self._tokens.read(text, now_ms)
        app = self._accounts.app_of(token.key.name)
        if token.client_id == WILDCARD:
            return Identity(app, token.key, token.capability, None, may_assume=True, token=token)
        return Identity(app, token.key, token.capability, token.client_id, may_assume=False, token=token)


def _asserted_client_id(headers: Mapping[str, str]) -> str | None:
    encoded = headers.get("X-Ably-ClientId")
    return _unbase64(encoded) if encoded else None


def _bearer(credentials: str) -> str:
    """A token from its base64; a JWT may also come as it is."""
    if credentials.count(".") == 2:
        return credentials
    return _unbase64(credentials)


def _unbase64(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, ValueError):
        raise AblyError(NO_CREDENTIALS, "the credentials are not valid base64") from None
