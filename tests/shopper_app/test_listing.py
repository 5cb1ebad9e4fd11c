"""Her list: what it costs, what could be on it, who else reads it."""

import threading


def test_a_price_she_waits_for_is_told(a_phone):
    phone = a_phone().agree("promotions")
    phone.app.add_wish("Dark roast")
    phone.settle()
    phone.app.set_price_alert(phone.app.wishlist().rows[0].id, 6.5)
    assert phone.app.wishlist().rows[0].detail == "Now €6.00"


def test_a_price_that_fell_is_told_once_while_she_does_not_look(a_phone, shop):
    phone = a_phone().agree("promotions")
    phone.clock.set_wall(phone.clock.now().replace(hour=12))
    phone.app.add_wish("Dark roast")
    phone.settle()
    phone.app.set_price_alert(phone.app.wishlist().rows[0].id, 5.0)
    phone.app.pause()
    shop.products[0]["price"] = 4.5
    for _ in range(3):
        phone.tick(400)
    assert [note.title for note in phone.platform.notifier.told] == ["Dark roast now costs €4.50"]


def test_suggestions_come_from_the_shop_and_adding_one_keeps_its_number(a_phone):
    phone = a_phone().agree("promotions")
    phone.app.suggest("roast")
    phone.settle()
    (choice,) = phone.app.wishlist().suggestions
    phone.app.add_wish("", int(choice.id))
    assert [(row.text, row.sku) for row in phone.app.wishlist().rows] == [("Dark roast", 9001)]


def test_a_shared_list_is_a_link_online_and_text_offline(a_phone, shop):
    phone = a_phone().agree("promotions")
    phone.app.add_wish("Tea")
    phone.app.share_wishlist()
    phone.settle()
    share = phone.app.wishlist().share
    assert (share.link, share.code.text) == (f"{shop.url}/l/L1", f"{shop.url}/l/L1")
    phone.app.end_share()
    shop.go_offline()
    phone.app.share_wishlist()
    phone.settle()
    share = phone.app.wishlist().share
    assert (share.text, share.link, share.code.text) == ("Tea", "", "Tea")


def test_a_shared_list_is_read_on_the_lite_page_where_there_is_one(a_phone):
    phone = a_phone(lite_url="https://lite.example/").agree("promotions")
    phone.app.add_wish("Tea")
    phone.app.share_wishlist()
    phone.settle()
    assert phone.app.wishlist().share.link == "https://lite.example/list/L1"


def test_alternatives_keep_the_original_in_sight_and_say_why(a_phone):
    phone = a_phone().agree("promotions")
    phone.app.suggest("roast")
    phone.settle()
    phone.app.show_alternatives(9001)
    phone.settle()
    found = phone.app.alternatives()
    assert found.original.title == "Dark roast"
    assert [(row.title, row.why, row.price) for row in found.rows] == [
        ("Medium roast", "0.10 cheaper, the same kind", "€5.90")
    ]
    phone.app.take_alternative(9002)
    assert [row.text for row in phone.app.wishlist().rows] == ["Medium roast"]


def answers(shop, path):
    return [status for method, asked, status in shop.answered if asked == path]


def test_the_alternatives_she_looks_at_follow_the_shop_and_are_sent_only_when_they_have_changed(a_phone, shop):
    phone = a_phone().agree("promotions")
    phone.app.show_alternatives(9001)
    phone.app.entered("alternatives")
    phone.settle()
    phone.tick(10)
    shown = phone.app.alternatives()
    assert answers(shop, "/products/9001/alternatives") == [200, 304]
    phone.tick(5)
    assert len(answers(shop, "/products/9001/alternatives")) == 2
    shop.instead = "The last one"
    phone.tick(5)
    assert (shown.rows[0].why, phone.app.alternatives().rows[0].why) == ("0.10 cheaper, the same kind", "The last one")
    assert answers(shop, "/products/9001/alternatives") == [200, 304, 200]
    phone.app.left("alternatives")
    phone.app.entered("settings")
    phone.tick(10)
    assert len(answers(shop, "/products/9001/alternatives")) == 3


def test_what_a_search_found_follows_the_shop_until_she_ends_it(a_phone, shop):
    phone = a_phone().agree("promotions")
    phone.app.entered("wishlist")
    phone.app.suggest("roast")
    phone.settle()
    shop.products[0]["price"] = 4.5
    phone.tick(10)
    (choice,) = phone.app.wishlist().suggestions
    assert choice.text == "Dark roast · €4.50 · coffee"
    phone.tick(10)
    assert answers(shop, "/products") == [200, 200, 304]
    phone.app.suggest("")
    phone.tick(10)
    assert answers(shop, "/products") == [200, 200, 304]


def test_an_answer_to_a_list_that_was_closed_changes_nothing(a_phone, shop):
    phone = a_phone().agree("promotions")
    phone.app.entered("wishlist")
    shop.held_up = threading.Event()
    phone.app.suggest("roast")
    phone.app.suggest("")
    shop.held_up.set()
    phone.settle()
    assert answers(shop, "/products") == [200]
    assert phone.app.wishlist().suggestions == ()
