"""Apps and their keys: what a real account's dashboard would hold, provisioned over HTTP or on the command line."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from endcap_devkit.ably_server.capability import Capability
from endcap_devkit.ably_server.channels import Channels
from endcap_devkit.ably_server.errors import BAD_REQUEST, NO_CREDENTIALS, NOT_FOUND, AblyError
from endcap_devkit.ably_server.serials import random_word


@dataclass(frozen=True, slots=True)
class Key:
    """`name` is `app.id`; with `secret` it makes the whole key `app.id:secret`."""

    name: str
    secret: str
    capability: Capability
    revocable_tokens: bool = False

    @property
    def text(self) -> str:
        return f"{self.name}:{self.secret}"


@dataclass(slots=True)
class App:
    """One customer's app: its keys and its channels; nothing crosses from one app to another."""

    id: str
    channels: Channels
    keys: dict[str, Key] = field(default_factory=dict)

    def add_key(self, id: str, secret: str, capability: Capability, revocable_tokens: bool = False) -> Key:
        key = Key(f"{self.id}.{id}", secret, capability, revocable_tokens)
        self.keys[key.name] = key
        return key


class Accounts:
    """All apps by id. Owned by the server's loop."""

    def __init__(self, max_apps: int = 1_000) -> None:
        self.apps: dict[str, App] = {}
        self.max_apps = max_apps

    def add(self, app: App) -> App:
        """Raises AblyError 40000 when full: a suite that forgets to delete its apps must not fill memory."""
        if len(self.apps) >= self.max_apps:
            raise AblyError(BAD_REQUEST, f"there are {self.max_apps} apps already; delete some with DELETE /apps/<id>")
        self.apps[app.id] = app
        return app

    def key(self, name: str) -> Key:
        """Raises AblyError: 40400, no such app or key."""
        return self.app_of(name).keys[name]

    def app_of(self, key_name: str) -> App:
        """The app of a key.

        Raises:
            AblyError: 40400, no such app or key.
        """
        app = self.apps.get(key_name.partition(".")[0])
        if app is None or key_name not in app.keys:
            raise AblyError(NOT_FOUND, f"no application or key has the name {key_name!r}")
        return app

    def authenticate(self, key_text: str) -> tuple[App, Key]:
        """The app and key of `app.id:secret`.

        Raises:
            AblyError: 40400 (unknown key), 40101 (malformed or a wrong secret).
        """
        name, colon, secret = key_text.partition(":")
        if not colon or "." not in name:
            raise AblyError(NO_CREDENTIALS, "a key must read appId.keyId:secret")
        app = self.app_of(name)
        key = app.keys[name]
        if not secrets.compare_digest(key.secret.encode(), secret.encode("utf-8", "surrogateescape")):
            raise AblyError(NO_CREDENTIALS, f"the secret of key {name} is wrong")
        return app, key


def add_keys(app: App, specs: Any) -> list[dict[str, Any]]:
    """Make the keys of a provisioning request, in its order, and describe them as its reply does.

    Raises:
        AblyError: 40000, not a list of objects or a capability that can't be read.
    """
    if not isinstance(specs, list) or not all(isinstance(spec, Mapping) for spec in specs):
        raise AblyError(BAD_REQUEST, "keys must be a list of objects")
    return [_describe(_add_key(app, spec), spec) for spec in specs]


def _add_key(app: App, spec: Mapping[str, Any]) -> Key:
    raw = spec.get("capability")
    capability = Capability.everything() if raw is None else Capability.read(raw)
    return app.add_key(random_word(6), secrets.token_urlsafe(32), capability, spec.get("revocableTokens") is True)


def _describe(key: Key, spec: Mapping[str, Any]) -> dict[str, Any]:
    id = key.name.partition(".")[2]
    return {
        "id": id,
        "value": key.secret,
        "keyName": key.name,
        "keySecret": key.secret,
        "keyStr": key.text,
        "capability": key.capability.to_text(),
        "revocableTokens": key.revocable_tokens,
        "privileged": spec.get("privileged") is True,
        "status": 0,
        "type": 0,
    }
