"""`endcap-backend till-keys`: the keys that sign what shoppers show at the till.

    endcap-backend till-keys
    endcap-backend till-keys --rotate

Keys change by themselves every month. --rotate is for one that got into wrong hands: from then on only the new key
signs, and codes of any other are refused; a till that was offline has to fetch the keys again. The backend may run
meanwhile.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from endcap.clock import SystemClock
from endcap.wire import write_instant
from endcap_backend.config import DATA_FOLDER
from endcap_backend.retail.tillkeys import TillKeys


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = __doc__
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "--data",
        type=Path,
        default=Path(os.environ.get("ENDCAP_DATA", DATA_FOLDER)),
        metavar="DIR",
        help=f"the backend's data folder (ENDCAP_DATA, else {DATA_FOLDER})",
    )
    parser.add_argument("--rotate", action="store_true", help="sign with a new key from now on, and with no other")


def run(args: argparse.Namespace) -> int:
    clock = SystemClock()
    keys = TillKeys(args.data, clock)
    if args.rotate:
        keys.rotate()
    signing = keys.signing()
    for key in keys.known():
        what = "signs now" if key == signing else "signs next" if key.signs_from > clock.now() else "signed before"
        print(f"{key.kid.hex()}  from {write_instant(key.signs_from)}  {what}")
    return 0
