"""The local Ably over REST: formats, publishing, history, presence, status, provisioning, errors."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable
from typing import Any

import httpx
import msgpack
import pytest

from endcap_devkit.ably_server import AblyServer, Settings

Signed = Callable[..., str]

JSON, MSGPACK = "application/json", "application/x-msgpack"


def error_of(reply: httpx.Response) -> tuple[int, int]:
    error = reply.json()["error"]
    assert error["statusCode"] == reply.status_code
    assert reply.headers["X-Ably-Errorcode"] == str(error["code"])
    assert reply.headers["X-Ably-Errormessage"]
    return reply.status_code, int(error["code"])


def links(reply: httpx.Response) -> dict[str, str]:
    """The Link headers, one each, by relation."""
    found = {}
    for value in reply.headers.get_list("Link"):
        url, relation = value.split(">; rel=")
        found[relation.strip('"')] = url.removeprefix("<./")
    return found


@pytest.mark.parametrize(
    ("headers", "query", "content_type"),
    [
        ({}, {}, JSON),
        ({"Accept": JSON}, {}, JSON),
        ({"Accept": MSGPACK}, {}, MSGPACK),
        ({"Accept": f"text/html, {MSGPACK};q=0.9, {JSON}"}, {}, MSGPACK),
        ({"Accept": MSGPACK}, {"format": "json"}, JSON),
    ],
)
def test_the_reply_is_in_the_format_asked_for_by_its_bare_name(
    ably_server: AblyServer, headers: dict[str, str], query: dict[str, str], content_type: str, anybody: httpx.Client
) -> None:
    reply = anybody.get("/time", headers=headers, params=query)
    assert reply.headers["Content-Type"] == content_type
    decoded = msgpack.unpackb(reply.content) if content_type == MSGPACK else reply.json()
    assert decoded[0] > 1_700_000_000_000


def test_a_publish_tells_the_ids_and_serials_it_gave(http: httpx.Client) -> None:
    reply = http.post("/channels/a%2Fb/messages", json=[{"data": "1"}, {"data": "2"}])
    published = reply.json()
    kept = http.get("/channels/a%2Fb/messages").json()
    assert (reply.status_code, published["channel"]) == (201, "a/b")
    assert published["serials"] == [message["serial"] for message in reversed(kept)]
    assert [message["id"] for message in reversed(kept)] == [f"{published['messageId']}:{index}" for index in range(2)]


@pytest.mark.parametrize("ids", [["k:0"], ["k:0", "k:1"], ["one-word"]])
def test_the_same_ids_again_give_the_same_reply_and_deliver_nothing(http: httpx.Client, ids: list[str]) -> None:
    replies = [http.post("/channels/chat/messages", json=[{"id": id} for id in ids]).json() for _ in range(2)]
    assert replies[0] == replies[1]
    assert len(http.get("/channels/chat/messages").json()) == len(ids)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ([{"id": "a:0"}, {"id": "a:2"}], (400, 40031)),
        ([{"id": "a:0"}, {}], (400, 40031)),
        ([], (400, 40000)),
        ({"data": 3}, (400, 40013)),
        ({"data": "x", "encoding": "utf-8/base64"}, (400, 40013)),
        ({"clientId": "*"}, (400, 40012)),
        ({"clientId": 7}, (400, 40012)),
        ({"name": {}}, (400, 40000)),
        ({"extras": "x"}, (400, 40000)),
        ({"connectionKey": "nobody!s"}, (400, 40006)),
        ({"data": "x" * 65_537}, (413, 40009)),
        ([{"data": "x" * 40_000}, {"data": "x" * 40_000}], (413, 40009)),
        ([{}] * 1001, (400, 40000)),
    ],
)
def test_a_publish_that_cannot_be_says_why(http: httpx.Client, body: Any, expected: tuple[int, int]) -> None:
    assert error_of(http.post("/channels/chat/messages", json=body)) == expected
    assert http.get("/channels/chat/messages").json() == []


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (b"{", JSON),
        (b"\xff", JSON),
        (b'{"data":"\\ud800"}', JSON),
        (b'{"extras":{"n":1' + b"0" * 30 + b"}}", JSON),
        (b'{"extras":{"n":NaN}}', JSON),
        (b"[" * 3000 + b"]" * 3000, JSON),
        (b"\xc1", MSGPACK),
        (b"\x81\xa4data", MSGPACK),
        (msgpack.packb({1: 2}), MSGPACK),
        (msgpack.packb({"data": msgpack.ExtType(5, b"x")}), MSGPACK),
        (msgpack.packb({"extras": {"n": float("inf")}}), MSGPACK),
    ],
)
def test_a_body_that_neither_format_could_carry_on_is_refused(
    http: httpx.Client, content: bytes, content_type: str
) -> None:
    reply = http.post("/channels/chat/messages", content=content, headers={"Content-Type": content_type})
    assert error_of(reply)[0] == 400


def test_a_compressed_body_is_read_and_a_bad_one_refused(http: httpx.Client) -> None:
    def post(content: bytes, encoding: str) -> httpx.Response:
        return http.post("/channels/chat/messages", content=content, headers={"Content-Encoding": encoding})

    assert post(gzip.compress(b'{"data":"x"}'), "gzip").status_code == 201
    assert post(zlib.compress(b'{"data":"x"}'), "deflate").status_code == 201
    assert error_of(post(b"abc", "gzip")) == (400, 40000)
    assert error_of(post(gzip.compress(b"{}")[:-4], "gzip")) == (400, 40000)
    assert error_of(post(b"{}", "br")) == (400, 40000)
    assert error_of(post(gzip.compress(b" " * (8 * 2**20)), "gzip")) == (413, 40009)


def test_bytes_that_an_old_client_packs_as_text_stay_bytes(http: httpx.Client) -> None:
    body = msgpack.packb({"data": b"\xff\x00\xfe"}, use_bin_type=False)
    http.post("/channels/chat/messages", content=body, headers={"Content-Type": MSGPACK})
    (message,) = http.get("/channels/chat/messages").json()
    assert (message["data"], message["encoding"]) == ("/wD+", "base64")


@pytest.mark.parametrize("encoding", ["json", "utf-8/cipher+aes-128-cbc", "json/utf-8"])
def test_encodings_that_are_the_clients_own_pass_untouched(http: httpx.Client, encoding: str) -> None:
    http.post("/channels/chat/messages", json={"data": '{"a":1}', "encoding": encoding})
    (message,) = http.get("/channels/chat/messages").json()
    assert (message["data"], message["encoding"]) == ('{"a":1}', encoding)


@pytest.mark.parametrize("channel", ["", "%3Ax", "a%0Ab", "%5Bopen"])
def test_what_can_be_no_channel_is_refused_with_40010(http: httpx.Client, channel: str) -> None:
    assert error_of(http.post(f"/channels/{channel}/messages", json={})) == (400, 40010)


@pytest.mark.parametrize(("method", "path"), [("GET", "/nothing"), ("PUT", "/time"), ("POST", "/channels/chat")])
def test_what_is_not_there_is_40400(http: httpx.Client, method: str, path: str) -> None:
    assert error_of(http.request(method, path)) == (404, 40400)


def test_a_message_with_a_connection_key_is_published_on_that_connections_behalf(
    raw: Callable[..., Any], http: httpx.Client
) -> None:
    client = raw(clientId="u1").open()
    assert http.post("/channels/chat/messages", json={"connectionKey": client.key, "data": "x"}).status_code == 201
    (message,) = http.get("/channels/chat/messages").json()
    assert (message["connectionId"], message["clientId"]) == (client.id, "u1")


def test_history_is_paged_by_links_that_lead_through_all_of_it(http: httpx.Client) -> None:
    for number in range(7):
        http.post("/channels/chat/messages", json={"data": str(number)})
    for direction, expected in (("backwards", "6543210"), ("forwards", "0123456")):
        url, told = f"messages?direction={direction}&limit=3", ""
        while url:
            page = http.get(f"/channels/chat/{url}")
            told += "".join(message["data"] for message in page.json())
            assert set(links(page)) >= {"first", "current"}
            url = links(page).get("next", "")
        assert told == expected


def test_a_link_never_holds_credentials(ably_server: AblyServer, signed: Signed, anybody: httpx.Client) -> None:
    page = anybody.get("/channels/chat/history", params={"accessToken": signed()})
    assert "accessToken" not in str(page.headers.get_list("Link"))
    assert links(page)["first"].startswith("history?")


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "0"},
        {"limit": "1001"},
        {"limit": "-1"},
        {"limit": "many"},
        {"direction": "sideways"},
        {"start": "2", "end": "1"},
        {"start": "yesterday"},
        {"end": "9" * 40},
    ],
)
def test_a_query_that_makes_no_sense_is_40003(http: httpx.Client, query: dict[str, str]) -> None:
    assert error_of(http.get("/channels/chat/messages", params=query)) == (400, 40003)


def test_history_can_be_bounded_by_time_and_by_serial(http: httpx.Client) -> None:
    serials = [http.post("/channels/chat/messages", json={"data": str(n)}).json()["serials"][0] for n in range(3)]
    first = http.get("/channels/chat/messages", params={"direction": "forwards", "limit": "1"}).json()[0]["timestamp"]
    until = http.get("/channels/chat/messages", params={"fromSerial": serials[1]}).json()
    assert [message["data"] for message in until] == ["1", "0"]
    assert http.get("/channels/chat/messages", params={"end": str(first - 1)}).json() == []
    assert len(http.get("/channels/chat/messages", params={"start": str(first)}).json()) == 3


@pytest.mark.ably(settings=Settings(retained_messages=5))
def test_a_channel_keeps_its_newest_messages(http: httpx.Client) -> None:
    for number in range(8):
        http.post("/channels/chat/messages", json={"data": str(number)})
    assert [message["data"] for message in http.get("/channels/chat/messages").json()] == list("76543")


@pytest.mark.ably(settings=Settings(retained_bytes=100_000))
def test_a_channel_keeps_no_more_bytes_than_it_may(http: httpx.Client) -> None:
    for _ in range(5):
        http.post("/channels/chat/messages", json={"data": "x" * 40_000})
    assert len(http.get("/channels/chat/messages").json()) == 2


def test_a_batch_succeeds_and_fails_by_channel(ably_server: AblyServer, signed: Signed) -> None:
    token = signed({"mine:*": ["publish", "history"]})
    batch = [
        {"channels": ["mine:a", "yours", ":bad"], "messages": {"data": "1"}},
        {"channels": "mine:b", "messages": []},
    ]
    with httpx.Client(base_url=ably_server.url, verify=False, params={"accessToken": token}) as http:
        new = http.post("/messages", json=batch, params={"newBatchResponse": "true"})
        old = http.post("/messages", json=batch, headers={"X-Ably-Version": "2"})
    assert new.status_code == 201
    assert [(spec["successCount"], spec["failureCount"]) for spec in new.json()] == [(1, 2), (0, 1)]
    assert [result.get("error", {}).get("code") for result in new.json()[0]["results"]] == [None, 40160, 40010]
    assert (old.status_code, old.json()["error"]["code"]) == (400, 40020)
    assert [result.get("error", {}).get("code") for result in old.json()["batchResponse"]] == [
        None,
        40160,
        40010,
        40000,
    ]


def test_one_spec_gets_one_result_and_older_clients_a_bare_list(http: httpx.Client) -> None:
    spec = {"channels": ["a", "b"], "messages": [{"data": "1"}]}
    new = http.post("/messages", json=spec, headers={"X-Ably-Version": "3"}).json()
    old = http.post("/messages", json=spec, headers={"X-Ably-Version": "1.2"}).json()
    assert (new["successCount"], new["failureCount"]) == (2, 0)
    assert [result["channel"] for result in old] == ["a", "b"]


@pytest.mark.parametrize("body", [[], [3], {"messages": []}, {"channels": [1], "messages": []}, {"channels": []}, "x"])
def test_a_batch_without_channels_is_refused_whole(http: httpx.Client, body: Any) -> None:
    assert error_of(http.post("/messages", json=body)) == (400, 40000)


def test_presence_is_told_over_rest_with_its_fixtures(ably_server: AblyServer, anybody: httpx.Client) -> None:
    spec = {
        "keys": [{}, {"capability": '{"a":["publish"]}'}],
        "namespaces": [{"id": "persisted", "persisted": True}],
        "channels": [
            {"name": "persisted:room", "presence": [{"clientId": "u1", "data": "YQ==", "encoding": "utf-8/base64"}]}
        ],
        "limits": {"presence": {"maxMembers": 3}},
    }
    app = anybody.post("/apps", json=spec).json()
    assert [json.loads(key["capability"]) for key in app["keys"]] == [{"*": ["*"]}, {"a": ["publish"]}]
    assert (app["endpoint"], app["port"], app["tls"]) == ("localhost", ably_server.port, False)
    name, secret = app["keys"][0]["keyStr"].split(":")
    with httpx.Client(base_url=ably_server.url, verify=False, auth=(name, secret)) as http:
        (member,) = http.get("/channels/persisted:room/presence").json()
        (entered,) = http.get("/channels/persisted:room/presence/history").json()
        batch = http.get(
            "/presence", params={"channels": "persisted:room,empty"}, headers={"X-Ably-Version": "3"}
        ).json()
        assert (member["action"], member["data"], member["encoding"]) == (1, "YQ==", "utf-8/base64")
        assert entered["action"] == 2
        assert [len(result["presence"]) for result in batch["results"]] == [1, 0]
        assert http.get("/channels/persisted:room/presence", params={"clientId": "other"}).json() == []
        assert http.delete(f"/apps/{app['appId']}").status_code == 204
        assert error_of(http.get("/channels/persisted:room/presence")) == (404, 40400)


@pytest.mark.parametrize(
    "spec",
    [
        {"keys": 3},
        {"keys": [3]},
        {"keys": [{"capability": "{"}]},
        {"channels": [{"name": ""}]},
        {"channels": [{"name": "a", "presence": [{}]}]},
        {"limits": {"presence": {"maxMembers": "many"}}},
        {"namespaces": "x"},
        [],
    ],
)
def test_an_app_that_cannot_be_is_not_made(ably_server: AblyServer, spec: Any, anybody: httpx.Client) -> None:
    assert error_of(anybody.post("/apps", json=spec))[0] == 400
    state = anybody.get("/local/state").json()
    assert state["keys"] == [ably_server.key.partition(":")[0]]


def test_status_counts_who_is_there(raw: Callable[..., Any], http: httpx.Client) -> None:
    client = raw(clientId="u1").open()
    client.attach("room")
    client.presence("room", 2)
    client.receive(), client.receive()
    status = http.get("/channels/room").json()
    metrics = status["status"]["occupancy"]["metrics"]
    assert (status["channelId"], status["status"]["isActive"]) == ("room", True)
    assert (metrics["connections"], metrics["subscribers"], metrics["presenceMembers"]) == (1, 1, 1)


def test_statistics_are_empty_and_linked(http: httpx.Client) -> None:
    page = http.get("/stats")
    assert (page.json(), set(links(page))) == ([], {"first", "current"})


@pytest.mark.parametrize(
    ("path", "capability"),
    [
        ("/channels/chat/messages", {"chat": ["publish"]}),
        ("/channels/chat/presence", {"chat": ["history"]}),
        ("/channels/chat/presence/history", {"chat": ["presence"]}),
        ("/channels/chat", {"chat": ["history"]}),
        ("/stats", {"chat": ["stats"]}),
    ],
)
def test_reading_without_the_capability_is_40160(
    ably_server: AblyServer, signed: Signed, path: str, capability: dict[str, list[str]], anybody: httpx.Client
) -> None:
    assert error_of(anybody.get(path, params={"accessToken": signed(capability)})) == (401, 40160)


def test_a_page_elsewhere_may_read_replies_and_refusals_with_credentials(
    ably_server: AblyServer, anybody: httpx.Client
) -> None:
    origin = "https://shop.example"
    asked = {"Origin": origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-one,x-two"}
    preflight = anybody.options("/channels/chat/messages", headers=asked)
    refused = anybody.get("/channels/chat/messages", headers={"Origin": origin})
    assert (preflight.status_code, preflight.headers["Access-Control-Allow-Headers"]) == (204, "x-one,x-two")
    for reply in (preflight, refused):
        assert reply.headers["Access-Control-Allow-Origin"] == origin
        assert reply.headers["Access-Control-Allow-Credentials"] == "true"
        assert reply.headers["Vary"] == "Origin"
        assert "X-Ably-Errorcode" in reply.headers["Access-Control-Expose-Headers"]


def test_a_page_elsewhere_may_not_read_the_state(ably_server: AblyServer, anybody: httpx.Client) -> None:
    reply = anybody.get("/local/state", headers={"Origin": "https://shop.example"})
    assert "Access-Control-Allow-Origin" not in reply.headers


def test_a_publish_can_be_refused_on_request(http: httpx.Client) -> None:
    assert error_of(http.post("/channels/chat/messages?_forceNack=true", json={})) == (400, 40099)
