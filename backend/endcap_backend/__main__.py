"""`endcap-backend`: what a shop's operator runs."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from endcap_backend.commands import dispatch

COMMANDS = {
    "serve": ("endcap_backend.serve", "run the HTTP service with its pipeline"),
    "load": ("endcap_backend.retail.load", "load products, placements and promotions from files"),
    "staff": ("endcap_backend.retail.staff_command", "who works in the shop, and what they changed"),
    "audit": ("endcap_backend.retail.audit_command", "whether the books of what was redeemed are as they were written"),
    "till-keys": ("endcap_backend.retail.tillkeys_command", "the keys that sign what shoppers show at the till"),
    "worker": ("endcap_backend.worker", "match, decide and deliver on Kafka, beside other workers"),
    "match": ("endcap_backend.match.command", "look inside the match: records in, rows out"),
    "flink": ("endcap_backend.match.flink.command", "submit the match to Apache Flink, as SQL"),
    "check": ("endcap_backend.pipeline.cluster.commands.check", "say in words what is wrong with a Kafka's settings"),
    "apply": ("endcap_backend.pipeline.cluster.commands.apply", "make Kafka's topics and ksqlDB's statements"),
    "teardown": ("endcap_backend.pipeline.cluster.commands.teardown", "remove what apply made, and only that"),
    "connect": ("endcap_backend.pipeline.cluster.commands.connect", "Ably's sink on a Kafka Connect worker"),
}


def main(argv: Sequence[str] | None = None) -> int:
    return dispatch("endcap-backend", __doc__ or "", COMMANDS, argv)


if __name__ == "__main__":
    sys.exit(main())
