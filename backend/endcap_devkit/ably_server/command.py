"""`endcap ably`: a local Ably for the unmodified official clients."""

from __future__ import annotations

import argparse
import json
import os
import signal
import tempfile
import threading
from dataclasses import dataclass, replace
from pathlib import Path

from endcap.errors import BadConfig
from endcap_backend.commands import PORTS, whole_from
from endcap_backend.settings import add_switches, read_settings, setting
from endcap_devkit.ably_server.rules import Rule
from endcap_devkit.ably_server.server import AblyServer, read_key
from endcap_devkit.ably_server.settings import Settings


@dataclass(frozen=True, slots=True)
class Given:
    """What also comes from the environment: command lines are seen by all, and this is a secret."""

    ably_key: str = setting("API key to accept, APP.KEY:SECRET; without one it is made up", "", secret=True)

    def __post_init__(self) -> None:
        if self.ably_key:
            read_key(self.ably_key, "ably_key")


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--port", type=whole_from(*PORTS), default=0, help="port of 127.0.0.1 for http and ws; 0 takes a free one"
    )
    parser.add_argument(
        "--tls-port", type=whole_from(*PORTS), help="port for https and wss as well; 0 takes a free one"
    )
    parser.add_argument("--ca-out", type=Path, metavar="FILE", help="write the CA that clients must trust, as PEM")
    parser.add_argument(
        "--key", metavar="APP.KEY:SECRET", help="as ENDCAP_ABLY_KEY, on the command line, where all can see it"
    )
    add_switches(parser, Given)
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
    if args.key:
        read_key(args.key, "--key")
    rules = [Rule.read(text) for text in args.rule]
    key = args.key or read_settings(Given, args, os.environ).ably_key or None
    settings = replace(Settings(), limits=args.limits)
    with AblyServer(args.port, key, tls_port=args.tls_port, rules=rules, settings=settings) as server:
        ca = _write_ca(server.ca_pem, args.ca_out) if server.ca_pem else None
        ready = {"http": server.url, "tls": server.tls_url, "ca": ca, "key": server.key}
        print(json.dumps(ready), flush=True)
        stop.wait()
    return 0


def _write_ca(pem: bytes, path: Path | None) -> str:
    path = (path or Path(tempfile.mkdtemp(prefix="endcap-ably-")) / "ca.pem").absolute()
    path.write_bytes(pem)
    return str(path)
