"""`endcap-backend load`: products, placements, promotions, coupons and floor plans from files into the shop's database.

    endcap-backend load --placements shelves.csv --promotions week48.csv --dry-run
    endcap-backend load --products products.csv --placements plan.geojson --data endcap-data
    endcap-backend load --coupons coupons.csv --plans floors.geojson

All of it or nothing: one bad row, and nothing is stored, unless --skip-bad lets the good rows pass. Loading the same
files again changes nothing. The backend may run meanwhile: it hears of what changed within a second.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from endcap.clock import SystemClock
from endcap.errors import BadConfig
from endcap.messages import ProductPromotion, StoreProduct
from endcap.wire import epoch_ms
from endcap_backend.retail.catalogue import Stored, known_products, put_placements, put_promotions, unplaced
from endcap_backend.retail.coupons import put_coupons
from endcap_backend.retail.database import Database, add_database_switches
from endcap_backend.retail.dry_run import database_to_load
from endcap_backend.retail.plan_files import check_plans
from endcap_backend.retail.plans import Plan, put_plans
from endcap_backend.retail.progress import Progress
from endcap_backend.retail.rows import Fault, check_coupons, check_placements, check_products, check_promotions
from endcap_backend.retail.terms import CouponTerms, ShopPromotion

T = TypeVar("T")

SHOWN_FAULTS = 50


@dataclass(slots=True)
class Wanted:
    """What the files ask for, checked."""

    placements: list[StoreProduct] = field(default_factory=list)
    promotions: list[ShopPromotion] = field(default_factory=list)
    coupons: list[CouponTerms] = field(default_factory=list)
    plans: list[Plan] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = __doc__
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    files = parser.add_argument_group("files", "each .csv, .jsonl or, for points, .geojson; may be given repeatedly")
    for kind, what in (
        ("products", "what products are, by SKU: fills what placements leave out"),
        ("placements", "which product stands where: SKU, segment, latitude, longitude, store, section, name, price …"),
        ("promotions", "what is promoted: pid, segment, SKU, title, discount, starts_at, ends_at, kind, value, n, m …"),
        ("coupons", "what can be clipped: id, title, kind, value, n, m, sku, segment, starts_at, ends_at, tier …"),
        ("plans", "floor plans, as .geojson: a feature a section, an aisle, a door"),
    ):
        files.add_argument(f"--{kind}", type=Path, action="append", default=[], metavar="FILE", help=what)
    add_database_switches(parser)
    parser.add_argument("--dry-run", action="store_true", help="check and compare only; store nothing")
    parser.add_argument("--skip-bad", action="store_true", help="store the good rows although others are bad")


def run(args: argparse.Namespace) -> int:
    if not (args.placements or args.promotions or args.coupons or args.plans):
        raise BadConfig(
            "files",
            "name at least one with --placements, --promotions, --coupons or --plans; "
            "--products alone places nothing on a shelf",
        )
    with database_to_load(args) as database:
        wanted = _read(database, args)
        _tell_faults(wanted.faults)
        if wanted.faults and not args.skip_bad:
            bad = _counted(len({each.where for each in wanted.faults}), "bad row")
            _say(f"{bad}: nothing is stored; mend what is wrong, or let the others pass with --skip-bad")
            return 1
        _store(database, wanted, args)
    return 1 if wanted.faults else 0


def _read(database: Database, args: argparse.Namespace) -> Wanted:
    wanted = Wanted()
    with database.reading() as connection:
        known: dict[object, Mapping[str, object]] = dict(known_products(connection).items())
    if args.products:
        products, faults = _with_progress(
            "reading products", args.products, lambda progress: check_products(args.products, progress)
        )
        known |= products
        wanted.faults += faults
    if args.placements:
        shelves = _with_progress(
            "reading placements", args.placements, lambda progress: check_placements(args.placements, known, progress)
        )
        wanted.placements, wanted.faults = shelves.messages, wanted.faults + shelves.faults
    if args.promotions:
        offers = _with_progress(
            "reading promotions", args.promotions, lambda progress: check_promotions(args.promotions, progress)
        )
        wanted.promotions, wanted.faults = offers.messages, wanted.faults + offers.faults
    if args.coupons:
        coupons = _with_progress(
            "reading coupons", args.coupons, lambda progress: check_coupons(args.coupons, progress)
        )
        wanted.coupons, wanted.faults = coupons.messages, wanted.faults + coupons.faults
    if args.plans:
        wanted.plans, faults = check_plans(args.plans)
        wanted.faults += faults
    return wanted


def _with_progress(label: str, paths: Sequence[Path], work: Callable[[Progress], T]) -> T:
    progress = Progress(label, sum(path.stat().st_size for path in paths if path.is_file()))
    try:
        return work(progress)
    finally:
        progress.end()


def _store(database: Database, wanted: Wanted, args: argparse.Namespace) -> None:
    """All of it in one transaction; a dry run does the same and takes it back. Every kind that was named is told of."""
    dry = args.dry_run
    now = SystemClock().now()
    at_ms = epoch_ms(now)
    with database.writing(keep=not dry) as connection:
        if args.placements:
            progress = Progress("storing placements", len(wanted.placements))
            _tell("placements", put_placements(connection, wanted.placements, at_ms, progress), dry=dry)
            progress.end()
        if args.promotions:
            progress = Progress("storing promotions", len(wanted.promotions))
            _tell("promotions", put_promotions(connection, wanted.promotions, at_ms, progress), dry=dry)
            progress.end()
            _tell_unplaced(unplaced(connection, wanted.promotions))
        if args.coupons:
            _tell("coupons", put_coupons(connection, wanted.coupons), dry=dry)
        if args.plans:
            _tell("plans", put_plans(connection, wanted.plans, now), dry=dry)


def _tell(kind: str, stored: Stored, *, dry: bool) -> None:
    said = f"{kind}: {stored.new} new, {stored.changed} changed, {stored.unchanged} unchanged"
    print(f"{said} (dry run: nothing stored)" if dry else said)


def _tell_unplaced(promotions: Sequence[ProductPromotion]) -> None:
    """A slip of the pen in a segment is no fault, and nobody would ever hear of that promotion."""
    if not promotions:
        return
    first = promotions[0]
    what = f"segment {first.segment}" if first.sku is None else f"SKU {first.sku}"
    _say(
        f"note: {_counted(len(promotions), 'promotion')} for what is on no shelf, such as {first.pid} ({what}): "
        "nobody hears of it until it is placed"
    )


def _tell_faults(faults: Sequence[Fault]) -> None:
    for fault in faults[:SHOWN_FAULTS]:
        _say(str(fault))
    if len(faults) > SHOWN_FAULTS:
        _say(f"… and {len(faults) - SHOWN_FAULTS} more")


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _say(line: str) -> None:
    print(line, file=sys.stderr)
