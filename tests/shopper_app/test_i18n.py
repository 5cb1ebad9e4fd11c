"""Languages: every sentence said, plurals, money and dates as each writes them."""

from datetime import UTC, timedelta

import pytest

from endcap.testing import NOON
from endcap_shopper.i18n import LANGUAGES, PSEUDO, Words
from endcap_shopper.i18n.extract import missing, sentences
from endcap_shopper.i18n.pseudo import pseudo

EN, DE, XX = (Words(language, zone=UTC) for language in ("en", "de", PSEUDO))


@pytest.mark.parametrize("language", LANGUAGES[1:])
def test_every_sentence_is_said_and_fills_in_the_same(language):
    assert missing(language) == []


def test_sentences_are_found_at_all():
    assert {"Then left.", "just now"} <= {message.id for message in sentences()}


def test_numbers_money_and_per_cent():
    assert (EN.number(1234.5), DE.number(1234.5)) == ("1,234.5", "1.234,5")
    assert (EN.money(2.5), DE.money(2.5)) == ("€2.50", "2,50\xa0€")
    assert (EN.percent(12.5), DE.percent(20.0)) == ("12.5%", "20\xa0%")
    assert Words("de", currency="CHF").money(1) == "1,00\xa0CHF"


def test_dates_and_times():
    assert (EN.date(NOON), DE.date(NOON)) == ("Nov 24, 2026", "24.11.2026")
    assert (EN.time(NOON), DE.time(NOON)) == ("12:00\u202fPM", "12:00")


def test_time_that_passed_and_time_that_is_left():
    assert (EN.ago(timedelta(seconds=30)), DE.ago(timedelta(minutes=5))) == ("just now", "vor 5 Minuten")
    assert (EN.left(timedelta(hours=2)), DE.left(timedelta(days=1))) == ("2 hours", "1 Tag")
    assert EN.left(timedelta(seconds=-1)) == "0 seconds"


@pytest.mark.parametrize(("metres", "said"), [(3.4, "3 m"), (12.4, "10 m"), (97.0, "95 m"), (1240.0, "1.2 km")])
def test_a_distance_is_no_finer_than_a_fix_and_stays_on_one_line(metres, said):
    assert EN.distance(metres) == said.replace(" ", "\xa0")


def test_distances_in_feet():
    assert Words("en", feet=True).distance(30.48) == "100\xa0ft"


def test_the_made_up_language_is_longer_and_keeps_what_is_filled_in():
    assert pseudo("Go {distance} [b]now[/b]") == "⟦Ğö {distance} [b]ñöw[/b]············⟧"
    assert XX.t("Then left.").startswith("⟦Thëñ lëft.")
    assert XX.t("{number} m", number="5").startswith("⟦5 m")


def test_a_language_it_does_not_speak_is_refused_by_name():
    with pytest.raises(ValueError, match="'tlh'; the app speaks en, de"):
        Words("tlh")


def test_a_brace_in_what_is_filled_in_does_no_harm():
    assert EN.t("{item} is right here.", item="{tea}") == "{tea} is right here."
