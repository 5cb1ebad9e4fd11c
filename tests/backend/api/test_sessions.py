import re

import jwt
import pytest


def refreshed(api, refresh_token, **more):
    return api.post("/v1/sessions", {"refresh_token": refresh_token, **more}, token="")


def test_a_session_is_a_random_pseudonym_with_two_tokens(api):
    first, second = api.enter(), api.enter()
    assert re.fullmatch(r"[0-9a-f]{32}", first["uid"])
    assert first["uid"] != second["uid"]
    assert first["expires_at"] == "2026-11-24T13:00:00.000Z"
    assert first["refresh_expires_at"] == "2027-02-22T12:00:00.000Z"


def test_a_token_says_nothing_of_her_but_the_pseudonym(api):
    claims = jwt.decode(api.session["token"], options={"verify_signature": False})
    assert claims.keys() == {"iss", "aud", "sub", "iat", "exp"}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "consent"),
        ({"consent": None}, "consent"),
        ({"consent": []}, "consent"),
        ({"consent": {"text_version": "1"}}, "consent.purposes"),
        ({"consent": {"purposes": [], "text_version": "1"}}, "consent.purposes"),
        ({"consent": {"purposes": ["location", "world peace"], "text_version": "1"}}, "consent.purposes"),
        ({"consent": {"purposes": "location", "text_version": "1"}}, "consent.purposes"),
        ({"consent": {"purposes": [1], "text_version": "1"}}, "consent.purposes"),
        ({"consent": {"purposes": ["location"]}}, "consent.text_version"),
        ({"consent": {"purposes": ["location"], "text_version": ""}}, "consent.text_version"),
        ({"consent": {"purposes": ["location"], "text_version": "x" * 65}}, "consent.text_version"),
        ({"refresh_token": 7}, "refresh_token"),
    ],
)
def test_without_a_consent_that_can_be_read_there_is_no_session(api, body, field):
    answer = api.post("/v1/sessions", body, token="")
    assert (answer.status_code, answer.get_json()["field"]) == (422, field)


def test_a_refresh_token_continues_the_same_shopper(api):
    api.clock.advance(3500)
    renewed = refreshed(api, api.session["refresh_token"])
    assert renewed.status_code == 201
    assert renewed.get_json()["uid"] == api.uid
    assert renewed.get_json()["expires_at"] == "2026-11-24T13:58:20.000Z"


def test_a_refresh_token_used_again_at_once_is_a_lost_answer(api):
    first = api.session["refresh_token"]
    refreshed(api, first)
    api.clock.advance(299)
    again = refreshed(api, first)
    assert again.status_code == 201
    assert refreshed(api, again.get_json()["refresh_token"]).status_code == 201


def test_a_refresh_token_used_again_later_ends_the_session_for_both(api):
    stolen = api.session["refresh_token"]
    renewed = refreshed(api, stolen).get_json()
    api.clock.advance(301)
    assert refreshed(api, stolen).status_code == 401
    assert refreshed(api, renewed["refresh_token"]).status_code == 401
    assert api.get("/v1/me/consent", token=renewed["token"]).status_code == 401


def test_a_lost_answer_does_not_prolong_the_time_in_which_it_may_be_lost(api):
    first = api.session["refresh_token"]
    refreshed(api, first)
    api.clock.advance(200)
    refreshed(api, first)
    api.clock.advance(200)
    assert refreshed(api, first).status_code == 401


def test_a_refresh_token_from_two_renewals_ago_ends_the_session(api):
    first = api.session["refresh_token"]
    second = refreshed(api, first).get_json()["refresh_token"]
    refreshed(api, second)
    assert refreshed(api, first).status_code == 401


def test_a_refresh_token_ends_after_ninety_days(api):
    api.clock.advance(90 * 86_400)
    answer = refreshed(api, api.session["refresh_token"])
    assert (answer.status_code, answer.get_json()["detail"]) == (401, "the token has expired: begin a new session")


def test_a_session_token_is_no_refresh_token_and_the_other_way_round(api):
    assert refreshed(api, api.session["token"]).status_code == 401
    assert api.get("/v1/me/consent", token=api.session["refresh_token"]).status_code == 401


def test_consent_may_change_with_a_renewal(api):
    refreshed(api, api.session["refresh_token"], consent={"purposes": ["promotions"], "text_version": "2027-01"})
    assert [each["text_version"] for each in api.get("/v1/me/consent").get_json()["consents"]] == ["2026-11", "2027-01"]


def test_each_consent_is_recorded_with_purposes_text_and_time(api):
    api.clock.advance(60)
    answer = api.call("PUT", "/v1/me/consent", {"purposes": ["promotions"], "text_version": "2026-12"})
    assert answer.get_json() == {
        "purposes": ["promotions"],
        "text_version": "2026-12",
        "recorded_at": "2026-11-24T12:01:00.000Z",
    }
    assert api.get("/v1/me/consent").get_json()["consents"] == [
        {
            "purposes": ["analytics", "location", "promotions"],
            "text_version": "2026-11",
            "recorded_at": "2026-11-24T12:00:00.000Z",
        },
        answer.get_json(),
    ]


def test_consent_withdrawn_stops_fixes_at_once(api, a_location):
    api.call("PUT", "/v1/me/consent", {"purposes": [], "text_version": "2026-11"})
    answer = api.post("/v1/locations", {"locations": [a_location()]})
    assert (answer.status_code, answer.get_json()["type"]) == (403, "urn:endcap:problem:consent_required")
    assert api.records() == []


def test_sessions_survive_a_restart(make_api, tmp_path):
    from endcap_backend.api.shoppers import Shoppers

    api = make_api()
    api.enter("location")
    again = Shoppers(api.log, api.clock, 1000)
    assert again.find(api.uid).purposes == {"location"}


def test_ended_sessions_are_forgotten(api):
    from endcap_backend.api.shoppers import Shoppers

    shoppers = Shoppers(api.log, api.clock, 1000)
    assert shoppers.forget_ended() == 0
    api.clock.advance(90 * 86_400 + 1)
    assert shoppers.forget_ended() == 1
    assert (shoppers.find(api.uid), shoppers.consents(api.uid)) == (None, [])


def test_one_address_may_begin_only_so_many_sessions(make_api):
    api = make_api(sessions_burst=2, sessions_per_s=0.5)
    api.enter()
    api.enter()
    refused = api.post("/v1/sessions", {"consent": {"purposes": ["location"], "text_version": "1"}}, token="")
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "2")
    api.clock.advance(2)
    api.enter()
