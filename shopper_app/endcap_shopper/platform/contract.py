"""The contract every machine keeps: run it on an adapter of your own as our tests do on ours."""

from __future__ import annotations

from collections.abc import Callable

from endcap_shopper.platform.ports import (
    CHANNELS,
    Brightness,
    Channel,
    Cue,
    Display,
    Notification,
    Notifier,
    Platform,
    Secrets,
    Speech,
    Vibrator,
    offer_link,
)

_CUES: tuple[Cue, ...] = ("offer", "turn", "arrived")


def check_platform(make: Callable[[], Platform]) -> None:
    """Every port of a machine; `make` gives it anew, as a restart of the app does.

    Raises:
        AssertionError: says which promise is broken.
    """
    machine = make()
    check_notifier(machine.notifier)
    check_vibrator(machine.vibrator)
    check_brightness(machine.brightness)
    check_display(machine.display)
    check_secrets(lambda: make().secrets)
    check_speech(machine.speech)
    machine.links.take_first()
    assert machine.links.take_first() is None, "links: what the app was opened with comes once"
    machine.links.watch(lambda link: None)
    assert isinstance(machine.sharing.share("1 × tea", "My list"), bool), "sharing: says whether it could"


def check_notifier(notifier: Notifier) -> None:
    names: dict[Channel, str] = {channel: channel.title() for channel in CHANNELS}
    notifier.name_channels(names)
    notifier.name_channels(names)
    note = Notification("a1", "deal", "20 % off", "You stand beside it", offer_link("a1"), "Mute today")
    allowed = notifier.permitted()
    for _ in range(2):
        shown = notifier.show(note)
        assert isinstance(shown, bool), "notifier: says whether it could"
        assert allowed or not shown, "notifier: shows nothing she has not let it"
    notifier.cancel("a1")
    notifier.cancel("never shown")


def check_vibrator(vibrator: Vibrator) -> None:
    for cue in _CUES:
        assert isinstance(vibrator.cue(cue), bool), "vibrator: says whether it could"


def check_brightness(brightness: Brightness) -> None:
    brightness.restore()
    first = brightness.full()
    assert brightness.full() == first, "brightness: twice is once"
    brightness.restore()
    brightness.restore()


def check_display(display: Display) -> None:
    insets = display.insets()
    edges = (insets.top, insets.right, insets.bottom, insets.left)
    assert all(isinstance(each, int) and each >= 0 for each in edges), "display: insets are pixels, none negative"
    assert display.insets() == insets, "display: nothing has changed, and so the insets have not"
    assert isinstance(display.dark(), bool), "display: says whether it is dark"


def check_secrets(make: Callable[[], Secrets]) -> None:
    secrets = make()
    assert secrets.get("nothing") is None, "secrets: there is none until it is kept"
    secrets.set("token", "größer ✓ 1")
    assert secrets.get("token") == "größer ✓ 1", "secrets: come back as they were"
    assert make().get("token") == "größer ✓ 1", "secrets: outlive the process"
    secrets.set("token", "2")
    secrets.set("other", "3")
    assert (secrets.get("token"), secrets.get("other")) == ("2", "3"), "secrets: the latest counts, each on its own"
    secrets.set("token", None)
    secrets.set("never kept", None)
    assert (make().get("token"), make().get("other")) == (None, "3"), "secrets: one is forgotten, the others stay"


def check_speech(speech: Speech) -> None:
    speech.stop()
    assert isinstance(speech.say("Turn left.", "en"), bool), "speech: says whether there is a voice"
    speech.say("Links abbiegen.", "de")
    speech.stop()
    speech.stop()
