"""Match and decision as two programs tell what they tell as one."""

from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest

from endcap.messages import CUSTOMERS_LOCATIONS, CustomerAlert, CustomerLocation
from endcap.testing import NOON, ManualClock, a_location, a_product, a_promotion
from endcap.wire import epoch_ms
from endcap_backend.decide import Limits
from endcap_backend.log import Record
from endcap_backend.pipeline.deciding import Deciding
from endcap_backend.pipeline.matching import Matching
from endcap_backend.pipeline.stages.match import Cells

NOON_MS = epoch_ms(NOON)
SHOP = (60.17, 24.94)


def walked(seed):
    """(topic, key, message, time): shoppers who stroll in a dense shop, late fixes and an erasure among theirs."""
    dice = Random(seed)
    at_ms = NOON_MS
    events = [(at_ms, a_shelf(dice, sku)) for sku in range(60)]
    events += [(at_ms, an_offer(dice, number)) for number in range(25)]
    places = {uid: [0.0, 0.0] for uid in ("ann", "bea", "cid")}
    for n in range(400):
        at_ms += dice.randint(200, 4000)
        roll = dice.random()
        if roll < 0.003:
            events.append((at_ms, dice.choice(list(places))))
        else:
            uid = dice.choice(list(places))
            place = places[uid]
            for axis in (0, 1):
                place[axis] = max(-60.0, min(60.0, place[axis] + dice.uniform(-6, 6)))
            late = dice.randint(1, 5000) if dice.random() < 0.05 else 0
            events.append((at_ms - late, a_fix(uid, n, place, dice)))
    return [as_event(at, what) for at, what in events]


def as_event(at_ms, what):
    if isinstance(what, str):
        return CUSTOMERS_LOCATIONS, what, None, at_ms
    key = {"uid": "uid", "SKU": "sku", "segment": "segment"}[type(what).KEY]
    return type(what).TOPIC, str(getattr(what, key)), what, at_ms


def point(place):
    return {"latitude_deg": SHOP[0] + place[0] / 111_195, "longitude_deg": SHOP[1] + place[1] / 55_300}


def a_shelf(dice, sku):
    place = (dice.uniform(-50, 50), dice.uniform(-50, 50))
    return replace(
        a_product(sku=sku, name=f"product {sku}", segment=dice.choice("abc"), stock=dice.choice([0, 3, 3, 3, None])),
        **point(place),
    )


def an_offer(dice, number):
    ends_at = dice.choice([None, None, NOON + timedelta(minutes=dice.randint(-5, 20))])
    return a_promotion(
        pid=f"p{number}",
        segment=dice.choice("abc"),
        sku=dice.choice([None, dice.randrange(60)]),
        discount=float(dice.randint(5, 60)),
        title=f"offer {number}",
        ends_at=ends_at,
    )


def a_fix(uid, number, place, dice):
    return replace(a_location(uid=uid, id=f"{uid}:{number}", accuracy_m=dice.choice([4.0, 30.0])), **point(place))


LIMITS = [
    Limits(),
    Limits(per_fix=1, cooldown_s=12.0, per_visit=1000, per_hour=1000, per_day=1000, per_promotion=1000),
    Limits(per_fix=2, per_visit=30, per_hour=20, per_day=40, per_promotion=2, cooldown_s=3.0),
]


@pytest.mark.parametrize("limits", LIMITS, ids=["default", "one every 12 s", "two"])
@pytest.mark.parametrize("seed", range(6))
def test_two_programs_tell_each_shopper_what_one_tells_her(two_programs, seed, limits):
    clock = ManualClock()
    one, two = Matching(limits, clock), two_programs(limits, clock)
    told = []
    for number, (topic, key, message, at_ms) in enumerate(walked(seed), 1):
        clock.set_wall(NOON + timedelta(milliseconds=at_ms - NOON_MS + 50))
        text = None if message is None else message.to_text()
        alone = one.handle([Record(number, topic, key, text, at_ms, None)])
        expected = [CustomerAlert.from_text(each.value) for each in alone]
        told += expected
        assert two.handle(topic, key, message, at_ms) == expected, (number, topic)
    assert len(told) >= 10


def test_a_fix_of_long_ago_tells_nothing_and_spoils_nothing(two_programs):
    clock = ManualClock()
    two = two_programs(Limits(), clock)
    for each in (a_product(), a_promotion()):
        two.handle(*as_event(NOON_MS - 3_600_000, each)[:3], NOON_MS - 3_600_000)
    fix = a_location(uid="ann", id="ann:1")
    assert two.handle(CUSTOMERS_LOCATIONS, "ann", fix, NOON_MS - 600_000) == []
    (alert,) = two.handle(CUSTOMERS_LOCATIONS, "ann", replace(fix, id="ann:2"), NOON_MS)
    assert alert.uid == "ann"


def test_rows_that_nothing_follows_are_told_at_once():
    deciding = Deciding(Limits(), ManualClock())
    match = Cells(0, 1)
    for each in (a_product(), a_promotion()):
        match.put(each, NOON_MS)
    rows = match.match.locate(a_location(uid="ann"), NOON_MS)
    bare = [replace(row, shelf_latitude_deg=None, shelf_longitude_deg=None) for row in rows]
    assert [alert.sku for alert in deciding.told_of(bare, NOON_MS)] == [rows[0].sku]


def test_a_promotion_withdrawn_while_she_has_no_room_is_not_told_later(two_programs):
    clock = ManualClock()
    two = two_programs(Limits(per_fix=1, cooldown_s=10.0), clock)
    offers = [a_promotion(pid=f"p{n}", sku=n, discount=float(n)) for n in (1, 2)]
    for each in (a_product(sku=1), a_product(sku=2), *offers):
        two.handle(*as_event(NOON_MS - 1000, each))

    def fix(after_s):
        clock.set_wall(NOON + timedelta(seconds=after_s))
        location = a_location(uid="ann", id=f"ann:{after_s}")
        return [alert.pid for alert in two.handle(CUSTOMERS_LOCATIONS, "ann", location, NOON_MS + after_s * 1000)]

    assert fix(0) == ["p2"]
    two.handle(*as_event(NOON_MS + 5000, replace(offers[0], ends_at=NOON + timedelta(seconds=5))))
    assert fix(20) == []
    assert isinstance(a_location(uid="ann"), CustomerLocation)
