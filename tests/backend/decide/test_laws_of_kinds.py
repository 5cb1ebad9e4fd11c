"""What holds of every decision when lists, coupons, cards, sections and sold-out shelves come in, whatever happens."""

from collections import Counter
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from endcap.messages import CustomerEvent, NearbyPromotion, ProductPromotion
from endcap.wire import from_epoch_ms
from endcap_backend.decide import Clip, Decider, Knowledge, Known, Limits, Terms, Wish
from endcap_backend.decide.around import alternative
from endcap_backend.match.shelf import NearShelf

START_MS = 1_795_000_000_000
HOUR_MS, DAY_MS = 3_600_000, 86_400_000
SEGMENTS = ("milk", "tea")

skus = st.integers(1, 6)
prices = st.none() | st.integers(1, 5).map(float)
pids = st.sampled_from(["p1", "p2", "members", "spent", "limited"])
TERMS = {"members": Terms(members_only=True), "spent": Terms(spent=True), "limited": Terms(limit_per_shopper=1)}
ends = st.none() | st.integers(-1, 1).map(lambda off: from_epoch_ms(START_MS + off * 1000))


def segment_of(sku):
    return SEGMENTS[sku % 2]


def a_row(sku, pid, distance_ft, discount, stock, ends_at):
    return NearbyPromotion(
        uid="ann", latitude_deg=60.17, longitude_deg=24.94, pid=pid, sku=sku, segment=segment_of(sku),
        distance_ft=distance_ft, discount=discount, stock=stock, price=3.0, ends_at=ends_at, section="Dairy",
    )  # fmt: skip


def a_shelf(sku, distance_ft, price, stock, pid, ends_at):
    promotion = None if pid is None else ProductPromotion(pid, segment_of(sku), sku, "Offer", 20.0, None, ends_at)
    return NearShelf(sku, segment_of(sku), distance_ft, None, f"Item {sku}", price, stock, "s1", "Dairy", promotion)


feet, stocks = st.floats(0, 100), st.sampled_from([None, 0, 0, 3])
discounts = st.none() | st.integers(0, 100).map(float)
rows = st.builds(a_row, skus, pids, feet, discounts, stocks, ends)
shelves = st.builds(a_shelf, skus, feet, prices, stocks, st.none() | pids, ends)
events = st.tuples(
    st.sampled_from(["enter", "dwell", "exit", "opened", "help"]), st.sampled_from(["s1/Dairy", "s1/Tea", "s1"]), skus
)
wishes = st.builds(
    lambda by_sku, sku, asked: Wish("it", sku if by_sku else None, segment_of(sku), asked), st.booleans(), skus, prices
)
clips = st.builds(lambda n, sku: Clip(f"c{n}", "Coupon", "1.00 € off", sku), st.integers(1, 3), skus)
known = st.builds(
    Known,
    wishes=st.lists(wishes, max_size=4).map(tuple),
    clips=st.lists(clips, max_size=2).map(tuple),
    tier=st.sampled_from([None, "bronze"]),
    redeemed=st.sampled_from([{}, {"limited": 1}]),
    muted=st.sampled_from([frozenset(), frozenset({"help"}), frozenset({"deal"})]),
)
steps = st.tuples(
    st.integers(-60_000, 40 * 60_000),
    st.lists(rows, max_size=4),
    st.lists(shelves, max_size=5, unique_by=lambda shelf: shelf.sku),
    st.lists(events, max_size=2),
)
limits = st.builds(
    Limits, per_fix=st.integers(0, 4), per_visit=st.integers(0, 6), per_hour=st.integers(0, 6),
    per_day=st.integers(0, 8), per_promotion=st.integers(0, 3),
)  # fmt: skip


def walked(walk, her, bounds, restart_at=None):
    """Each step's (time, rows, shelves, choice); with a restart from the alerts when asked."""
    knowledge = Knowledge()
    knowledge.set_terms(TERMS)
    knowledge.put("ann", her)
    decider, at_ms, taken = Decider(bounds, knowledge=knowledge), START_MS, []
    for number, (gap_ms, near, around, happened) in enumerate(walk):
        if number == restart_at:
            decider = Decider(bounds, knowledge=knowledge)
            for when, _, _, choice in taken:
                for alert in choice.alerts:
                    decider.restore(alert, when)
            if taken:
                decider.resume("ann", max(when for when, *_ in taken))
        at_ms += gap_ms
        for kind, fence, sku in happened:
            event = CustomerEvent("e", "ann", kind, from_epoch_ms(at_ms), fence=fence, sku=sku)
            decider.note(event, at_ms)
        taken.append((at_ms, near, around, decider.take("ann", near, at_ms, None, around)))
    return taken


def told(taken):
    return [(at_ms, alert) for at_ms, _, _, choice in taken for alert in choice.alerts]


@given(st.lists(steps, max_size=25), known, limits, st.integers(0, 25))
@settings(max_examples=80, deadline=None)
def test_no_cap_is_exceeded_and_nothing_told_twice_over_a_restart(walk, her, bounds, restart_at):
    heard = told(walked(walk, her, bounds, restart_at))
    offers = [(at_ms, alert) for at_ms, alert in heard if alert.kind != "help"]
    for begin, _ in offers:
        day = [alert for at_ms, alert in offers if begin <= at_ms < begin + DAY_MS]
        assert len(day) <= bounds.per_day
        assert sum(begin <= at_ms < begin + HOUR_MS for at_ms, _ in offers) <= bounds.per_hour
        assert max(Counter(alert.pid for alert in day if alert.pid).values(), default=0) <= bounds.per_promotion
    assert all(count <= bounds.per_visit for count in Counter(alert.visit for _, alert in offers).values())
    assert max(Counter(alert.visit for _, alert in heard if alert.kind == "help").values(), default=0) <= 1
    assert max(Counter(alert.id for _, alert in heard).values(), default=0) <= 1
    assert max(Counter((alert.pid, alert.sku) for _, alert in heard if alert.pid).values(), default=0) <= 1


@given(st.lists(steps, max_size=12), known)
@settings(max_examples=80, deadline=None)
def test_nothing_is_told_that_is_sold_out_over_or_not_hers(walk, her):
    wide = Limits(per_fix=9, per_visit=1000, per_hour=1000, per_day=1000, per_promotion=1000)
    for at_ms, near, around, choice in walked(walk, her, wide):
        there = [(row.sku, row.pid, row.stock, row.ends_at) for row in near]
        there += [
            (s.sku, s.promotion and s.promotion.pid, s.stock, s.promotion and s.promotion.ends_at) for s in around
        ]
        for alert in choice.alerts:
            assert alert.kind not in her.muted
            assert alert.why
            if alert.kind == "help":
                continue
            mine = [each for each in there if each[0] == alert.sku and each[2] != 0]
            assert mine
            if alert.pid is None or alert.pid.startswith("c"):
                continue
            assert any(pid == alert.pid and (end is None or end > from_epoch_ms(at_ms)) for _, pid, _, end in mine)
            assert alert.pid != "spent"
            assert alert.pid != "members" or her.tier is not None
            assert alert.pid != "limited" or not her.redeemed


@given(st.lists(steps, min_size=1, max_size=1), known, st.randoms())
@settings(max_examples=80, deadline=None)
def test_the_order_in_which_things_are_found_changes_nothing(walk, her, luck):
    ((gap_ms, near, around, happened),) = walk
    shuffled, elsewhere = list(near), list(around)
    luck.shuffle(shuffled)
    luck.shuffle(elsewhere)
    orders = [[(gap_ms, near, around, happened)], [(gap_ms, shuffled, elsewhere, happened)]]
    assert told(walked(orders[0], her, Limits())) == told(walked(orders[1], her, Limits()))


@given(st.lists(shelves, max_size=8, unique_by=lambda shelf: shelf.sku), shelves)
def test_an_alternative_is_the_nearest_fit_and_there_is_none_only_where_nothing_fits(around, missing):
    missing = missing._replace(stock=0)
    found = alternative(missing, around)
    fit = [
        each
        for each in around
        if each.sku != missing.sku and each.segment == missing.segment and each.stock != 0
        and None not in (each.price, missing.price) and each.price <= missing.price
    ]  # fmt: skip
    assert (found is None) == (not fit)
    assert found is None or (found in fit and found.distance_ft == min(each.distance_ft for each in fit))


@given(st.lists(steps, max_size=10), known)
@settings(max_examples=30, deadline=None)
def test_the_held_out_hear_nothing_and_would_have_heard_the_same(walk, her):
    def decided(share):
        knowledge = Knowledge()
        knowledge.put("ann", her)
        decider, at_ms, found = Decider(knowledge=knowledge, held_out=share), START_MS, []
        for gap_ms, near, around, _ in walk:
            at_ms += gap_ms
            found.append(decider.take("ann", near, at_ms, None, around))
        return found

    for told_to_her, kept_from_her in zip(decided(0.0), decided(1.0), strict=True):
        assert kept_from_her.alerts == ()
        assert kept_from_her == replace(told_to_her, alerts=(), withheld=told_to_her.alerts)
