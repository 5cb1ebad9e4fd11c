"""A command line of subcommands, each in a module of its own that is imported only when it is called.

A command module has `configure(parser)`, which adds its switches, and `run(args)`, which returns the exit status.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from typing import NoReturn, Protocol, cast

from endcap.errors import BadConfig, EndcapError
from endcap.variables import warn_of_misspelt

PORTS = (0, 65535)  # 0 takes a free one
SEEDS = (-(2**63), 2**63 - 1)


class Command(Protocol):
    """What a command module offers."""

    def configure(self, parser: argparse.ArgumentParser) -> None: ...

    def run(self, args: argparse.Namespace) -> int: ...


class Parser(argparse.ArgumentParser):
    """One whose complaint is one line: the usage of a command with fifty switches would hide it."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: error: {message} (--help says what there is)\n")


def whole_from(low: int, high: int) -> Callable[[str], int]:
    """What argparse reads a whole number from `low` to `high` with."""

    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = low - 1
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"must be a whole number from {low} to {high}, not {text!r}")
        return value

    return read


def number_from(low: float, high: float) -> Callable[[str], float]:
    """What argparse reads a number from `low` to `high` with."""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = low - 1
        if not (isfinite(value) and low <= value <= high):
            raise argparse.ArgumentTypeError(f"must be a number from {low:g} to {high:g}, not {text!r}")
        return value

    return read


def dispatch(
    program: str, about: str, commands: Mapping[str, tuple[str, str]], argv: Sequence[str] | None = None
) -> int:
    """Run one of `commands` (name -> module, one line of help) and return its exit status.

    An `EndcapError` is printed as one line on standard error and gives 1, or 2, as what argparse refuses, when it names
    a switch or a variable whose value can't be; Ctrl-C gives 130. A variable that is misspelt is told first.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    parser = Parser(program, description=about)
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
    warn_of_misspelt(program, os.environ)
    try:
        return module.run(args)
    except EndcapError as fault:
        print(f"{program} {args.command}: {fault}", file=sys.stderr)  # noqa: T201
        return 2 if isinstance(fault, BadConfig) and fault.setting.startswith(("--", "ENDCAP_")) else 1
    except KeyboardInterrupt:
        return 130
