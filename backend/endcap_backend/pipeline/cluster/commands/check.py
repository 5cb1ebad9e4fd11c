"""`endcap-backend check`: what is wrong with a cluster's settings, in words."""

from __future__ import annotations

import argparse
import os
from contextlib import closing
from pathlib import Path

from endcap.errors import TransportError
from endcap_backend.pipeline.cluster import readers
from endcap_backend.pipeline.cluster.check import check
from endcap_backend.pipeline.cluster.connect import Connect
from endcap_backend.pipeline.cluster.findings import Finding, as_json, as_text, well, wrong
from endcap_backend.pipeline.cluster.ksqldb import KsqlDb
from endcap_backend.pipeline.cluster.roles import ROLES
from endcap_backend.pipeline.cluster.switches import (
    add_connect,
    add_kafka,
    add_ksqldb,
    add_locations_h,
    connect_settings,
    kafka_settings,
    ksqldb_settings,
    locations_h_given,
)
from endcap_backend.pipeline.cluster.topics import topics

SERVER_S = 5.0  # for an answer of ksqlDB or Connect
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
    add_ksqldb(parser)
    add_connect(parser)
    parser.add_argument(
        "--consumer",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="the properties of a consumer of your own: does it read committed records alone? (may be given again)",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object on one line instead of text")


def run(args: argparse.Namespace) -> int:
    settings = kafka_settings(args, os.environ)
    made = topics(locations_h=locations_h_given(args))
    findings = [*check(settings, ROLES[args.role], made), *_readers(args)]
    print(as_json(findings) if args.json else as_text(findings))
    return 0 if well(findings) else 1


def _readers(args: argparse.Namespace) -> list[Finding]:
    """What ksqlDB, Connect and consumers of one's own read; what can't be asked is a finding too."""
    found = [finding for path in args.consumer for finding in readers.consumer(path)]
    ksqldb, connect = ksqldb_settings(args, os.environ), connect_settings(args, os.environ)
    try:
        if ksqldb is not None:
            with closing(KsqlDb(ksqldb, timeout_s=SERVER_S)) as engine:
                found += readers.ksqldb(engine)
        if connect is not None:
            with closing(Connect(connect, timeout_s=SERVER_S)) as worker:
                found += readers.connectors(worker)
    except TransportError as fault:
        found.append(wrong("reader", str(fault), "check its URL and login"))
    return found
