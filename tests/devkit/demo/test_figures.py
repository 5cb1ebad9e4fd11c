"""What the page is told: places, offers once each, and how long an offer took, found by the distance it states."""

import asyncio
import json
import struct
from contextlib import closing
from datetime import UTC, datetime

import aiohttp
import pytest

from endcap.geo import LatLon, distance_ft, offset, round_coordinate
from endcap.messages import CustomerAlert, CustomerLocation
from endcap_backend.log import Log, NewRecord
from endcap_devkit.demo.check import Line
from endcap_devkit.demo.city import load_city
from endcap_devkit.demo.crowd import Crowd
from endcap_devkit.demo.guests import Guests
from endcap_devkit.demo.listening import AblyListener, listen_by_sse, read_alerts
from endcap_devkit.demo.measure import Figures, Posts, percentile
from endcap_devkit.demo.page import Page
from endcap_devkit.demo.people import NAMES, People
from endcap_devkit.demo.scene import scene
from endcap_devkit.demo.show import matches
from endcap_devkit.demo.signs import signs
from endcap_devkit.demo.stage import Stage
from endcap_devkit.simulate.shapes import Spot
from endcap_lite.zones import Zones

SHELF = LatLon(60.17, 24.94)


@pytest.fixture(scope="module")
def city():
    return load_city()


def an_alert(distance_ft, uid="u1", **fields):
    return CustomerAlert(
        id=fields.pop("id", "a1"), uid=uid, kind="deal", title="Rye bread: 20 % off", why="Right beside you.",
        expires_at=datetime(2030, 1, 1, tzinfo=UTC), distance_ft=distance_ft, **fields,
    )  # fmt: skip


def a_fix(east_m, north_m=0.0):
    point = offset(SHELF, east_m, north_m)
    return LatLon(round_coordinate(point.latitude_deg), round_coordinate(point.longitude_deg))


def test_an_alert_is_answered_to_the_fix_it_was_made_of():
    posts = Posts()
    for second, east_m in enumerate((25.0, 20.0, 15.0, 10.0)):
        posts.note([a_fix(east_m)], at_s=float(second))
    told = round(distance_ft(a_fix(20.0), SHELF), 1)
    assert posts.answered(an_alert(told), [SHELF]).at_s == 1.0


def test_an_alert_that_fits_no_fix_is_not_guessed_at():
    posts = Posts()
    posts.note([a_fix(25.0)], at_s=0.0)
    assert posts.answered(an_alert(3.0), [SHELF]) is None
    assert posts.answered(an_alert(None), [SHELF]) is None


def test_of_two_fixes_at_the_same_place_the_newest_counts():
    posts = Posts()
    posts.note([a_fix(9.0)], at_s=1.0)
    posts.note([a_fix(9.0)], at_s=2.0)
    assert posts.answered(an_alert(round(distance_ft(a_fix(9.0), SHELF), 1)), [SHELF]).at_s == 2.0


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [([], 0.5, None), ([7.0], 0.95, 7.0), ([1, 2, 3, 4], 0.5, 2), ([1, 2, 3, 4], 0.95, 4), (range(1, 101), 0.95, 95)],
)
def test_a_percentile_is_a_value_that_was_measured(values, share, expected):
    assert percentile(values, share) == expected


def test_rates_are_means_over_the_last_four_seconds():
    figures = Figures()
    for fixes in (100, 80, 30, 80, 30):
        figures.count("fixes", fixes)
        figures.tick()
    told = figures.told()
    assert told["fixes_per_s"] == (80 + 30 + 80 + 30) / 4
    assert told["fixes"] == 320
    assert told["history"]["fixes_per_s"] == [100, 90, 70, 72.5, 55]


def test_a_frame_says_where_everybody_is_in_twelve_bytes_each():
    people = People()
    one, two = people.welcome("http", Spot(1.5, -2.25)), people.welcome("sdk", Spot(-400.0, 300.0))
    two.heard, two.accuracy_m, two.store = Spot(-401.0, 302.0), 6.4, "forum"
    frame = people.frame(1234)
    assert len(frame) == 8 + 2 * 12
    assert struct.unpack_from("<d", frame) == (1234.0,)
    assert struct.unpack_from("<HhhhhBB", frame, 8) == (one.number, 15, -22, 15, -22, 0, 0)
    assert struct.unpack_from("<HhhhhBB", frame, 20) == (two.number, -4000, 3000, -4010, 3020, 6, 1)


def test_no_two_shoppers_whose_names_the_map_shows_share_one():
    people = People()
    ways = ["sdk", *["http"] * (len(NAMES) - 1), "sdk", "recorded", *["sdk"] * 18, *["http"] * 75]
    came = [people.welcome(way, Spot(0, 0)) for way in ways]
    shown = [person.name for person in came if person.way != "http"]
    assert len(set(shown)) == len(shown)
    people.leave(came[0])
    assert people.welcome("sdk", Spot(0, 0)).name not in shown[1:]


def test_a_demos_offers_are_titled_by_the_product_and_not_the_discount(city):
    titles = [promotion.title for promotion in city.promotions()]
    assert [title for title in titles if "%" in title] == []
    assert {product.name for store in city.stores for product, _ in store.products} & set(titles)


def test_for_half_an_hour_as_many_are_in_stores_as_at_the_beginning(stage):
    nobody = "http://127.0.0.1:1"  # answers; the crowd walks all the same

    async def scenario():
        async with aiohttp.ClientSession() as http:
            listener = AblyListener(nobody, "a.b:c", lambda uid, alert: None)
            crowd = Crowd(stage, http, nobody, nobody, listener, size=150, pace=2.0, seed=1)
            shares = []
            for _ in range(30):
                for _ in range(60):
                    crowd.step(1.0)
                    await asyncio.sleep(0)
                shares.append(sum(1 for person in stage.people if person.store) / len(stage.people))
            await crowd.stop()
        return shares

    shares = asyncio.run(scenario())
    assert len(stage.people) == 150
    assert max(person.number for person in stage.people) > 3 * 150
    assert all(0.45 < share < 0.9 for share in shares), shares


def test_who_left_is_known_no_more():
    people = People()
    person = people.welcome("http", Spot(0, 0))
    people.known_as(person, "u1")
    people.leave(person)
    assert people.of_uid("u1") is None
    assert len(people) == 0


@pytest.fixture
def stage(city):
    promotions = city.promotions()
    return Stage(city, promotions, Page(scene(city, promotions), {}, "<svg/>"))


def test_an_offer_is_counted_timed_and_shown_with_its_shelf(stage, city):
    store = city.store("stockmann")
    product, spot = store.products[0]
    person = stage.welcome("http", spot)
    stage.posted(person, [product.point])
    stage.heard(person, an_alert(0.0, sku=product.sku, store="stockmann", section=product.section), "ws")
    (card,) = stage.page.alerts()
    assert card["shelf"] == [round(spot.east_m * 10), round(spot.north_m * 10)]
    assert card["latency_ms"] == pytest.approx(stage.figures.latencies_ms[0], abs=0.01)
    assert "Stockmann" in card["why"]
    assert stage.figures.counts["offers_ws"] == 1


def test_an_offer_that_comes_twice_on_one_way_is_counted_as_doubled_and_not_shown_again(stage):
    person = stage.welcome("http", Spot(0, 0))
    for by in ("ws", "ws", "sse"):
        stage.heard(person, an_alert(5.0), by)
    assert stage.figures.counts["doubled"] == 1
    assert stage.figures.counts["offers"] == 2


@pytest.mark.parametrize(
    "pack", [lambda item: item, json.dumps, lambda item: json.dumps(item).encode()], ids=["object", "text", "bytes"]
)
def test_alerts_are_read_as_objects_text_and_bytes_one_or_many(pack):
    item = an_alert(5.0).to_json()
    assert [alert.id for alert in read_alerts(pack(item))] == ["a1"]
    assert [alert.id for alert in read_alerts(pack([item, item]))] == ["a1", "a1"]


def test_what_is_no_alert_is_passed_over():
    assert read_alerts({"hello": "world"}) == []
    assert read_alerts("{") == []


def test_the_scene_is_small_enough_to_load_at_once(city):
    text = json.dumps(scene(city, city.promotions()), separators=(",", ":"))
    assert len(text) < 400_000
    assert "OpenStreetMap" in text


def test_the_lite_pages_signs_can_be_read_by_it(city, tmp_path):
    (tmp_path / "zones.csv").write_text(signs(city), encoding="utf-8")
    assert len(list(Zones.load(tmp_path / "zones.csv"))) > 20


def test_an_event_stream_goes_on_with_a_fresh_token_when_the_old_one_has_expired(
    ably_server, http, signed, monkeypatch
):
    monkeypatch.setattr("endcap_devkit.demo.listening.RETRY_S", 0.01)
    capability = {"promotions:u1": ["subscribe"]}
    tokens = [signed(capability, ttl_s=60), signed(capability, ttl_s=-60)]  # the last one is given first

    async def scenario():
        heard = asyncio.get_running_loop().create_future()

        async def token():
            return tokens.pop()

        async with aiohttp.ClientSession() as session:
            hearing = listen_by_sse(
                session,
                ably_server.url,
                "u1",
                token,
                lambda uid, alert: heard.done() or heard.set_result((uid, alert.id)),
            )
            listening = asyncio.create_task(hearing)
            async with asyncio.timeout(10):
                while tokens:
                    await asyncio.sleep(0)
                while not heard.done():
                    data = {"name": "alert", "data": an_alert(3.0).to_text()}
                    await asyncio.to_thread(http.post, "/channels/promotions:u1/messages", json=data)
                    await asyncio.wait({heard}, timeout=0.05)
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
        return heard.result()

    assert asyncio.run(scenario()) == ("u1", "a1")


def test_matches_are_what_was_told_and_what_was_held_back():
    page = (
        "# HELP endcap_pipeline ...\n"
        'endcap_pipeline{stat="decide alerts"} 774.0\n'
        'endcap_pipeline{stat="decide held: cap per hour"} 34514.0\n'
        'endcap_pipeline{stat="decide shoppers"} 155.0\n'
    )
    assert matches(page) == 774 + 34514
    assert matches("") == 0


@pytest.mark.parametrize(
    ("line", "good"),
    [
        (Line("offers", 20, 20), True),
        (Line("offers", 19, 20), False),
        (Line("doubled", 0, most=0), True),
        (Line("doubled", 1, most=0), False),
    ],
)
def test_a_line_of_the_check_is_good_within_its_bounds(line, good):
    assert line.good is good
    assert str(line).startswith("ok  " if good else "FAIL")


def a_record(offset, message):
    return NewRecord(message.TOPIC, message.uid, message.to_text(), 1_800_000_000_000 + offset)


def a_location(city, uid, source, spot):
    point = city.point(spot)
    return CustomerLocation(
        uid=uid, latitude_deg=point.latitude_deg, longitude_deg=point.longitude_deg, accuracy_m=8.0, source=source
    )


async def followed(guests):
    """Let the guests read what the log holds by now."""
    task = asyncio.create_task(guests.follow())
    async with asyncio.timeout(10):
        while guests.behind():
            await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
def records(tmp_path):
    with closing(Log(tmp_path / "log.db")) as log:
        yield log


def test_a_guest_of_the_lite_page_is_shown_with_her_offers(stage, city, records):
    store = city.store("stockmann")
    product, spot = store.products[0]
    guests = Guests(stage, records.path)
    records.append(
        [
            a_record(1, a_location(city, "crowd", "simulated", spot)),
            a_record(2, a_location(city, "guest", "manual", spot)),
            a_record(3, an_alert(0.0, uid="guest", sku=product.sku, store="stockmann")),
            a_record(4, an_alert(0.0, uid="crowd", id="a2")),
        ]
    )
    asyncio.run(followed(guests))
    (person,) = stage.people
    assert (person.way, person.store, person.accuracy_m) == ("guest", "stockmann", 8.0)
    assert person.spot.to(spot) < 1.0
    assert [card["number"] for card in stage.page.alerts()] == [person.number]
    guests.close()


def test_a_guest_on_the_other_side_of_the_world_is_not_drawn(stage, city, records):
    guests = Guests(stage, records.path)
    away = CustomerLocation(uid="guest", latitude_deg=-33.9, longitude_deg=151.2, source="gps")
    records.append([a_record(1, away)])
    asyncio.run(followed(guests))
    assert len(stage.people) == 0
    guests.close()
