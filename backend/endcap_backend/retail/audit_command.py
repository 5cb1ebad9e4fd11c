"""`endcap-backend audit`: whether the books of what was redeemed are as they were written.

    endcap-backend audit check
    endcap-backend audit heads > heads-2026-11-24.json
    endcap-backend audit check --noted heads-2026-11-24.json

Each redemption and each reversal is a row of a journal, bound to the row before it by a hash. `check` reads it all and
names every row and purchase that was changed, removed or moved since; it then ends with status 1. Heads that were noted
on an earlier day and kept elsewhere also tell of a journal that somebody wrote anew. The backend may run meanwhile.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from endcap.errors import BadMessage
from endcap_backend.retail import journal
from endcap_backend.retail.database import Database, add_database_switches, existing_database_of

SHOWN = 100  # findings in words; the rest is counted


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = __doc__
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    check = actions.add_parser("check", help="look for whatever was changed afterwards")
    check.add_argument("--noted", type=Path, metavar="FILE", help="what heads wrote on an earlier day")
    actions.add_parser("heads", help="the last row of each store's journal, as JSON, to keep elsewhere")
    for each in actions.choices.values():
        add_database_switches(each)


def run(args: argparse.Namespace) -> int:
    with closing(Database(existing_database_of(args))) as database, database.reading() as connection:
        last = journal.heads(connection)
        if args.action == "heads":
            print(json.dumps({store: list(head) for store, head in last.items()}, indent=2))
            return 0
        noted = None if args.noted is None else read_heads(args.noted)
        count = 0
        for finding in journal.check(connection, noted):
            count += 1
            if count <= SHOWN:
                print(finding)
    if count > SHOWN:
        print(f"… and {count - SHOWN} more")
    rows = sum(number for number, _ in last.values())
    print(f"{rows} rows of {len(last)} stores: {'all as they were written' if not count else f'{count} findings'}")
    return 1 if count else 0


def read_heads(path: Path) -> dict[str, journal.Head]:
    """The heads in a file.

    Raises:
        BadMessage: it can't be read, or holds something else.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as fault:
        raise BadMessage("noted", f"{path} can't be read: {fault}") from None
    if not isinstance(found, Mapping):
        raise BadMessage("noted", f"{path} does not hold what audit heads writes")
    return {store: _head(head, path) for store, head in found.items()}


def _head(head: object, path: Path) -> journal.Head:
    match head:
        case [int(number), str(own)]:
            return number, own
    raise BadMessage("noted", f"{path} does not hold what audit heads writes")
