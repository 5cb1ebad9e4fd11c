"""`endcap`: everything of Endcap on a laptop."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from endcap_backend.commands import dispatch

COMMANDS = {
    "demo": ("endcap_devkit.demo.command", "the whole product in one process tree, and a page to look at"),
    "simulate": ("endcap_devkit.simulate.command", "generate customers, products or promotions"),
    "replay": ("endcap_devkit.replay.command", "walk a recording past fences, and see what is told and why"),
    "day": ("endcap_devkit.day.command", "a day of shopping through match and decision, with everything checked"),
    "import": ("endcap_devkit.completejourney.command", "load a real retail set into the shop's database"),
    "till": ("endcap_devkit.till.command", "a till: verify a shopper's code, redeem a basket, print a receipt"),
    "kafka": ("endcap_devkit.kafka.command", "a real Kafka broker, without Docker"),
    "ably": ("endcap_devkit.ably_server.command", "a local Ably for the unmodified official clients"),
}


def main(argv: Sequence[str] | None = None) -> int:
    return dispatch("endcap", __doc__ or "", COMMANDS, argv)


if __name__ == "__main__":
    sys.exit(main())
