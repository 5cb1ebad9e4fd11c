"""`endcap-shopper`: the shopper's app, in a window of this machine or on a phone."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from endcap.errors import EndcapError

if TYPE_CHECKING:
    from endcap.device import LocationSource
    from endcap_shopper.app import ShopperApp
    from endcap_shopper.views import Intents

DEMO_URL = "http://127.0.0.1:8700"  # where `make demo` has its backend


def main(argv: Sequence[str] | None = None) -> int:
    try:
        app = built(argv)
        try:
            app.run()
        except KeyboardInterrupt:
            app.stop()  # as when the window is closed: what waits is kept
        return 0
    except (EndcapError, OSError, ValueError) as fault:
        print(f"endcap-shopper: {fault}", file=sys.stderr)
        return 1


def built(argv: Sequence[str] | None = None) -> ShopperApp:
    """The app that these switches ask for; it waits to be run."""
    arguments = _parser().parse_args(argv)
    logging.basicConfig(
        level=logging.INFO if arguments.verbose else logging.WARNING,
        format="%(asctime)s %(name)s %(levelname)s %(message)s",
    )
    return _app(arguments)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("endcap-shopper", description=__doc__)
    shop = os.environ.get("ENDCAP_BACKEND_URL", DEMO_URL)
    parser.add_argument("--backend", metavar="URL", default=shop, help="the shop's backend (default: %(default)s)")
    parser.add_argument(
        "--data", metavar="DIR", type=Path, help="where the app keeps what it knows (default: the user's own folder)"
    )
    parser.add_argument(
        "--replay",
        metavar="FILE",
        help="walk a recorded track (GPX, NMEA, GeoJSON or CSV) instead of clicking on the map",
    )
    parser.add_argument(
        "--speed", metavar="X", type=float, default=1.0, help="how many times as fast (default: %(default)s)"
    )
    parser.add_argument(
        "--currency", metavar="CODE", default="EUR", help="what the shop's prices are in (default: %(default)s)"
    )
    parser.add_argument(
        "--lite",
        metavar="URL",
        default=os.environ.get("ENDCAP_LITE_URL", ""),
        help="the shop's lite page, where a shared list is read",
    )
    parser.add_argument(
        "--allow-http", action="store_true", help="permit plain http beyond this machine, in a shop's own network"
    )
    parser.add_argument(
        "--dark", action="store_true", help="let the colours “as the phone” be dark, whatever this machine prefers"
    )
    parser.add_argument(
        "--verbose", action="store_true", help="log what happens; never positions, pseudonyms or tokens"
    )
    parser.add_argument("link", nargs="?", help="a page or an offer to open at once: endcap://…")
    return parser


def _app(arguments: argparse.Namespace) -> ShopperApp:
    from endcap_shopper import platform
    from endcap_shopper.handover import handed_over
    from endcap_shopper.ui.environment import prepare

    if sys.platform == "linux" and not ({"DISPLAY", "WAYLAND_DISPLAY", "ANDROID_ARGUMENT"} & set(os.environ)):
        raise ValueError("there is no display to open a window on; set DISPLAY, or run it by xvfb-run")
    folder = arguments.data or _own_folder()
    source = _source(arguments)
    prepare(folder / "kivy", verbose=arguments.verbose)

    from endcap_shopper.app import Post, ShopperApp
    from endcap_shopper.shopper import Shopper

    machine = platform.pick(folder)

    def opened(post: Post) -> Shopper:
        return Shopper(
            arguments.backend,
            folder,
            source,
            machine,
            post,
            currency=arguments.currency,
            lite_url=arguments.lite,
            allow_http=arguments.allow_http,
        )

    def make(post: Post) -> Intents:
        away = platform.background(folder, arguments.backend, arguments.currency)
        return handed_over(lambda: opened(post), away)

    return ShopperApp(make, os_dark=arguments.dark or machine.display.dark(), display=machine.display)


def _source(arguments: argparse.Namespace) -> LocationSource:
    """A recorded walk, the machine's own, or clicks on the map."""
    from endcap.device import NoSource, pick
    from endcap.device.replay import ReplaySource
    from endcap_shopper.walking import ClickSource

    if arguments.replay:
        return ReplaySource(arguments.replay, speed=arguments.speed)
    source = pick()
    return ClickSource() if isinstance(source, NoSource) else source


def _own_folder() -> Path:
    """Where this machine keeps an app's data."""
    if "ANDROID_PRIVATE" in os.environ:
        return Path(os.environ["ANDROID_PRIVATE"]) / "endcap"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "Endcap"
    if sys.platform == "win32":
        return Path(os.environ.get("APPDATA", Path.home())) / "Endcap"
    return Path(os.environ.get("XDG_DATA_HOME", Path.home() / ".local" / "share")) / "endcap"


if __name__ == "__main__":
    sys.exit(main())
