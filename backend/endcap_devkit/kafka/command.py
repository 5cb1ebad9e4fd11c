"""`endcap kafka`: a real broker on this machine until Ctrl-C."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from pathlib import Path

from endcap.errors import BadConfig
from endcap_devkit.kafka.broker import KafkaBroker


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=int, default=0, help="the port to listen on (default: a free one)")
    parser.add_argument("--data", type=Path, help="where to keep the records (default: gone when it stops)")
    parser.add_argument("--secure", action="store_true", help="SASL_SSL with PLAIN and ACLs, as on Confluent Cloud")


def run(args: argparse.Namespace) -> int:
    """Print `{"bootstrap": ..., "client": {...}}` on one line once the broker answers; SIGTERM or Ctrl-C ends it."""
    if not 0 <= args.port <= 65535:
        raise BadConfig("--port", "must be from 0 to 65535")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    print("starting Kafka (the first time its jars are fetched, 44 MB) ...", file=sys.stderr, flush=True)
    with KafkaBroker(args.data, args.port, args.secure) as broker:
        print(json.dumps({"bootstrap": broker.bootstrap, "client": broker.client_config()}), flush=True)
        try:
            signal.pause()
        except KeyboardInterrupt:
            return 0
    return 0
