"""One outbox for all shoppers: they share it, and nobody waits for somebody else's trouble."""

import json
from datetime import UTC, datetime

import pytest

from endcap.testing import ManualClock
from endcap_lite.buckets import Buckets


@pytest.fixture
def clock():
    return ManualClock(datetime.now(UTC))


@pytest.fixture
def lite(lites, clock):
    return lites(clock=clock)


def fix(at):
    return {"latitude": 60.17, "longitude": 24.94, "accuracy_m": 8, "at": at}


def post(client, at):
    answer = client.post("/fix", content=json.dumps({"now": at, "fixes": [fix(at)]}))
    assert answer.status_code == 202


def arrived(shop, uid):
    return sorted(int(each["id"].partition(":")[2]) for each in shop.fixes.values() if each["uid"] == uid)


def test_a_shopper_whom_the_backend_asks_for_patience_holds_nobody_back(lite, clients, shop, clock):
    eager, other = clients(lite), clients(lite)
    for client in (eager, other):
        client.post("/stream")
    one, two = shop.shoppers
    shop.impatient = {one}
    post(eager, 1)
    assert clock.until_waiting(deadline_within_s=1)  # alone, she is what the whole relay waits for
    post(other, 1)
    clock.advance(1)
    assert shop.until(lambda: arrived(shop, two) == [1])
    for at in range(2, 6):
        post(other, at)
        assert shop.until(lambda at=at: arrived(shop, two)[-1] == at)
    assert arrived(shop, one) == []
    shop.impatient = set()
    assert clock.until_waiting()
    clock.advance(5)
    assert shop.until(lambda: arrived(shop, one) == [1])


def test_a_visit_that_nobody_used_for_a_day_is_forgotten_and_erased(lite, client, shop, clock):
    client.post("/stream")
    assert clock.until_waiting()
    clock.advance(86_400 + 60)
    assert shop.until(lambda: shop.erased == shop.shoppers)
    assert client.get("/offers").status_code == 401


def test_a_visit_of_hours_keeps_its_pseudonym(lite, client, shop, clock):
    client.post("/stream")
    for hour in range(4):
        clock.advance(3600)
        post(client, hour)
        assert shop.until(lambda hour=hour: len(shop.fixes) == hour + 1)
    assert len(shop.shoppers) == 1


def test_a_backend_that_can_not_erase_is_asked_once(lite, client, shop, clock, caplog):
    shop.erases = False
    client.post("/stream")
    client.post("/stop")
    assert shop.until(lambda: shop.asked_to_erase == 1)
    assert clock.until_waiting()
    clock.advance(120)
    client.post("/stream")
    assert lite.services.visits.owed() == []
    assert shop.asked_to_erase == 1


def test_visits_from_one_address_are_limited(client, shop, clock):
    def open_visit():
        client.cookies.clear()
        return client.post("/stream")

    shop.away = True  # a visit is open before the backend answers
    assert {open_visit().status_code for _ in range(500)} == {503}
    refused = open_visit()
    assert refused.status_code == 429
    assert refused.headers["Retry-After"] == "1"
    clock.advance(1)
    assert open_visit().status_code == 503


def test_a_bucket_holds_so_many_tries_and_fills_up_again(clock):
    buckets = Buckets(3, 10.0, clock)
    for _ in range(3):
        assert buckets.wait_s("a") == 0
        buckets.take("a")
    assert buckets.wait_s("a") == 10
    assert buckets.wait_s("b") == 0
    clock.advance(10)
    assert buckets.wait_s("a") == 0
    clock.advance(1000)
    for _ in range(3):
        assert buckets.wait_s("a") == 0
        buckets.take("a")
    assert buckets.wait_s("a") == 10
