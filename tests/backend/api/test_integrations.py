import base64
import hashlib
import hmac
import json

import pytest

SECRET = b"secret-of-the-tests-as-long-as-real-ones-are"


def message(uid, data, **more):
    return {"id": "m:0", "clientId": uid, "timestamp": 1795521600000, "name": "fix", "data": data, **more}


def batched(channel, *messages, source="channel.message"):
    data = {"channelId": channel, "site": "local", "messages": list(messages)}
    return {"items": [{"webhookId": "w", "source": source, "serial": "s:1", "timestamp": 1795521600000, "data": data}]}


@pytest.fixture
def deliver(api):
    """Posts a body as Ably does, signed unless told otherwise."""

    def deliver(body, *, key="app.key", secret=SECRET, signature=None):
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        signed = base64.b64encode(hmac.digest(secret, raw, hashlib.sha256)).decode()
        headers = {"X-Ably-Key": key, "X-Ably-Signature": signed if signature is None else signature}
        return api.post("/v1/integrations/ably", data=raw, headers=headers, token="", content_type="application/json")

    return deliver


def channel(api):
    return f"location:{api.uid}"


def test_fixes_published_on_her_channel_reach_the_log(api, deliver, a_location):
    answer = deliver(batched(channel(api), message(api.uid, a_location())))
    assert (answer.status_code, answer.get_json()) == (200, {"accepted": 1, "duplicates": 0, "rejected": 0})
    (record,) = api.records()
    assert (record.key, record.id) == (api.uid, "install:1")


def test_the_single_envelope_is_read_too(api, deliver, a_location):
    body = {"source": "channel.message", "channel": channel(api), "messages": [message(api.uid, a_location())]}
    assert deliver(body).get_json()["accepted"] == 1


@pytest.mark.parametrize("encoding", [None, "", "json"])
def test_data_may_be_json_text(api, deliver, a_location, encoding):
    body = batched(channel(api), message(api.uid, json.dumps(a_location()), encoding=encoding))
    assert deliver(body).get_json()["accepted"] == 1


@pytest.mark.parametrize("encoding", ["base64", "json/utf-8/base64", "utf-8/base64"])
def test_data_may_be_bytes(api, deliver, a_location, encoding):
    data = base64.b64encode(json.dumps(a_location()).encode()).decode()
    assert deliver(batched(channel(api), message(api.uid, data, encoding=encoding))).get_json()["accepted"] == 1


def test_data_may_be_an_array_of_fixes(api, deliver, a_location):
    fixes = [a_location(id="i:1"), a_location(id="i:2"), a_location(latitude=91)]
    answer = deliver(batched(channel(api), message(api.uid, fixes))).get_json()
    assert answer == {"accepted": 2, "duplicates": 0, "rejected": 1}


def test_the_same_fix_by_http_and_by_ably_is_stored_once(api, deliver, a_location):
    api.post("/v1/locations", {"locations": [a_location()]})
    assert deliver(batched(channel(api), message(api.uid, a_location()))).get_json()["duplicates"] == 1
    assert len(api.records()) == 1


def test_nobody_can_publish_for_another(api, deliver, a_location):
    hers = channel(api)
    body = batched(hers, message("somebody", a_location()), message(None, a_location()), message(7, a_location()))
    assert deliver(body).get_json() == {"accepted": 0, "duplicates": 0, "rejected": 3}
    other = batched(hers, message(api.uid, a_location(uid="somebody")))
    assert deliver(other).get_json()["rejected"] == 1
    assert api.records() == []


def test_without_live_consent_a_fix_is_left_out(api, deliver, a_location):
    api.call("PUT", "/v1/me/consent", {"purposes": ["promotions"], "text_version": "2"})
    assert deliver(batched(channel(api), message(api.uid, a_location()))).get_json()["rejected"] == 1
    assert deliver(batched("location:nobody", message("nobody", a_location()))).get_json()["rejected"] == 1
    assert api.records() == []


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        ("not json", None),
        ("%%%", "base64"),
        (base64.b64encode(b"\xff").decode(), "utf-8/base64"),
        ("x", "cipher+aes-128-cbc/base64"),
        (None, None),
        (7, "base64"),
        ("[" * 100_000, "json"),
    ],
)
def test_a_message_that_cannot_be_read_is_counted_and_its_neighbour_stored(api, deliver, a_location, data, encoding):
    body = batched(channel(api), message(api.uid, data, encoding=encoding), message(api.uid, a_location()))
    assert deliver(body).get_json() == {"accepted": 1, "duplicates": 0, "rejected": 1}


def test_other_sources_and_channels_are_passed_over(api, deliver, a_location):
    fix = message(api.uid, a_location())
    for body in (
        batched(channel(api), fix, source="channel.presence"),
        batched("help:s1", fix),
        {"items": [7, None, {"source": "channel.message", "data": {"channelId": 7, "messages": [fix]}}]},
        {"items": [{"source": "channel.message", "data": {"channelId": channel(api), "messages": [7]}}]},
    ):
        answer = deliver(body)
        assert (answer.status_code, answer.get_json()["accepted"]) == (200, 0)


@pytest.mark.parametrize("body", [[], 7, {"items": 7}])
def test_what_is_no_envelope_is_refused(deliver, body):
    assert deliver(body).status_code == 422


@pytest.mark.parametrize(
    "forged",
    [{"secret": b"guessed"}, {"key": "app.other"}, {"signature": ""}, {"signature": "é"}, {"key": ""}],
)
def test_a_webhook_that_is_not_signed_with_our_key_is_refused(api, deliver, a_location, forged):
    answer = deliver(batched(channel(api), message(api.uid, a_location())), **forged)
    assert answer.status_code == 401
    assert api.records() == []


def test_a_signed_body_that_is_no_json_is_refused(deliver):
    assert deliver(b"\xff{").status_code == 400


def test_when_the_log_is_full_ably_is_told_to_come_again(make_api, a_location):
    api = make_api(max_records=1)
    api.enter()
    api.post("/v1/locations", {"locations": [a_location(id="i:0")]})
    raw = json.dumps(batched(channel(api), message(api.uid, a_location()))).encode()
    signature = base64.b64encode(hmac.digest(SECRET, raw, hashlib.sha256)).decode()
    headers = {"X-Ably-Key": "app.key", "X-Ably-Signature": signature}
    answer = api.post("/v1/integrations/ably", data=raw, headers=headers, token="", content_type="application/json")
    assert answer.status_code == 503
