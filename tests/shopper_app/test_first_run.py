"""Before she agrees, and the moment she does."""


def test_before_she_agrees_nothing_leaves_the_phone_and_the_list_works(a_phone, shop, tmp_path):
    phone = a_phone()
    phone.app.add_wish("Tea")
    phone.app.finish_wish(phone.app.wishlist().rows[0].id, True)
    phone.tick()
    assert [(row.text, row.done) for row in phone.app.wishlist().rows] == [("Tea", True)]
    assert (shop.heard, shop.positions) == ([], [])
    assert not (tmp_path / "phone" / "sdk" / "outbox.db").exists()
    assert phone.app.chrome().notice is None


def test_the_first_run_asks_for_nothing_by_itself(a_phone):
    phone = a_phone()
    assert not any(purpose.on for purpose in phone.app.first_run().purposes)
    phone.app.set_purpose("promotions", True)
    assert phone.app.state.granted == frozenset()
    phone.agree()
    assert phone.app.first_run().done
    assert phone.app.state.granted == {"promotions"}
    assert phone.platform.notifier.asked == 1


def test_what_was_written_before_she_agreed_is_told_afterwards(a_phone, shop):
    phone = a_phone()
    phone.app.add_wish("Tea")
    phone.agree("promotions")
    assert shop.until(lambda shop: shop.wishes)
    assert [item["text"] for item in shop.wishes.values()] == ["Tea"]


def test_each_page_that_needs_her_yes_says_so_until_she_has_given_it(a_phone):
    phone = a_phone().agree()
    pages = (phone.app.near_you, phone.app.coupons, phone.app.card, phone.app.points, phone.app.help)
    assert [page().needs_yes for page in pages] == [True] * 5
    phone.app.set_purpose("promotions", True)
    phone.settle()
    assert [page().needs_yes for page in pages] == [True, False, False, False, False]  # offers need her location, too
    phone.app.set_purpose("location", True)
    phone.settle()
    assert not phone.app.near_you().needs_yes
