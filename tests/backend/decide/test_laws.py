"""What holds of every decision, whatever the shoppers do."""

from collections import Counter
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from endcap.messages import NearbyPromotion
from endcap_backend.decide import Decider, Limits
from endcap_backend.decide.candidates import deal
from endcap_backend.decide.score import rank

START_MS = 1_795_000_000_000
DAY_MS, HOUR_MS = 86_400_000, 3_600_000


def take(decider, *fix):
    return decider.take(*fix).alerts


def a_row(uid, sku, pid, distance_ft, discount):
    return NearbyPromotion(
        uid=uid, latitude_deg=60.17, longitude_deg=24.94, pid=pid, sku=sku, segment="coffee",
        distance_ft=distance_ft, discount=discount,
    )  # fmt: skip


rows = st.builds(
    a_row,
    st.just("x"),
    st.integers(1, 12),
    st.sampled_from(["p1", "p2", "p3"]),
    st.floats(0, 100),
    st.none() | st.integers(0, 100).map(float),
)
steps = st.tuples(  # who, how long after the step before (some go back in time), what is near
    st.sampled_from(["ann", "bob"]), st.integers(-120_000, 40 * 60_000), st.lists(rows, max_size=6)
)
limits = st.builds(
    Limits,
    per_fix=st.integers(0, 4),
    per_visit=st.integers(0, 8),
    per_hour=st.integers(0, 8),
    per_day=st.integers(0, 12),
    per_promotion=st.integers(0, 5),
)


def told_on(walk, bounds, restart_at=None):
    """The alerts of a walk as (time, alert) and, when asked, with a restart in the middle."""
    decider, told, last, at_ms = Decider(bounds), [], {}, START_MS
    for number, (uid, gap_ms, near) in enumerate(walk):
        if number == restart_at:
            decider = Decider(bounds)
            for when, alert in told:
                decider.restore(alert, when)
            for shopper, when in last.items():
                decider.resume(shopper, when)
        at_ms += gap_ms
        last[uid] = max(at_ms, last.get(uid, at_ms))
        told += [(at_ms, alert) for alert in take(decider, uid, near, at_ms)]
    return told


@given(st.lists(steps, max_size=40), limits, st.integers(0, 40))
@settings(max_examples=200, deadline=None)
def test_no_cap_is_ever_exceeded_with_or_without_a_restart(walk, bounds, restart_at):
    told = told_on(walk, bounds, restart_at)
    for uid in ("ann", "bob"):
        hers = [(at_ms, alert) for at_ms, alert in told if alert.uid == uid]
        for begin, _ in hers:
            day = [alert for at_ms, alert in hers if begin <= at_ms < begin + DAY_MS]
            assert len(day) <= bounds.per_day
            assert sum(begin <= at_ms < begin + HOUR_MS for at_ms, _ in hers) <= bounds.per_hour
            assert max(Counter(alert.pid for alert in day).values()) <= bounds.per_promotion
        assert all(count <= bounds.per_visit for count in Counter(alert.visit for _, alert in hers).values())


@given(st.lists(steps, max_size=40), st.integers(0, 40))
@settings(max_examples=200, deadline=None)
def test_nothing_is_ever_told_twice_with_or_without_a_restart(walk, restart_at):
    told = told_on(walk, Limits(per_visit=1000, per_hour=1000, per_day=1000, per_promotion=1000), restart_at)
    assert max(Counter((alert.uid, alert.pid, alert.sku) for _, alert in told).values(), default=1) == 1
    assert max(Counter(alert.id for _, alert in told).values(), default=1) == 1


@given(st.lists(rows, max_size=12), st.randoms())
@settings(deadline=None)
def test_the_ranking_does_not_depend_on_the_order_of_the_rows(near, luck):
    shuffled = list(near)
    luck.shuffle(shuffled)
    told = [take(Decider(), "ann", order, START_MS) for order in (near, shuffled)]
    assert told[0] == told[1]


@given(st.lists(rows, max_size=12))
def test_a_better_candidate_never_stands_behind_a_worse_one(near):
    ranked = rank([deal(row) for row in near])
    assert all(
        not (b.distance_ft < a.distance_ft and (b.discount or 0) > (a.discount or 0)) for a, b in pairwise(ranked)
    )


@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), rows), max_size=60))
@settings(deadline=None)
def test_memory_stays_bounded_and_the_forgotten_are_counted(walk):
    decider = Decider(capacity=3)
    for number, (uid, row) in enumerate(walk):
        take(decider, uid, [row], START_MS + number)
    stats = decider.stats()
    assert stats["shoppers"] == min(3, len({uid for uid, _ in walk}))
    assert stats["shoppers"] + stats["shoppers forgotten"] >= len({uid for uid, _ in walk})
