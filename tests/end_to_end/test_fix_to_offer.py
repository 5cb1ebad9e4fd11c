"""A fix posted over HTTP becomes an offer on the shopper's own channel, and on nobody else's."""

import json

import httpx

from endcap.messages import promotions_channel

WAIT_S = 60.0


def test_a_posted_fix_is_an_offer_to_an_official_client(serve, a_shopper, ear):
    ann = a_shopper(serve())
    ear.listen(ann.uid, ann.ably_token())
    assert ann.post(ann.fix(1)).status_code == 202
    assert ear.until(len)
    ((uid, alert),) = ear.heard
    assert (uid, alert.uid, alert.pid, alert.sku, alert.title) == (ann.uid, ann.uid, "p0", 0, "Offer 0")
    assert alert.why == "Tea 0: 20 % off, right beside you in Tea"


def test_a_posted_fix_is_an_offer_in_an_event_stream(serve, a_shopper, ably):
    ann = a_shopper(serve())
    query = {"channels": promotions_channel(ann.uid), "v": "1.2", "accessToken": ann.ably_token("page")["token"]}
    with httpx.stream("GET", f"{ably.url}/sse", params=query, timeout=WAIT_S) as stream:
        assert stream.status_code == 200
        assert ann.post(ann.fix(1)).status_code == 202
        data = next(line.removeprefix("data: ") for line in stream.iter_lines() if line.startswith("data:"))
    assert json.loads(json.loads(data)["data"])["pid"] == "p0"


def test_a_shopper_never_hears_what_is_anothers(serve, a_shopper, ear):
    backend = serve(2)
    ann, bob = a_shopper(backend), a_shopper(backend)
    for each in (ann, bob):
        ear.listen(each.uid, each.ably_token())
    ann.post(ann.fix(1, step=0))
    bob.post(bob.fix(1, step=1))
    assert ear.until(lambda heard: len(heard) == 2)
    assert sorted((uid, alert.uid, alert.sku) for uid, alert in ear.heard) == sorted(
        [(ann.uid, ann.uid, 0), (bob.uid, bob.uid, 1)]
    )


def test_a_shoppers_token_does_not_open_anothers_channel(serve, a_shopper, ably):
    backend = serve()
    ann, bob = a_shopper(backend), a_shopper(backend)
    query = {"channels": promotions_channel(bob.uid), "v": "1.2", "accessToken": ann.ably_token()["token"]}
    refused = httpx.get(f"{ably.url}/sse", params=query, timeout=WAIT_S)
    assert (refused.status_code, refused.json()["error"]["code"]) == (401, 40160)


def test_the_same_fix_twice_is_one_offer(serve, a_shopper, ear, log_of, history_problems):
    backend = serve(2)
    ann = a_shopper(backend)
    ear.listen(ann.uid, ann.ably_token())
    first, second = ann.fix(1, step=0), ann.fix(2, step=1)
    answers = [ann.post(fix).json() for fix in (first, first, second)]
    assert [(each["accepted"], each["duplicates"]) for each in answers] == [(1, 0), (0, 1), (1, 0)]
    assert ear.until(lambda heard: any(alert.sku == 1 for _, alert in heard))
    assert [alert.sku for _, alert in ear.heard] == [0, 1]
    assert history_problems([first["id"], second["id"]], ear.heard, log_of(backend)) == []


def test_an_offer_published_while_the_phone_was_away_is_in_the_channels_history(serve, a_shopper, ear, handled):
    backend = serve()
    ann = a_shopper(backend)
    ann.post(ann.fix(1))
    handled(backend, lambda log: log.read(0, topics=["customers_alerts"]) and log.committed("delivery"))
    token = ann.ably_token()
    bearer = {"Authorization": f"Bearer {token['token']}"}
    found = httpx.get(
        f"{token['endpoint'] or ''}/channels/{promotions_channel(ann.uid)}/messages", headers=bearer, timeout=WAIT_S
    )
    assert [json.loads(message["data"])["pid"] for message in found.json()] == ["p0"]


def test_a_fix_far_from_every_shelf_is_stored_and_brings_nothing(serve, a_shopper, handled, log_of):
    backend = serve()
    ann = a_shopper(backend)
    assert ann.post(ann.fix(1, step=50)).status_code == 202
    handled(backend, lambda log: log.read(0, topics=["customers_locations"]))
    assert [each.topic for each in log_of(backend) if each.topic == "customers_alerts"] == []
