"""What the page posts as fixes: read strictly, kept on disk, sent on under her pseudonym."""

import json
import sqlite3
from datetime import timedelta

import pytest

from endcap.errors import BadMessage
from endcap.testing import NOON
from endcap_lite.fixes import read_fixes
from endcap_lite.visits import Visits

NOW_MS = 1_795_521_600_000
GOOD = {"latitude": 60.1695212345, "longitude": 24.93545, "accuracy_m": 8, "at": NOW_MS - 3000}


def read(*fixes, now=NOW_MS):
    return read_fixes({"now": now, "fixes": list(fixes)}, visit_id="v1", received_at=NOON)


def test_a_fix_becomes_a_location_of_her_visit_with_five_decimals():
    (location,), rejected = read(GOOD)
    assert rejected == []
    assert (location.uid, location.id) == ("v1", f"v1:{NOW_MS - 3000}")
    assert (location.latitude_deg, location.longitude_deg, location.accuracy_m) == (60.16952, 24.93545, 8)


@pytest.mark.parametrize("off_by_ms", [0, -7_200_000, 86_400_000 * 3650])
def test_a_fix_is_as_old_as_her_phone_says_however_wrong_its_clock_is(off_by_ms):
    (location,), _ = read({**GOOD, "at": NOW_MS - 3000 + off_by_ms}, now=NOW_MS + off_by_ms)
    assert location.taken_at == NOON - timedelta(seconds=3)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"latitude": 91}, "latitude"),
        ({"latitude": "60"}, "latitude"),
        ({"latitude": None}, "latitude"),
        ({"longitude": -180.1}, "longitude"),
        ({"longitude": True}, "longitude"),
        ({"accuracy_m": None}, "accuracy_m"),
        ({"accuracy_m": -1}, "accuracy_m"),
        ({"accuracy_m": 50.1}, "accuracy_m"),
        ({"at": "noon"}, "at"),
        ({"at": -1}, "at"),
        ({"at": NOW_MS - 86_400_001}, "at"),
    ],
)
def test_a_bad_fix_is_named_and_its_neighbour_passes(change, field):
    taken, rejected = read({**GOOD, **change}, {**GOOD, "at": NOW_MS})
    assert len(taken) == 1
    assert [(each.index, each.field) for each in rejected] == [(0, field)]


@pytest.mark.parametrize("body", [None, [], {"now": NOW_MS}, {"now": NOW_MS, "fixes": []}, {"fixes": [GOOD]}])
def test_a_body_that_is_no_batch_of_fixes_is_refused_as_a_whole(body):
    with pytest.raises(BadMessage):
        read_fixes(body, visit_id="v1", received_at=NOON)


@pytest.fixture
def her(client):
    client.post("/stream")
    return client


def post(client, *fixes):
    return client.post("/fix", content=json.dumps({"now": NOW_MS, "fixes": list(fixes)}))


def test_a_fix_reaches_the_backend_under_her_pseudonym(her, shop):
    assert post(her, GOOD).json() == {"accepted": 1, "rejected": []}
    assert shop.until(lambda: len(shop.fixes) == 1)
    (fix,) = shop.fixes.values()
    assert fix["uid"] == shop.shoppers[0]
    assert fix["id"].endswith(f":{GOOD['at']}")


def test_the_same_post_twice_is_one_fix(her, shop):
    post(her, GOOD)
    post(her, GOOD, {**GOOD, "at": NOW_MS})
    assert shop.until(lambda: len(shop.fixes) == 2)
    assert sum(shop.times.values()) == 3


def test_a_post_of_nothing_but_bad_fixes_names_each(her):
    answer = post(her, {**GOOD, "latitude": 91}, "fix")
    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert [(each["index"], each["field"]) for each in answer.json()["errors"]] == [(0, "latitude"), (1, "")]


@pytest.mark.parametrize(
    ("body", "status"), [(b"", 400), (b"\xff", 400), (b"[" * 9000, 400), (b'{"now":NaN}', 400), (b" " * 70_000, 413)]
)
def test_a_body_that_can_not_be_read_is_a_400_and_never_a_500(her, body, status):
    assert her.post("/fix", content=body).status_code == status


def test_without_her_yes_nothing_is_taken(lite, client):
    assert post(client, GOOD).status_code == 401
    assert lite.services.relay.waiting() == 0


def test_while_the_backend_is_away_fixes_wait_and_then_go_out_once_each(her, lite, shop):
    shop.away = True
    for step in range(5):
        assert post(her, {**GOOD, "at": NOW_MS + step}).status_code == 202
    assert lite.services.relay.waiting() == 5
    shop.away = False
    assert shop.until(lambda: len(shop.fixes) == 5)


def test_fixes_outlive_the_server_that_took_them(lites, shop, clients):
    shop.away = True
    first = lites()
    client = clients(first)
    client.post("/stream")
    post(client, GOOD)
    first.services.stop()
    shop.away = False
    lites()
    assert shop.until(lambda: len(shop.fixes) == 1)


def test_stop_throws_away_what_waits_and_has_the_backend_erase_the_rest(her, lite, shop):
    post(her, GOOD)
    assert shop.until(lambda: len(shop.fixes) == 1)
    shop.away = True
    post(her, {**GOOD, "at": NOW_MS})
    answer = her.post("/stop")
    assert answer.status_code == 204
    assert "visit=;" in answer.headers["Set-Cookie"]
    assert lite.services.relay.waiting() == 0
    shop.away = False
    assert shop.until(lambda: shop.erased == shop.shoppers)
    assert len(shop.fixes) == 1


def test_of_a_shopper_who_stopped_no_trace_is_left_in_any_file(her, lite, shop, tmp_path):
    post(her, GOOD)
    assert shop.until(lambda: len(shop.fixes) == 1)
    (uid,) = shop.shoppers

    def traces():
        content = b"".join(each.read_bytes() for each in (tmp_path / "lite").iterdir())
        return [each for each in ("60.16952", uid) if each.encode() in content]

    assert traces() == ["60.16952", uid]
    assert her.post("/stop").status_code == 204
    assert shop.until(lambda: shop.erased == [uid])
    lite.services.stop()  # after the round in which she was erased
    assert traces() == []


def test_a_file_that_can_not_be_rewritten_stops_no_fix_of_others(lites, clients, shop, monkeypatch, caplog):
    def full(visits):
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(Visits, "shred", full)
    lite = lites()
    one, other = clients(lite), clients(lite)
    for client in (one, other):
        client.post("/stream")
    post(one, GOOD)
    assert one.post("/stop").status_code == 204
    post(other, GOOD)
    assert shop.until(lambda: shop.shoppers[1] in {each["uid"] for each in shop.fixes.values()})
    lite.services.stop()
    assert "traces of shoppers who stopped are still in the files: database or disk is full" in caplog.text
