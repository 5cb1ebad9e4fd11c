"""`endcap-backend check`: what is wrong with a cluster's settings, in words."""

from __future__ import annotations

import argparse
import os

from endcap_backend.pipeline.cluster.check import check
from endcap_backend.pipeline.cluster.findings import as_json, as_text, well
from endcap_backend.pipeline.cluster.roles import ROLES
from endcap_backend.pipeline.cluster.switches import add_kafka, add_locations_h, kafka_settings, locations_h_given
from endcap_backend.pipeline.cluster.topics import topics

ABOUT = """
Looks at Kafka with the settings that `serve --pipeline kafka` uses: can it be reached, is its certificate trusted, is
the login right, are the topics there as they should be, and may this account do what its program does? Nothing is
changed, no record is written.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = ABOUT
    parser.epilog = "Exit status: 0 all is well, 1 something is wrong."
    add_kafka(parser)
    add_locations_h(parser)
    parser.add_argument(
        "--role",
        choices=tuple(ROLES),
        default="backend",
        help="which program's rights are wanted (default: backend, the forwarder of `serve`)",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object on one line instead of text")


def run(args: argparse.Namespace) -> int:
    settings = kafka_settings(args, os.environ)
    made = topics(locations_h=locations_h_given(args))
    findings = check(settings, ROLES[args.role], made)
    print(as_json(findings) if args.json else as_text(findings))
    return 0 if well(findings) else 1
