import json

import jwt
import pytest

SECRET = "secret-of-the-tests-as-long-as-real-ones-are"


def opened(answer):
    """Header and claims of the token in the answer, checked against the Ably key."""
    token = answer.get_json()["token"]
    claims = jwt.decode(token, SECRET, algorithms=["HS256"], options={"verify_exp": False, "verify_iat": False})
    return jwt.get_unverified_header(token), claims


def test_a_phone_publishes_her_fixes_and_hears_her_offers_for_an_hour(api):
    answer = api.post("/v1/ably-token", {"for": "phone"})
    assert answer.status_code == 200
    header, claims = opened(answer)
    assert header["kid"] == "app.key"
    assert claims["x-ably-clientId"] == api.uid
    assert json.loads(claims["x-ably-capability"]) == {
        f"location:{api.uid}": ["publish"],
        f"promotions:{api.uid}": ["history", "subscribe"],
    }
    assert claims["exp"] - claims["iat"] == 3600


def test_the_answer_says_what_the_token_is_for(api):
    answer = api.post("/v1/ably-token").get_json()
    assert answer["client_id"] == api.uid
    assert answer["expires_at"] == "2026-11-24T13:00:00.000Z"
    assert answer["channels"] == {"location": f"location:{api.uid}", "promotions": f"promotions:{api.uid}"}
    assert answer["capability"][f"location:{api.uid}"] == ["publish"]
    assert answer["endpoint"] == ""


def test_a_page_only_listens_for_five_minutes(api):
    _, claims = opened(api.post("/v1/ably-token", {"for": "page"}))
    assert json.loads(claims["x-ably-capability"]) == {f"promotions:{api.uid}": ["subscribe"]}
    assert claims["exp"] - claims["iat"] == 300


@pytest.mark.parametrize("purpose", ["location", "promotions"])
def test_a_token_opens_no_channel_she_did_not_agree_to(make_api, purpose):
    api = make_api()
    api.enter(purpose)
    assert list(api.post("/v1/ably-token").get_json()["capability"]) == [f"{purpose}:{api.uid}"]


@pytest.mark.parametrize(("purpose", "wanted"), [("analytics", "phone"), ("location", "page")])
def test_without_consent_there_is_no_token(make_api, purpose, wanted):
    api = make_api()
    api.enter(purpose)
    answer = api.post("/v1/ably-token", {"for": wanted})
    assert (answer.status_code, answer.get_json()["type"]) == (403, "urn:endcap:problem:consent_required")


@pytest.mark.parametrize("wanted", ["till", None, 7, ["phone"], {}])
def test_a_token_is_for_a_phone_or_a_page(api, wanted):
    answer = api.post("/v1/ably-token", {"for": wanted})
    assert (answer.status_code, answer.get_json()["field"]) == (422, "for")


def test_the_phone_learns_where_ably_is(make_api):
    api = make_api(ably_endpoint="http://localhost:8801")
    api.enter()
    assert api.post("/v1/ably-token").get_json()["endpoint"] == "http://localhost:8801"


def test_without_a_key_it_says_what_to_set(make_api):
    api = make_api(ably_key="")
    api.enter()
    answer = api.post("/v1/ably-token")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "60")
    assert "ENDCAP_ABLY_KEY" in answer.get_json()["detail"]
