"""A whole trip in airplane mode, lost answers, and a kill in the middle: every action arrives once, in order."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from endcap.errors import BadConfig
from endcap_shopper.wallet import Wallet

TRIP = """
import sys, threading
from datetime import UTC, datetime
from pathlib import Path
from endcap.clock import SystemClock
from endcap.testing import ScriptedSource
from endcap_shopper.frame_queue import FrameQueue
from endcap_shopper.platform.fake import fake
from endcap_shopper.shopper import Shopper
queue = FrameQueue(lambda: None)
app = Shopper(sys.argv[1], Path(sys.argv[2]), ScriptedSource(), fake(), queue.post)
app.set_purpose("promotions", True)
app.finish_first_run()
app.start()
app.until_idle()
queue.drain()
for number in range(10_000):
    app.add_wish(f"thing {number}")
    print(number, flush=True)
"""


def a_trip(phone, build):
    """What she does in a store without a network, in order, as the shop will hear of it."""
    app, expected = phone.app, []
    phone.stand(build.at(5, 5))
    for step in range(10):
        app.add_wish(f"thing {step}")
        phone.tick(5)
        app.clip(("c1", "c2")[step % 2])
        phone.tick(5)
        app.finish_wish(app.state.wishes.shown[step].id, True)
        phone.tick(5)
        app.unclip(("c1", "c2")[step % 2])
        phone.tick(5)
        expected += [("wish", f"thing {step}"), ("clip", step % 2), ("wish", f"thing {step}"), ("unclip", step % 2)]
    app.ask_help(text="Where is decaf?")
    return [*expected, ("help", "Where is decaf?")]


def test_everything_she_did_offline_arrives_once_and_in_order(a_phone, shop, build):
    phone = a_phone().agree("location", "promotions")
    phone.stand(build.at(5, 5))
    assert phone.until(phone.all_told)
    shop.go_offline()
    expected = a_trip(phone, build)
    assert shop.heard == []
    assert phone.app.help().state == "waiting"
    shop.go_online()
    phone.app.resume()
    assert phone.until(lambda: phone.all_told() and phone.app.help().state == "queued")
    heard = [(each[0], shop.wishes[each[1]]["text"] if each[0] == "wish" else each[1]) for each in shop.heard]
    names = ("c1", "c2")
    assert heard == [(what, names[about] if isinstance(about, int) else about) for what, about in expected]
    assert [item["done"] for item in shop.wishes.values()] == [True] * 10
    assert {each["state"] for each in shop.coupons.values()} == {"available"}
    assert len(shop.calls) == 1


def test_the_positions_of_the_trip_arrive_too(a_phone, shop, build):
    phone = a_phone().agree("location")
    phone.stand(build.at(0, 0))
    assert phone.until(lambda: shop.positions)
    shop.go_offline()
    for step in range(20):
        phone.clock.advance(6)
        phone.stand(build.at(step, step))
    shop.go_online()
    phone.app.resume()
    assert phone.until(lambda: len({each["id"] for each in shop.positions}) >= 20)
    ids = [int(each["id"].rpartition(":")[2]) for each in shop.positions]
    assert ids == sorted(set(ids))


def test_an_answer_that_is_lost_repeats_the_action_and_changes_nothing_more(a_phone, shop, build):
    phone = a_phone().agree("location", "promotions")
    phone.stand(build.at(5, 5))
    assert phone.app.parts.client.flush()
    assert phone.until(phone.all_told)  # of her quiet hours
    shop.lose_answers, shop.lose_those_of = 3, ("/wishlist", "/coupons", "/help")  # and none that the SDK asks for
    phone.app.add_wish("Tea")
    phone.app.clip("c1")
    phone.app.ask_help(text="Where?")
    for _ in range(12):
        phone.tick(61)
    assert phone.until(phone.all_told)
    assert len(shop.heard) == 6
    assert [each[0] for each in dict.fromkeys(shop.heard)] == ["wish", "clip", "help"]
    assert (len(shop.wishes), len(shop.calls), shop.coupons["c1"]["state"]) == (1, 1, "clipped")


def test_a_call_for_help_from_long_ago_sends_nobody_to_where_she_was(a_phone, shop, build):
    phone = a_phone().agree("location", "promotions")
    phone.stand(build.at(5, 5))
    shop.go_offline()
    phone.app.ask_help(text="Where?")
    phone.app.add_wish("Tea")
    phone.clock.advance(31 * 60)
    shop.go_online()
    phone.app.resume()
    assert phone.until(lambda: phone.all_told() and phone.app.chrome().notice is not None)
    assert phone.app.chrome().notice.text == "The shop could not take your call."
    assert (list(shop.calls), [item["text"] for item in shop.wishes.values()]) == ([], ["Tea"])


def test_a_shop_that_takes_no_calls_for_an_hour_holds_up_nothing_else(a_phone, shop, build):
    phone = a_phone().agree("location", "promotions")
    phone.stand(build.at(5, 5))
    shop.refuse["/help"] = (429, "Three calls an hour.")
    shop.patience_s = 3600
    phone.app.ask_help(text="Where?")
    phone.app.add_wish("Tea")
    assert phone.until(phone.all_told)
    assert [item["text"] for item in shop.wishes.values()] == ["Tea"]
    assert phone.app.help().state == "none"


def test_one_edit_the_shop_will_not_have_holds_back_none_of_the_others(a_phone, shop):
    phone = a_phone()
    for text in ("Tea", "Soap", "Milk"):
        phone.app.add_wish(text)
    refused = phone.app.state.wishes.shown[1].id
    shop.unwanted = {refused}
    phone.agree("promotions")
    assert phone.until(phone.all_told)
    assert [item["text"] for item in shop.wishes.values()] == ["Tea", "Milk"]


def test_an_action_no_version_can_tell_holds_up_none_of_the_others(a_phone, shop):
    phone = a_phone()
    phone.app.parts.ground.wallet.act("wish", {"id": "x", "text": "a\nb"}, phone.clock.now())
    phone.app.parts.ground.wallet.act("dance", {}, phone.clock.now())
    phone.app.add_wish("Tea")
    phone.agree("promotions")
    assert phone.until(phone.all_told)
    assert [item["text"] for item in shop.wishes.values()] == ["Tea"]


def test_a_kill_in_mid_trip_loses_nothing_she_did(shop, a_phone, tmp_path):
    shop.go_offline()
    run = subprocess.Popen(
        [sys.executable, "-c", TRIP, shop.url, str(tmp_path / "phone")], stdout=subprocess.PIPE, text=True
    )
    done = 0
    for line in run.stdout:
        done = int(line)
        if done == 40:
            break
    os.kill(run.pid, signal.SIGKILL)
    run.wait(20)
    run.stdout.close()
    shop.go_online()
    phone = a_phone()
    wished = [item.text for item in phone.app.state.wishes.shown]
    assert wished[: done + 1] == [f"thing {number}" for number in range(done + 1)]
    assert phone.until(phone.all_told)
    assert [item["text"] for item in shop.wishes.values()] == wished


def test_a_wallet_that_is_open_is_not_opened_twice(tmp_path):
    wallet = Wallet(tmp_path)
    with pytest.raises(BadConfig, match="in use"):
        Wallet(tmp_path)
    wallet.close()


def test_two_phones_of_one_list_meet_item_by_item(a_phone, shop):
    one, other = a_phone("one").agree("promotions"), a_phone("other").agree("promotions")
    one.app.add_wish("Tea")
    assert one.until(one.all_told)
    other.tick(61)
    other.app.entered("wishlist")
    other.settle()
    other.app.finish_wish(other.app.wishlist().rows[0].id, True)
    other.app.add_wish("Soap")
    assert other.until(other.all_told)
    one.tick(61)
    one.app.entered("wishlist")
    one.settle()
    assert [(row.text, row.done) for row in one.app.wishlist().rows] == [("Tea", True), ("Soap", False)]


def test_a_hung_shop_holds_nothing_up_that_she_does(a_phone, shop):
    phone = a_phone().agree("promotions")
    shop.held_up = threading.Event()
    begun = time.monotonic()
    phone.app.add_wish("Tea")
    phone.app.clip("c1")
    phone.app.entered("card")
    phone.app.entered("coupons")
    phone.app.tick()
    phone.queue.drain()
    assert [row.text for row in phone.app.wishlist().rows] == ["Tea"]
    assert [row.id for row in phone.app.coupons().clipped] == ["c1"]
    assert time.monotonic() - begun < 9  # the shop answers nothing for 30
    shop.held_up.set()
    assert phone.until(phone.all_told)


def test_a_hung_shop_does_not_keep_the_app_from_ending(a_phone, shop):
    phone = a_phone().agree("promotions")
    shop.held_up = threading.Event()
    phone.app.clip("c1")
    phone.app.entered("card")
    begun = time.monotonic()
    phone.app.close()
    assert time.monotonic() - begun < 20  # the shop answers nothing for 30
    shop.held_up.set()
    again = a_phone()
    assert again.until(again.all_told)
    assert shop.coupons["c1"]["state"] == "clipped"
