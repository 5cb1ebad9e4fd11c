"""`endcap demo`: backend, local Ably, lite page and shoppers in one process tree, and a page to look at."""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from endcap.errors import BadConfig
from endcap_backend.commands import PORTS, SEEDS, number_from, whole_from
from endcap_devkit.demo.settings import BACKEND_PORT, MAX_PHONES, MAX_SHOPPERS, PACES, PAGE_PORT, Settings

EPILOG = """\
The map is real (OpenStreetMap), a walk is (recorded, moved here); shelves, offers and the other shoppers are made up.
Everything stays on this machine and is gone when it stops, unless --data names a folder."""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = EPILOG
    plain = Settings()
    ports = parser.add_argument_group("ports", "each 0 by default: a free one")
    ports.add_argument(
        "--port", type=whole_from(*PORTS), default=0, help=f"of the map (default: {PAGE_PORT} when it is free)"
    )
    ports.add_argument(
        "--backend-port", type=whole_from(*PORTS), default=0, metavar="PORT",
        help=f"of the backend (default: {BACKEND_PORT} when it is free)",
    )  # fmt: skip
    ports.add_argument("--ably-port", type=whole_from(*PORTS), default=0, metavar="PORT", help="of the local Ably")
    ports.add_argument("--lite-port", type=whole_from(*PORTS), default=0, metavar="PORT", help="of the lite page")
    phones = parser.add_argument_group("phones in this network")
    phones.add_argument(
        "--host", default="", metavar="ADDRESS",
        help="where they reach the lite page: an address of this machine, or 0.0.0.0 for all (default: nowhere)",
    )  # fmt: skip
    phones.add_argument(
        "--tls", action="store_true",
        help="by https, which browsers want before they tell where they are; they warn of its certificate",
    )  # fmt: skip
    who = parser.add_argument_group("who walks")
    who.add_argument(
        "--shoppers",
        type=whole_from(0, MAX_SHOPPERS),
        default=plain.shoppers,
        help="who post by HTTP (default: %(default)s)",
    )
    who.add_argument(
        "--phones", type=whole_from(0, MAX_PHONES), default=plain.phones, help="who run the SDK (default: %(default)s)"
    )
    who.add_argument(
        "--pace", type=number_from(*PACES), default=plain.pace, help="times as fast as people (default: %(default)s)"
    )
    who.add_argument(
        "--seed", type=whole_from(*SEEDS), default=plain.seed, help="the same seed, the same walks (default: 1)"
    )
    parser.add_argument(
        "--kafka", action="store_true",
        help="through a real Kafka broker, with a worker that matches, decides and delivers; needs Java and Maven",
    )  # fmt: skip
    parser.add_argument("--data", type=Path, metavar="DIR", help="keep log, sessions and outboxes here")
    parser.add_argument("--verbose", action="store_true", help="log what happens")
    instead = parser.add_argument_group("instead of running until Ctrl-C").add_mutually_exclusive_group()
    instead.add_argument(
        "--check", action="store_true", help="headless: do offers arrive? prints a table; exits 0 or 1"
    )
    instead.add_argument("--picture", type=Path, metavar="FILE.png", help="take a picture of the map with Chromium")
    instead.add_argument(
        "--pictures", type=Path, metavar="FOLDER", help="take those of map, lite page, console, local Ably"
    )
    parser.add_argument("--dark", action="store_true", help="--picture: in dark colours")


def run(args: argparse.Namespace) -> int:
    level = logging.INFO if args.verbose else logging.WARNING
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it would log addresses
    if args.dark and args.picture is None:
        raise BadConfig("--dark", "goes with --picture; the page follows the browser's own setting")
    settings = Settings(
        port=args.port,
        backend_port=args.backend_port,
        ably_port=args.ably_port,
        lite_port=args.lite_port,
        lite_host=args.host,
        tls=args.tls,
        shoppers=args.shoppers,
        phones=args.phones,
        pace=args.pace,
        seed=args.seed,
        kafka=args.kafka,
        data=args.data,
    )
    return asyncio.run(_main(settings, args))


async def _main(settings: Settings, args: argparse.Namespace) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    if args.check:
        from endcap_devkit.demo.check import check

        return await check(settings, stop)
    if args.picture is not None:
        from endcap_devkit.demo.picture import Map, take

        return await take(settings, [Map(args.picture, dark=args.dark)], stop)
    if args.pictures is not None:
        from endcap_devkit.demo.picture import ALL, take

        return await take(settings, [kind(args.pictures / name) for name, kind in ALL.items()], stop)
    return await _show(settings, stop)


async def _show(settings: Settings, stop: asyncio.Event) -> int:
    from endcap_devkit.demo.parts import MANAGER, TILL
    from endcap_devkit.demo.show import Show

    _say("Starting the demo: backend, local Ably, lite page and shoppers …")
    show = Show(settings)
    try:
        if not await show.start(stop):
            return 0
        _say(
            f"\n  Map         {show.links['map']}/\n  Lite page   {show.links['lite']}/\n"
            f"{_for_phones(show.links)}"
            f"  Local Ably  {show.links['ably']}/\n  Backend     {show.links['backend']}/readyz\n"
            f"  Console     {show.links['backend']}/console  (name {MANAGER}, password {show.password})\n"
            f"  Till        endcap till CODE --url {show.links['backend']}  (name {TILL}, the same password)\n"
            f"  Data        {show.data}{' (gone at the end)' if settings.data is None else ''}\n"
            "\nThe shopper's app beside it, in another terminal: make app\n"
            "\nCtrl-C stops it."
        )
        await show.run(stop)
    finally:
        await show.stop()
    _say("Stopped.")
    return 0


def _for_phones(links: Mapping[str, str]) -> str:
    """A line where phones reach the lite page; "" when they don't."""
    return f"  On a phone  {links['door']}/  (in this network)\n" if "door" in links else ""


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
