"""Keys, tokens and capabilities of the local Ably: who is let in, as whom, to do what."""

from __future__ import annotations

import base64
import hmac
import json
import secrets
import time
from collections.abc import Callable
from typing import Any

import httpx
import jwt
import pytest

from endcap_devkit.ably_server import AblyServer
from endcap_devkit.ably_server.capability import Capability, matches

Signed = Callable[..., str]
Ask = Callable[..., httpx.Response]

MINUTE_MS = 60_000


def a_request(key: str, **changes: Any) -> dict[str, Any]:
    """A token request as a client signs it; a change made after signing is given as `after_<field>`."""
    name, secret = key.split(":")
    request: dict[str, Any] = {"keyName": name, "timestamp": int(time.time() * 1000), "nonce": secrets.token_hex(8)}
    request |= {field: value for field, value in changes.items() if not field.startswith("after_")}
    fields = [name, *(request.get(field, "") for field in ("ttl", "capability", "clientId", "timestamp", "nonce"))]
    text = "".join(f"{field}\n" for field in fields)
    request["mac"] = base64.b64encode(hmac.digest(secret.encode(), text.encode(), "sha256")).decode()
    return request | {
        field.removeprefix("after_"): value for field, value in changes.items() if field.startswith("after_")
    }


@pytest.fixture
def ask(ably_server: AblyServer, anybody: httpx.Client) -> Ask:
    """`ask(request)` requests a token of the server's own key."""
    path = f"/keys/{ably_server.key.partition(':')[0]}/requestToken"
    return lambda request, **options: anybody.post(path, json=request, **options)


def refusal(reply: httpx.Response) -> tuple[int, int]:
    return reply.status_code, int(reply.json()["error"]["code"])


def test_a_signed_request_gets_a_token_that_works(ably_server: AblyServer, anybody: httpx.Client, ask: Ask) -> None:
    reply = ask(a_request(ably_server.key, capability='{"chat":["publish","history"]}', clientId="u1"))
    details = reply.json()
    assert reply.status_code == 201
    assert details["capability"] == '{"chat":["history","publish"]}'
    assert details["expires"] - details["issued"] == 60 * MINUTE_MS
    assert (details["keyName"], details["clientId"]) == (ably_server.key.partition(":")[0], "u1")
    encoded = base64.b64encode(details["token"].encode()).decode()
    published = anybody.post("/channels/chat/messages", json={}, headers={"Authorization": f"Bearer {encoded}"})
    assert published.status_code == 201


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"after_mac": "wrong"}, (401, 40101)),
        ({"after_clientId": "somebody"}, (401, 40101)),
        ({"after_keyName": "other.key"}, (401, 40101)),
        ({"timestamp": 1}, (401, 40104)),
        ({"timestamp": "soon"}, (400, 40000)),
        ({"nonce": "short"}, (400, 40000)),
        ({"ttl": -1}, (400, 40003)),
        ({"ttl": 24 * 60 * MINUTE_MS + 1}, (400, 40003)),
        ({"ttl": "long"}, (400, 40003)),
        ({"capability": "{"}, (400, 40000)),
        ({"capability": '{"chat":["shout"]}'}, (400, 40000)),
        ({"capability": '{"chat":["*","publish"]}'}, (400, 40000)),
        ({"capability": '{"chat":[]}'}, (400, 40000)),
        ({"capability": "[]"}, (400, 40000)),
        ({"clientId": ""}, (400, 40012)),
    ],
)
def test_a_request_that_does_not_hold_is_refused(
    ably_server: AblyServer, changes: dict[str, Any], expected: tuple[int, int], ask: Ask
) -> None:
    assert refusal(ask(a_request(ably_server.key, **changes))) == expected


def test_a_request_works_once(ably_server: AblyServer, ask: Ask) -> None:
    request = a_request(ably_server.key)
    assert ask(request).status_code == 201
    assert refusal(ask(request)) == (401, 40105)


def test_without_a_mac_the_key_itself_must_ask(ably_server: AblyServer, ask: Ask) -> None:
    name, secret = ably_server.key.split(":")
    assert refusal(ask({})) == (401, 40101)
    assert ask({"ttl": 1000}, auth=(name, secret)).status_code == 201


def test_a_key_gives_away_no_more_than_it_has(ably_server: AblyServer, anybody: httpx.Client) -> None:
    spec = {"keys": [{"capability": '{"a:*":["publish"],"b":["subscribe"]}'}]}
    key = anybody.post("/apps", json=spec).json()["keys"][0]["keyStr"]

    def granted(capability: str) -> httpx.Response:
        name = key.partition(":")[0]
        request = a_request(key, capability=capability)
        return anybody.post(f"/keys/{name}/requestToken", json=request)

    assert granted('{"*":["*"]}').json()["capability"] == '{"a:*":["publish"],"b":["subscribe"]}'
    assert granted('{"a:x":["publish","subscribe"]}').json()["capability"] == '{"a:x":["publish"]}'
    assert granted('{"a:x":["publish"],"b":["publish"]}').json()["capability"] == '{"a:x":["publish"]}'
    assert refusal(granted('{"c":["publish"]}')) == (401, 40160)
    assert refusal(granted('{"b":["publish"]}')) == (401, 40160)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, (401, 40101)),
        ({"Authorization": "Basic ???"}, (401, 40101)),
        ({"Authorization": "Bearer " + base64.b64encode(b"nonsense").decode()}, (401, 40101)),
        ({"Authorization": "Basic " + base64.b64encode(b"no.such:key").decode()}, (404, 40400)),
        ({"Authorization": "Bearer ey.ey.ey"}, (401, 40144)),
    ],
)
def test_credentials_that_do_not_hold_are_refused(
    ably_server: AblyServer, headers: dict[str, str], expected: tuple[int, int], anybody: httpx.Client
) -> None:
    assert refusal(anybody.get("/channels/chat/messages", headers=headers)) == expected


def test_a_wrong_secret_is_40101_and_a_forged_token_40140(
    ably_server: AblyServer, ask: Ask, anybody: httpx.Client
) -> None:
    name = ably_server.key.partition(":")[0]
    url = "/channels/chat/messages"
    token = ask(a_request(ably_server.key)).json()["token"]
    forged = base64.b64encode((token[:-1] + ("A" if token[-1] != "A" else "B")).encode()).decode()
    assert refusal(anybody.get(url, auth=(name, "wrong"))) == (401, 40101)
    assert refusal(anybody.get(url, headers={"Authorization": f"Bearer {forged}"})) == (401, 40140)


def a_jwt(server: AblyServer, secret: str | None = None, algorithm: str = "HS256", **claims: Any) -> str:
    name, own = server.key.split(":")
    now = int(time.time())
    return jwt.encode({"iat": now, "exp": now + 60, **claims}, secret or own, algorithm, headers={"kid": name})


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        ({"exp": int(time.time()) - 5}, (401, 40142)),
        ({"secret": "f" * 40}, (401, 40144)),
        ({"algorithm": "HS384", "secret": "f" * 80}, (401, 40144)),
        ({"exp": "soon"}, (401, 40144)),
        ({"exp": int(time.time()) + 25 * 3600}, (401, 40144)),
        ({"x-ably-capability": "{"}, (401, 40144)),
        ({"x-ably-capability": {"chat": ["history"]}}, (401, 40144)),
        ({"x-ably-clientId": 5}, (401, 40144)),
    ],
)
def test_a_jwt_that_does_not_hold_is_refused(
    ably_server: AblyServer, made: dict[str, Any], expected: tuple[int, int], anybody: httpx.Client
) -> None:
    token = a_jwt(ably_server, **made)
    reply = anybody.get("/channels/chat/messages", headers={"Authorization": f"Bearer {token}"})
    assert refusal(reply) == expected


def test_a_jwt_of_an_unknown_key_is_40400(ably_server: AblyServer, anybody: httpx.Client) -> None:
    token = jwt.encode({"iat": 1, "exp": 2}, "s" * 40, "HS256", headers={"kid": "no.such"})
    assert refusal(anybody.get("/channels/c/messages", params={"accessToken": token})) == (404, 40400)


def test_a_client_id_is_who_one_is_over_rest_too(
    ably_server: AblyServer, signed: Signed, anybody: httpx.Client
) -> None:
    def publish(token: str, message: dict[str, str]) -> httpx.Response:
        return anybody.post("/channels/c/messages", json=message, params={"accessToken": token})

    assert publish(signed(client_id="u1"), {"clientId": "u1"}).status_code == 201
    assert refusal(publish(signed(client_id="u1"), {"clientId": "u2"})) == (400, 40012)
    assert publish(signed(client_id="*"), {"clientId": "u2"}).status_code == 201
    assert refusal(publish(signed(), {"clientId": "u2"})) == (400, 40012)
    name, secret = ably_server.key.split(":")
    asserted = {"X-Ably-ClientId": base64.b64encode(b"u9").decode()}
    anybody.post("/channels/c/messages", json={}, headers=asserted, auth=(name, secret))
    newest = anybody.get("/channels/c/messages", auth=(name, secret)).json()[0]
    assert newest["clientId"] == "u9"


def test_revoked_tokens_are_refused_and_their_links_ended(
    ably_server: AblyServer, raw: Callable[..., Any], anybody: httpx.Client
) -> None:
    app = anybody.post("/apps", json={"keys": [{"revocableTokens": True}, {}]}).json()
    (name, secret), other = app["keys"][0]["keyStr"].split(":"), app["keys"][1]["keyStr"].split(":")
    request = a_request(f"{name}:{secret}", clientId="u1")
    token = anybody.post(f"/keys/{name}/requestToken", json=request).json()["token"]
    client = raw(accessToken=token).open()
    body = {"targets": ["clientId:u1", "shoeSize:43"]}
    result = anybody.post(f"/keys/{name}/revokeTokens", json=body, auth=(name, secret)).json()
    assert (result["successCount"], result["failureCount"]) == (1, 1)
    assert client.receive()["error"]["code"] == 40141
    assert raw(accessToken=token).receive()["error"]["code"] == 40141
    refused = anybody.post(f"/keys/{other[0]}/revokeTokens", json=body, auth=(other[0], other[1]))
    assert refusal(refused) == (403, 40300)


@pytest.mark.parametrize(
    ("pattern", "channel", "covered"),
    [
        ("*", "a:b", True),
        ("promo:*", "promo:a", True),
        ("promo:*", "promo:a:b", True),
        ("promo:*", "promo", False),
        ("promo*", "promox", False),
        ("a:*:c", "a:b:c", True),
        ("a:*:c", "a:b:b:c", False),
        ("*", "[meta]log", False),
        ("[*]*", "[meta]log", True),
        ("[*]*", "plain", True),
        ("[meta]*", "[meta]log", True),
        ("[meta]*", "plain", False),
    ],
)
def test_patterns_cover_by_whole_segments(pattern: str, channel: str, covered: bool) -> None:
    assert matches(pattern, channel) is covered


def test_the_operations_of_all_matching_resources_add_up() -> None:
    capability = Capability.read(json.dumps({"a:*": ["publish"], "*": ["history"]}))
    assert all(capability.allows(operation, "a:b") for operation in ("publish", "history"))
    assert not capability.allows("publish", "b")
