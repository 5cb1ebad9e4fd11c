"""`endcap-lite serve`: the lite server under waitress, until SIGTERM or Ctrl-C."""

from __future__ import annotations

import argparse
import json
import logging
import os
import signal
from pathlib import Path
from types import FrameType
from typing import Any

from waitress.server import create_server

from endcap.errors import BadConfig
from endcap_lite.app import create_app
from endcap_lite.services import build
from endcap_lite.settings import Settings, folder_refused

log = logging.getLogger("endcap.lite")

CONNECTIONS = 5000  # browsers keep theirs open: about two a shopper
THREADS = 32  # a page without scripts holds one for up to 1.5 s; nothing else waits
SWITCHES = {  # each is also read from the environment, as ENDCAP_LITE_ and its name in capitals
    "backend_url": ("http://127.0.0.1:8700", "the backend, which answers /v1"),
    "ably_endpoint": ("", "a URL that speaks Ably's protocol; empty: Ably's cloud (also ENDCAP_ABLY_ENDPOINT)"),
    "public_url": ("", "what shoppers type, such as https://lite.shop.example; https means TLS ends in front of us"),
    "host": ("127.0.0.1", "address to listen on"),
    "port": ("8702", "port to listen on; 0: any free one"),
    "data": ("lite-data", "folder for visits.db and the outbox"),
    "store_name": ("", "what the page calls the shop"),
    "zones": ("", "CSV or JSON file of the places signs hang at; without one, the sections that the backend knows"),
    "trusted_proxy": ("", "address of the proxy in front of us, whose X-Forwarded-For is believed"),
    "country": ("", "ISO 3166-1 alpha-3, put on each fix"),
    "kept_hours": ("24", "how long the backend keeps raw fixes: the page promises it"),
}


def configure(parser: argparse.ArgumentParser) -> None:
    shared = os.environ.get("ENDCAP_ABLY_ENDPOINT", "")
    for name, (default, meaning) in SWITCHES.items():
        fallback = shared if name == "ably_endpoint" else default
        parser.add_argument(
            f"--{name.replace('_', '-')}",
            default=os.environ.get(f"ENDCAP_LITE_{name.upper()}", fallback),
            metavar="URL" if name.endswith("url") else name.upper(),
            help=f"{meaning} (default: {default or 'none'})",
        )


def run(args: argparse.Namespace) -> int:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it would log URLs
    listening = _listening(args)
    try:
        services = build(settings_of(args))
    except OSError as fault:
        raise folder_refused(args.data, fault) from None
    try:
        server = create_server(create_app(services), **listening)
    except OSError as fault:
        services.close()
        why = f"can't listen on {args.host}:{args.port} ({fault.strerror}); name another, or 0 for a free one"
        raise BadConfig("port", why) from None
    signal.signal(signal.SIGTERM, _interrupt)
    services.start()
    try:
        print(json.dumps({"http": f"http://{args.host}:{server.effective_port}"}), flush=True)
        server.run()
    finally:
        server.close()
        services.stop()
        log.info("stopped")
    return 0


def settings_of(args: argparse.Namespace) -> Settings:
    """The settings that the switches say.

    Raises:
        BadConfig: names the switch and its variable.
    """
    kept_hours = _number(args, "kept_hours", 8784)
    try:
        return Settings(
            backend_url=args.backend_url,
            data_dir=Path(args.data),
            ably_endpoint=args.ably_endpoint,
            public_url=args.public_url,
            store_name=args.store_name,
            zones_file=Path(args.zones) if args.zones else None,
            country=args.country or None,
            kept_hours=kept_hours,
        )
    except BadConfig as fault:
        raise BadConfig(_switch(fault.setting), fault.reason) from None


def _listening(args: argparse.Namespace) -> dict[str, Any]:
    listening: dict[str, Any] = {
        "host": args.host,
        "port": _number(args, "port", 65535),
        "threads": THREADS,
        "connection_limit": CONNECTIONS,
        "asyncore_use_poll": True,  # select() ends at 1,024 descriptors
    }
    if args.trusted_proxy:
        listening |= {"trusted_proxy": args.trusted_proxy, "trusted_proxy_headers": {"x-forwarded-for"}}
    return listening


def _number(args: argparse.Namespace, name: str, most: int) -> int:
    value = str(getattr(args, name))
    if not value.isdecimal() or int(value) > most:
        raise BadConfig(_switch(name), f"must be a whole number up to {most}, not {value!r}")
    return int(value)


def _switch(name: str) -> str:
    variable = "ENDCAP_ABLY_ENDPOINT" if name == "ably_endpoint" else f"ENDCAP_LITE_{name.upper()}"
    return f"--{name.replace('_', '-')} or {variable}"


def _interrupt(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
