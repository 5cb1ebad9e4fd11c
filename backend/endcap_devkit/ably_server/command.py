"""`endcap ably`: a local Ably for the unmodified official clients."""

from __future__ import annotations

import argparse
import json
import signal
import tempfile
import threading
from dataclasses import replace
from pathlib import Path

from endcap.errors import BadConfig
from endcap_devkit.ably_server.rules import Rule
from endcap_devkit.ably_server.server import AblyServer
from endcap_devkit.ably_server.settings import Settings


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=int, default=0, help="port of 127.0.0.1 for http and ws; 0 takes a free one")
    parser.add_argument("--tls-port", type=int, help="port for https and wss as well; 0 takes a free one")
    parser.add_argument("--ca-out", type=Path, metavar="FILE", help="write the CA that clients must trust, as PEM")
    parser.add_argument("--key", metavar="APP.KEY:SECRET", help="the API key to accept; without it one is made up")
    parser.add_argument(
        "--rule",
        action="append",
        default=[],
        metavar="CHANNELS=URL",
        help="post what is published on matching channels to a URL, as Ably's webhooks do; may be repeated",
    )
    parser.add_argument("--limits", action="store_true", help="enforce Ably's rates, such as 50 messages/s a channel")


def run(args: argparse.Namespace) -> int:
    """Serve until SIGTERM or Ctrl-C; prints one line of JSON when ready."""
    if args.ca_out is not None and args.tls_port is None:
        raise BadConfig("--ca-out", "needs --tls-port")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, stack: stop.set())
    rules = [Rule.read(text) for text in args.rule]
    settings = replace(Settings(), limits=args.limits)
    with AblyServer(args.port, args.key, tls_port=args.tls_port, rules=rules, settings=settings) as server:
        ca = _write_ca(server.ca_pem, args.ca_out) if server.ca_pem else None
        ready = {"http": server.url, "tls": server.tls_url, "ca": ca, "key": server.key}
        print(json.dumps(ready), flush=True)
        stop.wait()
    return 0


def _write_ca(pem: bytes, path: Path | None) -> str:
    path = (path or Path(tempfile.mkdtemp(prefix="endcap-ably-")) / "ca.pem").absolute()
    path.write_bytes(pem)
    return str(path)
