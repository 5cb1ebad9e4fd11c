import logging

import pytest


def test_every_answer_carries_what_keeps_a_browser_safe(api):
    for path in ("/healthz", "/v1/me/consent", "/no/such/path", "/openapi.json"):
        headers = api.get(path).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cache-Control"] == "no-store"
        assert "Server" not in headers


def test_https_is_insisted_on_where_it_was_used(api):
    assert "Strict-Transport-Security" not in api.get("/healthz").headers
    assert api.get("/healthz", base_url="https://shop.example").headers["Strict-Transport-Security"]


def test_a_request_id_is_ours_whatever_was_sent(api):
    first, second = (api.get("/healthz", headers={"X-Request-Id": "theirs"}).headers["X-Request-Id"] for _ in "12")
    assert len(first) == len(second) == 16
    assert first != second


def test_an_unknown_path_is_a_problem(api):
    answer = api.get("/v1/nothing")
    assert (answer.status_code, answer.mimetype) == (404, "application/problem+json")
    assert answer.get_json()["type"] == "urn:endcap:problem:not_found"


def test_a_wrong_method_names_the_right_ones(api):
    answer = api.get("/v1/locations")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "OPTIONS, POST")


@pytest.mark.parametrize("path", ["/v1/locations", "/v1/sessions", "/v1/ably-token", "/v1/me/consent"])
def test_cors_is_closed_unless_an_origin_is_named(api, path):
    answer = api.call("OPTIONS", path, headers={"Origin": "https://shop.example"})
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_cors_opens_for_the_named_origin_alone(make_api):
    api = make_api(cors_origins=("https://shop.example",))
    preflight = api.call("OPTIONS", "/v1/locations", headers={"Origin": "https://shop.example"})
    assert preflight.headers["Access-Control-Allow-Origin"] == "https://shop.example"
    assert "Authorization" in preflight.headers["Access-Control-Allow-Headers"]
    assert "Origin" in preflight.headers["Vary"]
    other = api.call("OPTIONS", "/v1/locations", headers={"Origin": "https://shop.example.attacker.example"})
    assert "Access-Control-Allow-Origin" not in other.headers


def test_a_fault_of_ours_says_which_request_and_nothing_else(api, caplog):
    api.pipeline.fault = RuntimeError("the password is swordfish")
    answer = api.get("/readyz")
    assert answer.status_code == 500
    assert answer.get_json()["detail"] == f"tell the operator: request {answer.headers['X-Request-Id']}"
    assert answer.headers["X-Request-Id"] in caplog.text
    assert "swordfish" in caplog.text  # the operator learns what it was


def test_the_access_log_has_route_status_time_and_request_id(api, caplog):
    with caplog.at_level(logging.INFO, "endcap.access"):
        answer = api.get("/v1/me/consent")
    (line,) = [record.getMessage() for record in caplog.records if record.name == "endcap.access"]
    assert line.startswith("GET /v1/me/consent 200 ")
    assert line.endswith(answer.headers["X-Request-Id"])


def test_nothing_of_hers_is_logged_or_counted(api, a_location, an_event, caplog):
    """A canary: positions, the pseudonym, tokens and hostile text go through every call, and nothing of it is found."""
    with caplog.at_level(logging.DEBUG):
        refresh = api.session["refresh_token"]
        api.post("/v1/locations", {"locations": [a_location(latitude=12.34567), a_location(country="CANARY" * 20)]})
        api.post("/v1/locations", data=b'{"locations": CANARY', content_type="application/json")
        api.post("/v1/locations", {"locations": [a_location(CANARY=1, uid="CANARY")]})
        api.post("/v1/events", {"events": [an_event(note="CANARY")]})
        api.post("/v1/ably-token", {"for": "CANARY"})
        api.post("/v1/sessions", {"refresh_token": refresh}, token="")
        api.post("/v1/sessions", {"refresh_token": "CANARY"}, token="")
        api.post("/v1/CANARY?CANARY=12.34567", token="CANARY", headers={"X-Request-Id": "CANARY"})
        api.log.close()
        assert api.post("/v1/locations", {"locations": [a_location(latitude=12.34567)]}).status_code == 503
    told = caplog.text + api.app.test_client().get("/healthz").text
    for canary in ("CANARY", "12.34567", api.uid, api.session["token"], refresh, "24.93545"):
        assert canary not in told
