"""Pictures of the app for its documentation: `python -m endcap_shopper.ui.pictures FOLDER`; needs Xvfb and Pillow."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from endcap_shopper.views import Look, Page, Theme

PICTURES: tuple[tuple[Page, Theme], ...] = (
    ("near", "light"),
    ("map", "light"),
    ("wishlist", "light"),
    ("coupons", "dark"),
    ("card", "light"),
    ("points", "dark"),
)
DENSITY = 1.5
COLOURS = 96  # what edges and shades need; the files stay below 100 kB


def main(folder: Path) -> None:
    """Photograph six pages of the sample shopper's app, each as `app-PAGE.png`."""
    from endcap_shopper.ui.environment import prepare
    from endcap_shopper.ui.virtual_screen import VirtualScreen

    with VirtualScreen() as screen, tempfile.TemporaryDirectory() as home:
        os.environ["DISPLAY"] = screen.display
        prepare(Path(home), density=DENSITY, touch_only=True)
        for page, theme in PICTURES:
            _photograph(page, theme, folder / f"app-{page}.png")


def _photograph(page: Page, theme: Theme, path: Path) -> None:
    from endcap_shopper.app import ShopperApp
    from endcap_shopper.sample import SampleShopper
    from endcap_shopper.ui.driver import Driver

    with Driver(ShopperApp(lambda post: SampleShopper(Look(theme=theme, reduced_motion=True)))) as driver:
        driver.app.go(page)
        driver.settle()
        driver.picture().quantize(COLOURS, dither=0).save(path, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
