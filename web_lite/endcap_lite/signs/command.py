"""`endcap-lite signs`: the QR signs of a store, and the keys that sign them."""

from __future__ import annotations

import argparse
from collections.abc import Sized
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

from endcap.errors import BadConfig
from endcap.transports.api import Api
from endcap_lite import words
from endcap_lite.services import KEYS_FILE
from endcap_lite.signs.codes import check_distinct, code_of
from endcap_lite.signs.keys import LEVELS, PRINTED, ROTATING, STAFF, Keyring
from endcap_lite.signs.pdf import to_pdf
from endcap_lite.signs.qr import qr_of
from endcap_lite.signs.sheet import Sign, sheets, to_svg
from endcap_lite.zones import Zones, zones_of_backend


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", default="lite-data", help="the server's folder, with the keys (default: %(default)s)")
    parser.add_argument("--zones", metavar="FILE", help="CSV or JSON: store, zone, name, latitude, longitude")
    parser.add_argument("--backend-url", metavar="URL", help="in place of --zones: the backend with its sections")
    parser.add_argument("--public-url", metavar="URL", help="what the QR codes open; a short host makes them coarse")
    parser.add_argument("--out", metavar="FILE", help="a .pdf with all sheets, or a .svg a sheet (name-1.svg, ...)")
    parser.add_argument("--language", choices=words.LANGUAGES, default="en", help="of the printed words (default: en)")
    parser.add_argument("--font", metavar="TTF", default="", help="a TrueType font, for names beyond Western letters")
    parser.add_argument("--rotate", action="store_true", help="sign with a new key; the old stays good until revoked")
    parser.add_argument("--revoke", metavar="KID", help="end all signs of a key at once, such as a stolen set")
    parser.add_argument("--till", metavar="STORE.ZONE", help="print the address of a display whose code rotates")
    parser.add_argument("--staff", metavar="STORE.ZONE", help="the same for a device of the staff, which proves more")
    parser.add_argument("--keys", action="store_true", help="list the keys")


def run(args: argparse.Namespace) -> int:
    keyring = Keyring(Path(args.data) / KEYS_FILE)
    if args.revoke:
        keyring.revoke(args.revoke.upper())
        print(f"revoked {args.revoke.upper()}: its signs claim nothing from now on")
    if args.rotate:
        print(f"new key {keyring.add(PRINTED).kid}")
    if args.out:
        _print_sheets(args, keyring)
    for zone_key, level in ((args.till, ROTATING), (args.staff, STAFF)):
        if zone_key:
            print(display_address(keyring, _zones(args), zone_key, _public_url(args), level))
    if args.keys or not (args.revoke or args.rotate or args.out or args.till or args.staff):
        for key in keyring:
            print(f"{key.kid}  level {key.level} ({LEVELS[key.level]}){'  revoked' if key.revoked else ''}")
    return 0


def display_address(keyring: Keyring, zones: Zones, zone_key: str, public_url: str, level: int) -> str:
    """The address that a till's or staff's display opens: whoever knows it can show the zone's rotating code.

    Raises:
        BadConfig: there is no such zone.
    """
    zone = zones.get(zone_key)
    if zone is None:
        raise BadConfig("--till or --staff", f"there is no zone {zone_key!r}; it is STORE.ZONE as in the zones file")
    key = keyring.current(level) or keyring.add(level)
    return f"{public_url}/till/{key.kid}.{zone.key}.{key.till_mac(zone.key)}"


def signs_of(keyring: Keyring, zones: Zones, public_url: str) -> list[Sign]:
    """One sign a zone, under the newest key for prints; the first one is made here.

    Raises:
        BadConfig: two zones would get the same typed code.
    """
    key = keyring.current(PRINTED) or keyring.add(PRINTED)
    check_distinct(key, zones)
    return [Sign(zone.name, f"{public_url}/z/{keyring.text(key, zone)}".upper(), code_of(key, zone)) for zone in zones]


def _print_sheets(args: argparse.Namespace, keyring: Keyring) -> None:
    public_url, out = _public_url(args), Path(args.out)
    signs = signs_of(keyring, _zones(args), public_url)
    pages = sheets(signs, words.catalogue(args.language), urlsplit(public_url).netloc)
    if out.suffix == ".pdf":
        _write(out, to_pdf(pages, args.font))
    elif out.suffix == ".svg":
        for number, shapes in enumerate(pages, 1):
            _write(out.with_stem(f"{out.stem}-{number}"), to_svg(shapes).encode())
    else:
        raise BadConfig("--out", f"must end in .pdf or .svg, not {out.name!r}")
    version = max(qr_of(sign.url).version for sign in signs)
    print(f"{_several(signs, 'sign')} on {_several(pages, 'sheet')}; QR version {version} at most")


def _several(things: Sized, noun: str) -> str:
    return f"{len(things)} {noun}{'' if len(things) == 1 else 's'}"


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as fault:
        raise BadConfig("out", f"can't write {path}: {fault.strerror}") from None


def _zones(args: argparse.Namespace) -> Zones:
    if args.zones:
        zones = Zones.load(Path(args.zones))
    elif args.backend_url:
        if urlsplit(args.backend_url).scheme not in ("http", "https"):
            raise BadConfig("--backend-url", f"must look like http://127.0.0.1:8700, not {args.backend_url!r}")
        with closing(Api(args.backend_url)) as api:
            zones = Zones(zones_of_backend(api))
    else:
        raise BadConfig("--zones", "name the file of places by --zones, or the backend by --backend-url")
    if not len(zones):
        raise BadConfig("zones", f"{args.zones or args.backend_url} names no place")
    return zones


def _public_url(args: argparse.Namespace) -> str:
    parts = urlsplit(args.public_url or "")
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.path.strip("/"):
        raise BadConfig("--public-url", "name what shoppers type by --public-url, such as https://lite.shop.example")
    return f"{parts.scheme}://{parts.netloc}"
