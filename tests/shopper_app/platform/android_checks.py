"""The Android adapters over stand-ins for Java: they keep the contract, and what they ask is written down.

Run by test_platform.py in a process of its own, with this folder on the path: there is no Java in it.
"""

import json
import os

import pytest
import stand_ins.pyjnius  # noqa: F401  # before anything that imports jnius
from stand_ins.java import ASKED, INTERFACES, WORLD
from stand_ins.keystore import KEYS
from stand_ins.notifications import Intent
from stand_ins.phone import Activity

from endcap_shopper.platform.android import android
from endcap_shopper.platform.android.display import AndroidDisplay
from endcap_shopper.platform.android.links import AndroidLinks
from endcap_shopper.platform.android.notifier import AndroidNotifier
from endcap_shopper.platform.android.screen import AndroidBrightness, AndroidVibrator
from endcap_shopper.platform.android.secrets import KeystoreSecrets
from endcap_shopper.platform.android.speech import AndroidSpeech
from endcap_shopper.platform.contract import check_platform
from endcap_shopper.platform.ports import Notification, offer_link


@pytest.fixture(scope="module", autouse=True)
def written_down():
    yield
    members = sorted(each for each in ASKED if not each[0].startswith("org.kivy"))
    with open(os.environ["ENDCAP_ASKED"], "w") as file:
        json.dump({"members": members, "interfaces": INTERFACES}, file)


@pytest.fixture
def activity():
    return Activity()


def test_it_keeps_the_contract(tmp_path):
    check_platform(lambda: android(tmp_path))


def test_a_notification_is_of_its_channel_opens_its_offer_and_can_mute(activity):
    notifier = AndroidNotifier(activity, api_level=34)
    notifier.name_channels({"deal": "Deals", "help": "Help"})
    assert notifier.show(Notification("a1", "deal", "20 % off", "beside you", offer_link("a1"), "Mute today"))
    (shown,) = activity._manager._shown.values()
    assert (shown["channel"], shown["title"], shown["icon"]) == ("endcap.deal", "20 % off", 7)
    immutable = 1 << 26
    assert shown["opens"][0] == "endcap://offer/a1"
    assert shown["opens"][1] & immutable
    assert [(title, opens[0]) for title, opens in shown["actions"]] == [("Mute today", "endcap://mute/today")]
    assert activity._manager._channels["endcap.help"]._importance == 4


def test_two_offers_are_two_notifications_and_the_same_again_is_one(activity):
    notifier = AndroidNotifier(activity, api_level=34)
    for id in ("a1", "a2", "a1"):
        notifier.show(Notification(id, "deal", "20 % off", ""))
    assert [tag for tag, _ in activity._manager._shown] == ["a1", "a2"]
    notifier.cancel("a1")
    assert [tag for tag, _ in activity._manager._shown] == ["a2"]


def test_before_android_8_there_are_no_channels(activity):
    notifier = AndroidNotifier(activity, api_level=24)
    notifier.name_channels({"deal": "Deals"})
    notifier.show(Notification("a1", "deal", "20 % off", ""))
    assert activity._manager._channels == {}
    assert activity._manager._shown["a1", 1]["channel"] is None


def test_what_she_has_not_let_us_show_is_not_shown(activity):
    activity._manager._allowed = False
    assert not AndroidNotifier(activity, api_level=34).show(Notification("a1", "deal", "20 % off", ""))
    assert activity._manager._shown == {}


def test_the_screen_is_bright_and_awake_and_then_as_it_was(activity):
    brightness = AndroidBrightness(activity)
    brightness.full()
    assert (activity._window._attributes.screenBrightness, activity._window._flags) == (1.0, 0x80)
    brightness.restore()
    assert (activity._window._attributes.screenBrightness, activity._window._flags) == (-1.0, 0)


def test_from_android_15_on_the_bars_cover_the_window(activity):
    covered = AndroidDisplay(activity, api_level=35).insets()
    assert (covered.top, covered.right, covered.bottom, covered.left) == (63, 0, 48, 0)
    assert AndroidDisplay(activity, api_level=34).insets().top == 0


def test_a_window_that_is_not_attached_yet_has_no_insets(activity):
    activity._window._view._insets = None
    assert AndroidDisplay(activity, api_level=35).insets().top == 0


def test_it_is_dark_when_the_phone_is(activity):
    display = AndroidDisplay(activity, api_level=35)
    assert not display.dark()
    activity._resources._configuration.uiMode = 0x21
    assert display.dark()


def test_a_cue_is_a_pattern_on_every_version(activity):
    AndroidVibrator(activity, api_level=34).cue("turn")
    AndroidVibrator(activity, api_level=24).cue("turn")
    assert activity._vibrator._buzzed == [(("waveform", (0, 40, 80, 40), -1),), ([0, 40, 80, 40], -1)]


def test_a_key_that_is_lost_loses_its_secrets_and_nothing_else(tmp_path):
    secrets = KeystoreSecrets(tmp_path)
    secrets.set("token", "abc")
    assert "abc" not in (tmp_path / "secrets.sealed").read_text()
    KEYS.clear()
    assert secrets.get("token") is None
    secrets.set("token", "def")
    assert secrets.get("token") == "def"


def test_a_link_it_was_opened_with_and_one_that_comes_later(activity):
    links, heard = AndroidLinks(activity), []
    assert links.take_first() == "endcap://offer/a1"
    links.watch(heard.append)
    for data in ("endcap://offer/a2", None, "https://elsewhere"):
        WORLD["new intent"](Intent("view", data))
    assert heard == ["endcap://offer/a2"]


def test_what_is_said_before_there_is_a_voice_is_said_when_there_is(activity):
    speech = AndroidSpeech(activity)
    assert speech.say("Turn left.", "en")
    voice = WORLD["voice"]
    assert voice._said == []
    voice._listener.onInit(0)
    assert speech.say("Rechts abbiegen.", "de")
    assert voice._said == [("Turn left.", "en"), ("Rechts abbiegen.", "de")]
    assert not speech.say("Vire à gauche.", "fr")


def test_without_any_voice_it_says_so(activity):
    speech = AndroidSpeech(activity)
    speech.say("Turn left.", "en")
    WORLD["voice"]._listener.onInit(-1)
    assert not speech.say("Turn left.", "en")
