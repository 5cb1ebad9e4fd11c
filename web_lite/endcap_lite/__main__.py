"""`endcap-lite`: the page a shopper opens with nothing installed."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Protocol

from endcap.errors import EndcapError
from endcap_lite import serve


class Command(Protocol):
    """What a command's module offers."""

    def configure(self, parser: argparse.ArgumentParser) -> None: ...

    def run(self, args: argparse.Namespace) -> int: ...


COMMANDS: dict[str, tuple[Command, str]] = {"serve": (serve, "serve the page, and relay what it sends")}


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser("endcap-lite", description=__doc__)
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, (module, line) in COMMANDS.items():
        module.configure(subparsers.add_parser(name, help=line, description=line))
    args = parser.parse_args(argv)
    try:
        return COMMANDS[args.command][0].run(args)
    except EndcapError as fault:
        print(f"endcap-lite {args.command}: {fault}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
