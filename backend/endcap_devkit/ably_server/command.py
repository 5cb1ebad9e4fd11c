"""`endcap ably`: a local Ably for the unmodified official clients."""

from __future__ import annotations

import argparse
import json
import signal
import threading
from dataclasses import replace

from endcap_devkit.ably_server.server import AblyServer
from endcap_devkit.ably_server.settings import Settings


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=int, default=0, help="port of 127.0.0.1 for http and ws; 0 takes a free one")
    parser.add_argument("--key", metavar="APP.KEY:SECRET", help="the API key to accept; without it one is made up")
    parser.add_argument(
        "--limits", action="store_true", help="enforce Ably's rates: 50 messages/s a channel and connection"
    )


def run(args: argparse.Namespace) -> int:
    """Serve until SIGTERM or Ctrl-C; prints one line of JSON when ready."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda number, stack: stop.set())
    signal.signal(signal.SIGINT, lambda number, stack: stop.set())
    settings = replace(Settings(), limits=args.limits)
    with AblyServer(args.port, args.key, settings=settings) as server:
        print(json.dumps({"http": server.url, "tls": None, "ca": None, "key": server.key}), flush=True)
        stop.wait()
    return 0
