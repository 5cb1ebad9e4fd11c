"""`endcap day`: a day of shopping through the real match and decision, in minutes, with everything checked.

Shoppers walk through made-up stores, their phones send fixes and events and react to what they hear, shelves sell out,
prices and promotions change, and in the afternoon the backend crashes and begins anew from its log. Then it is checked
that no shopper was told beyond a cap, or twice, or of what was out of stock or not on; that every alert said why; and
that the totals of all events are those of the log. Exits with 1 when anything of this does not hold.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from endcap_backend.commands import SEEDS, number_from, whole_from
from endcap_backend.retail.progress import Progress
from endcap_devkit.day.run import Day, Told
from endcap_devkit.day.world import CLOSES_H, OPENS_H

SHOWN = 20  # faults


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = __doc__
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "--shoppers", type=whole_from(1, 10_000_000), default=10_000, metavar="N", help="how many (default: 10000)"
    )
    parser.add_argument("--stores", type=whole_from(1, 100_000), default=50, metavar="N", help="how many (default: 50)")
    parser.add_argument(
        "--seed", type=whole_from(*SEEDS), default=1, help="the same seed makes the same day (default: 1)"
    )
    parser.add_argument(
        "--held-out",
        type=number_from(0, 100),
        default=10.0,
        metavar="PERCENT",
        help="of the shoppers hear nothing (default: 10)",
    )


def run(args: argparse.Namespace) -> int:
    began_s = perf_counter()
    with TemporaryDirectory(prefix="endcap-day-") as folder:
        progress = Progress("the day", (CLOSES_H - OPENS_H) * 60)
        day = Day(Path(folder), args.shoppers, args.stores, seed=args.seed, held_out=args.held_out / 100)
        told = day.run(progress)
        progress.end()
    print(summary(told, perf_counter() - began_s))
    for fault in told.broken[:SHOWN]:
        print(f"BROKEN {fault}")
    return 1 if told.broken else 0


def summary(told: Told, spent_s: float) -> str:
    """What came of the day, in a few lines."""
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in told.kinds.most_common())
    events = ", ".join(f"{count:,} {kind}" for kind, count in told.events.most_common())
    each = told.alerts / max(1, told.visits)
    return (
        f"{told.visits:,} visits, {told.fixes:,} fixes in {spent_s:.0f} s\n"
        f"{told.alerts:,} alerts ({each:.2f} a visit): {kinds}; {told.withheld:,} withheld\n"
        f"events: {events}\n"
        f"{len(told.broken)} promises broken"
    )
