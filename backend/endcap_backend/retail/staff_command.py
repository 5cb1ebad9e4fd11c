"""`endcap-backend staff`: who works in the shop, and what they changed.

    endcap-backend staff add aino --role manager
    endcap-backend staff list
    endcap-backend staff password aino
    endcap-backend staff remove aino
    endcap-backend staff audit --last 20

A password is asked for; without a terminal it is the first line of standard input. The backend may run meanwhile.
"""

from __future__ import annotations

import argparse
import sys
from contextlib import closing
from getpass import getpass

from endcap.clock import SystemClock
from endcap.errors import BadConfig
from endcap.wire import write_instant
from endcap_backend.api.roles import Role
from endcap_backend.commands import whole_from
from endcap_backend.retail.audit import last
from endcap_backend.retail.database import Database, add_database_switches, database_of, existing_database_of
from endcap_backend.retail.staff import Staff

ROLES = "staff: helps shoppers, corrects stock; till: redeems; manager: all of it, and promotions and shelves"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = __doc__
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    add = actions.add_parser("add", help="make an account")
    add.add_argument("name", help="letters, digits, . _ ~ and -")
    add.add_argument("--role", choices=[str(each) for each in Role], required=True, help=ROLES)
    actions.add_parser("password", help="change an account's password; its sessions end").add_argument("name")
    actions.add_parser("remove", help="delete an account; its sessions end at once").add_argument("name")
    actions.add_parser("list", help="the accounts, with their roles")
    audit = actions.add_parser("audit", help="what staff changed, newest first")
    audit.add_argument("--last", type=whole_from(1, 1_000_000), default=50, metavar="N", help="how many entries (50)")
    for each in actions.choices.values():
        add_database_switches(each)


def run(args: argparse.Namespace) -> int:
    reads = args.action in ("list", "audit")
    with closing(Database(existing_database_of(args) if reads else database_of(args))) as database:
        staff = Staff(database, SystemClock())
        if args.action == "add":
            staff.add(args.name, Role(args.role), _password())
            print(f"{args.name} may sign in as {args.role}")
        elif args.action == "password":
            staff.change_password(args.name, _password())
            print(f"{args.name} has another password; open sessions have ended")
        elif args.action == "remove":
            staff.remove(args.name)
            print(f"{args.name} is removed; open sessions have ended")
        elif args.action == "list":
            _list(staff)
        else:
            _audit(database, args.last)
    return 0


def _list(staff: Staff) -> None:
    accounts = staff.accounts()
    if not accounts:
        print("no account yet; `endcap-backend staff add NAME --role ROLE` makes one")
    for each in accounts:
        print(f"{each.name}\t{each.role}\tsince {write_instant(each.made_at)}\t{each.sessions} open sessions")


def _audit(database: Database, limit: int) -> None:
    with database.reading() as connection:
        for each in last(connection, limit):
            print("\t".join(each[name] for name in ("at", "who", "role", "action", "thing", "detail")))


def _password() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    password = getpass("password: ")
    if getpass("once more: ") != password:
        raise BadConfig("password", "the two differ; nothing is changed")
    return password
