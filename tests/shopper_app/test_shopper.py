"""The app without a window as a whole: what it is to its screens, and its life."""

from datetime import time

import pytest

from endcap_shopper.settings import AppSettings
from endcap_shopper.views import Intents


def test_it_is_what_the_screens_ask_for(a_phone):
    app: Intents = a_phone(start=False).app
    assert all(callable(getattr(app, name)) for name in dir(Intents) if not name.startswith("_") and name != "words")


def test_undo_is_offered_for_a_few_seconds(a_phone):
    phone = a_phone()
    phone.app.add_wish("Tea")
    phone.tick(7)
    assert phone.app.chrome().undo is not None
    phone.tick(1)
    assert phone.app.chrome().undo is None


def test_a_start_is_no_lack_of_a_network(a_phone):
    phone = a_phone(start=False)
    phone.app.set_purpose("promotions", True)
    phone.app.finish_first_run()
    phone.app.start()
    phone.settle()
    phone.app.tick()
    assert phone.app.state.online is not False
    assert phone.app.chrome().notice is None


def test_another_language_is_spoken_at_once(a_phone):
    phone = a_phone()
    before = phone.app.words
    phone.app.set_language("de")
    assert phone.app.words is not before
    assert phone.app.words.money(2.5) == "2,50\xa0€"
    assert phone.pages[-1] is None


def test_closing_twice_is_closing_once(a_phone):
    phone = a_phone().agree("location")
    phone.app.close()
    phone.app.close()
    assert not phone.source.running


def test_settings_outlive_the_app(a_phone):
    phone = a_phone()
    phone.app.set_text_scale(1.5)
    phone.app.set_quiet_hours(True, time(20), time(9))
    phone.app.set_alert_kind("deal", False)
    phone.app.close()
    again = a_phone().app.settings()
    assert (again.look.text_scale, again.quiet_from, [kind.id for kind in again.kinds if not kind.on]) == (
        1.5,
        time(20),
        ["deal"],
    )


@pytest.mark.parametrize(("kept", "now"), [(1.3, 1.25), (1.6, 1.5), (2.0, 2.0), ("large", 1.0), (True, 1.0), (40, 1.0)])
def test_a_text_size_of_an_older_version_is_the_nearest_of_todays(kept, now):
    assert AppSettings.from_json({"text_scale": kept}).text_scale == now
