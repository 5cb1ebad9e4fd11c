import json
import random

import pytest

from endcap.consent import Purpose
from endcap_backend.api.erasure import Erasure
from endcap_backend.api.shoppers import Consent, Shoppers
from endcap_backend.log import NewRecord


@pytest.fixture
def erasure(api):
    return Erasure(api.log, api.database, api.clock)


@pytest.fixture
def walked(api, a_location, an_event):
    """A shopper with a trail; returns the texts by which she would be found on disk."""
    fixes = [a_location(id=f"install:{n}", latitude=12.34567, longitude=76.54321) for n in range(300)]
    assert api.post("/v1/locations", {"locations": fixes}).status_code == 202
    assert api.post("/v1/events", {"events": [an_event(note="CANARY")]}).status_code == 202
    api.log.append([NewRecord("customers_alerts", api.uid, json.dumps({"uid": api.uid}), 1, "alert-1")])
    return [api.uid.encode(), b"12.34567", b"76.54321", b"CANARY"]


def on_disk(api):
    return b"".join(each.read_bytes() for each in api.log.path.parent.iterdir())


def erase(api):
    answer = api.call("DELETE", "/v1/me")
    assert answer.status_code == 202
    return answer.get_json()


def test_an_export_holds_all_that_bears_her_pseudonym(api, walked):
    api.log.append([NewRecord("customers_locations", "somebody else", "{}", 1)])
    answer = api.get("/v1/me/export")
    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    exported = answer.get_json()
    assert (exported["uid"], exported["exported_at"]) == (api.uid, "2026-11-24T12:00:00.000Z")
    assert exported["consents"][0]["text_version"] == "2026-11"
    topics = [record["topic"] for record in exported["records"]]
    assert topics == ["customers_locations"] * 300 + ["customers_events", "customers_alerts"]
    assert exported["records"][0]["value"]["latitude"] == 12.34567
    assert exported["records"][0]["at"] == "2026-11-24T12:00:00.000Z"


def test_an_export_of_nothing_is_whole_json_too(api):
    assert api.get("/v1/me/export").get_json()["records"] == []


def test_an_export_of_more_than_is_read_at_once_is_whole(api, a_location):
    for batch in range(3):
        api.post("/v1/locations", {"locations": [a_location(id=f"i:{batch * 400 + n}") for n in range(400)]})
    ids = [record["value"]["id"] for record in api.get("/v1/me/export").get_json()["records"]]
    assert ids == [f"i:{n}" for n in range(1200)]


def test_erased_she_is_unknown_at_once(api, walked, a_location):
    receipt = erase(api)
    assert receipt["stores"][1]["records"] == 302
    assert api.post("/v1/locations", {"locations": [a_location()]}).status_code == 401
    assert api.post("/v1/sessions", {"refresh_token": api.session["refresh_token"]}, token="").status_code == 401
    assert [record.value for record in api.records()] == [None]  # the tombstone


def test_erased_she_is_nowhere_on_disk(api, walked, erasure):
    assert all(canary in on_disk(api) for canary in walked)
    erase(api)
    assert erasure.sweep() == 1
    assert [canary for canary in walked if canary in on_disk(api)] == []
    assert api.records() == []


def test_others_stay_when_one_is_erased(api, walked, a_location, erasure):
    erased = dict(api.session)
    api.enter()
    api.post("/v1/locations", {"locations": [a_location(id="other:1")]})
    assert api.call("DELETE", "/v1/me", token=erased["token"]).status_code == 202
    erasure.sweep()
    assert [record.id for record in api.records()] == ["other:1"]
    assert api.get("/v1/me/consent").status_code == 200


def test_what_a_consumer_makes_of_her_meanwhile_goes_too(api, walked, erasure):
    api.log.commit("match", 100)
    erase(api)
    assert erasure.sweep() == 0  # the match has not passed the tombstone
    late = NewRecord("customers_alerts", api.uid, "{}", 1, "alert-2")
    api.log.commit("match", api.log.end(), [late])
    assert erasure.sweep() == 1
    assert api.records() == []


def test_a_fix_that_slips_in_beside_the_erasure_gets_a_tombstone_of_its_own(api, walked, erasure):
    erase(api)
    api.log.append([NewRecord("customers_locations", api.uid, "{}", 1)])
    assert erasure.sweep() == 0
    assert [record.value for record in api.records()] == [None, "{}", None]
    assert erasure.sweep() == 1
    assert api.records() == []


def test_a_consumer_that_does_not_get_on_is_waited_for_ten_minutes(api, walked, erasure):
    api.log.commit("forward", 0)
    erase(api)
    api.clock.advance(599)
    assert erasure.sweep() == 0
    api.clock.advance(1)
    assert erasure.sweep() == 1


def test_a_receipt_tells_how_far_it_is_and_not_of_whom(api, walked, erasure):
    receipt = erase(api)
    path = f"/v1/erasures/{receipt['receipt']}"
    assert (receipt["asked_at"], receipt["complete_by"]) == ("2026-11-24T12:00:00.000Z", "2026-11-24T12:15:00.000Z")
    assert api.get(path, token="").get_json() == receipt
    api.clock.advance(7)
    erasure.sweep()
    done = api.get(path, token="").get_json()
    assert done["done_at"] == "2026-11-24T12:00:07.000Z"
    ours = [store["erased_at"] is not None for store in done["stores"] if "ends_by" not in store]
    assert ours == [True] * 5
    assert api.uid not in json.dumps(done)


IN_ABLY = "her channels at Ably, unless its app was told to persist messages"


def elsewhere(api):
    """What the receipt says of stores that let go by themselves: until when, and what she is found by."""
    return {each["store"]: (each["ends_by"], each["bears"]) for each in erase(api)["stores"] if "ends_by" in each}


def test_a_receipt_names_who_is_told_on_and_when_they_let_go(make_api):
    api = make_api(push_contact="mailto:shop@example.org", alert_life_minutes=20)
    api.enter()
    assert elsewhere(api) == {
        IN_ABLY: ("2026-11-24T12:17:00.000Z", "her uid"),
        "the push service of her browser, sealed": ("2026-11-24T12:35:00.000Z", "her browser's address"),
    }


def test_who_tells_nobody_on_names_nobody(make_api):
    api = make_api(ably_key="")
    api.enter()
    assert elsewhere(api) == {}


DAY, WEEK, THREE = "2026-11-25T16:26:00.000Z", "2026-12-01T16:26:00.000Z", "2026-11-27T16:26:00.000Z"
IN_KAFKA = {
    "customers_locations": (DAY, "a name of the day"),
    "customers_events": (WEEK, "a name of the day"),
    "customers_locations_by_cell": (DAY, "a name of the day"),
    "NEARBY_CUSTOMERS": (DAY, "a name of the day"),
    "customers_alerts": (THREE, "her uid"),
    "customers_withheld": (THREE, "her uid"),
}


def test_a_receipt_names_each_topic_of_kafka_and_when_its_retention_ends(make_api):
    api = make_api(pipeline="kafka", kafka_bootstrap_servers="127.0.0.1:1", ably_key="")
    api.enter()
    letters = {f"{topic}_dlq": (DAY, bears) for topic, (_, bears) in IN_KAFKA.items()}
    told = {f"{topic} in Kafka": found for topic, found in {**IN_KAFKA, **letters}.items()}
    assert elsewhere(api) == {**told, IN_ABLY: ("2026-11-24T12:17:00.000Z", "her uid")}


def test_where_phones_publish_to_ably_the_receipt_says_that_positions_may_bear_her_uid(make_api):
    api = make_api(pipeline="kafka", kafka_bootstrap_servers="127.0.0.1:1")
    api.enter()
    told = {store: bears for store, (_, bears) in elsewhere(api).items()}
    either = "a name of the day; her uid where Ably's own rule writes there"
    positions = ("customers_locations", "customers_locations_by_cell", "NEARBY_CUSTOMERS")
    assert {told[f"{topic}{more} in Kafka"] for topic in positions for more in ("", "_dlq")} == {either}
    assert {told[f"customers_events{more} in Kafka"] for more in ("", "_dlq")} == {"a name of the day"}


def test_with_lasting_names_and_longer_kept_fixes_the_receipt_says_so(make_api):
    api = make_api(pipeline="kafka", kafka_bootstrap_servers="127.0.0.1:1", raw_names="lasting", keep_locations_h=48)
    api.enter()
    told = elsewhere(api)
    assert told["customers_locations in Kafka"] == ("2026-11-26T16:26:00.000Z", "her uid")
    assert {bears for _, bears in told.values()} == {"her uid"}


def test_a_receipt_that_was_never_given_is_not_found(api):
    assert api.get("/v1/erasures/unknown", token="").status_code == 404


def test_erasing_twice_gives_the_same_receipt_and_then_tells_that_it_is_done(api, walked, erasure):
    first = erase(api)
    assert erase(api)["receipt"] == first["receipt"]
    erasure.sweep()
    answer = api.call("DELETE", "/v1/me")
    assert (answer.status_code, answer.get_json()["type"]) == (410, "urn:endcap:problem:gone")


def test_an_erasure_goes_on_after_a_restart(api, walked):
    erase(api)
    assert Erasure(api.log, api.database, api.clock).sweep() == 1


def test_receipts_are_forgotten_after_a_year_and_a_month(api, walked, erasure):
    receipt = erase(api)
    erasure.sweep()
    api.clock.advance(400 * 86_400 + 1)
    api.enter()
    erase(api)
    erasure.sweep()
    assert api.get(f"/v1/erasures/{receipt['receipt']}", token="").status_code == 404


def test_while_a_reader_is_in_the_way_an_erasure_is_not_called_done(api, walked, erasure):
    erase(api)
    with api.log.reading() as connection:
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM records").fetchone()
        assert erasure.sweep() == 0
        connection.execute("COMMIT")
    assert erasure.sweep() == 1
    assert [canary for canary in walked if canary in on_disk(api)] == []


def test_among_many_others_the_erased_leave_no_trace_in_any_page(api, erasure):
    """Records and sessions come and go in between, so that pages split and are used again."""
    chance = random.Random(3)
    shoppers = Shoppers(api.log, api.clock, 1e6)
    uids = [shoppers.enter(Consent(frozenset(Purpose), "1")).uid for _ in range(200)]
    for round in range(40):
        api.log.append(
            [
                NewRecord(chance.choice("abc"), uid, uid + "x" * chance.randrange(900), 1, f"{uid[:6]}:{round}")
                for uid in chance.sample(uids, 100)
            ]
        )
        for uid in chance.sample(uids, 10):
            shoppers.agree(uid, Consent(frozenset([Purpose.LOCATION]), "v" * chance.randrange(1, 60)))
        api.log.discard(chance.sample(range(1, api.log.end()), 30))
    erased = chance.sample(uids, 50)
    for uid in erased:
        erasure.begin(uid)
    assert erasure.sweep() == 50
    found = on_disk(api)
    assert [uid for uid in erased if uid.encode() in found] == []
    assert [uid for uid in uids if uid not in erased and uid.encode() not in found] == []


def test_what_sqlite_kept_of_rows_that_it_had_moved_goes_with_an_erasure(api, walked, erasure, soil):
    """In the log's file and in the shop's: names that were deleted long before, which secure_delete did not reach."""
    for statements in soil.rounds:
        api.log.transact(lambda connection, these=statements: [connection.execute(each) for each in these])
        with api.database.writing() as connection:
            for each in statements:
                connection.exec_driver_sql(each)
    assert api.log.fold()
    assert api.database.fold()
    for file in (api.log.path, api.database.file):
        assert soil.left_in(file), f"SQLite left nothing in {file}"
    erase(api)
    assert erasure.sweep() == 1
    assert soil.left_in(api.database.file, *api.log.path.parent.iterdir()) == []
    content = on_disk(api)
    assert [name for name in soil.kept if name.encode() not in content] == []
