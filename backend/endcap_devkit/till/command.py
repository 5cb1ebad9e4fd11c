"""`endcap till`: simulate a till of the shop.

    endcap till --item 9001x2@6.90 E1PBKK5HL...
    endcap till --basket basket.csv --store s1 < code.txt
    endcap till --offline --keys till-keys.json E1PBKK5HL...
    endcap till --reverse till-1.20261124T120000.3f2a

The code is what a shopper's QR holds (POST /v1/loyalty/code): as an argument, or as the first line of standard input,
where most scanners type it. It is verified here, with the shop's public keys alone, and then redeemed at the backend.
The same --id sent again gets the same answer. The account is one that `endcap-backend staff add NAME --role till` made;
its password comes from ENDCAP_TILL_PASSWORD, or is asked for.
"""

from __future__ import annotations

import argparse
import os
import secrets
import sys
from collections.abc import Mapping
from getpass import getpass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from endcap.clock import SystemClock
from endcap.errors import BadMessage, Unreachable
from endcap_backend.retail.codes import Code, read_code
from endcap_devkit.till.backend import ShopBackend
from endcap_devkit.till.basket import EXAMPLE, make_basket
from endcap_devkit.till.keys import keep, load_kept, read_jwks
from endcap_devkit.till.receipt import receipt

DEFAULT_URL = "http://127.0.0.1:8700"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = __doc__
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("code", nargs="?", help="what the QR holds (default: the first line of standard input)")
    parser.add_argument(
        "--item", action="append", default=[], metavar="SKUxN@PRICE", help=f"pieces of a product, such as {EXAMPLE}"
    )
    parser.add_argument(
        "--basket", action="append", default=[], type=Path, metavar="FILE", help=".csv or .jsonl: sku, quantity, price"
    )
    parser.add_argument("--store", default="s1", metavar="ID", help="the store the till stands in (s1)")
    parser.add_argument(
        "--url",
        default=os.environ.get("ENDCAP_URL", DEFAULT_URL),
        help=f"of the backend (ENDCAP_URL, else {DEFAULT_URL})",
    )
    parser.add_argument("--name", default="till-1", help="the till's account (till-1)")
    parser.add_argument("--id", default="", help="of the purchase (default: a new one)")
    parser.add_argument(
        "--keys", type=Path, default=Path("till-keys.json"), metavar="FILE", help="where the keys are kept"
    )
    parser.add_argument("--offline", action="store_true", help="verify only, with the keys kept; redeem nothing")
    parser.add_argument("--reverse", default="", metavar="ID", help="take a purchase back, and do nothing else")


def run(args: argparse.Namespace) -> int:
    backend = ShopBackend(args.url)
    if args.reverse:
        backend.sign_in(args.name, _password(args.name))
        taken = backend.reverse(args.reverse)
        print(f"purchase {taken['id']} is taken back: {taken['points']} points")
        return 0
    code = _verified(args, backend)
    print(f"card {code.card}, {_count(len(code.coupons), 'coupon')}, good until {code.expires_at:%H:%M:%S} UTC")
    if args.offline:
        return 0
    basket = make_basket(args.item, args.basket)
    backend.sign_in(args.name, _password(args.name))
    sent = {"id": args.id or _new_id(args.name), "code": args.code, "store": args.store, "basket": basket.to_json()}
    print(receipt(basket, backend.redeem(sent), code.card, args.store))
    return 0


def _verified(args: argparse.Namespace, backend: ShopBackend) -> Code:
    """The code, verified here; the backend is asked for nothing but its public keys."""
    args.code = (args.code or sys.stdin.readline()).strip()
    if not args.code:
        raise BadMessage("code", "is missing: give what the QR holds, as an argument or on standard input")
    keys = _keys(args, backend)
    code = read_code(args.code, keys)
    code.check_time(SystemClock().now())
    return code


def _keys(args: argparse.Namespace, backend: ShopBackend) -> Mapping[bytes, Ed25519PublicKey]:
    if args.offline:
        return read_jwks(load_kept(args.keys))
    try:
        jwks: Any = backend.keys()
    except Unreachable as fault:
        print(f"{fault}; the keys kept in {args.keys} have to do", file=sys.stderr)
        return read_jwks(load_kept(args.keys))
    found = read_jwks(jwks)
    keep(args.keys, jwks)
    return found


def _password(name: str) -> str:
    given = os.environ.get("ENDCAP_TILL_PASSWORD")
    return getpass(f"password of {name}: ") if given is None else given


def _new_id(name: str) -> str:
    return f"{name}.{SystemClock().now():%Y%m%dT%H%M%S}.{secrets.token_hex(2)}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
