"""The app without a window: what a tap does, what the shop hears of it, and what she sees."""

import json
from dataclasses import replace
from datetime import time, timedelta

import pytest

from endcap.testing import an_alert
from endcap_shopper.views import Intents


def offer(phone, **changes):
    """An offer as the SDK hands it over."""
    phone.app.parts.arrivals.offer(an_alert(**{"expires_at": phone.clock.now() + timedelta(hours=1), **changes}))
    phone.settle()


def test_it_is_what_the_screens_ask_for(a_phone):
    app: Intents = a_phone(start=False).app
    assert all(callable(getattr(app, name)) for name in dir(Intents) if not name.startswith("_") and name != "words")


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


def test_undo_is_offered_for_a_few_seconds(a_phone):
    phone = a_phone()
    phone.app.add_wish("Tea")
    phone.tick(7)
    assert phone.app.chrome().undo is not None
    phone.tick(1)
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


def test_an_offer_is_a_card_once_and_is_seen_when_she_leaves(a_phone):
    phone = a_phone().agree("promotions")
    offer(phone)
    offer(phone, id="alert-2")
    (deal,) = phone.app.near_you().deals
    assert (deal.title, deal.why) == ("20 % off dark roast", "You are 12 ft from it")
    assert (deal.fresh, deal.coupon) == (True, "available")
    assert phone.app.chrome().unseen == 1
    phone.app.left("near")
    assert phone.app.chrome().unseen == 0


def test_an_offers_way_leads_to_its_shelf_and_its_reduction_is_the_products(a_phone, shop, build):
    shelf = build.at(11, 12)
    where = {"latitude": shelf.latitude_deg, "longitude": shelf.longitude_deg}
    shop.products[0] |= {**where, "promotion": {"pid": "p1", "discount": 30}}
    phone = a_phone().agree("location", "promotions")
    phone.stand(build.at(0, 5))
    offer(phone, store="s1", section="Coffee")
    (deal,) = phone.app.near_you().deals
    assert (deal.where, deal.off, deal.segment) == ("20 m · Coffee", "−30%", "coffee")


def test_what_the_shop_does_not_know_of_an_offer_is_asked_for_once(a_phone, shop):
    phone = a_phone().agree("promotions")
    asked = []
    answer = shop._get_products
    shop._get_products = lambda rest, query, body: asked.append(query.get("q")) or answer(rest, query, body)
    for number in range(3):
        offer(phone, id=f"a{number}", pid=f"p{number}", sku=4711)
    assert asked.count("4711") == 1
    shop.go_offline()
    offer(phone, id="b", sku=4712)
    shop.go_online()
    phone.tick(60)
    assert "4712" in asked


def test_on_a_desktop_it_says_how_to_walk(a_phone):
    phone = a_phone().agree("location", "promotions")
    assert phone.app.near_you().empty_why == "Walk past a shelf with an offer, and it is here."
    phone.app.state.can_walk = True
    assert phone.app.near_you().empty_why.startswith("Here you walk by clicking")


def test_stores_come_by_name_and_the_nearest_first_where_she_is_known_to_be(a_phone, shop, build):
    phone = a_phone().agree("location", "promotions")
    phone.settle()
    (known,) = phone.app.state.stores
    far, near = (
        replace(known, id=id, name=name, latitude_deg=point.latitude_deg)
        for id, name, point in (("s2", "Allee", build.at(0, 900)), ("s3", "Zoo", build.at(0, 60)))
    )
    phone.app.state.stores = (near, known, far)
    assert [store.text for store in phone.app.store_map().stores] == ["Allee", "Riverside", "Zoo"]
    phone.stand(build.at(5, 5))
    assert [store.text for store in phone.app.store_map().stores] == ["Riverside", "Zoo", "Allee"]


def test_an_offer_put_away_does_not_come_back_after_a_restart(a_phone):
    phone = a_phone().agree("promotions")
    offer(phone)
    phone.app.dismiss_deal("alert-1")
    phone.app.close()
    again = a_phone()
    offer(again, id="alert-2")
    assert again.app.near_you().deals == ()


def test_while_she_looks_she_feels_it_and_while_not_she_is_notified(a_phone):
    phone = a_phone().agree("promotions")
    phone.clock.set_wall(phone.clock.now().replace(hour=12))
    offer(phone)
    assert (phone.platform.vibrator.cues, phone.platform.notifier.told) == (["offer"], [])
    phone.app.pause()
    phone.clock.advance(400)
    offer(phone, id="alert-2", pid="p2")
    (told,) = phone.platform.notifier.told
    assert (told.channel, told.title, told.link) == ("deal", "20 % off dark roast", "endcap://offer/alert-2")


def test_a_tap_on_a_notification_opens_its_offer(a_phone):
    phone = a_phone().agree("promotions")
    offer(phone)
    phone.platform.links.open("endcap://offer/alert-1")
    phone.settle()
    assert phone.app.asked_page() == "near"
    assert phone.app.asked_page() is None
    assert phone.app.state.original == 9001


@pytest.mark.parametrize("link", ["http://offer/x", "endcap://offer/", "endcap://page/nowhere", "endcap://me/x", "%"])
def test_a_link_that_is_not_ours_does_nothing(a_phone, link):
    phone = a_phone()
    phone.platform.links.open(link)
    phone.settle()
    assert phone.app.asked_page() is None


def test_her_dot_is_where_the_fix_is_and_grey_when_it_is_old(a_phone, build):
    phone = a_phone().agree("location")
    phone.stand(build.at(5, 5), accuracy_m=4.0)
    dot = phone.app.store_map().dot
    assert (dot.point, dot.accuracy_m, dot.stale) == (build.at(5, 5), 4.0, False)
    assert phone.app.near_you().place == "You're in Riverside"
    phone.tick(11)
    assert phone.app.store_map().dot.stale


def test_the_way_leads_along_the_aisles_and_on_when_she_has_it(a_phone, build):
    phone = a_phone().agree("location", "promotions")
    phone.stand(build.at(0, 0))
    for wish in ("Dark roast", "Green tea"):
        phone.app.add_wish(wish)
        phone.settle()
    plan = phone.app.store_map()
    assert [pin.text for pin in plan.pins] == ["Green tea", "Dark roast"]
    assert plan.step == "Straight on for 5 m, to Tea. Then left."
    assert plan.stop == "Green tea · stop 1 of 2"
    phone.app.got_it(plan.stop_id)
    phone.settle()
    assert [pin.text for pin in phone.app.store_map().pins] == ["Dark roast"]
    phone.app.speak_step()
    assert phone.platform.speech.said == [(phone.app.store_map().step, "en")]


def test_the_list_is_sorted_by_the_aisles_of_this_store(a_phone, build):
    phone = a_phone().agree("location", "promotions")
    phone.stand(build.at(0, 0))
    for wish in ("Soap", "Dark roast", "Green tea"):
        phone.app.add_wish(wish)
        phone.settle()
    phone.app.sort_by_aisle(True)
    assert [row.text for row in phone.app.wishlist().rows] == ["Green tea", "Dark roast", "Soap"]


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


def test_a_start_is_no_lack_of_a_network(a_phone):
    phone = a_phone(start=False)
    phone.app.set_purpose("promotions", True)
    phone.app.finish_first_run()
    phone.app.start()
    phone.settle()
    phone.app.tick()
    assert phone.app.state.online is not False
    assert phone.app.chrome().notice is None


def test_a_call_for_help_is_seen_from_the_tap_to_its_end(a_phone, shop, build):
    phone = a_phone().agree("location", "promotions")
    phone.stand(build.at(15, 15))
    phone.app.ask_help(text="Where is decaf?")
    assert phone.app.help().state == "waiting"
    assert phone.until(lambda: phone.app.help().state == "queued")
    (call,) = shop.calls.values()
    assert (call["store"], call["section"], call["text"]) == ("s1", "Coffee", "Where is decaf?")
    call |= {"state": "coming", "by": "Aino"}
    phone.app.entered("help")
    phone.settle()
    assert (phone.app.help().headline, phone.app.help().detail) == ("Somebody is on the way", "Aino")
    phone.app.cancel_help()
    assert shop.until(lambda shop: ("cancel_help", call["id"]) in shop.heard)


def test_a_call_taken_back_before_it_went_out_never_goes_out(a_phone, shop, build):
    phone = a_phone().agree("location", "promotions")
    phone.stand(build.at(15, 15))
    shop.go_offline()
    phone.app.ask_help(text="Where?")
    phone.app.cancel_help()
    assert phone.app.help().state == "none"
    shop.go_online()
    phone.app.add_wish("Tea")
    phone.app.resume()
    assert phone.until(phone.all_told)
    assert (shop.calls, [what for what, *_ in shop.heard]) == ({}, ["wish"])


def test_a_lost_answer_opens_no_second_call_after_she_closed_the_first(a_phone, shop, build):
    phone = a_phone().agree("location", "promotions")
    phone.stand(build.at(15, 15))
    shop.lose_answers, shop.lose_those_of = 1, "/help"
    phone.app.ask_help(text="Where?")
    assert shop.until(lambda shop: shop.calls and not shop.lose_answers)
    (call,) = shop.calls.values()
    call["state"] = "cancelled"
    phone.app.resume()
    assert phone.until(lambda: phone.all_told() and phone.app.help().state == "cancelled")
    assert list(shop.calls) == [call["id"]]


def test_a_call_whose_answer_was_lost_is_closed_at_the_shop_when_she_takes_it_back(a_phone, shop, build):
    phone = a_phone().agree("location", "promotions")
    phone.stand(build.at(15, 15))
    shop.lose_answers, shop.lose_those_of = 1, "/help"
    phone.app.ask_help(text="Where?")
    assert shop.until(lambda shop: shop.calls and not shop.lose_answers)
    phone.app.cancel_help()
    phone.app.resume()
    assert phone.until(phone.all_told)
    assert [call["state"] for call in shop.calls.values()] == ["cancelled"]


def a_call(phone, shop, build):
    """One that is queued; as the shop has it. Without her yes to offers the SDK listens to nothing by itself."""
    phone.agree("location")
    phone.stand(build.at(15, 15))
    phone.app.ask_help(text="Where?")
    assert phone.until(lambda: phone.app.help().state == "queued")
    (call,) = shop.calls.values()
    return call


def test_while_she_is_told_on_her_channel_the_shop_is_not_asked(a_phone, shop, build):
    phone = a_phone()
    call = a_call(phone, shop, build)
    answer, asked = shop._get_help, []
    shop._get_help = lambda *request: asked.append(request) or answer(*request)
    arrivals = phone.app.parts.arrivals
    take_state, arrivals.take_state = arrivals.take_state, lambda now: None  # there is no Ably here: we say it
    take_state(replace(phone.app.parts.client.state, receiver="listening"))
    phone.settle()
    assert len(asked) == 1  # once: what was told while nobody listened
    phone.app.entered("help")
    phone.settle()
    asked.clear()
    for state, minute in (("accepted", 1), ("coming", 2)):
        phone.app.parts.arrivals.take_notice(
            {"notice": "help", **call, "state": state, "changed_at": f"2026-11-24T12:0{minute}:00Z"}
        )
        assert phone.app.help().state == state
        phone.tick(20)
    assert asked == []
    take_state(replace(phone.app.parts.client.state, receiver="not listening: gone"))
    phone.tick(20)
    assert len(asked) == 1


def test_an_older_notice_takes_nothing_back(a_phone, shop, build):
    phone = a_phone()
    call = a_call(phone, shop, build)
    for state, minute in (("coming", 2), ("accepted", 1)):
        phone.app.parts.arrivals.take_notice(
            {"notice": "help", **call, "state": state, "changed_at": f"2026-11-24T12:0{minute}:00Z"}
        )
    assert phone.app.help().state == "coming"


def test_of_a_call_it_does_not_know_the_shop_is_asked(a_phone, shop, build):
    phone = a_phone()
    call = a_call(phone, shop, build)
    shop.calls["h9"] = {**call, "id": "h9", "state": "coming"}
    phone.app.parts.arrivals.take_notice({"notice": "help", **call, "id": "h9", "state": "queued"})
    phone.settle()
    assert (phone.app.state.help.id, phone.app.help().state) == ("h9", "coming")


@pytest.mark.parametrize(
    "notice", [{"notice": "help"}, {"notice": 7}, {"notice": "help", "id": "x", "state": "flying"}]
)
def test_a_notice_that_can_not_be_read_changes_nothing(a_phone, shop, build, notice):
    phone = a_phone()
    a_call(phone, shop, build)
    phone.app.parts.arrivals.take_notice(notice)
    assert phone.app.help().state == "queued"


def test_an_order_that_is_said_to_be_ready_is_looked_up_at_once(a_phone, shop):
    phone = a_phone().agree("promotions")
    assert phone.app.near_you().headline == ""
    shop.orders = [{"id": "o1", "store": "s1", "state": "ready", "items": 3}]
    phone.app.parts.arrivals.take_notice({"notice": "pickup", "id": "o1", "state": "ready", "store": "s1"})
    phone.settle()
    assert phone.app.near_you().headline == "Your order is ready"


def test_an_order_that_is_ready_is_what_matters_now(a_phone, shop):
    shop.orders = [{"id": "o1", "store": "s1", "state": "ready", "door": "Door 2", "items": 3}]
    phone = a_phone().agree("promotions")
    near = phone.app.near_you()
    assert (near.headline, near.detail) == ("Your order is ready", "At Door 2, Riverside")


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


def test_paused_for_an_hour_no_position_is_taken_and_then_again(a_phone, build):
    phone = a_phone().agree("location")
    phone.app.pause_sharing("hour")
    phone.settle()
    assert not phone.source.running
    assert phone.app.chrome().sharing == "paused"
    phone.tick(3601)
    assert phone.source.running
    assert phone.app.chrome().sharing == "on"


def test_a_pause_outlives_the_app(a_phone):
    phone = a_phone().agree("location")
    phone.app.pause_sharing("today")
    phone.settle()
    phone.app.close()
    again = a_phone()
    assert not again.source.running
    assert again.app.chrome().sharing == "paused"


def test_what_was_sent_is_listed(a_phone, shop, build):
    phone = a_phone().agree("location", "promotions")
    phone.stand(build.at(5, 5))
    phone.app.add_wish("Tea")
    assert phone.until(lambda: shop.positions and shop.wishes and phone.all_told())
    assert phone.app.parts.client.flush()
    phone.tick(11)
    assert {row.what for row in phone.app.privacy().sent} >= {"A change of your list"}
    assert any("position" in row.what for row in phone.app.privacy().sent)


def test_an_export_holds_what_is_here_and_at_the_shop(a_phone, tmp_path):
    phone = a_phone().agree("promotions")
    phone.app.add_wish("Tea")
    phone.app.export_data()
    phone.settle()
    (path,) = (tmp_path / "phone").glob("endcap-*.json")
    found = json.loads(path.read_text())
    assert [item["text"] for item in found["app"]["list"]] == ["Tea"]
    assert found["backend"]["uid"] == "u1"
    assert str(path) in phone.app.privacy().result


def test_erased_she_is_known_to_nobody_here_or_there(a_phone, shop, tmp_path):
    phone = a_phone().agree("promotions")
    phone.app.add_wish("Marzipan")
    phone.app.delete_data()
    phone.settle()
    assert shop.erased
    assert phone.app.state.granted == frozenset()
    assert "E-1" in phone.app.privacy().result
    assert phone.app.coupons().available == ()
    assert phone.app.wishlist().rows == ()
    assert phone.app.settings().look.language == "en"
    files = [path for path in (tmp_path / "phone").rglob("*") if path.is_file()]
    assert [path.name for path in files if b"Marzipan" in path.read_bytes()] == []


def test_without_a_network_nothing_is_erased_and_it_says_so(a_phone, shop):
    phone = a_phone().agree("promotions")
    phone.app.entered("coupons")
    phone.settle()
    shop.go_offline()
    phone.app.delete_data()
    phone.settle()
    assert phone.app.privacy().result.startswith("Nothing was erased")
    assert phone.app.state.granted == {"promotions"}


def test_another_language_is_spoken_at_once(a_phone):
    phone = a_phone()
    before = phone.app.words
    phone.app.set_language("de")
    assert phone.app.words is not before
    assert phone.app.words.money(2.5) == "2,50\xa0€"
    assert phone.pages[-1] is None


def test_a_coupon_the_shop_no_longer_has_is_let_go_and_said(a_phone, shop):
    phone = a_phone().agree("promotions")
    shop.refuse["/coupons/c1/clip"] = (409, "It is used up.")
    phone.app.clip("c1")
    assert phone.until(lambda: phone.all_told() and phone.app.chrome().notice is not None)
    assert phone.app.chrome().notice.text == "The shop does not give you this coupon any more."
    assert phone.app.coupons().clipped == ()


def test_her_session_is_where_the_machine_keeps_secrets(a_phone, shop, tmp_path):
    phone = a_phone().agree("promotions")
    assert phone.until(lambda: phone.platform.secrets.kept)
    assert list(phone.platform.secrets.kept) == ["session"]
    phone.app.delete_data()
    phone.settle()
    assert phone.platform.secrets.kept == {}


def test_a_machine_that_keeps_no_secrets_keeps_her_from_nothing(a_phone, shop):
    phone = a_phone()

    def refuse(name, value):
        raise OSError("the keystore is locked")

    phone.platform.secrets.set = refuse
    phone.agree("promotions")
    phone.app.add_wish("Tea")
    assert phone.until(lambda: shop.wishes)


def test_closing_twice_is_closing_once(a_phone):
    phone = a_phone().agree("location")
    phone.app.close()
    phone.app.close()
    assert not phone.source.running


def test_settings_outlive_the_app(a_phone):
    phone = a_phone()
    phone.app.set_text_scale(1.6)
    phone.app.set_quiet_hours(True, time(20), time(9))
    phone.app.set_alert_kind("deal", False)
    phone.app.close()
    again = a_phone().app.settings()
    assert (again.look.text_scale, again.quiet_from, [kind.id for kind in again.kinds if not kind.on]) == (
        1.6,
        time(20),
        ["deal"],
    )


def test_a_hundred_offers_at_once_are_taken_a_few_at_a_time(a_phone):
    phone = a_phone().agree("promotions")
    for number in range(120):
        phone.app.parts.arrivals.offer(
            an_alert(id=f"a{number}", pid=f"p{number}", expires_at=phone.clock.now() + timedelta(hours=1))
        )
    assert len(phone.queue) == 1
    phone.queue.drain(1)
    assert len(phone.app.near_you().deals) == 50
    phone.settle()
    assert len(phone.app.near_you().deals) == 100
