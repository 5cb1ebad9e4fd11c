"""The Android adapters over stand-ins for Java: they keep the contract, and what they ask is written down.

Run by test_platform.py in a process of its own, since `jnius` is replaced here before anything imports it.
"""

import json
import os
import sys
from types import ModuleType

import pytest

ASKED, INTERFACES, WORLD = set(), {}, {}


class Java:
    """A stand-in for a Java object: what is asked of it is noted, by its Java name."""

    NAME = ""

    def __getattribute__(self, name):
        value = object.__getattribute__(self, name)
        java = object.__getattribute__(self, "NAME")
        if name.startswith("_") or name == "NAME":
            return value
        if not callable(value):
            ASKED.add((java, name, None))
            return value

        def noted(*arguments):
            ASKED.add((java, name, len(arguments)))
            return value(*arguments)

        return noted

    def __setattr__(self, name, value):
        if not name.startswith("_"):
            ASKED.add((object.__getattribute__(self, "NAME"), name, None))
        object.__setattr__(self, name, value)


class Class:
    """A stand-in for a Java class: constructors and static members."""

    def __init__(self, python):
        self._python = python

    def __call__(self, *arguments):
        ASKED.add((self._python.NAME, "<init>", len(arguments)))
        return self._python(*arguments)

    def __getattr__(self, name):
        value = getattr(self._python, name)
        if not callable(value):
            ASKED.add((self._python.NAME, name, None))
            return value

        def noted(*arguments):
            ASKED.add((self._python.NAME, name, len(arguments)))
            return value(*arguments)

        return noted


CLASSES = {}


def stand_in(name):
    def add(python):
        python.NAME = name
        CLASSES[name] = Class(python)
        return python

    return add


@stand_in("android.app.NotificationChannel")
class NotificationChannel(Java):
    def __init__(self, id, name, importance):
        self._id, self._name, self._importance = id, name, importance


@stand_in("android.app.NotificationManager")
class NotificationManager(Java):
    def __init__(self):
        self._channels, self._shown, self._allowed = {}, {}, True

    def createNotificationChannel(self, channel):
        self._channels[channel._id] = channel

    def areNotificationsEnabled(self):
        return self._allowed

    def notify(self, tag, id, notification):
        self._shown[tag, id] = notification

    def cancel(self, tag, id):
        self._shown.pop((tag, id), None)


@stand_in("android.app.Notification$Builder")
class Builder(Java):
    def __init__(self, context, channel=None):
        self._made = {"channel": channel, "actions": []}

    def setContentTitle(self, title):
        self._made["title"] = title

    def setContentText(self, text):
        self._made["text"] = text

    def setSmallIcon(self, icon):
        self._made["icon"] = icon

    def setAutoCancel(self, on):
        self._made["auto"] = on

    def setContentIntent(self, pending):
        self._made["opens"] = pending

    def addAction(self, action):
        self._made["actions"].append(action)

    def build(self):
        return self._made


@stand_in("android.app.Notification$Action$Builder")
class ActionBuilder(Java):
    def __init__(self, icon, title, pending):
        self._made = (title, pending)

    def build(self):
        return self._made


@stand_in("android.net.Uri")
class Uri(Java):
    @staticmethod
    def parse(text):
        return text


@stand_in("android.content.Intent")
class Intent(Java):
    def __init__(self, action, data=None):
        self._action, self._data, self._extras, self._flags = action, data, {}, 0

    def setPackage(self, name):
        self._package = name

    def addFlags(self, flags):
        self._flags |= flags

    def setType(self, kind):
        self._type = kind

    def putExtra(self, name, value):
        self._extras[name] = value

    def getDataString(self):
        return self._data

    @staticmethod
    def createChooser(intent, title):
        return ("chooser", intent, title)


@stand_in("android.app.PendingIntent")
class PendingIntent(Java):
    @staticmethod
    def getActivity(context, code, intent, flags):
        return (intent._data, flags)


@stand_in("android.os.Vibrator")
class Vibrator(Java):
    def __init__(self):
        self._buzzed = []

    def hasVibrator(self):
        return True

    def vibrate(self, *what):
        self._buzzed.append(what)


@stand_in("android.os.VibrationEffect")
class VibrationEffect(Java):
    @staticmethod
    def createWaveform(timings, repeat):
        return ("waveform", tuple(timings), repeat)


@stand_in("android.view.WindowManager$LayoutParams")
class LayoutParams(Java):
    screenBrightness = -1.0


@stand_in("android.graphics.Insets")
class Insets(Java):
    top, right, bottom, left = 63, 0, 48, 0


@stand_in("android.view.WindowInsets$Type")
class InsetsType(Java):
    @staticmethod
    def systemBars():
        return 1 | 2 | 4

    @staticmethod
    def displayCutout():
        return 128


@stand_in("android.view.WindowInsets")
class WindowInsets(Java):
    def getInsets(self, kinds):
        return {135: Insets()}[kinds]


@stand_in("android.view.View")
class View(Java):
    def __init__(self):
        self._insets = WindowInsets()

    def getRootWindowInsets(self):
        return self._insets


@stand_in("android.content.res.Configuration")
class Configuration(Java):
    uiMode = 0x11  # of a telephone, by day


@stand_in("android.content.res.Resources")
class Resources(Java):
    def __init__(self):
        self._configuration = Configuration()

    def getConfiguration(self):
        return self._configuration


@stand_in("android.view.Window")
class Window(Java):
    def __init__(self):
        self._attributes, self._flags, self._view = LayoutParams(), 0, View()

    def getDecorView(self):
        return self._view

    def getAttributes(self):
        return self._attributes

    def setAttributes(self, attributes):
        self._attributes = attributes

    def addFlags(self, flags):
        self._flags |= flags

    def clearFlags(self, flags):
        self._flags &= ~flags


@stand_in("android.content.pm.ApplicationInfo")
class ApplicationInfo(Java):
    icon = 7


@stand_in("android.app.Activity")
class Activity(Java):
    def __init__(self):
        self._started, self._window, self._intent = [], Window(), Intent("main", "endcap://offer/a1")
        self._manager, self._vibrator = NotificationManager(), Vibrator()
        self._resources = Resources()

    def getResources(self):
        return self._resources

    def getSystemService(self, name):
        return {"notification": self._manager, "vibrator": self._vibrator}[name]

    def getApplicationInfo(self):
        return ApplicationInfo()

    def getPackageName(self):
        return "dev.endcap.shopper"

    def getIntent(self):
        return self._intent

    def getWindow(self):
        return self._window

    def startActivity(self, intent):
        self._started.append(intent)

    def runOnUiThread(self, runnable):
        runnable.run()


@stand_in("java.lang.String")
class String(Java):
    def __new__(cls, text):
        return text


@stand_in("java.util.Locale")
class Locale(Java):
    @staticmethod
    def forLanguageTag(tag):
        return tag


@stand_in("android.speech.tts.TextToSpeech")
class TextToSpeech(Java):
    def __init__(self, context, listener):
        self._said, self._listener = [], listener
        WORLD["voice"] = self

    def setLanguage(self, locale):
        self._language = locale
        return 0 if locale in ("en", "de") else -2

    def speak(self, text, mode, parameters, utterance):
        self._said.append((text, self._language))
        return 0

    def stop(self):
        self._said.append("stop")


KEYS = {}


@stand_in("java.security.KeyStore")
class KeyStore(Java):
    @staticmethod
    def getInstance(kind):
        return KeyStore()

    def load(self, parameters):
        """There is nothing to load."""

    def containsAlias(self, alias):
        return alias in KEYS

    def getKey(self, alias, password):
        return KEYS[alias]


@stand_in("android.security.keystore.KeyGenParameterSpec$Builder")
class KeyGenParameterSpecBuilder(Java):
    def __init__(self, alias, purposes):
        self._alias, self._set = alias, {}

    def setBlockModes(self, modes):
        self._set["modes"] = modes

    def setEncryptionPaddings(self, paddings):
        self._set["paddings"] = paddings

    def build(self):
        return self


@stand_in("javax.crypto.KeyGenerator")
class KeyGenerator(Java):
    @staticmethod
    def getInstance(algorithm, store):
        return KeyGenerator()

    def init(self, spec):
        self._spec = spec

    def generateKey(self):
        KEYS[self._spec._alias] = object()


class JavaException(Exception):
    classname = "javax.crypto.AEADBadTagException"


@stand_in("javax.crypto.spec.GCMParameterSpec")
class GCMParameterSpec(Java):
    def __init__(self, bits, start):
        self._start = start


@stand_in("javax.crypto.Cipher")
class Cipher(Java):
    @staticmethod
    def getInstance(transform):
        return Cipher()

    def init(self, mode, key, spec=None):
        self._mode, self._key = mode, key

    def getIV(self):
        return [-1] * 12  # Java's bytes are signed

    def doFinal(self, body):
        mark = id(self._key).to_bytes(8, "big")
        if self._mode == 1:
            return [byte - 256 if byte > 127 else byte for byte in mark + body[::-1]]
        if body[:8] != mark:
            raise JavaException("another key sealed it")
        return list(body[8:][::-1])


@stand_in("android.os.Build$VERSION")
class Version(Java):
    SDK_INT = 34


@stand_in("org.kivy.android.PythonActivity")
class PythonActivity(Java):
    mActivity = Activity()


class PythonJavaClass:
    def __init__(self):
        methods = [value.__java__ for value in vars(type(self)).values() if hasattr(value, "__java__")]
        for interface in type(self).__javainterfaces__:
            INTERFACES[interface] = methods


def java_method(signature, name=None):
    def mark(function):
        function.__java__ = (name or function.__name__, signature)
        return function

    return mark


jnius = ModuleType("jnius")
jnius.autoclass = CLASSES.__getitem__
jnius.cast = lambda kind, value: value
jnius.JavaException, jnius.PythonJavaClass, jnius.java_method = JavaException, PythonJavaClass, java_method
sys.modules["jnius"] = jnius


class Events:
    """python-for-android's `android.activity`."""

    def bind(self, on_new_intent):
        WORLD["new intent"] = on_new_intent


sys.modules["android.activity"] = Events()

from endcap_shopper.platform.android import android  # noqa: E402
from endcap_shopper.platform.android.display import AndroidDisplay  # noqa: E402
from endcap_shopper.platform.android.links import AndroidLinks  # noqa: E402
from endcap_shopper.platform.android.notifier import AndroidNotifier  # noqa: E402
from endcap_shopper.platform.android.screen import AndroidBrightness, AndroidVibrator  # noqa: E402
from endcap_shopper.platform.android.secrets import KeystoreSecrets  # noqa: E402
from endcap_shopper.platform.android.speech import AndroidSpeech  # noqa: E402
from endcap_shopper.platform.contract import check_platform  # noqa: E402
from endcap_shopper.platform.ports import Notification, offer_link  # noqa: E402


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
