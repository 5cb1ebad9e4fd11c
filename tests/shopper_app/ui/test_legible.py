"""What everyone must be able to read and to hit, in every theme, text size and language."""

from pathlib import Path

import pytest

from endcap_shopper.i18n import LANGUAGES, PSEUDO, catalogue
from endcap_shopper.ui import icons, tokens
from endcap_shopper.views import PAGES

TOUCH_DP = 48


@pytest.mark.parametrize("theme", tokens.THEMES)
@pytest.mark.parametrize(("ink", "ground"), tokens.READ_ON)
def test_text_has_a_contrast_of_at_least_4_5(theme, ink, ground):
    colours = tokens.THEMES[theme]
    assert tokens.contrast(getattr(colours, ink), getattr(colours, ground)) >= 4.5


def test_contrast_is_wcags():
    assert tokens.contrast("#000000", "#ffffff") == pytest.approx(21)
    assert tokens.contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


def pages(driver):
    """Every page, one after the other."""
    for page in PAGES:
        driver.app.go(page)
        driver.settle()
        yield page


def test_whatever_can_be_pressed_is_at_least_48_dp_each_way(open_app):
    from endcap_shopper.ui.widgets.press import Pressable

    driver = open_app()
    small, found = [], 0
    for page in pages(driver):
        for each in driver.widgets(Pressable):
            found += 1
            if not each.disabled and min(each.size) < TOUCH_DP:
                small.append((page, type(each).__name__, each.size))
    assert small == []
    assert found > 100


@pytest.mark.parametrize("language", ["de", PSEUDO])
def test_no_text_is_cut_off_at_twice_the_size(open_app, language):
    driver = open_app(language=language, text_scale=2.0)
    assert {page: cut_off(driver) for page in pages(driver)} == {page: [] for page in PAGES}


def test_every_caption_is_translated(open_app):
    driver = open_app(language=PSEUDO)
    sentences = {text for text in catalogue("de")._catalog if isinstance(text, str)} - {""}
    english = {page: [text for text in driver.texts() if text in sentences] for page in pages(driver)}
    assert english == {page: [] for page in PAGES}


def cut_off(driver):
    """Labels whose words need more room than they have, or reach out of the window's sides."""
    from kivy.core.window import Window
    from kivy.uix.label import Label

    found = []
    for label in driver.widgets(Label):
        if label.font_name == "Icons" or not label.text or label.texture is None:
            continue
        left = label.to_window(label.x, 0)[0]
        wide, high = label.texture_size
        over = max(0, (wide - label.width) / 2)
        cut = wide > label.width + 1 or high > label.height + 1
        if cut or left - over < -1 or left + label.width + over > Window.width + 1:
            found.append((label.text, label.texture_size, tuple(label.size), left))
    return found


def test_the_fonts_have_every_character_of_every_language():
    from fontTools.ttLib import TTFont

    from endcap_shopper.i18n.extract import sentences

    ids = [message.id for message in sentences() if message.id]
    said = {text for id in ids for text in ((id,) if isinstance(id, str) else id)}
    for language in (*LANGUAGES[1:], PSEUDO):
        words = catalogue(language)
        said |= {words.gettext(text) for text in set(said)}
    needed = {character for text in said for character in text} - {"\n"}
    for font in ("Inter-Regular.otf", "Inter-SemiBold.otf"):
        has = TTFont(Path(icons.__file__).parent / "fonts" / font).getBestCmap()
        assert sorted(each for each in needed if ord(each) not in has) == []
