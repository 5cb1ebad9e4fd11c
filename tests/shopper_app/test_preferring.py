"""The shop is told when and of what she wants to hear."""

from datetime import time

DEFAULT = {"quiet_hours": "22:00-08:00", "timezone": None, "muted": []}


def test_who_agrees_to_offers_has_her_quiet_hours_told(a_phone, shop):
    phone = a_phone().agree("promotions")
    assert phone.until(phone.all_told)
    assert shop.preferences == DEFAULT
    (line,) = [each.what for each in phone.app.privacy().sent if "hear" in each.what]
    assert line == "When you want to hear of offers"


def test_who_has_not_agreed_to_offers_tells_nothing_of_them(a_phone, shop):
    phone = a_phone().agree("location")
    phone.app.set_alert_kind("help", False)
    assert phone.all_told()
    assert shop.preferences == {}


def test_what_she_changes_without_a_network_is_told_once_as_it_is_in_the_end(a_phone, shop):
    phone = a_phone().agree("promotions")
    assert phone.until(phone.all_told)
    shop.go_offline()
    phone.app.set_quiet_hours(True, time(20), time(9, 30))
    phone.app.set_alert_kind("help", False)
    phone.app.set_quiet_hours(False, time(20), time(9, 30))
    assert phone.app.parts.ground.wallet.waiting() == 1
    shop.go_online()
    phone.app.resume()
    assert phone.until(phone.all_told)
    assert shop.preferences == {"quiet_hours": None, "timezone": None, "muted": ["help"]}


def test_what_the_shop_knows_is_not_told_again(a_phone):
    phone = a_phone().agree("promotions")
    assert phone.until(phone.all_told)
    phone.app.set_quiet_hours(True, time(22), time(8))
    assert phone.all_told()


def test_what_waits_when_she_takes_offers_back_is_never_told_and_is_told_when_she_agrees_again(a_phone, shop):
    phone = a_phone().agree("location", "promotions")
    assert phone.until(phone.all_told)
    shop.go_offline()
    phone.app.set_alert_kind("help", False)
    phone.app.set_purpose("promotions", False)
    phone.settle()
    assert phone.app.parts.ground.wallet.pending("preferences") == ()
    shop.go_online()
    phone.app.resume()
    phone.settle()
    assert shop.preferences == DEFAULT
    phone.app.set_purpose("promotions", True)
    assert phone.until(lambda: shop.preferences == {**DEFAULT, "muted": ["help"]})


def test_what_the_shop_refuses_is_told_again_at_the_next_occasion(a_phone, shop):
    shop.refuse["/me/preferences"] = (422, "No such time zone.")
    phone = a_phone().agree("promotions")
    assert phone.until(phone.all_told)
    phone.settle()
    assert shop.preferences == {}
    del shop.refuse["/me/preferences"]
    phone.app.set_quiet_hours(True, time(22), time(8))
    assert phone.until(lambda: shop.preferences == DEFAULT)


def test_a_shop_that_knows_her_no_more_is_told_anew_under_her_new_pseudonym(a_phone, shop):
    phone = a_phone().agree("promotions")
    phone.app.set_alert_kind("help", False)
    assert phone.until(phone.all_told)
    shop.forget_her()
    phone.app.add_wish("Tea")
    assert phone.until(lambda: shop.preferences == {**DEFAULT, "muted": ["help"]})
    assert phone.until(phone.all_told)


def test_a_pseudonym_that_was_lost_while_the_app_was_closed_is_noticed_too(a_phone, shop):
    phone = a_phone().agree("promotions")
    assert phone.until(phone.all_told)
    phone.app.close()
    shop.forget_her()
    again = a_phone()
    again.app.add_wish("Tea")
    assert again.until(lambda: shop.preferences == DEFAULT)


def test_a_session_that_is_renewed_for_the_same_pseudonym_tells_nothing(a_phone, shop):
    phone = a_phone().agree("promotions")
    assert phone.until(phone.all_told)
    shop.preferences = {}
    phone.app.parts.client._engine.install.sessions.renewed("u1")
    phone.settle()
    assert phone.all_told()
    assert shop.preferences == {}
