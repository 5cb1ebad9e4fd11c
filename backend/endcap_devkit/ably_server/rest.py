"""REST: channels, their messages, presence and status; time; tokens; apps."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from endcap_devkit.ably_server.accounts import App, add_keys
from endcap_devkit.ably_server.auth import Identity
from endcap_devkit.ably_server.channels import Channel, Published
from endcap_devkit.ably_server.errors import (
    BAD_CONNECTION_KEY_FIELD,
    BAD_REQUEST,
    FORCED_NACK,
    NO_CREDENTIALS,
    NOT_FOUND,
    AblyError,
)
from endcap_devkit.ably_server.formats import Format
from endcap_devkit.ably_server.history import Query, page, paged_reply, read_limit, whole
from endcap_devkit.ably_server.http import identify, read_body, read_object, reply, reply_format
from endcap_devkit.ably_server.log import Entry
from endcap_devkit.ably_server.messages import Draft, read_drafts
from endcap_devkit.ably_server.names import ChannelName
from endcap_devkit.ably_server.state import STATE, LocalAbly
from endcap_devkit.ably_server.wire import read_version

MAX_MEMBERS: Final = 1_000  # the most an app may ask for


async def time(request: web.Request) -> web.Response:
    return reply(request, [request.app[STATE].now_ms()])


async def publish(request: web.Request) -> web.Response:
    ably, identity, name = request.app[STATE], identify(request), _name(request)
    body = await read_body(request)
    identity.capability.require("publish", name.base)
    if request.query.get("_forceNack") == "true":
        raise AblyError(FORCED_NACK, "refused, as asked for")
    drafts = read_drafts(body, ably.settings.max_message_bytes)
    await ably.faults.publishing(name.base)
    published = publish_drafts(ably, identity, name, drafts)
    return reply(request, published_reply(name, published), 201)


def publish_drafts(ably: LocalAbly, identity: Identity, name: ChannelName, drafts: list[Draft]) -> Published:
    """Publish under the caller's client id, or on behalf of the live connection a message names.

    Raises:
        AblyError: 40006 (no such live connection), 40012 and those of `Channel.publish`.
    """
    connection_id = None
    if key := drafts[0].connection_key:
        connection = ably.connections.of_key(key)
        if connection is None or connection.identity.app is not identity.app:
            raise AblyError(BAD_CONNECTION_KEY_FIELD, "connectionKey names no live connection")
        connection_id = connection.id
        identity = connection.identity
    client_ids = [identity.client_id_of(draft.client_id) for draft in drafts]
    now_ms = ably.now_ms()
    return identity.app.channels.open(name.base, now_ms).publish(drafts, client_ids, now_ms, connection_id)


def published_reply(name: ChannelName, published: Published) -> dict[str, Any]:
    return {"channel": name.wire, "messageId": published.message_id, "serials": list(published.serials)}


async def history(request: web.Request) -> web.Response:
    channel = _channel(request, "history")
    format, version = reply_format(request), request_version(request)

    def write(entry: Entry, index: int) -> dict[str, Any]:
        return entry.messages[index].to_wire(format, version)

    items, cursor = page(channel.messages, Query.read(request.query), write)
    return paged_reply(request, items, cursor, request.path.rpartition("/")[2])


async def presence_history(request: web.Request) -> web.Response:
    channel = _channel(request, "history")
    format = reply_format(request)

    def write(entry: Entry, index: int) -> dict[str, Any]:
        return entry.presence[index].to_wire(format)

    items, cursor = page(channel.presence, Query.read(request.query), write)
    return paged_reply(request, items, cursor, "history")


async def presence(request: web.Request) -> web.Response:
    channel = _channel(request, "presence")
    limit, start = read_limit(request.query), whole(request.query, "cursor", 0)
    members = present(channel, reply_format(request), request.query.get("clientId"), request.query.get("connectionId"))
    cursor = str(start + limit) if len(members) > start + limit else None
    return paged_reply(request, members[start : start + limit], cursor, "presence")


def present(
    channel: Channel, format: Format, client_id: str | None = None, connection_id: str | None = None
) -> list[dict[str, Any]]:
    """The members, by client or connection when given."""
    return [
        member.to_wire(format)
        for member in channel.members
        if client_id in (None, member.client_id) and connection_id in (None, member.connection_id)
    ]


async def status(request: web.Request) -> web.Response:
    channel = _channel(request, "channel-metadata")
    details = {
        "channelId": channel.name,
        "name": channel.name,
        "status": {"isActive": True, "occupancy": {"metrics": channel.occupancy()}},
    }
    return reply(request, details)


async def request_token(request: web.Request) -> web.Response:
    ably, name = request.app[STATE], request.match_info["key"]
    key = ably.accounts.key(name)
    signed_by_key = False
    if request.headers.get("Authorization") or "key" in request.query:
        identity = identify(request)
        if identity.token is not None or identity.key is not key:
            raise AblyError(NO_CREDENTIALS, "a token can be requested with its own key only")
        signed_by_key = True
    token = ably.tokens.issue(key, await read_object(request), ably.now_ms(), signed_by_key)
    return reply(request, token.to_wire(), 201)


async def stats(request: web.Request) -> web.Response:
    identify(request).capability.require("stats", "*")
    return paged_reply(request, [], None, "stats")


async def post_stats(request: web.Request) -> web.Response:
    """Accepted and ignored: the local Ably keeps no statistics."""
    identify(request)
    await read_body(request)
    return reply(request, [], 201)


async def create_app(request: web.Request) -> web.Response:
    ably, spec = request.app[STATE], await read_object(request)
    app = ably.new_app(max_members=_max_members(spec))
    try:
        keys = add_keys(app, spec.get("keys", [{}]))
        namespaces = _objects(spec, "namespaces")
        app.channels.persisted_namespaces |= {
            str(each.get("id")) for each in namespaces if each.get("persisted") is True
        }
        _add_fixtures(ably, app, _objects(spec, "channels"))
    except AblyError:
        ably.remove_app(app)
        raise
    described = {"appId": app.id, "accountId": "local", "id": app.id, "status": "enabled"}
    described |= {"keys": keys, "namespaces": namespaces} | _address(request)
    return reply(request, described, 201)


async def delete_app(request: web.Request) -> web.Response:
    ably, identity = request.app[STATE], identify(request)
    if identity.app.id != request.match_info["app"]:
        raise AblyError(NOT_FOUND, "the credentials are of another application")
    ably.remove_app(identity.app)
    return web.Response(status=204)


def request_version(request: web.Request) -> float:
    return read_version(request.query.get("v") or request.headers.get("X-Ably-Version"))


def _max_members(spec: dict[str, Any]) -> int | None:
    """`limits.presence.maxMembers` of a provisioning request."""
    limits = spec.get("limits")
    presence = limits.get("presence") if isinstance(limits, dict) else None
    most = presence.get("maxMembers") if isinstance(presence, dict) else None
    if most is None:
        return None
    if not isinstance(most, int) or isinstance(most, bool) or not 0 < most <= MAX_MEMBERS:
        raise AblyError(BAD_REQUEST, f"limits.presence.maxMembers must be from 1 to {MAX_MEMBERS}")
    return most


def _address(request: web.Request) -> dict[str, Any]:
    """How clients reach the app: where this request came to."""
    url = request.url
    return {"endpoint": url.host, "port": url.port, "tls": url.scheme == "https"}


def _add_fixtures(ably: LocalAbly, app: App, channels: list[dict[str, Any]]) -> None:
    for spec in channels:
        channel = app.channels.open(ChannelName.read(spec.get("name")).base, ably.now_ms())
        for index, member in enumerate(_objects(spec, "presence")):
            channel.add_fixture(member, index, ably.now_ms())


def _objects(spec: dict[str, Any], name: str) -> list[dict[str, Any]]:
    items = spec.get(name) or []
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise AblyError(BAD_REQUEST, f"{name} must be a list of objects")
    return items


def _name(request: web.Request) -> ChannelName:
    return ChannelName.read(request.match_info["channel"])


def _channel(request: web.Request, operation: str) -> Channel:
    identity, name = identify(request), _name(request)
    identity.capability.require(operation, name.base)
    return identity.app.channels.open(name.base, request.app[STATE].now_ms())
