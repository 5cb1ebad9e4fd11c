"""`endcap-lite`: the page a shopper opens with nothing installed."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

from endcap.errors import BadConfig, EndcapError
from endcap.variables import warn_of_misspelt

COMMANDS = {  # each module is imported only when it is called
    "serve": ("endcap_lite.serve", "serve the page, and relay what it sends"),
    "signs": ("endcap_lite.signs.command", "make, print, rotate and revoke the signs of a store"),
}


def main(argv: Sequence[str] | None = None) -> int:
    arguments = list(sys.argv[1:] if argv is None else argv)
    parser = argparse.ArgumentParser("endcap-lite", description=__doc__)
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    modules = {}
    for name, (path, line) in COMMANDS.items():
        subparser = subparsers.add_parser(name, help=line, description=line)
        if name in arguments:
            modules[name] = importlib.import_module(path)
            modules[name].configure(subparser)
    args = parser.parse_args(arguments)
    warn_of_misspelt("endcap-lite", os.environ)
    try:
        return int(modules[args.command].run(args))
    except EndcapError as fault:
        print(f"endcap-lite {args.command}: {fault}", file=sys.stderr)
        return 2 if isinstance(fault, BadConfig) and fault.setting.startswith("--") else 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
