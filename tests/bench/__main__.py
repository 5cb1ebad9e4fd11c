"""`python -m tests.bench [NAME ...] [--quick]`: measure, and print the tables of `docs/benchmarks.md`.

Each module of this folder with a `run(quick)` gives one Markdown section. Figures are ratios of contenders that took
turns in one run; absolute times say more about the machine than about the code.
"""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys
from pathlib import Path

NAMES = sorted(found.name for found in pkgutil.iter_modules([str(Path(__file__).parent)]) if found.name != "__main__")


def main() -> int:
    parser = argparse.ArgumentParser("python -m tests.bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which: {', '.join(NAMES)} (default: all)")
    parser.add_argument("--quick", action="store_true", help="smaller data, fewer rounds: minutes instead of tens")
    args = parser.parse_args()
    unknown = sorted(set(args.names) - set(NAMES))
    if unknown:
        parser.error(f"no benchmark named {', '.join(unknown)}; there are {', '.join(NAMES)}")
    for name in args.names or NAMES:
        print(f"measuring {name} ...", file=sys.stderr, flush=True)
        module = importlib.import_module(f"tests.bench.{name}")
        if hasattr(module, "run"):
            print(module.run(args.quick), end="\n\n", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
