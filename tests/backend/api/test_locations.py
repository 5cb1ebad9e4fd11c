import gzip
import json

import pytest

from endcap.messages import CUSTOMERS_LOCATIONS, CustomerLocation


def test_a_fix_is_on_disk_when_the_answer_comes(api, a_location):
    answer = api.post("/v1/locations", {"locations": [a_location()]})
    assert answer.status_code == 202
    assert answer.get_json() == {
        "accepted": 1,
        "duplicates": 0,
        "rejected": 0,
        "results": [{"index": 0, "status": "accepted"}],
    }
    (record,) = api.records()
    assert (record.topic, record.key, record.id) == (CUSTOMERS_LOCATIONS, api.uid, "install:1")
    stored = CustomerLocation.from_text(record.value)
    assert (stored.uid, stored.latitude_deg, stored.longitude_deg) == (api.uid, 60.16952, 24.93545)


def test_the_same_fix_twice_is_stored_once(api, a_location):
    api.post("/v1/locations", {"locations": [a_location()]})
    again = api.post("/v1/locations", {"locations": [a_location(), a_location(id="install:2")]})
    assert (again.get_json()["accepted"], again.get_json()["duplicates"]) == (1, 1)
    assert len(api.records()) == 2


def test_the_same_id_of_another_shopper_is_another_fix(api, a_location):
    api.post("/v1/locations", {"locations": [a_location()]})
    api.enter()
    assert api.post("/v1/locations", {"locations": [a_location()]}).get_json()["accepted"] == 1


def test_a_bad_fix_does_not_sink_its_neighbours(api, a_location):
    items = [a_location(id="i:1"), a_location(latitude=91), "nonsense", a_location(id="i:4")]
    answer = api.post("/v1/locations", {"locations": items})
    assert answer.status_code == 202
    assert answer.get_json()["results"] == [
        {"index": 0, "status": "accepted"},
        {"index": 1, "status": "rejected", "field": "latitude", "reason": "must not be above 90"},
        {
            "index": 2,
            "status": "rejected",
            "field": "",
            "reason": "a CustomerLocation must be a JSON object, not text",
        },
        {"index": 3, "status": "accepted"},
    ]
    assert [record.id for record in api.records()] == ["i:1", "i:4"]


def test_when_nothing_is_good_the_whole_is_refused_with_each_reason(api, a_location):
    answer = api.post("/v1/locations", {"locations": [a_location(latitude="60"), a_location(longitude=None)]})
    problem = answer.get_json()
    assert (answer.status_code, answer.mimetype) == (422, "application/problem+json")
    assert problem["field"] == "latitude"
    assert [(each["index"], each["field"]) for each in problem["errors"]] == [(0, "latitude"), (1, "longitude")]


def test_the_uid_may_be_repeated_but_not_another(api, a_location):
    items = [a_location(uid=api.uid), a_location(uid="somebody", id="i:2"), a_location(uid=None, id="i:3")]
    answer = api.post("/v1/locations", {"locations": items}).get_json()
    assert [each["status"] for each in answer["results"]] == ["accepted", "rejected", "accepted"]
    assert answer["results"][1]["field"] == "uid"


def test_unknown_fields_of_a_newer_phone_are_left_out(api, a_location):
    api.post("/v1/locations", {"locations": [a_location(mood="curious")], "battery": 70})
    assert "curious" not in api.records()[0].value


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({}, 422, "locations"),
        ({"locations": None}, 422, "locations"),
        ({"locations": {}}, 422, "locations"),
        ({"locations": []}, 422, "locations"),
        ({"locations": [{}] * 501}, 413, "locations"),
        ({"locations": [{}], "sent_at": "yesterday"}, 422, "sent_at"),
    ],
)
def test_a_batch_that_is_none_is_refused(api, body, status, field):
    answer = api.post("/v1/locations", body)
    assert (answer.status_code, answer.get_json()["field"]) == (status, field)


@pytest.mark.parametrize("body", [[], "text", 7, None, True])
def test_a_body_that_is_no_object_is_refused(api, body):
    answer = api.post("/v1/locations", data=json.dumps(body), content_type="application/json")
    assert answer.status_code == 422


def test_five_hundred_fixes_come_packed(api, a_location):
    body = {"locations": [a_location(id=f"i:{number}") for number in range(500)]}
    packed = gzip.compress(json.dumps(body).encode())
    answer = api.post(
        "/v1/locations", data=packed, content_type="application/json", headers={"Content-Encoding": "gzip"}
    )
    assert answer.get_json()["accepted"] == len(api.records()) == 500


def test_fixes_are_counted_apart_from_requests(make_api, a_location):
    api = make_api(user_fixes_burst=600, user_fixes_per_s=10)
    api.enter()
    batch = {"locations": [a_location(id=f"i:{number}") for number in range(400)]}
    assert api.post("/v1/locations", batch).status_code == 202
    refused = api.post("/v1/locations", batch)
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "20")
    api.clock.advance(20)
    assert api.post("/v1/locations", batch).status_code == 202


def test_a_day_offline_comes_in_at_one_go(make_api, a_location):
    api = make_api()
    api.enter()
    batch = {"locations": [a_location(id=f"i:{number}") for number in range(500)]}
    assert {api.post("/v1/locations", batch).status_code for _ in range(20)} == {202}


def test_without_consent_to_location_no_fix_is_taken(make_api, a_location):
    api = make_api()
    api.enter("promotions")
    answer = api.post("/v1/locations", {"locations": [a_location()]})
    assert (answer.status_code, answer.get_json()["type"]) == (403, "urn:endcap:problem:consent_required")


def test_a_full_log_is_told_with_when_to_come_again(make_api, a_location):
    api = make_api(max_records=1)
    api.enter()
    assert api.post("/v1/locations", {"locations": [a_location()]}).status_code == 202
    full = api.post("/v1/locations", {"locations": [a_location(id="i:2")]})
    assert (full.status_code, full.get_json()["type"]) == (503, "urn:endcap:problem:unavailable")
    assert int(full.headers["Retry-After"]) > 0
    assert len(api.records()) == 1


class TestTime:
    """A record's timestamp is when it happened, in the server's time; noon is now."""

    def stamp(self, api, a_location, taken_at, **body):
        api.post("/v1/locations", {"locations": [a_location(taken_at=taken_at)], **body})
        from endcap.wire import from_epoch_ms, write_instant

        return write_instant(from_epoch_ms(api.records()[-1].timestamp_ms))

    @pytest.mark.parametrize(
        ("taken_at", "stamp"),
        [
            (None, "2026-11-24T12:00:00.000Z"),
            ("2026-11-24T11:55:00.000Z", "2026-11-24T11:55:00.000Z"),
            ("2026-11-24T11:54:59.999Z", "2026-11-24T12:00:00.000Z"),
            ("2026-11-24T12:05:00.000Z", "2026-11-24T12:05:00.000Z"),
            ("2026-11-24T12:05:00.001Z", "2026-11-24T12:00:00.000Z"),
        ],
    )
    def test_a_clock_within_five_minutes_is_believed(self, api, a_location, taken_at, stamp):
        assert self.stamp(api, a_location, taken_at) == stamp

    @pytest.mark.parametrize(
        ("taken_at", "sent_at", "stamp"),
        [
            (
                "2026-11-24T09:00:00Z",
                "2026-11-24T12:01:00Z",
                "2026-11-24T09:00:00.000Z",
            ),  # hours offline, a right clock
            ("2026-11-25T09:00:00Z", "2026-11-25T12:00:00Z", "2026-11-24T09:00:00.000Z"),  # a clock one day fast
            ("2026-11-23T11:59:30Z", "2026-11-23T12:00:00Z", "2026-11-24T11:59:30.000Z"),  # a clock one day slow
            ("2026-11-24T13:00:00Z", "2026-11-24T12:00:00Z", "2026-11-24T12:00:00.000Z"),  # taken after it was sent
            ("2026-11-16T12:00:00Z", "2026-11-24T12:00:00Z", "2026-11-24T12:00:00.000Z"),  # older than anything waits
            ("9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "2026-11-24T12:00:00.000Z"),
            ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2026-11-24T12:00:00.000Z"),
        ],
    )
    def test_with_the_time_of_sending_a_wrong_clock_is_put_right(self, api, a_location, taken_at, sent_at, stamp):
        assert self.stamp(api, a_location, taken_at, sent_at=sent_at) == stamp
