"""Coupons: states over time, and clips that are not told yet."""

import logging
from datetime import timedelta

from endcap.testing import NOON
from endcap_shopper.coupons import Applied, Best, CouponBook, NotApplied

HOUR = timedelta(hours=1)


def test_a_coupon_holds_until_its_end_and_then_is_history(build):
    book = CouponBook((build.coupon(ends_at=NOON),))
    assert [each.id for each in book.open(NOON - timedelta(milliseconds=1))] == ["c1"]
    assert book.open(NOON) == ()
    assert [each.state for each in book.history(NOON)] == ["expired"]


def test_a_redeemed_coupon_stays_redeemed_after_its_end(build):
    book = CouponBook((build.coupon(state="redeemed", ends_at=NOON, redeemed_at=NOON - HOUR),))
    assert [each.state for each in book.history(NOON + HOUR)] == ["redeemed"]


def test_clipped_come_first_then_what_ends_first(build):
    book = CouponBook(
        (
            build.coupon(id="endless", ends_at=None),
            build.coupon(id="soon", ends_at=NOON + HOUR),
            build.coupon(id="mine", state="clipped", ends_at=None),
        )
    )
    assert [each.id for each in book.open(NOON)] == ["mine", "soon", "endless"]


def test_the_last_of_her_pending_actions_counts(build):
    book = CouponBook((build.coupon(), build.coupon(id="c2", state="clipped")))
    seen = book.with_pending([("c1", True), ("c1", False), ("c1", True), ("c2", False)], NOON)
    assert [(each.id, each.state) for each in seen.coupons] == [("c1", "clipped"), ("c2", "available")]


def test_a_pending_clip_does_not_bring_back_what_was_redeemed(build):
    book = CouponBook((build.coupon(state="redeemed"),))
    assert book.with_pending([("c1", False)], NOON) == book


def test_clipping_automatically_leaves_alone_what_she_let_go_of_and_what_has_not_begun(build):
    book = CouponBook((build.coupon(), build.coupon(id="declined"), build.coupon(id="early", starts_at=NOON + HOUR)))
    assert book.to_clip(["declined"], NOON) == ("c1",)


def test_what_is_on_the_list_and_not_clipped_is_remembered_at_the_till(build):
    book = CouponBook((build.coupon(), build.coupon(id="other", sku=5)))
    assert [each.id for each in book.forgotten([9001], NOON)] == ["c1"]


def test_only_what_is_clipped_is_about_to_end(build):
    book = CouponBook((build.coupon(ends_at=NOON + HOUR), build.coupon(id="mine", state="clipped", ends_at=NOON + HOUR),
                       build.coupon(id="later", state="clipped", ends_at=NOON + 25 * HOUR)))  # fmt: skip
    assert [each.id for each in book.ending_soon(NOON)] == ["mine"]


def test_a_coupon_that_cannot_be_read_hides_none_of_the_others(build, caplog):
    good = build.coupon().to_json()
    with caplog.at_level(logging.WARNING, "endcap.shopper"):
        book = CouponBook.from_json({"coupons": [good, {**good, "id": "x", "kind": "gift"}, 7]})
    assert [each.id for each in book.coupons] == ["c1"]
    assert "kind: must be one of percent, amount, n_for_m" in caplog.text


def test_a_book_outlives_the_wallet_unchanged(build):
    book = CouponBook((build.coupon(state="clipped", clipped_at=NOON),))
    assert CouponBook.from_json(book.to_json()) == book


def test_the_best_combination_tells_of_each_coupon_why():
    best = Best.from_json(
        {
            "total": 7.5,
            "off": 2.5,
            "applied": [{"coupon": "c1", "off": 2.5, "why": "20 % off"}],
            "refused": [{"coupon": "c2", "reason": "only one of its group"}],
        }
    )
    assert best == Best(7.5, 2.5, (Applied("c1", 2.5, "20 % off"),), (NotApplied("c2", "only one of its group"),))
