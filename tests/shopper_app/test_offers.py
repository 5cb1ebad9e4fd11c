"""Offers: from the channel to a card, and what she is told of them."""

from datetime import time, timedelta

import pytest

from endcap.testing import an_alert
from endcap_backend.decide.candidates import HELP_TITLE, Candidate
from endcap_backend.decide.reason import why
from endcap_shopper.arrivals import OFFERS_A_CALL


def test_an_offer_is_a_card_once_and_is_seen_when_she_leaves(a_phone):
    phone = a_phone().agree("promotions")
    phone.offer()
    phone.offer(id="alert-2")
    (deal,) = phone.app.near_you().deals
    assert (deal.title, deal.why) == ("20 % off dark roast", "You are 12 ft from it")
    assert (deal.fresh, deal.coupon) == (True, "available")
    assert phone.app.chrome().unseen == 1
    phone.app.left("near")
    assert phone.app.chrome().unseen == 0


def test_an_offer_that_can_not_be_told_stops_no_other(a_phone, monkeypatch):
    phone = a_phone().agree("promotions")
    alerts, told = phone.app.parts.alerts, []

    def offer(alert):
        if alert.id == "first":
            raise OSError("the notifier is broken")
        told.append(alert.id)

    monkeypatch.setattr(alerts, "offer", offer)
    phone.app.parts.arrivals.offer(an_alert(id="first", pid="p1", expires_at=phone.clock.now() + timedelta(hours=1)))
    phone.offer(id="second", pid="p2")
    phone.offer(id="third", pid="p3")
    assert told == ["second", "third"]
    assert {deal.id for deal in phone.app.near_you().deals} == {"first", "second", "third"}


def test_in_quiet_hours_the_empty_page_says_until_when(a_phone):
    phone = a_phone().agree("location", "promotions")
    now = phone.app.state.now
    phone.app.set_quiet_hours(True, (now - timedelta(hours=1)).time(), (now + timedelta(hours=1)).time())
    near = phone.app.near_you()
    assert near.empty_title == "Quiet hours"
    assert near.empty_why.startswith(f"No offers come until {phone.app.state.words.time(now + timedelta(hours=1))}.")
    phone.app.set_quiet_hours(False, time(22), time(8))
    assert phone.app.near_you().empty_title == "No offers yet"


def test_an_offers_way_leads_to_its_shelf_and_its_reduction_is_the_products(a_phone, shop, build):
    shelf = build.at(11, 12)
    where = {"latitude": shelf.latitude_deg, "longitude": shelf.longitude_deg}
    shop.products[0] |= {**where, "promotion": {"pid": "p1", "discount": 30}}
    phone = a_phone().agree("location", "promotions")
    phone.stand(build.at(0, 5))
    phone.offer(store="s1", section="Coffee")
    (deal,) = phone.app.near_you().deals
    assert (deal.where, deal.off, deal.segment) == ("20\xa0m · Coffee", "−30%", "coffee")


def test_what_the_shop_does_not_know_of_an_offer_is_asked_for_once(a_phone, shop):
    phone = a_phone().agree("promotions")
    asked = []
    answer = shop._get_products
    shop._get_products = lambda rest, query, body: asked.append(query.get("q")) or answer(rest, query, body)
    for number in range(3):
        phone.offer(id=f"a{number}", pid=f"p{number}", sku=4711)
    assert asked.count("4711") == 1
    shop.go_offline()
    phone.offer(id="b", sku=4712)
    shop.go_online()
    phone.tick(60)
    assert "4712" in asked


def test_on_a_desktop_it_says_how_to_walk(a_phone):
    phone = a_phone().agree("location", "promotions")
    phone.app.set_quiet_hours(False, time(22), time(8))
    assert phone.app.near_you().empty_why == "Walk past a shelf with an offer, and it is here."
    phone.app.state.can_walk = True
    assert phone.app.near_you().empty_why.startswith("Here you walk by clicking")


def test_an_offer_put_away_does_not_come_back_after_a_restart(a_phone):
    phone = a_phone().agree("promotions")
    phone.offer()
    phone.app.dismiss_deal("alert-1")
    phone.app.close()
    again = a_phone()
    again.offer(id="alert-2")
    assert again.app.near_you().deals == ()


def test_while_she_looks_she_feels_it_and_while_not_she_is_notified(a_phone):
    phone = a_phone().agree("promotions")
    phone.clock.set_wall(phone.clock.now().replace(hour=12))
    phone.offer()
    assert (phone.platform.vibrator.cues, phone.platform.notifier.told) == (["offer"], [])
    phone.app.pause()
    phone.clock.advance(400)
    phone.offer(id="alert-2", pid="p2")
    (told,) = phone.platform.notifier.told
    assert (told.channel, told.title, told.link) == ("deal", "20 % off dark roast", "endcap://offer/alert-2")


def test_a_tap_on_a_notification_opens_its_offer(a_phone):
    phone = a_phone().agree("promotions")
    phone.offer()
    phone.platform.links.open("endcap://offer/alert-1")
    phone.settle()
    assert phone.app.asked_page() == "near"
    assert phone.app.asked_page() is None
    assert phone.app.asked_deal().title == "20 % off dark roast"
    assert phone.app.asked_deal() is None
    assert phone.app.state.original == 9001


def test_a_link_to_a_page_after_an_offer_opens_that_page_alone(a_phone):
    phone = a_phone().agree("promotions")
    phone.offer()
    phone.platform.links.open("endcap://offer/alert-1")
    phone.platform.links.open("endcap://page/card")
    phone.settle()
    assert (phone.app.asked_page(), phone.app.asked_deal()) == ("card", None)


def test_who_is_told_first_of_a_tap_on_a_notification_finds_the_page_and_the_offer(a_phone):
    phone = a_phone().agree("promotions")
    phone.offer()
    found = []
    phone.app.watch(lambda _: found.append((phone.app.asked_page(), phone.app.asked_deal())))
    phone.platform.links.open("endcap://offer/alert-1")
    phone.settle()
    page, deal = found[0]
    assert (page, deal.id) == ("near", "alert-1")


def test_a_tap_on_a_notification_of_an_offer_that_is_over_leads_to_what_is_near(a_phone):
    phone = a_phone().agree("promotions")
    phone.offer()
    phone.tick(3601)
    phone.platform.links.open("endcap://offer/alert-1")
    phone.settle()
    assert phone.app.asked_page() == "near"
    assert phone.app.asked_deal() is None


def test_she_is_notified_while_another_window_is_in_front_of_the_apps(a_phone):
    phone = a_phone().agree("promotions")
    phone.clock.set_wall(phone.clock.now().replace(hour=12))
    phone.app.looked_at(False)
    phone.offer()
    assert [told.title for told in phone.platform.notifier.told] == ["20 % off dark roast"]
    phone.app.looked_at(True)
    phone.clock.advance(400)
    phone.offer(id="alert-2", pid="p2")
    assert len(phone.platform.notifier.told) == 1


@pytest.mark.parametrize("link", ["http://offer/x", "endcap://offer/", "endcap://page/nowhere", "endcap://me/x", "%"])
def test_a_link_that_is_not_ours_does_nothing(a_phone, link):
    phone = a_phone()
    phone.platform.links.open(link)
    phone.settle()
    assert phone.app.asked_page() is None


def test_a_hundred_offers_at_once_are_taken_a_few_at_a_time(a_phone):
    phone = a_phone().agree("promotions")
    for number in range(120):
        phone.app.parts.arrivals.offer(
            an_alert(id=f"a{number}", pid=f"p{number}", expires_at=phone.clock.now() + timedelta(hours=1))
        )
    assert len(phone.queue) == 1
    phone.queue.drain()
    assert 0 < len(phone.app.near_you().deals) <= OFFERS_A_CALL
    phone.settle()
    assert len(phone.app.near_you().deals) == 100


def test_a_card_is_written_anew_only_when_something_of_it_is_new(a_phone):
    phone = a_phone().agree("promotions")
    phone.offer()
    phone.offer(id="alert-2", pid="p2")
    before = {deal.id: deal for deal in phone.app.near_you().deals}
    phone.offer(id="alert-3", pid="p2", title="New")
    after = {deal.id: deal for deal in phone.app.near_you().deals}
    assert after["alert-1"] is before["alert-1"]
    assert after["alert-3"].title == "New"
    phone.clock.advance(1800)
    phone.app.tick()
    assert phone.app.near_you().deals[0].ends != before["alert-1"].ends


def test_an_order_that_is_ready_is_what_matters_now(a_phone, shop):
    shop.orders = [{"id": "o1", "store": "s1", "state": "ready", "door": "Door 2", "items": 3}]
    phone = a_phone().agree("promotions")
    near = phone.app.near_you()
    assert (near.headline, near.detail) == ("Your order is ready", "At Door 2, Riverside")


def test_an_order_that_is_said_to_be_ready_is_looked_up_at_once(a_phone, shop):
    phone = a_phone().agree("promotions")
    assert phone.app.near_you().headline == ""
    shop.orders = [{"id": "o1", "store": "s1", "state": "ready", "items": 3}]
    phone.app.parts.arrivals.take_notice({"notice": "pickup", "id": "o1", "state": "ready", "store": "s1"})
    phone.settle()
    assert phone.app.near_you().headline == "Your order is ready"


def test_a_card_tells_how_far_in_one_unit_and_it_is_hers(a_phone):
    phone = a_phone().agree("promotions")
    reason = why(Candidate("deal", "u1", "Coffee week", distance_ft=30.0, section="Coffee"))
    assert "about 12 steps from you" in reason
    phone.offer(why=reason, distance_ft=30.0, section="Coffee", store="elsewhere", sku=None)
    (deal,) = phone.app.near_you().deals
    assert (deal.why, deal.where) == ("On promotion, near you in Coffee", "9\xa0m · Coffee")
    phone.app.set_feet(True)
    (deal,) = phone.app.near_you().deals
    assert deal.where == "30\xa0ft · Coffee"


def test_a_reason_keeps_its_steps_where_the_card_knows_no_distance(a_phone):
    phone = a_phone().agree("promotions")
    phone.offer(why="On promotion, about 12 steps from you in Coffee", distance_ft=None, section=None, sku=None)
    (deal,) = phone.app.near_you().deals
    assert deal.why == "On promotion, about 12 steps from you in Coffee"


def test_a_reason_is_in_her_language_on_the_card_in_the_notification_and_beside_an_alternative(a_phone, shop):
    phone = a_phone().agree("promotions")
    phone.clock.set_wall(phone.clock.now().replace(hour=12))
    phone.app.set_language("de")
    phone.app.pause()
    phone.offer(kind="help", title=HELP_TITLE, why=why(Candidate("help", "u1", HELP_TITLE, section="Coffee")))
    (told,) = phone.platform.notifier.told
    assert (told.title, told.text.partition(" (")[0]) == ("Brauchst du Hilfe?", "Du siehst dich schon eine Weile um")
    (deal,) = phone.app.near_you().deals
    assert (deal.title, deal.why) == (told.title, told.text)
    shop.instead = "Also coffee, 1.00 € less than Dark roast, 8 in stock, about 40 ft away"
    phone.app.show_alternatives(9001)
    phone.settle()
    (row,) = phone.app.alternatives().rows
    assert row.why == "Auch coffee, 1,00\xa0€ günstiger als Dark roast, 8 vorrätig, etwa 10\xa0m entfernt"
    phone.app.set_language("en")
    assert phone.app.near_you().deals[0].title == HELP_TITLE
