"""Presence in the local Ably: who is on a channel, told frame by frame."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from endcap_devkit.ably_server import Settings
from endcap_devkit.ably_server.modes import Flag
from endcap_devkit.ably_server.wire import Action

Raw = Callable[..., Any]
Signed = Callable[..., str]
ENTER, LEAVE, UPDATE = 2, 3, 4

HASTY = Settings(presence_grace_s=0.3)


def one(message: dict[str, Any]) -> dict[str, Any]:
    (change,) = message["presence"]
    return dict(change)


def test_entering_updating_and_leaving_are_told_to_those_who_watch(raw: Raw) -> None:
    watcher, member = raw().open(), raw(clientId="u1").open()
    for client in (watcher, member):
        client.attach("room")
    for action, data in ((ENTER, "hello"), (UPDATE, "still here"), (LEAVE, None)):
        member.presence("room", action, data=data)
    told = [one(watcher.take(Action.PRESENCE)) for _ in range(3)]
    assert [(each["action"], each["data"]) for each in told] == [(2, "hello"), (4, "still here"), (3, "still here")]
    assert [each["id"] for each in told] == [f"{member.id}:{serial}:0" for serial in range(3)]


def test_who_attaches_later_is_sent_the_members(raw: Raw) -> None:
    member = raw(clientId="u1").open()
    member.attach("room")
    member.presence("room", ENTER, data={"aisle": 3})
    member.take(Action.PRESENCE), member.take(Action.ACK)
    late = raw().open()
    assert Flag.HAS_PRESENCE in Flag(late.attach("room")["flags"])
    sync = late.take(Action.SYNC)
    assert sync["channelSerial"].endswith(":")
    assert (one(sync)["action"], one(sync)["clientId"], one(sync)["data"]) == (1, "u1", '{"aisle":3}')


def test_many_members_come_in_pages_the_last_of_which_says_so(raw: Raw) -> None:
    crowd = raw().open()
    crowd.attach("room", flags=int(Flag.PRESENCE))
    for number in range(150):
        crowd.presence("room", ENTER, clientId=f"u{number}")
        crowd.take(Action.ACK)
    late = raw().open()
    late.attach("room")
    pages = [late.take(Action.SYNC) for _ in range(2)]
    assert [len(page["presence"]) for page in pages] == [100, 50]
    assert [page["channelSerial"].partition(":")[2] for page in pages] == ["100", ""]


@pytest.mark.ably(settings=Settings(max_members=2))
def test_one_member_too_many_is_refused_with_91003(raw: Raw) -> None:
    client = raw().open()
    client.attach("room", flags=int(Flag.PRESENCE))
    for name in ("a", "b", "c"):
        client.presence("room", ENTER, clientId=name)
    assert [client.receive()["action"] for _ in range(3)] == [Action.ACK, Action.ACK, Action.NACK]


def test_entering_without_attaching_is_refused_with_91001(raw: Raw) -> None:
    client = raw(clientId="u1").open()
    client.presence("room", ENTER)
    assert client.take(Action.NACK)["error"]["code"] == 91001


def test_entering_without_a_client_id_is_refused_with_40012(raw: Raw) -> None:
    client = raw().open()
    client.attach("room")
    client.presence("room", ENTER)
    assert client.take(Action.NACK)["error"]["code"] == 40012


def test_entering_for_somebody_else_needs_the_right_to_be_anybody(raw: Raw, signed: Signed) -> None:
    bound, free = raw(accessToken=signed(client_id="u1")).open(), raw(accessToken=signed(client_id="*")).open()
    for client in (bound, free):
        client.attach("room", flags=int(Flag.PRESENCE))
        client.presence("room", ENTER, clientId="u2")
    assert bound.take(Action.NACK)["error"]["code"] == 40012
    free.take(Action.ACK)


def test_entering_without_the_capability_is_refused_with_40160(raw: Raw, signed: Signed) -> None:
    client = raw(accessToken=signed({"room": ["subscribe"]}, client_id="u1")).open()
    client.attach("room")
    client.presence("room", ENTER)
    assert client.take(Action.NACK)["error"]["code"] == 40160


@pytest.mark.parametrize("action", [0, 1, 5, "enter"])
def test_an_action_that_is_the_servers_to_send_is_refused(raw: Raw, action: object) -> None:
    client = raw(clientId="u1").open()
    client.attach("room")
    client.presence("room", action)
    assert client.take(Action.NACK)["error"]["code"] == 40000


@pytest.mark.parametrize("goodbye", ["close", "detach"])
def test_members_leave_at_once_when_their_connection_closes_or_detaches(raw: Raw, goodbye: str) -> None:
    watcher, member = raw().open(), raw(clientId="u1").open()
    for client in (watcher, member):
        client.attach("room")
    member.presence("room", ENTER, data="here")
    watcher.take(Action.PRESENCE)
    member.send(Action.CLOSE if goodbye == "close" else Action.DETACH, channel="room")
    left = one(watcher.take(Action.PRESENCE))
    assert (left["action"], left["clientId"], left["data"]) == (3, "u1", "here")


@pytest.mark.ably(settings=HASTY)
def test_a_lost_link_makes_its_members_leave_after_a_grace_under_an_id_nobody_sent(raw: Raw) -> None:
    watcher, member = raw().open(), raw(clientId="u1").open()
    for client in (watcher, member):
        client.attach("room")
    member.presence("room", ENTER)
    watcher.take(Action.PRESENCE)
    member.cut()
    left = one(watcher.take(Action.PRESENCE))
    assert left["action"] == 3
    assert not left["id"].startswith(member.id)
    assert re.fullmatch(r"\w+:\d+:\d+", left["id"])  # clients take it apart


@pytest.mark.ably(settings=HASTY)
def test_who_asked_to_remain_present_for_no_time_leaves_at_once(raw: Raw) -> None:
    watcher, member = raw().open(), raw(clientId="u1", remainPresentFor="0").open()
    for client in (watcher, member):
        client.attach("room")
    member.presence("room", ENTER)
    watcher.take(Action.PRESENCE)
    member.cut()
    assert one(watcher.take(Action.PRESENCE))["action"] == 3


def test_who_resumes_within_the_grace_never_left(raw: Raw, http: httpx.Client) -> None:
    member = raw(clientId="u1").open()
    serial = member.attach("room")["channelSerial"]
    member.presence("room", ENTER)
    member.take(Action.PRESENCE), member.take(Action.ACK)
    member.cut()
    back = raw(clientId="u1", resume=member.key).open()
    back.attach("room", channelSerial=serial)
    assert [each["clientId"] for each in http.get("/channels/room/presence").json()] == ["u1"]


def test_an_id_kept_on_entering_again_must_be_of_the_same_connection(raw: Raw) -> None:
    watcher, member = raw().open(), raw(clientId="u1").open()
    for client in (watcher, member):
        client.attach("room")
    for id in (f"{member.id}:0:0", "foreign:0:0", f"{member.id}:x:0"):
        member.presence("room", ENTER, id=id)
    told = [one(watcher.take(Action.PRESENCE))["id"] for _ in range(3)]
    assert told == [f"{member.id}:0:0", f"{member.id}:1:0", f"{member.id}:2:0"]


def test_a_client_may_ask_for_the_members_again(raw: Raw) -> None:
    client = raw(clientId="u1").open()
    client.attach("room")
    client.presence("room", ENTER)
    client.take(Action.PRESENCE), client.take(Action.ACK)
    client.send(Action.SYNC, channel="room")
    assert one(client.take(Action.SYNC))["clientId"] == "u1"


def test_presence_is_missed_and_replayed_like_messages(raw: Raw) -> None:
    watcher, member = raw().open(), raw(clientId="u1").open()
    serial = watcher.attach("room")["channelSerial"]
    watcher.cut()
    member.attach("room")
    member.presence("room", ENTER)
    member.take(Action.PRESENCE)
    back = raw(resume=watcher.key).open()
    back.attach("room", channelSerial=serial)
    assert one(back.take(Action.SYNC))["clientId"] == "u1"
    assert one(back.take(Action.PRESENCE))["action"] == 2
