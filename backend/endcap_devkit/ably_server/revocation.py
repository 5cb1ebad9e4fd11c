"""Revoking tokens: by the client id they carry, a channel they cover, or a revocation key of their own."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from endcap_devkit.ably_server.accounts import Key
from endcap_devkit.ably_server.errors import BAD_REQUEST, FORBIDDEN, NEEDS_KEY, NO_CREDENTIALS, TOKEN_REVOKED, AblyError
from endcap_devkit.ably_server.http import identify, read_object, reply
from endcap_devkit.ably_server.state import STATE, LocalAbly
from endcap_devkit.ably_server.wire import Action

TARGETS: Final = ("clientId", "channel", "revocationKey")
REAUTH_MARGIN_MS: Final = 30_000  # what `allowReauthMargin` gives clients to renew
MAX_TARGETS: Final = 100


async def revoke_tokens(request: web.Request) -> web.Response:
    """`POST /keys/{key}/revokeTokens`: each target succeeds or fails on its own."""
    ably, key = request.app[STATE], _key(request)
    body = await read_object(request)
    now_ms = ably.now_ms()
    issued_before_ms = body.get("issuedBefore", now_ms)
    if not isinstance(issued_before_ms, int) or isinstance(issued_before_ms, bool):
        raise AblyError(BAD_REQUEST, "issuedBefore must be a whole number of milliseconds")
    margin_ms = REAUTH_MARGIN_MS if body.get("allowReauthMargin") is True else 0
    results = [_revoke(ably, key, target, issued_before_ms, now_ms, margin_ms) for target in _targets(body)]
    failures = sum("error" in result for result in results)
    counted = {"successCount": len(results) - failures, "failureCount": failures, "results": results}
    return reply(request, counted, 201)


def _key(request: web.Request) -> Key:
    identity = identify(request)
    if identity.token is not None:
        raise AblyError(NEEDS_KEY, "tokens are revoked with a key, not with a token")
    if identity.key.name != request.match_info["key"]:
        raise AblyError(NO_CREDENTIALS, "tokens are revoked with their own key")
    if not identity.key.revocable_tokens:
        raise AblyError(FORBIDDEN, f"key {identity.key.name} issues no revocable tokens")
    return identity.key


def _targets(body: Mapping[str, Any]) -> list[str]:
    targets = body.get("targets")
    well_formed = isinstance(targets, list) and 0 < len(targets) <= MAX_TARGETS
    if not well_formed or not all(isinstance(target, str) for target in targets or ()):
        raise AblyError(BAD_REQUEST, f"targets must be a list of 1 to {MAX_TARGETS} texts such as clientId:bob")
    return list(targets or ())


def _revoke(
    ably: LocalAbly, key: Key, target: str, issued_before_ms: int, now_ms: int, margin_ms: int
) -> dict[str, Any]:
    if target.partition(":")[0] not in TARGETS:
        fault = AblyError(BAD_REQUEST, f"a target begins with one of {', '.join(TARGETS)}")
        return {"target": target, "error": fault.to_wire()}
    applies_at_ms = now_ms + margin_ms
    ably.tokens.revoke(key, target, issued_before_ms, applies_at_ms)
    if margin_ms:
        _ask_for_new_ones(ably, now_ms + margin_ms)
    asyncio.get_running_loop().call_later(margin_ms / 1000, _disconnect_revoked, ably)
    return {"target": target, "issuedBefore": issued_before_ms, "appliesAt": applies_at_ms}


def _ask_for_new_ones(ably: LocalAbly, at_ms: int) -> None:
    for connection in ably.connections:
        token = connection.identity.token
        if token is not None and ably.tokens.is_revoked(token, at_ms):
            connection.send({"action": Action.AUTH})


def _disconnect_revoked(ably: LocalAbly) -> None:
    fault, now_ms = AblyError(TOKEN_REVOKED, "the token has been revoked"), ably.now_ms()
    for link in [*ably.connections, *ably.faults.streams]:
        if link.identity.token is not None and ably.tokens.is_revoked(link.identity.token, now_ms):
            link.disconnect(fault)
