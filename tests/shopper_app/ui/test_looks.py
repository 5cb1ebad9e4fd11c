"""What everyone must be able to read and to hit, in every theme, text size and language; and approved pictures.

`ENDCAP_GOLDEN=write` makes the golden pictures anew: look at them before they are committed.
"""

import os
from pathlib import Path

import pytest
from PIL import Image, ImageChops
from pyzbar.pyzbar import decode

from endcap_shopper.codes import qr
from endcap_shopper.i18n import LANGUAGES, PSEUDO, catalogue
from endcap_shopper.sample import NUMBER, SIGNED, SampleShopper
from endcap_shopper.ui import icons, tokens
from endcap_shopper.ui.german_sample import GermanSample
from endcap_shopper.views import PAGES, Look

GOLDEN = Path(__file__).parent / "golden"
MAIN = ("near", "map", "wishlist", "coupons", "card")
OFF = 32  # of 255: what another FreeType or Mesa may make of an edge
MOST_OFF = 0.01  # of all pixels
TOUCH_DP = 48
SAME_IN_GERMAN = {"Riverside", "Coupons"}


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


@pytest.mark.parametrize(("theme", "scale"), [("light", 1.0), ("dark", 1.6), ("contrast", 2.0)])
def test_a_scanner_reads_the_code_and_the_bars_from_the_screen(open_app, theme, scale):
    driver = open_app(page="card", theme=theme, text_scale=scale)
    page = driver.app.shell.screen
    picture = driver.picture()
    driver._bring_up(page.ids.bars)
    pictures = (picture, driver.picture())
    read = {(each.type, each.data.decode()) for picture in pictures for each in decode(picture)}
    assert ("QRCODE", SIGNED) in read
    assert ("EAN13", NUMBER) in read
    assert page.ids.code.module_px >= 3


def test_a_list_is_shared_as_a_code_that_a_phone_reads(open_app):
    driver = open_app(page="wishlist")
    driver.tap("Share my list")
    driver.until_text("https://shop.example/l/7Q2F9X")
    driver.settle()
    assert [each.data.decode() for each in decode(driver.picture())] == ["https://shop.example/l/7Q2F9X"]


def test_a_code_that_fits_no_screen_is_still_drawn_in_whole_pixels(open_app):
    driver = open_app(page="card")
    view = driver.app.shell.screen.ids.code
    view.matrix = qr("x" * 1200)
    driver.settle()
    assert view.module_px == int(view.width // view.matrix.width)


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


@pytest.mark.parametrize(
    ("name", "look"),
    [("light", {}), ("dark", {"theme": "dark"}), ("large", {"text_scale": 1.5}), ("german", {"language": "de"})],
)
def test_the_main_pages_look_as_they_were_approved(open_app, tmp_path, name, look):
    sample = GermanSample if name == "german" else SampleShopper
    driver = open_app(sample(Look(**{"theme": "light", "reduced_motion": True, **look})))
    for page in MAIN:
        driver.app.go(page)
        driver.settle()
        approved(driver.picture(), f"{page}-{name}", tmp_path)


def test_the_german_pages_say_nothing_in_english(open_app):
    said = {}
    for sample, language in ((SampleShopper, "en"), (GermanSample, "de")):
        driver = open_app(sample(Look(language=language, reduced_motion=True)))
        said[language] = {text for page in MAIN for text in driver_says(driver, page)}
        driver.close()
    names_and_numbers = {each for each in said["en"] if not any(part.isalpha() for part in each)} | SAME_IN_GERMAN
    assert (said["en"] & said["de"]) - names_and_numbers == set()


def driver_says(driver, page):
    driver.app.go(page)
    driver.settle()
    return driver.texts()


def approved(picture, name, folder):
    path = GOLDEN / f"{name}.png"
    if os.environ.get("ENDCAP_GOLDEN") == "write":
        picture.quantize(64, dither=Image.Dither.NONE).save(path, optimize=True)
    difference = ImageChops.difference(picture, Image.open(path).convert("RGB")).convert("L")
    off = sum(difference.histogram()[OFF:]) / (picture.width * picture.height)
    if off > MOST_OFF:
        picture.save(folder / f"{name}.png")
        difference.point(lambda value: 255 if value >= OFF else 0).save(folder / f"{name}-difference.png")
    assert off <= MOST_OFF, f"{off:.1%} of {name} is other than approved; see {folder}"
