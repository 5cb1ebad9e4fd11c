import pytest

from endcap_backend.retail.preferences import Preferences, preferences_of

NONE = {"quiet_hours": None, "timezone": None, "muted": []}


def test_who_never_said_anything_has_none(api):
    assert api.get("/v1/me/preferences").get_json() == NONE


def test_what_she_asks_for_is_kept_for_her_alone(make_api):
    api = make_api()
    api.enter()
    said = {"quiet_hours": "21:00-08:00", "timezone": "Europe/Helsinki", "muted": ["deal", "help"]}
    assert api.call("PUT", "/v1/me/preferences", said).get_json() == said
    assert api.get("/v1/me/preferences").get_json() == said
    with api.database.reading() as connection:
        kept = preferences_of(connection, [api.uid])
    assert kept == {api.uid: Preferences("21:00-08:00", "Europe/Helsinki", frozenset({"deal", "help"}))}
    api.enter()
    assert api.get("/v1/me/preferences").get_json() == NONE


def test_what_she_leaves_out_is_said_no_more(api):
    api.call("PUT", "/v1/me/preferences", {"quiet_hours": "21:00-08:00", "muted": ["help"]})
    assert api.call("PUT", "/v1/me/preferences", {}).get_json() == NONE
    assert api.get("/v1/me/preferences").get_json() == NONE


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"quiet_hours": "nights"}, "quiet_hours"),
        ({"quiet_hours": 22}, "quiet_hours"),
        ({"timezone": "../etc/passwd"}, "timezone"),
        ({"timezone": ["UTC"]}, "timezone"),
        ({"muted": "help"}, "muted"),
        ({"muted": [1]}, "muted"),
        ({"muted": ["spam"]}, "muted"),
    ],
)
def test_what_cannot_be_is_refused_by_field_and_changes_nothing(api, said, field):
    api.call("PUT", "/v1/me/preferences", {"quiet_hours": "21:00-08:00"})
    refused = api.call("PUT", "/v1/me/preferences", said)
    assert refused.status_code == 422
    assert refused.get_json()["field"] == field
    assert api.get("/v1/me/preferences").get_json()["quiet_hours"] == "21:00-08:00"


def test_they_are_exported_and_erased_with_her(api):
    api.call("PUT", "/v1/me/preferences", {"muted": ["help"]})
    exported = api.get("/v1/me/export").get_json()
    assert exported["shop"]["shopper_preferences"] == [{"muted": "help"}]
    assert api.call("DELETE", "/v1/me").status_code == 202
    with api.database.reading() as connection:
        assert preferences_of(connection, [api.uid]) == {}
