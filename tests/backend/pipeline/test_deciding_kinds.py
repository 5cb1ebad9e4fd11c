"""Match and decision as two programs tell of wishes, coupons, alternatives and help, and withhold, as one does."""

from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest

from endcap.messages import CUSTOMERS_ALERTS, CUSTOMERS_EVENTS, CustomerAlert, CustomerEvent
from endcap.testing import NOON, a_location, a_product, a_promotion, an_event
from endcap_backend.decide import Known, Limits, Terms, Wish
from endcap_backend.decide.knowledge import Clip
from endcap_backend.log import Record
from endcap_backend.pipeline.learning import Learning, Sources
from endcap_backend.pipeline.matching import Matching

UIDS = ("ann", "bob", "cid", "eve")  # ann and cid are of the half that may be held out
PACED = Limits(per_fix=2, per_visit=1000, per_hour=1000, per_day=1000, cooldown_s=4.0, help_after_s=30.0)


def a_shopper(dice):
    """Someone with a list and a wallet."""
    wishes = [Wish(f"product {n}", n, price_alert=dice.choice([None, 2.0])) for n in dice.sample(range(60), 6)]
    clips = [Clip(f"c{n}", f"Coupon {n}", "10 % off", sku=n, discount=10.0) for n in dice.sample(range(60), 3)]
    return Known(
        wishes=(*wishes, Wish("any", segment=dice.choice("abc"))),
        clips=tuple(clips),
        tier=dice.choice([None, "gold"]),
        muted=dice.choice([frozenset(), frozenset({"alternative"})]),
    )


def sources(known, terms=None):
    return Sources(lambda uids: {uid: known[uid] for uid in uids if uid in known}, lambda *_: {}, lambda: terms or {})


def told(records):
    """What was told or withheld, in order, by the records of either side."""
    kinds = {CUSTOMERS_ALERTS: CustomerAlert, CUSTOMERS_EVENTS: CustomerEvent}
    return [kinds[each.topic].from_text(each.value) for each in records]


def an_hour_of(dice, shelves, offers):
    """(after ms, message) in order: the shop, then shoppers who stroll, enter and leave sections, and open cards."""
    moments = [(0, each) for each in (*shelves, *offers)]
    places = {uid: [0.0, 0.0] for uid in UIDS}
    at_ms = 0
    for n in range(300):
        at_ms += dice.randint(200, 2500)
        uid = dice.choice(UIDS)
        if dice.random() < 0.15:
            moments.append((at_ms, an_event_of(uid, n, dice)))
            continue
        for axis in (0, 1):
            places[uid][axis] = max(-60.0, min(60.0, places[uid][axis] + dice.uniform(-6, 6)))
        late_ms = dice.randint(1, 5000) if dice.random() < 0.05 else 0
        fix = replace(a_location(uid=uid, id=f"{uid}:{n}", accuracy_m=dice.choice([4.0, 30.0])), **point(places[uid]))
        moments.append((at_ms - late_ms, fix))
    return moments


def an_event_of(uid, number, dice):
    kind = dice.choice(["enter", "enter", "dwell", "exit", "opened", "shown"])
    fence, sku = (None, dice.randrange(60)) if kind in ("opened", "shown") else (f"s1/{dice.choice('abc')}", None)
    return an_event(id=f"{uid}-{number}", uid=uid, kind=kind, fence=fence, sku=sku)


def point(place):
    return {"latitude_deg": 60.17 + place[0] / 111_195, "longitude_deg": 24.94 + place[1] / 55_300}


def a_shelf(dice, sku):
    segment = dice.choice("abc")
    return a_product(
        sku=sku, name=f"product {sku}", segment=segment, section=segment, price=dice.choice([1.5, 2.5, None]),
        stock=dice.choice([0, 0, 3, None]), **point((dice.uniform(-50, 50), dice.uniform(-50, 50))),
    )  # fmt: skip


@pytest.mark.parametrize("held_out", [0.0, 0.5])
@pytest.mark.parametrize("seed", range(3))
def test_two_programs_tell_all_four_kinds_as_one_does(two_programs, clock, seed, held_out):
    dice = Random(seed)
    known = {uid: a_shopper(dice) for uid in UIDS[:3]}
    terms = {"p1": Terms(members_only=True), "p2": Terms(spent=True)}
    shelves = [a_shelf(dice, sku) for sku in range(60)]
    offers = [a_promotion(pid=f"p{n}", segment="a", sku=n * 3, title=f"offer {n}", discount=5.0 + n) for n in range(12)]
    more = {"held_out": held_out}
    one = Matching(PACED, clock, learning=Learning(sources(known, terms), clock), **more)
    two = two_programs(PACED, clock, learning=Learning(sources(known, terms), clock), **more)
    kinds, withheld = set(), 0
    for number, (after_ms, message) in enumerate(an_hour_of(dice, shelves, offers), 1):
        clock.set_wall(NOON + timedelta(milliseconds=after_ms + 50))
        topic, key, at_ms = two.named(message, after_ms)
        expected = told(one.handle([Record(number, topic, key, message.to_text(), at_ms, None)]))
        assert two.handle(topic, key, message, at_ms) == expected, (number, topic)
        kinds |= {each.note if each.kind == "withheld" else each.kind for each in expected}
        withheld += sum(each.kind == "withheld" for each in expected)
    assert kinds >= {"deal", "wanted", "alternative", "help"}
    assert (withheld > 10) == (held_out > 0)


def test_who_becomes_a_member_hears_what_she_was_kept_from(two_programs, clock):
    known, changes = {"ann": Known()}, {}
    books = Sources(lambda uids: {uid: known[uid] for uid in uids}, lambda *_: changes, lambda: {"p1": Terms(True)})
    two = two_programs(Limits(), clock, learning=Learning(books, clock))
    for each in (a_product(), a_promotion()):
        two.tell(each)
    assert two.tell(a_location(uid="ann")) == []
    known["ann"], changes["ann"] = Known(tier="silver"), 1
    clock.advance(2)
    assert [each.pid for each in two.tell(a_location(uid="ann", id="ann:2"), 2)] == ["p1"]


def test_who_stands_at_the_shelf_hears_that_the_price_has_come_down(two_programs, clock):
    known = {"ann": Known(wishes=(Wish("coffee", 9001, price_alert=5.0),), muted=frozenset())}
    two = two_programs(Limits(), clock, learning=Learning(sources(known), clock))
    two.tell(a_product())
    (wanted,) = two.tell(a_location(uid="ann"))
    assert wanted.why.startswith("On your list, ")
    (dropped,) = two.tell(a_product(price=4.5), 1)
    assert dropped.why.startswith("On your list, now 4.50 €, you asked for 5.00 €")
