"""A post of fixes is answered alike by the short way, which takes plain ones, and by Flask, which takes the rest."""

import gzip
import json
import logging
from contextlib import contextmanager

import pytest
from flask import request_started

JSON = "application/json"
ROUNDABOUT = "application/json; charset=utf-8"  # not as plain as the short way wants it

GOOD = {"latitude": 60.17, "longitude": 24.94, "id": "i:1"}
BODIES = {
    "one": [GOOD],
    "a repeat": [GOOD, GOOD],
    "some bad": [{**GOOD, "latitude": 91}, {**GOOD, "id": "i:2"}, {**GOOD, "uid": "another's"}, 7],
    "all bad": [{**GOOD, "latitude": None}],
    "none": [],
    "no array": {},
    "too many": [GOOD] * 501,
}


@contextmanager
def flask_requests(api):
    """The paths of the requests that came to Flask."""
    seen = []

    def note(sender, **more):
        seen.append(sender.name)

    with request_started.connected_to(note, api.app):
        yield seen


def told(answer):
    """All of an answer but the id of its request."""
    headers = [(name, value) for name, value in answer.headers if name != "X-Request-Id"]
    return answer.status, headers, answer.data


def both(api, **more):
    return [told(api.call("POST", "/v1/locations", content_type=each, **more)) for each in (JSON, ROUNDABOUT)]


def test_a_plain_post_does_not_go_through_flask(api):
    with flask_requests(api) as seen:
        answer = api.post("/v1/locations", {"locations": [GOOD]})
        assert (answer.status, seen) == ("202 ACCEPTED", [])
        api.call("POST", "/v1/locations", data=json.dumps({"locations": [GOOD]}), content_type=ROUNDABOUT)
        api.post("/v1/locations", {"locations": [GOOD]}, headers={"Origin": "https://shop.example"})
        api.get("/healthz")
    assert len(seen) == 3
    assert [record.id for record in api.records()] == ["i:1"]


@pytest.mark.parametrize("items", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("base_url", ["http://localhost", "https://shop.example"])
def test_the_answer_is_the_same(make_api, items, base_url):
    answers = []
    for content_type in (JSON, ROUNDABOUT):  # each on a log of its own
        api = make_api()
        api.enter()
        body = json.dumps({"locations": items})
        answers.append(told(api.call("POST", "/v1/locations", data=body, content_type=content_type, base_url=base_url)))
    assert answers[0] == answers[1]


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"[]", b"\xff", b'{"locations": NaN}', b'{"sent_at": 1, "locations": [1]}', b"[" * 100_000]
)
def test_what_cannot_be_read_is_told_the_same(api, raw):
    plain, roundabout = both(api, data=raw)
    assert plain == roundabout
    assert plain[0][0] == "4"


@pytest.mark.parametrize("encoding", ["gzip", "identity", "br"])
@pytest.mark.parametrize(
    "raw",
    [gzip.compress(json.dumps({"locations": [GOOD]}).encode()), b"no gzip", bytes(99)],
    ids=["packed", "no gzip", "zeros"],
)
def test_what_is_packed_is_told_the_same(api, raw, encoding):
    api.post("/v1/locations", {"locations": [GOOD]})  # so that it is a repeat both times
    plain, roundabout = both(api, data=raw, headers={"Content-Encoding": encoding})
    assert plain == roundabout


@pytest.mark.parametrize("token", ["", "no token of ours", "x" * 3000])
def test_who_may_not_post_is_told_the_same(api, token):
    plain, roundabout = both(api, data="{}", token=token)
    assert plain == roundabout
    assert plain[0] == "401 UNAUTHORIZED"


def test_who_has_not_agreed_is_told_the_same(api):
    api.enter("promotions")
    plain, roundabout = both(api, data=json.dumps({"locations": [GOOD]}))
    assert plain == roundabout
    assert plain[0] == "403 FORBIDDEN"


@pytest.mark.parametrize(
    "settings",
    [{"user_requests_burst": 1}, {"user_fixes_burst": 500}, {"max_records": 0}, {"max_body_kb": 64}],
    ids=["too many requests", "too many fixes", "full", "too large"],
)
def test_who_is_turned_away_is_told_the_same_and_counted_once(make_api, settings):
    answers, counts = [], []
    for content_type in (JSON, ROUNDABOUT):
        api = make_api(**settings)
        api.enter()
        body = json.dumps({"locations": [{**GOOD, "id": f"i:{n}"} for n in range(300)]}) + " " * 70_000
        for _ in range(2):
            answer = api.call("POST", "/v1/locations", data=body, content_type=content_type)
        answers.append(told(answer))
        text = api.get("/metrics").text
        counts.append(
            [line for line in text.splitlines() if line.startswith(("endcap_refused", "endcap_http_requests"))]
        )
    assert answers[0] == answers[1]
    assert answers[0][0][:3] in ("413", "429", "503")
    assert counts[0] == counts[1]


@pytest.mark.parametrize("zeros", [0, 4, 9, 40])
def test_a_length_with_zeros_before_it_lets_no_body_past_the_most(make_api, zeros):
    api = make_api(max_body_kb=64)
    api.enter()
    body = json.dumps({"locations": [GOOD]}) + " " * 70_000
    plain, roundabout = both(api, data=body, environ_overrides={"CONTENT_LENGTH": "0" * zeros + str(len(body))})
    assert plain == roundabout
    assert plain[0].startswith("413")
    assert api.records() == []


def test_a_log_that_is_closed_is_told_the_same(api):
    api.log.close()
    plain, roundabout = both(api, data=json.dumps({"locations": [GOOD]}))
    assert plain == roundabout
    assert plain[0] == "503 SERVICE UNAVAILABLE"


def test_when_too_many_wait_the_short_way_is_closed_too(api):
    api.app.extensions["endcap-overloaded"] = lambda: True
    plain, roundabout = both(api, data=json.dumps({"locations": [GOOD]}))
    assert plain == roundabout
    assert plain[0] == "503 SERVICE UNAVAILABLE"
    assert api.records() == []


def test_it_is_counted_and_told_in_the_access_log_as_others_are(api, caplog):
    with caplog.at_level(logging.INFO, "endcap.access"):
        answer = api.post("/v1/locations", {"locations": [GOOD]})
    (record,) = [each for each in caplog.records if each.name == "endcap.access"]
    assert record.getMessage().startswith("POST /v1/locations 202 ")
    assert record.getMessage().endswith(answer.headers["X-Request-Id"])
    line = 'endcap_http_requests_total{method="POST",route="/v1/locations",status="202"} 1.0'
    assert line in api.get("/metrics").text


def test_answers_vary_with_the_origin_where_some_may_ask_from_elsewhere(make_api):
    api = make_api(cors_origins=("https://shop.example",))
    api.enter()
    api.post("/v1/locations", {"locations": [GOOD]})
    plain, roundabout = both(api, data=json.dumps({"locations": [GOOD]}))
    assert plain == roundabout
    assert ("Vary", "Origin") in plain[1]
