"""Her coupons: clipped, let go, combined."""


def test_a_clipped_coupon_is_clipped_at_once_and_at_the_shop_soon(a_phone, shop):
    phone = a_phone().agree("promotions")
    phone.app.entered("coupons")
    phone.settle()
    phone.app.clip("c1")
    assert [row.id for row in phone.app.coupons().clipped] == ["c1"]
    assert shop.until(lambda shop: shop.coupons["c1"]["state"] == "clipped")
    assert phone.until(phone.all_told)
    assert [row.id for row in phone.app.coupons().clipped] == ["c1"]


def test_a_clip_is_taken_back_by_undo(a_phone, shop):
    phone = a_phone().agree("promotions")
    phone.app.clip("c1")
    assert phone.app.chrome().undo.text == "Coupon c1 clipped"
    phone.app.undo()
    assert phone.app.coupons().clipped == ()
    assert shop.until(lambda shop: ("unclip", "c1") in shop.heard)
    assert phone.app.chrome().undo is None


def test_clipping_automatically_leaves_what_she_let_go_of(a_phone, shop):
    phone = a_phone().agree("promotions")
    phone.app.clip("c1")
    phone.app.unclip("c1")
    phone.app.set_auto_clip(True)
    assert [row.id for row in phone.app.coupons().clipped] == ["c2"]


def test_the_best_combination_says_why_another_is_not_in_it(a_phone):
    phone = a_phone().agree("promotions")
    phone.app.add_wish("Dark roast")
    phone.settle()
    phone.app.entered("coupons")
    phone.settle()
    best = phone.app.coupons().best
    assert (best.off, best.total) == ("−€1.00", "€5.00")
    assert [(row.id, row.reason) for row in best.refused] == [("c2", "Nothing it is for is in the basket.")]


def test_a_coupon_the_shop_no_longer_has_is_let_go_and_said(a_phone, shop):
    phone = a_phone().agree("promotions")
    shop.refuse["/coupons/c1/clip"] = (409, "It is used up.")
    phone.app.clip("c1")
    assert phone.until(lambda: phone.all_told() and phone.app.chrome().notice is not None)
    assert phone.app.chrome().notice.text == "The shop does not give you this coupon any more."
    assert phone.app.coupons().clipped == ()


def test_what_each_month_saved_stands_in_the_history_also_without_a_network(a_phone, shop):
    phone = a_phone().agree("promotions")
    phone.app.entered("coupons")
    phone.settle()
    saved = [(each.month, each.purchases, each.off) for each in phone.app.coupons().saved]
    assert saved == [("November 2026", "3 purchases", "€2.76"), ("October 2026", "1 purchase", "€1.50")]
    shop.go_offline()
    phone.app.close()
    assert [each.off for each in a_phone().app.coupons().saved] == ["€2.76", "€1.50"]
