"""A command line of subcommands, each in a module of its own that is imported only when it is called.

A command module has `configure(parser)`, which adds its switches, and `run(args)`, which returns the exit status.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Mapping, Sequence
from typing import Protocol, cast

from endcap.errors import EndcapError


class Command(Protocol):
    """What a command module offers."""

    def configure(self, parser: argparse.ArgumentParser) -> None: ...

    def run(self, args: argparse.Namespace) -> int: ...


def dispatch(
    program: str, about: str, commands: Mapping[str, tuple[str, str]], argv: Sequence[str] | None = None
) -> int:
    """Run one of `commands` (name -> module, one line of help) and return its exit status.

    An `EndcapError` is printed as one line on standard error and gives 1; Ctrl-C gives 130.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    parser = argparse.ArgumentParser(program, description=about)
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    chosen = next((word for word in arguments if word in commands), None)
    module: Command | None = None
    for name, (path, line) in commands.items():
        subparser = subparsers.add_parser(name, help=line, description=line)
        if name == chosen:
            module = cast(Command, importlib.import_module(path))
            module.configure(subparser)
    args = parser.parse_args(arguments)
    assert module is not None  # argparse has refused every other word
    try:
        return module.run(args)
    except EndcapError as fault:
        print(f"{program} {args.command}: {fault}", file=sys.stderr)  # noqa: T201
        return 1
    except KeyboardInterrupt:
        return 130
