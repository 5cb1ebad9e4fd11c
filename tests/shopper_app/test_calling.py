"""A call for help, from the tap to its end."""

from dataclasses import replace

import pytest


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


def test_what_the_channel_says_again_of_older_calls_changes_nothing(a_phone, shop, build):
    phone = a_phone()
    call = a_call(phone, shop, build)
    shop.calls["h0"] = {**call, "id": "h0", "state": "done", "asked_at": "2026-11-23T12:00:00Z"}
    for state in ("queued", "coming", "done"):
        phone.app.parts.arrivals.take_notice({"notice": "help", **shop.calls["h0"], "state": state})
        phone.settle()
    assert (phone.app.state.help.id, phone.app.help().state) == (call["id"], "queued")
