"""Calls for help: one open a shopper, answered by staff, and told to both over Ably."""

import json
import threading
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import select

from endcap.clock import SystemClock
from endcap.messages import CustomerEvent
from endcap.testing import NOON
from endcap_backend.retail.audit import last
from endcap_backend.retail.help import HelpCall, TooOften, ask, waiting
from endcap_backend.retail.schema import Outbox
from endcap_backend.retail.shop_tables import HelpRequest

CALL = {"store": "s1", "section": "coffee", "sku": 7, "text": "Which is decaf?", "latitude": 60.1, "longitude": 24.9}


@pytest.fixture
def her(shop):
    """A shopper who acts; the staff's token stands in `tokens`."""
    shop.tokens = {"staff": shop.work_as("staff", "aino")["token"], "other": shop.work_as("staff", "eero")["token"]}
    shop.enter()
    return shop


def become(shop, call, state, who="staff"):
    return shop.call("PATCH", f"/v1/help/{call['id']}", {"state": state}, token=shop.tokens.get(who))


def test_she_asks_somebody_takes_it_on_comes_and_is_done(her):
    answer = her.post("/v1/help", CALL)
    assert answer.status_code == 201
    call = answer.json
    times = {"asked_at": "2026-11-24T12:00:00.000Z", "changed_at": "2026-11-24T12:00:00.000Z"}
    rest = {name: CALL[name] for name in ("store", "section", "sku", "text")}
    assert call == {"id": call["id"], "state": "queued", **rest, **times}
    for state in ("accepted", "coming", "done"):
        her.clock.advance(30)
        answer = become(her, call, state)
        assert (answer.status_code, answer.json["state"], answer.json["by"]) == (200, state, "aino")
        assert her.get(f"/v1/help/{call['id']}").json["state"] == state
    with her.database.reading() as connection:
        trail = [(each["who"], each["action"], each["thing"]) for each in last(connection)]
    assert trail == [("aino", state, f"help/{call['id']}") for state in ("done", "coming", "accepted")]


def test_staff_hear_it_with_her_place_and_she_without_and_nobody_hears_her_name(her, told):
    call = her.post("/v1/help", CALL).json
    become(her, call, "accepted")
    heard = told(her)
    assert [(channel, name, data["state"]) for channel, name, data in heard] == [
        ("help:s1", "help", "queued"),
        (f"promotions:{her.uid}", "help", "queued"),
        ("help:s1", "help", "accepted"),
        (f"promotions:{her.uid}", "help", "accepted"),
    ]
    staffs, hers = heard[0][2], heard[1][2]
    assert (staffs["latitude"], staffs["longitude"]) == (60.1, 24.9)
    assert "latitude" not in hers
    assert {each[2]["notice"] for each in heard} == {"help"}
    assert all(her.uid not in json.dumps(data) for _, _, data in heard)


def test_one_who_has_asked_gets_her_open_call_again_and_nobody_hears_it_twice(her, told):
    first = her.post("/v1/help", CALL).json
    again = her.post("/v1/help", {"store": "s2"})
    assert (again.status_code, again.json["id"]) == (200, first["id"])
    assert len(told(her)) == 2


def test_a_call_with_an_id_of_hers_is_the_same_call_again_even_when_it_is_closed(her, told):
    call = {**CALL, "id": "a" * 32}
    first = her.post("/v1/help", call)
    assert (first.status_code, first.json["id"]) == (201, "a" * 32)
    again = her.post("/v1/help", call)
    assert (again.status_code, again.json) == (200, first.json)
    closed = become(her, first.json, "cancelled", who=None).json
    lost = her.post("/v1/help", call)
    assert (lost.status_code, lost.json) == (200, closed)
    assert len(told(her)) == 4  # queued and cancelled, each to the staff and to her
    assert her.post("/v1/help", {**CALL, "id": "b" * 32}).status_code == 201


def test_an_id_that_is_another_shoppers_is_refused(her):
    her.post("/v1/help", {**CALL, "id": "a" * 32})
    her.enter()
    refused = her.post("/v1/help", {**CALL, "id": "a" * 32})
    assert (refused.status_code, refused.json["field"]) == (409, "id")
    assert her.post("/v1/help", {**CALL, "id": "c" * 32}).status_code == 201


def test_an_id_that_can_be_none_is_refused(her):
    refused = her.post("/v1/help", {**CALL, "id": "a/b"})
    assert (refused.status_code, refused.json["field"]) == (422, "id")


def test_the_same_call_by_two_threads_is_one(database):
    rows = []

    def call():
        with database.writing() as connection:
            rows.append(ask(connection, "ann", HelpCall("s1", id="a" * 32), NOON))

    threads = [threading.Thread(target=call) for _ in range(10)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(30)
    assert [row.id for row, _ in rows] == ["a" * 32] * 10
    assert sum(new for _, new in rows) == 1


def test_a_hundred_calls_at_once_are_one(database):
    rows = []

    def call():
        with database.writing() as connection:
            rows.append(ask(connection, "ann", HelpCall("s1"), NOON))

    threads = [threading.Thread(target=call) for _ in range(20)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(30)
    assert len(rows) == 20
    assert sum(new for _, new in rows) == 1
    assert len({row.id for row, _ in rows}) == 1


def test_a_fourth_call_within_the_hour_has_to_wait(her):
    for _ in range(3):
        call = her.post("/v1/help", CALL).json
        assert become(her, call, "cancelled", who=None).json["state"] == "cancelled"
        her.clock.advance(60)
    refused = her.post("/v1/help", CALL)
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, str(57 * 60))
    her.clock.advance(57 * 60)
    her.session = her.post("/v1/sessions", {"refresh_token": her.session["refresh_token"]}, token="").json
    assert her.post("/v1/help", CALL).status_code == 201


def test_the_limit_is_each_shoppers_own(database):
    with database.writing() as connection:
        for n in range(3):
            row, _ = ask(connection, "ann", HelpCall("s1"), NOON + timedelta(minutes=n))
            connection.execute(HelpRequest.__table__.update().where(HelpRequest.id == row.id).values(state="done"))
        with pytest.raises(TooOften):
            ask(connection, "ann", HelpCall("s1"), NOON + timedelta(minutes=3))
        assert ask(connection, "bea", HelpCall("s1"), NOON)[1]


def test_of_two_who_accept_one_is_first_and_the_other_is_told(her, told):
    call = her.post("/v1/help", CALL).json
    assert become(her, call, "accepted").status_code == 200
    assert become(her, call, "accepted").status_code == 200  # again by the same does no harm
    other = become(her, call, "accepted", "other")
    assert (other.status_code, other.json["detail"]) == (409, "it is accepted by aino already")
    assert len(told(her)) == 4


def test_what_is_over_stays_over(her):
    call = her.post("/v1/help", CALL).json
    become(her, call, "cancelled", who=None)
    for state in ("accepted", "coming", "done"):
        assert become(her, call, state).status_code == 409
    assert become(her, call, "cancelled", who=None).status_code == 200
    with her.database.reading() as connection:
        (row,) = connection.execute(select(HelpRequest.latitude_deg, HelpRequest.longitude_deg))
    assert tuple(row) == (None, None)  # her place goes when the call is closed


def test_she_may_only_take_it_back_and_staff_may_not(her):
    call = her.post("/v1/help", CALL).json
    assert become(her, call, "done", who=None).json["field"] == "state"
    assert become(her, call, "cancelled").json["field"] == "state"
    assert become(her, call, "queued").json["field"] == "state"


def test_another_shopper_sees_and_takes_back_nothing_of_it(her):
    call = her.post("/v1/help", CALL).json
    her.enter()
    assert her.get(f"/v1/help/{call['id']}").status_code == 404
    assert become(her, call, "cancelled", who=None).status_code == 404
    assert her.get("/v1/help/a%00b").status_code == 404


def test_the_board_shows_the_open_calls_of_its_store_the_oldest_first(her):
    first = her.post("/v1/help", CALL).json
    her.enter()
    her.clock.advance(5)
    second = her.post("/v1/help", {"store": "s1"}).json
    her.enter()
    her.post("/v1/help", {"store": "s2"})
    board = her.get("/v1/help?store=s1", token=her.tokens["staff"]).json["requests"]
    assert [each["id"] for each in board] == [first["id"], second["id"]]
    assert board[0]["latitude"] == 60.1
    become(her, first, "done")
    with her.database.reading() as connection:
        assert [row.id for row in waiting(connection, "s1")] == [second["id"]]
    assert her.get("/v1/help", token=her.tokens["staff"]).json["field"] == "store"


def test_the_call_is_an_event_without_what_she_wrote(her):
    her.post("/v1/help", CALL)
    with her.database.reading() as connection:
        (row,) = connection.execute(select(Outbox.topic, Outbox.key, Outbox.value)).all()
    event = CustomerEvent.from_text(row.value)
    assert (row.topic, row.key, event.kind, event.sku, event.store, event.note) == (
        "customers_events", her.uid, "help", 7, "s1", None,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"store": None}, "store"),
        ({"longitude": None}, "longitude"),
        ({"latitude": 95}, "latitude"),
        ({"text": ""}, "text"),
    ],
)
def test_a_call_that_can_not_be_is_refused_by_its_field(her, change, field):
    answer = her.post("/v1/help", {**CALL, **change})
    assert (answer.status_code, answer.json["field"]) == (422, field)


def test_erased_her_calls_and_what_waits_to_be_said_are_gone(her, told):
    call = her.post("/v1/help", CALL).json
    assert [each["text"] for each in her.get("/v1/me/export").json["shop"]["help_requests"]] == ["Which is decaf?"]
    assert her.call("DELETE", "/v1/me").status_code == 202
    assert told(her) == []
    assert her.get(f"/v1/help/{call['id']}", token=her.tokens["staff"]).status_code == 404


def test_staff_hear_the_calls_of_their_store_with_a_token_that_is_good_for_nothing_else(
    make_api, database, ably_server
):
    shop = make_api(database=database, ably_key=ably_server.key, ably_endpoint=ably_server.url)
    shop.clock.set_wall(SystemClock().now())  # the local Ably has the real time
    shop.work_as("staff", "aino")
    told = shop.post("/v1/staff/ably-token", {"store": "s1"}).json
    assert (told["channel"], told["client_id"], told["endpoint"]) == ("help:s1", "staff-aino", ably_server.url)

    def history(channel):
        bearer = {"authorization": f"Bearer {told['token']}", "accept": "application/json"}
        return httpx.get(f"{ably_server.url}/channels/{channel}/history", headers=bearer).status_code

    assert (history("help:s1"), history("help:s2"), history("promotions:ann")) == (200, 401, 401)
    assert shop.post("/v1/staff/ably-token", {"store": "a b"}).json["field"] == "store"


def test_without_an_ably_key_there_is_no_such_token(make_api, database):
    shop = make_api(database=database, ably_key="")
    shop.work_as("staff", "aino")
    assert shop.post("/v1/staff/ably-token", {"store": "s1"}).status_code == 503
