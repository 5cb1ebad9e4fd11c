"""`endcap kafka`: a real broker on this machine until Ctrl-C."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from contextlib import ExitStack
from pathlib import Path

from endcap.errors import BadConfig
from endcap_backend.commands import PORTS, whole_from
from endcap_devkit.kafka.broker import KafkaBroker
from endcap_devkit.kafka.connect import ConnectWorker


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--port", type=whole_from(*PORTS), default=0, help="the port to listen on (default: a free one)"
    )
    parser.add_argument("--data", type=Path, help="where to keep the records (default: gone when it stops)")
    parser.add_argument("--secure", action="store_true", help="SASL_SSL with PLAIN and ACLs, as on Confluent Cloud")
    parser.add_argument("--connect", action="store_true", help="a Kafka Connect worker beside it")
    parser.add_argument(
        "--connect-port", type=whole_from(*PORTS), default=0, help="where its REST listens (default: a free port)"
    )
    parser.add_argument("--plugins", type=Path, help="folder with Connect's plugins, such as Ably's sink")


def run(args: argparse.Namespace) -> int:
    """Print `{"bootstrap": …, "client": {…}}` on one line once the broker answers, with a worker `"connect": URL` too.

    SIGTERM or Ctrl-C ends it.
    """
    if args.plugins is not None and not args.plugins.is_dir():
        raise BadConfig("--plugins", f"{args.plugins} is no folder")
    for each in (signal.SIGINT, signal.SIGTERM):  # a shell starts what runs in the background with SIGINT ignored
        signal.signal(each, signal.default_int_handler)
    size = "77 MB" if args.connect else "44 MB"
    print(f"starting Kafka (the first time its jars are fetched, {size}) ...", file=sys.stderr, flush=True)
    with ExitStack() as running:
        broker = running.enter_context(KafkaBroker(args.data, args.port, args.secure))
        ready: dict[str, object] = {"bootstrap": broker.bootstrap, "client": broker.client_config()}
        if args.connect:
            worker = running.enter_context(ConnectWorker(broker, args.connect_port, args.plugins))
            ready["connect"] = worker.url
        print(json.dumps(ready), flush=True)
        try:
            signal.pause()
        except KeyboardInterrupt:
            return 0
    return 0
