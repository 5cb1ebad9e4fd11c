"""What waits for shoppers, and what becomes of it when the shop changes."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from endcap.geo import LatLon
from endcap.messages import NearbyPromotion
from endcap.testing import SHOP, a_product, a_promotion
from endcap_backend.pipeline.waiting import Waiting

HERE = LatLon(*SHOP)
UIDS, SKUS, PIDS = ("ann", "bea"), (1, 2), ("p1", "p2")


def a_row(uid="ann", sku=1, pid="p1", title="offer"):
    """A row of `NEARBY_CUSTOMERS` of the shelf of that product of kind `coffee`, which stands right here."""
    shelf = {"store": "s1", "shelf_latitude_deg": HERE.latitude_deg, "shelf_longitude_deg": HERE.longitude_deg}
    return NearbyPromotion(uid, *HERE, pid, sku, "coffee", 1.0, title=title, price=4.0, **shelf)


def an_offer(pid="p1", sku=1, title="offer"):
    return a_promotion(pid=pid, sku=sku, title=title, discount=None)


class CountedPid(str):
    """Counts how often it is looked up among others."""

    looked_up = 0

    def __hash__(self):
        CountedPid.looked_up += 1
        return super().__hash__()


class Plain:
    """The same as `Waiting`, of any number of shelves, found by looking at every row."""

    def __init__(self):
        self.rows = {}

    def add(self, row, at_ms):
        self.rows[row.uid, row.sku, row.pid] = (row, at_ms, False)

    def promote(self, promotion, at_ms):
        for key, (row, found_ms, _) in list(self.rows.items()):
            fits = promotion.sku in (None, row.sku) and promotion.segment == row.segment
            says_so = fits and promotion.title == row.title
            if key[2] == promotion.pid and found_ms <= at_ms and not says_so:
                del self.rows[key]

    def place(self, product, at_ms):
        for key, (row, found_ms, barred) in list(self.rows.items()):
            if key[1] == product.sku and found_ms <= at_ms:
                del self.rows[key]
                if product.segment == row.segment:
                    self.rows[key] = (replace(row, price=product.price), found_ms, barred)

    def settle(self, uid, skus, barred):
        for key, (row, found_ms, _) in list(self.rows.items()):
            if key[0] == uid and key[1] in skus:
                del self.rows[key]
                if key[2] in barred:
                    self.rows[key] = (row, found_ms, True)

    def unbar(self, uid):
        self.rows |= {key: (row, at_ms, False) for key, (row, at_ms, _) in self.rows.items() if key[0] == uid}

    def forget(self, uid):
        self.rows = {key: found for key, found in self.rows.items() if key[0] != uid}

    def near(self, uid):
        return {
            (row.sku, row.pid, row.title, row.price)
            for row, _, barred in self.rows.values()
            if row.uid == uid and not barred
        }


uids, skus, pids, titles = map(st.sampled_from, (UIDS, SKUS, PIDS, ("offer", "better")))
changes = st.one_of(
    st.tuples(st.just("add"), st.builds(a_row, uids, skus, pids, titles)),
    st.tuples(st.just("add"), st.builds(a_row, uids, skus, pids, titles)),
    st.tuples(st.just("promote"), st.builds(an_offer, pids, st.none() | skus, titles)),
    st.tuples(
        st.just("place"),
        st.builds(
            lambda sku, segment, price: a_product(
                sku=sku, segment=segment, price=price, latitude_deg=HERE.latitude_deg, longitude_deg=HERE.longitude_deg
            ),
            skus, st.sampled_from(["coffee", "coffee", "tea"]), st.sampled_from([3.0, 4.0]),
        ),
    ),
    st.tuples(st.just("settle"), uids, st.lists(skus, max_size=2), st.lists(pids, max_size=1)),
    st.tuples(st.sampled_from(["unbar", "forget"]), uids),
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(changes, st.integers(0, 2)), min_size=6, max_size=25))
def test_what_waits_is_what_looking_at_every_row_would_leave(walk):
    waiting, plain = Waiting(), Plain()
    for (what, first, *more), at_ms in walk:
        if what == "settle":
            waiting.settle(first, [(sku, "s1") for sku in more[0]], more[1])
            plain.settle(first, *more)
        else:
            when = () if what in ("unbar", "forget") else (at_ms,)
            getattr(waiting, what)(first, *when)
            getattr(plain, what)(first, *when)
        for uid in UIDS:
            near = waiting.near(uid, HERE, 0, len(SKUS))
            assert {(row.sku, row.pid, row.title, row.price) for row in near} == plain.near(uid)
        assert len(waiting) == len({key[:2] for key in plain.rows})


def test_a_promotion_is_compared_only_where_somebody_waits_for_it():
    waiting = Waiting()
    for uid in range(30):
        for sku in range(10, 30):
            waiting.add(a_row(f"u{uid}", sku, f"p{sku}"), 0)
    waiting.add(a_row("ann", 1, "p1"), 0)
    CountedPid.looked_up = 0
    waiting.promote(an_offer(CountedPid("p1"), title="better"), 1)
    assert waiting.near("ann", HERE, 1, 9) == []
    assert 0 < CountedPid.looked_up < 10
    CountedPid.looked_up = 0
    waiting.promote(an_offer(CountedPid("p1")), 2)  # nobody waits for it any more
    assert CountedPid.looked_up < 10


def test_nothing_is_kept_of_shelves_and_promotions_that_nobody_waits_for():
    waiting, new = Waiting(), Waiting()
    for uid in UIDS:
        for sku, pid in zip(SKUS, PIDS, strict=True):
            waiting.add(a_row(uid, sku, pid), 0)
    waiting.promote(an_offer("p1", title="better"), 1)
    waiting.place(a_product(sku=2, segment="tea"), 1)
    waiting.settle("ann", [(3, "s1")])
    for uid in UIDS:
        waiting.forget(uid)
    assert vars(waiting) == vars(new)
