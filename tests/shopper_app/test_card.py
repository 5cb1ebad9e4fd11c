"""What the till reads, and what it booked."""


def test_the_card_carries_a_code_and_lights_the_screen_while_it_is_shown(a_phone):
    phone = a_phone().agree("promotions")
    phone.app.entered("card")
    phone.settle()
    card = phone.app.card()
    assert (card.code.text, card.bars.text, card.number) == ("E1.CODE", "2012345678903", "2 012345 678903")
    assert phone.platform.brightness.level == 1.0
    phone.app.left("card")
    assert phone.platform.brightness.level == 0.4


def test_a_code_that_is_over_is_not_shown_and_the_next_is_fetched_before(a_phone):
    phone = a_phone().agree("promotions")
    phone.app.entered("card")
    phone.settle()
    first = phone.app.state.code
    phone.tick(58)
    assert phone.app.state.code is not first
    phone.app.state.code = first
    phone.clock.advance(20)
    phone.app.state.now = phone.clock.now()
    assert phone.app.card().code is None


def test_without_a_network_the_bars_are_still_there_and_it_says_what_they_do(a_phone, shop):
    phone = a_phone().agree("promotions")
    phone.app.entered("card")
    phone.settle()
    shop.go_offline()
    phone.tick(70)
    card = phone.app.card()
    assert card.bars.text == "2012345678903"
    assert card.code is None
    assert card.why.startswith("You're offline")
    assert phone.app.chrome().notice.text.startswith("You're offline. What you see is from")


def test_points_add_up_line_by_line(a_phone):
    phone = a_phone().agree("promotions")
    phone.app.entered("points")
    phone.settle()
    points = phone.app.points()
    assert (points.balance, points.tier) == ("120", "Silver")
    assert (points.next_tier, points.ratio) == ("100 points to Gold", 0.75)
    assert [(row.points, row.balance) for row in points.ledger] == [("+120", "120")]


def test_a_coupon_for_her_list_that_is_not_clipped_is_remembered_at_the_till(a_phone):
    phone = a_phone().agree("promotions")
    assert phone.app.card().forgotten == ""
    phone.app.add_wish("Dark roast", 9001)
    assert phone.app.card().forgotten == "1 coupon for your list is not clipped yet"
    phone.app.clip("c1")
    assert phone.app.card().forgotten == ""
