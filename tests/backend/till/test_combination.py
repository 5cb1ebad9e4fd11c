"""The best combination of offers, against every combination there is, reckoned piece by piece."""

from datetime import timedelta
from fractions import Fraction
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from endcap.testing import NOON
from endcap_backend.retail.combination import best, offs
from endcap_backend.retail.offers import Buyer, Line, Offer

MEMBER = Buyer(member=True, tiers=frozenset({"bronze", "silver"}))
COFFEE = Line(9001, 3, 690, "coffee")
TEA = Line(9003, 1, 320, "tea")


def a_coupon(id="c1", **terms):
    return Offer("coupon", id, f"coupon {id}", **{"kind": "percent", "percent": 2000, **terms})


def a_promotion(id="p1", **terms):
    return Offer(
        "promotion", id, f"promotion {id}", **{"kind": "percent", "percent": 2000, "segment": "coffee", **terms}
    )


def reckoned(basket, offers):
    """What remains to pay, one piece after the other and in fractions of a cent until a line is rounded."""
    pieces = [
        [index, Fraction(line.price_cents), True] for index, line in enumerate(basket) for _ in range(line.quantity)
    ]
    width = lambda offer: (offer.width, offer.source, offer.id)  # noqa: E731
    for offer in sorted((each for each in offers if each.kind == "n_for_m"), key=width):
        mine = sorted((piece for piece in pieces if offer.covers(basket[piece[0]])), key=lambda piece: -piece[1])
        groups = [mine[start : start + offer.n] for start in range(0, len(mine), offer.n)]
        for group in groups[: None if offer.each else 1]:
            for piece in group[offer.m :] if len(group) == offer.n else []:
                piece[2] = False
    pieces = [piece for piece in pieces if piece[2]]
    for offer in (each for each in offers if each.kind == "amount" and each.each):
        for piece in pieces:
            if offer.covers(basket[piece[0]]):
                piece[1] = max(Fraction(0), piece[1] - offer.amount_cents)
    lines = [int(sum(piece[1] for piece in pieces if piece[0] == index)) for index in range(len(basket))]
    for offer in sorted((each for each in offers if each.kind == "percent"), key=width):
        for index, line in enumerate(basket):
            if offer.covers(line):
                lines[index] -= int(Fraction(lines[index] * offer.percent, 10_000) + Fraction(1, 2))
    for offer in sorted((each for each in offers if each.kind == "amount" and not each.each), key=width):
        left = offer.amount_cents
        for index, line in enumerate(basket):
            if offer.covers(line):
                lines[index], left = max(0, lines[index] - left), max(0, left - lines[index])
    return sum(lines)


def legal(basket, offers):
    for one, other in combinations(offers, 2):
        shared = any(one.covers(line) and other.covers(line) for line in basket)
        grouped = one.stacking_group and one.stacking_group == other.stacking_group
        if shared and (grouped or one.kind == other.kind == "n_for_m"):
            return False
    return True


def least(basket, offers):
    """The least to pay over all legal sets of the offers that may be used at all."""
    usable = [
        each
        for each in offers
        if not (each.kind == "n_for_m" and each.pieces(basket) < each.n)
        and (each.budget_left_cents is None or sum(line.cents for line in basket) - reckoned(basket, [each])
             <= each.budget_left_cents)
    ]  # fmt: skip
    sets = (chosen for size in range(len(usable) + 1) for chosen in combinations(usable, size))
    return min(reckoned(basket, chosen) for chosen in sets if legal(basket, chosen))


SEGMENTS = {1: "tea", 2: "tea", 3: "coffee", 4: None}
skus = st.sampled_from(sorted(SEGMENTS))
lines = st.builds(
    lambda sku, quantity, price: Line(sku, quantity, price, SEGMENTS[sku]), skus, st.integers(1, 5), st.integers(0, 999)
)
targets = st.one_of(
    st.just({}),
    skus.map(lambda sku: {"sku": sku}),
    st.sampled_from(["tea", "coffee"]).map(lambda segment: {"segment": segment}),
)
terms = st.one_of(
    st.integers(1, 10_000).map(lambda percent: {"kind": "percent", "percent": percent}),
    st.integers(1, 1500).map(lambda cents: {"kind": "amount", "amount_cents": cents}),
    st.tuples(st.integers(1, 3), st.integers(1, 3)).map(
        lambda pair: {"kind": "n_for_m", "n": pair[0] + pair[1], "m": pair[0]}
    ),
)
baskets = st.lists(lines, min_size=1, max_size=4)


@st.composite
def some_offers(draw, max_size=7):
    offers = []
    for number in range(draw(st.integers(0, max_size))):
        more = {
            "stacking_group": draw(st.sampled_from([None, None, "a", "b"])),
            "budget_left_cents": draw(st.sampled_from([None, None, None, 300])),
        }
        source = draw(st.sampled_from(["coupon", "promotion"]))
        offers.append(Offer(source, f"o{number}", "an offer", **draw(terms), **draw(targets), **more))
    return offers


@given(baskets, some_offers())
@settings(max_examples=1000, deadline=None)
def test_no_legal_combination_takes_more_off(basket, offers):
    found = best(basket, offers, MEMBER, NOON)
    chosen = [each.offer for each in found.applied]
    assert legal(basket, chosen)
    assert found.total_cents == reckoned(basket, chosen) == least(basket, offers)


@given(baskets, some_offers(max_size=5))
@settings(max_examples=200, deadline=None)
def test_every_offer_is_either_used_and_takes_something_off_or_refused_with_a_reason(basket, offers):
    found = best(basket, offers, MEMBER, NOON)
    told = [each.offer for each in found.applied] + [each.offer for each in found.refused]
    assert sorted(each.id for each in told) == sorted(each.id for each in offers)
    assert all(each.off_cents > 0 and each.why for each in found.applied)
    assert all(each.because and each.reason for each in found.refused)
    assert found.off_cents == sum(each.off_cents for each in found.applied)
    assert found.off_cents + found.total_cents == sum(line.cents for line in basket)
    for each in found.applied:
        assert each.offer.budget_left_cents is None or each.off_cents <= each.offer.budget_left_cents


@given(baskets, some_offers(), st.randoms())
@settings(max_examples=100, deadline=None)
def test_the_order_in_which_offers_are_given_changes_nothing(basket, offers, chance):
    shuffled = offers.copy()
    chance.shuffle(shuffled)
    assert best(basket, shuffled, MEMBER, NOON) == best(basket, offers, MEMBER, NOON)


@given(baskets, some_offers(max_size=5), st.data())
@settings(max_examples=200, deadline=None)
def test_one_more_offer_that_excludes_none_never_makes_the_basket_dearer(basket, offers, data):
    chosen = [each.offer for each in best(basket, offers, MEMBER, NOON).applied]
    more = Offer("coupon", "more", "one more", **data.draw(terms), **data.draw(targets))
    if legal(basket, [*chosen, more]) and more.pieces(basket) >= more.n:
        assert sum(offs(basket, [*chosen, more]).values()) >= sum(offs(basket, chosen).values())


def told(found):
    return {each.offer.id: (each.because, each.reason) for each in found.refused}


@pytest.mark.parametrize(
    ("terms", "buyer", "because", "reason"),
    [
        ({"starts_at": NOON + timedelta(milliseconds=1)}, MEMBER, "not_begun", "it begins at 2026-11-24T12:00:00.001Z"),
        ({"ends_at": NOON}, MEMBER, "ended", "it ended at 2026-11-24T12:00:00.000Z"),
        ({"members_only": True}, Buyer(), "members_only", "it is for who has a card"),
        ({"tier": "gold"}, Buyer(), "members_only", "it is for who has a card"),
        ({"tier": "gold"}, MEMBER, "tier", "it is for the tier gold and above"),
        ({"left": 0}, MEMBER, "limit", "it was redeemed as often as one shopper may"),
        ({"left_in_all": 0}, MEMBER, "limit_in_all", "all there were of it are redeemed"),
        ({"budget_left_cents": 477}, MEMBER, "budget", "what was set aside for it is spent"),
        ({"sku": 7}, MEMBER, "not_in_basket", "nothing it is for is in the basket"),
        ({"segment": "wine"}, MEMBER, "not_in_basket", "nothing it is for is in the basket"),
        ({"kind": "n_for_m", "n": 5, "m": 4}, MEMBER, "too_few", "it takes 5, and 4 are in the basket"),
    ],
)
def test_what_cannot_be_used_says_why(terms, buyer, because, reason):
    assert told(best([COFFEE, TEA], [a_coupon(**terms)], buyer, NOON)) == {"c1": (because, reason)}


def test_at_its_first_and_its_last_millisecond_an_offer_counts():
    whole_day = {"starts_at": NOON, "ends_at": NOON + timedelta(days=1)}
    for moment in (NOON, NOON + timedelta(days=1, milliseconds=-1)):
        assert best([COFFEE], [a_coupon(**whole_day)], MEMBER, moment).off_cents == 414


def test_of_one_group_the_one_that_saves_most_counts_and_the_other_says_so():
    better = a_coupon("c2", kind="amount", amount_cents=500, stacking_group="week", sku=9001)
    found = best([COFFEE, TEA], [a_coupon(stacking_group="week"), better], MEMBER, NOON)
    assert [(each.offer.id, each.off_cents, each.why) for each in found.applied] == [("c2", 500, "5.00 off")]
    assert told(found) == {"c1": ("excluded", "it does not combine with “coupon c2”, which saves more here")}


def test_of_one_group_two_that_are_for_different_products_both_count():
    offers = [a_coupon(stacking_group="week", sku=9001), a_coupon("c2", stacking_group="week", sku=9003)]
    assert [each.off_cents for each in best([COFFEE, TEA], offers, MEMBER, NOON).applied] == [414, 64]


def test_two_small_ones_of_a_group_beat_a_large_one_that_excludes_both():
    small = [a_coupon(f"c{sku}", sku=sku, percent=1500, stacking_group="week") for sku in (9001, 9003)]
    large = a_coupon("large", kind="amount", amount_cents=350, stacking_group="week")
    assert {each.offer.id for each in best([COFFEE, TEA], [*small, large], MEMBER, NOON).applied} == {"c9001", "c9003"}


def test_a_coupon_is_not_used_up_when_there_is_nothing_left_to_take_off():
    gift = a_promotion(kind="amount", amount_cents=690)
    found = best([COFFEE], [gift, a_coupon(kind="amount", amount_cents=100)], MEMBER, NOON)
    assert found.total_cents == 0
    assert told(found) == {"c1": ("nothing_left", "there is nothing left to take off")}


def test_three_for_two_gives_the_cheapest_of_each_three_and_groups_the_dearest_first():
    basket = [Line(1, 2, 1000, "tea"), Line(2, 2, 500, "tea"), Line(3, 3, 100, "tea")]
    offer = Offer("promotion", "p1", "3 for 2", "n_for_m", n=3, m=2, segment="tea")
    assert best(basket, [offer], MEMBER, NOON).off_cents == 500 + 100


def test_half_a_cent_is_rounded_up_in_her_favour():
    assert best([Line(1, 1, 101)], [a_coupon(percent=5000)], MEMBER, NOON).off_cents == 51


def test_a_coupon_of_three_for_two_counts_once():
    offer = Offer("coupon", "c1", "3 for 2", "n_for_m", n=3, m=2)
    assert best([Line(1, 9, 100, "tea")], [offer], MEMBER, NOON).off_cents == 100


def test_a_hundred_coupons_that_exclude_each_other_do_not_stop_the_till():
    """The search is bounded: what it has found by then is legal, and no worse than taking the largest first."""
    basket = [Line(number, 2, 100 + number, f"segment {number % 7}") for number in range(60)]
    offers = [
        Offer(
            "coupon", f"c{number}", "a coupon", "percent", percent=100 + number * 37 % 900,
            stacking_group=f"group {number % 5}", **({"segment": f"segment {number % 7}"} if number % 3 else {}),
        )
        for number in range(100)
    ]  # fmt: skip
    found = best(basket, offers, MEMBER, NOON)
    assert legal(basket, [each.offer for each in found.applied])
    assert found.off_cents >= best(basket, offers, MEMBER, NOON, max_steps=1).off_cents > 0
