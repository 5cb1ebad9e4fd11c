import pytest

from endcap.messages import CUSTOMERS_EVENTS


def statuses(answer):
    told = answer.get_json()
    return [each["status"] for each in told.get("results", told.get("errors"))]


def test_an_event_is_stored_under_its_shopper(api, an_event):
    assert api.post("/v1/events", {"events": [an_event()]}).status_code == 202
    (record,) = api.records()
    assert (record.topic, record.key, record.id) == (CUSTOMERS_EVENTS, api.uid, "event-1")


def test_an_event_that_comes_twice_is_stored_once(api, an_event):
    api.post("/v1/events", {"events": [an_event()]})
    assert statuses(api.post("/v1/events", {"events": [an_event()]})) == ["duplicate"]


@pytest.mark.parametrize(
    ("agreed", "told"),
    [
        ("location", {"enter", "dwell", "exit", "clipped", "redeemed", "help"}),
        ("analytics", {"shown", "opened", "clipped", "redeemed", "help"}),
        ("promotions", {"clipped", "redeemed", "help"}),
    ],
)
def test_only_what_she_agreed_to_is_told_of_her(make_api, an_event, agreed, told):
    api = make_api()
    api.enter(agreed)
    kinds = ["enter", "dwell", "exit", "shown", "opened", "clipped", "redeemed", "help"]
    answer = api.post("/v1/events", {"events": [an_event(id=kind, kind=kind) for kind in kinds]})
    accepted = {kind for kind, status in zip(kinds, statuses(answer), strict=True) if status == "accepted"}
    assert accepted == told == {record.id for record in api.records()}


def test_a_kind_she_did_not_agree_to_says_so(make_api, an_event):
    api = make_api()
    api.enter("promotions")
    answer = api.post("/v1/events", {"events": [an_event()]})
    assert answer.status_code == 422
    assert answer.get_json()["errors"][0]["reason"] == "consent_required: she has not agreed to location"


def test_what_only_the_decision_can_tell_a_phone_may_not(api, an_event):
    answer = api.post("/v1/events", {"events": [an_event(kind="withheld")]})
    assert answer.status_code == 422
    assert answer.get_json()["errors"][0]["reason"].startswith("must be one of enter, dwell, exit")


def test_events_and_fixes_share_one_rate(make_api, an_event, a_location):
    api = make_api(user_fixes_burst=500, user_fixes_per_s=1)
    api.enter()
    assert api.post("/v1/locations", {"locations": [a_location()] * 500}).status_code == 202
    assert api.post("/v1/events", {"events": [an_event()]}).status_code == 429
