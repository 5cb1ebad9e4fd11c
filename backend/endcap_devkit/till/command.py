"""`endcap till`: simulate a till of the shop.

    endcap till --item 9001x2@6.90 E1PBKK5HL...
    endcap till --basket basket.csv --store s1 < code.txt
    endcap till --offline E1PBKK5HL...
    endcap till --send
    endcap till --troubled
    endcap till --reverse till-1.20261124T120000.3f2a

The code is what a shopper's QR holds (POST /v1/loyalty/code): as an argument, or as the first line of standard input,
where most scanners type it. It is verified here, with the shop's public keys alone, and then redeemed at the backend.
Without the backend the till prices the basket by the prices and offers it has kept, and sends the purchase later.
The same --id sent again gets the same answer. The account is one that `endcap-backend staff add NAME --role till` made;
its password comes from ENDCAP_TILL_PASSWORD, or is asked for.
"""

from __future__ import annotations

import argparse
import os
import secrets
import sys
import warnings
from collections.abc import Mapping
from contextlib import closing
from datetime import datetime, timedelta
from getpass import GetPassWarning, getpass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from endcap.clock import SystemClock
from endcap.errors import BadConfig, BadMessage, Refused, Unreachable
from endcap_backend.commands import number_from
from endcap_backend.retail.codes import Code, read_code
from endcap_backend.retail.held import Held, Price
from endcap_devkit.till.backend import ShopBackend, is_final
from endcap_devkit.till.basket import EXAMPLE, Basket, make_basket
from endcap_devkit.till.drawer import DONE, Drawer
from endcap_devkit.till.keys import keep, load_kept, read_jwks
from endcap_devkit.till.pricing import Risk, price
from endcap_devkit.till.receipt import receipt
from endcap_devkit.till.settling import send_waiting

FRESH = timedelta(minutes=15)  # prices and offers that are older are fetched anew
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
        default=os.environ.get("ENDCAP_BACKEND_URL") or os.environ.get("ENDCAP_URL") or DEFAULT_URL,
        help=f"of the backend (ENDCAP_BACKEND_URL, else {DEFAULT_URL})",
    )
    parser.add_argument("--name", default="till-1", help="the till's account (till-1)")
    parser.add_argument("--id", default="", help="of the purchase (default: a new one)")
    parser.add_argument(
        "--keys", type=Path, default=Path("till-keys.json"), metavar="FILE", help="where the keys are kept"
    )
    parser.add_argument("--offline", action="store_true", help="ask the backend for nothing; without items, verify")
    parser.add_argument(
        "--drawer", type=Path, default=Path("till.db"), metavar="FILE",
        help="where purchases, prices and offers are kept (till.db)",
    )  # fmt: skip
    parser.add_argument("--send", action="store_true", help="send what waits for the backend, and do nothing else")
    parser.add_argument(
        "--troubled", action="store_true", help="where the backend differs from the till, for a manager"
    )
    parser.add_argument("--ticked-off", default="", metavar="ID", help="a manager has dealt with that purchase")
    for name, default, what in (
        ("total", 200.0, "most that a purchase may come to while offline"),
        ("off", 25.0, "most that is taken off a purchase while offline"),
        ("off-in-all", 250.0, "most that is taken off all purchases that wait"),
        ("hours", 12.0, "how old prices and offers may be"),
    ):
        parser.add_argument(
            f"--offline-{name}",
            type=number_from(0, 1_000_000),
            default=default,
            metavar="NUMBER",
            help=f"{what} ({default:g})",
        )
    parser.add_argument("--reverse", default="", metavar="ID", help="take a purchase back, and do nothing else")


def run(args: argparse.Namespace) -> int:
    backend = ShopBackend(args.url)
    with closing(Drawer(args.drawer)) as drawer:
        if args.troubled:
            return _tell_trouble(drawer)
        if args.ticked_off:
            return _tick_off(drawer, args.ticked_off)
        if args.reverse or args.send:
            backend.sign_in(args.name, _password(args.name))
            return _reverse(drawer, backend, args.reverse) if args.reverse else _send(drawer, backend)
        return _sell(args, drawer, backend)


def _sell(args: argparse.Namespace, drawer: Drawer, backend: ShopBackend) -> int:
    now = SystemClock().now()
    code = _verified(args, backend)
    known = drawer.get(args.id)
    if known is None:
        code.check_time(now)
    print(f"card {code.card}, {_count(len(code.coupons), 'coupon')}, good until {code.expires_at:%H:%M:%S} UTC")
    if args.offline and not (args.item or args.basket):
        return 0
    basket = make_basket(args.item, args.basket) if all("@" in item for item in args.item) else None
    receipted = known is not None and known.told is not None
    online = not args.offline and not receipted and _caught_up(args, drawer, backend)
    basket = basket or make_basket(args.item, args.basket, _prices(drawer, args.store))
    sent = {"id": args.id or _new_id(args.name), "code": args.code, "store": args.store, "basket": basket.to_json()}
    answer = drawer.put(sent, code, now).told
    if answer is None:
        code.check_time(now)  # of a purchase that a till began and did not end
    if answer is None and online:
        answer = _redeemed(drawer, backend, sent)
    if answer is None:
        answer = _priced(args, drawer, code, basket, sent["id"], now)
    print(receipt(basket, answer, code.card, args.store, _prices(drawer, args.store)))
    return 0


def _prices(drawer: Drawer, store: str) -> Mapping[int, Price]:
    held = drawer.held()
    return held.prices if held is not None and held.store == store else {}


def _caught_up(args: argparse.Namespace, drawer: Drawer, backend: ShopBackend) -> bool:
    """Whether the backend answers; what waited for it is sent then, and prices and offers are fetched anew.

    One that refuses the till's account is as good as away: she who stands at the till can't help it.
    """
    try:
        backend.sign_in(args.name, _password(args.name))
        for line in send_waiting(drawer, backend):
            print(line, file=sys.stderr)
        held = drawer.held()
        if held is None or held.store != args.store or SystemClock().now() - held.at > FRESH:
            held = Held.from_json(backend.offers(args.store))
            drawer.hold(held)
    except Unreachable as fault:
        print(fault, file=sys.stderr)
        return False
    except Refused as fault:
        print(f"{fault}; until {args.name} is let in, the till sells as if the backend were away", file=sys.stderr)
        return False
    if not held.prices:
        print(
            f"nothing stands in a store named {args.store}: {args.url}/v1/stores names those there are", file=sys.stderr
        )
    return True


def _redeemed(drawer: Drawer, backend: ShopBackend, sent: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The backend's answer; None when it has none. What it refuses she pays without the code."""
    drawer.trying(sent["id"])
    try:
        answer = backend.redeem(sent)
    except Unreachable as fault:
        print(fault, file=sys.stderr)
        return None
    except Refused as fault:
        if is_final(fault):
            drawer.drop(sent["id"])
        else:
            drawer.give_up(sent["id"])  # an earlier try may have got through
        raise
    drawer.settle(sent["id"], DONE, answer)
    return answer


def _priced(
    args: argparse.Namespace, drawer: Drawer, code: Code, basket: Basket, id: str, now: datetime
) -> Mapping[str, Any]:
    """The answer made here, with what is kept; the purchase then waits for the backend.

    Raises:
        BadMessage: it is not to be made here; she pays without the code.
    """
    risk = Risk(args.offline_total, args.offline_off, args.offline_off_in_all, args.offline_hours)
    held = drawer.held()
    try:
        if held is None or held.store != args.store:
            raise BadMessage("offline", f"nothing of {args.store} is kept: run once with the backend in reach")
        risk.check_age(held, now)
        with drawer.turn():
            waiting = drawer.promised()
            answer = price(held, code, basket.lines, waiting, id, now)
            risk.check(answer, waiting)
            drawer.promise(id, answer)
    except BadMessage:
        drawer.give_up(id)
        raise
    print(f"offline: priced by what the shop told at {held.at:%H:%M} UTC, and sent later", file=sys.stderr)
    return answer


def _send(drawer: Drawer, backend: ShopBackend) -> int:
    for line in send_waiting(drawer, backend):
        print(line)
    return _tell_trouble(drawer)


def _tell_trouble(drawer: Drawer) -> int:
    """The list for the manager; 1 when there is something on it."""
    found = drawer.troubled()
    for each in found:
        print(f"{each.scanned_at}\t{each.id}\t{each.trouble}")
    waiting = len(drawer.open())
    print(f"{_count(len(found), 'purchase')} to look at, {waiting} waiting for the backend")
    return 1 if found else 0


def _tick_off(drawer: Drawer, id: str) -> int:
    if not drawer.tick_off(id):
        raise BadMessage("ticked-off", f"{id} is not on the list: endcap till --troubled shows it")
    print(f"purchase {id} is off the list")
    return 0


def _reverse(drawer: Drawer, backend: ShopBackend, id: str) -> int:
    taken = backend.reverse(id)
    drawer.take_back(id)
    print(f"purchase {taken['id']} is taken back: {taken['points']} points")
    return 0


def _verified(args: argparse.Namespace, backend: ShopBackend) -> Code:
    """The code, signed by the shop; whether it is still good is not asked. The backend is asked for its public keys."""
    args.code = (args.code or sys.stdin.readline()).strip()
    if not args.code:
        raise BadMessage("code", "is missing: give what the QR holds, as an argument or on standard input")
    keys = _keys(args, backend)
    return read_code(args.code, keys)


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
    if given is not None:
        return given
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", GetPassWarning)  # it would be seen while it is typed
            return getpass(f"password of {name}: ")
    except (GetPassWarning, EOFError):
        raise BadConfig("password", "set ENDCAP_TILL_PASSWORD, or run it in a terminal") from None


def _new_id(name: str) -> str:
    return f"{name}.{SystemClock().now():%Y%m%dT%H%M%S}.{secrets.token_hex(2)}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
