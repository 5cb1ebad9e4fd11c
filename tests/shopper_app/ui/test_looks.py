"""The main pages look as their pictures of `golden/`, and the German ones are German.

`ENDCAP_GOLDEN=write` makes the golden pictures anew: look at them before they are committed.
"""

import os
from pathlib import Path

import pytest
from PIL import Image, ImageChops

from endcap_shopper.sample import SampleShopper
from endcap_shopper.ui.german_sample import GermanSample
from endcap_shopper.views import Look

GOLDEN = Path(__file__).parent / "golden"
MAIN = ("near", "map", "wishlist", "coupons", "card")
OFF = 32  # of 255: what another FreeType or Mesa may make of an edge
MOST_OFF = 0.01  # of all pixels
SAME_IN_GERMAN = {"Riverside", "Coupons"}


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


def test_the_map_looked_at_closely_looks_as_it_was_approved(open_app, tmp_path):
    driver = open_app(page="map", theme="light")
    driver.app.shell.screen.ids.map.enlarge(2.5, (0.5, 0.4))
    driver.settle()
    approved(driver.picture(), "map-close", tmp_path)


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
