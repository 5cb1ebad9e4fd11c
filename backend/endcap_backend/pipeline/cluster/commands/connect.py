"""`endcap-backend connect`: Ably's sink on a Kafka Connect worker, as it should be."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from endcap.errors import BadConfig, EndcapError
from endcap_backend.commands import whole_from
from endcap_backend.config import Settings
from endcap_backend.pipeline.cluster.connect import Connect, Status, differing
from endcap_backend.pipeline.cluster.findings import Finding, as_json, as_text, ok, well, wrong
from endcap_backend.pipeline.cluster.readers import connectors
from endcap_backend.pipeline.cluster.sink import NAME, ably_sink, endpoint_options, without_secrets
from endcap_backend.pipeline.cluster.switches import add_connect, connect_settings
from endcap_backend.settings import read_settings

RESTART_S = 5.0  # until then what a restarted connector says is still of before
ABOUT = """
apply: make the sink that carries customers_alerts to Ably, or give it the configuration it should have; Connect judges
it first. status: does it run, and read as it should? restart: start again what has failed. remove: take it away.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = ABOUT
    parser.epilog = "Exit status: 0 the sink runs (or is gone, after remove), 1 it does not."
    parser.add_argument("action", choices=("apply", "status", "restart", "remove"))
    add_connect(parser)
    parser.add_argument("--name", default=NAME, help=f"of the connector (default {NAME})")
    parser.add_argument("--config", type=Path, metavar="FILE", help="another configuration: JSON, as Connect takes it")
    parser.add_argument(
        "--ably-key-reference", metavar="REFERENCE", default="",
        help="where the worker finds the Ably key, such as '${directory:/run/secrets:ably_key}'; else the key in "
        "ENDCAP_ABLY_KEY (or ENDCAP_ABLY_KEY_FILE) goes into the configuration, for all to read who reach Connect",
    )  # fmt: skip
    parser.add_argument(
        "--replication", type=whole_from(1, 100), default=3, metavar="N", help="of the dead letters (default 3)"
    )
    parser.add_argument("--dry-run", action="store_true", help="apply: show what would change, and change nothing")
    parser.add_argument("--json", action="store_true", help="status: one JSON object on one line")


def run(args: argparse.Namespace) -> int:
    settings = connect_settings(args, os.environ)
    if settings is None:
        raise BadConfig("connect_url", "is not set: --connect URL, or ENDCAP_CONNECT_URL")
    actions: dict[str, Callable[[Connect, argparse.Namespace], int]] = {
        "apply": _apply,
        "status": _status,
        "restart": _restart,
        "remove": _remove,
    }
    with closing(Connect(settings)) as connect:
        return actions[args.action](connect, args)


def _apply(connect: Connect, args: argparse.Namespace) -> int:
    wanted = _wanted(args)
    if faults := connect.validate(args.name, wanted):
        for fault in faults:
            print(f"wrong    {fault}")
        return 1
    before = connect.config(args.name)
    changes = differing(before or {}, wanted)
    shown = {name: without_secrets(each) for name, each in (("before", before or {}), ("after", wanted))}
    for name in changes:
        old, new = shown["before"].get(name), shown["after"].get(name)
        print(f"{'~' if before else '+'} {name}: {f'{old} -> ' if before else ''}{new}")
    if args.dry_run:
        print(f"{len(changes)} settings; nothing was changed (--dry-run)")
        return 0
    if changes:
        connect.put(args.name, wanted)
    else:
        print("nothing to change")
    return _told(args.name, connect.await_running(args.name))


def _status(connect: Connect, args: argparse.Namespace) -> int:
    status = connect.status(args.name)
    if status is None:
        findings = [wrong("connector", f"there is no {args.name}", "run endcap-backend connect apply")]
    else:
        findings = [_finding(args.name, status), *(each for each in connectors(connect) if args.name in each.says)]
    print(as_json(findings) if args.json else as_text(findings))
    return 0 if well(findings) else 1


def _restart(connect: Connect, args: argparse.Namespace) -> int:
    if connect.status(args.name) is None:
        raise EndcapError(f"there is no connector {args.name}")
    connect.restart(args.name)
    return _told(args.name, connect.await_running(args.name, patience_s=RESTART_S))


def _remove(connect: Connect, args: argparse.Namespace) -> int:
    print(f"{args.name} is gone" if connect.remove(args.name) else f"there was no {args.name}")
    return 0


def _told(name: str, status: Status) -> int:
    print(as_text([_finding(name, status)]))
    return 0 if status.runs else 1


def _finding(name: str, status: Status) -> Finding:
    if status.runs:
        return ok("connector", f"{name} runs, {len(status.tasks)} tasks")
    reasons = "; ".join(reason for _, reason in status.tasks if reason)
    states = ", ".join(state for state, _ in status.tasks) or "none"
    says = f"{name} is {status.state}, its tasks {states}" + (f": {reasons}" if reasons else "")
    return wrong("connector", says, "mend it and run endcap-backend connect restart")


def _wanted(args: argparse.Namespace) -> dict[str, str]:
    if args.config is not None:
        return _from_file(args.config)
    given = read_settings(Settings, argparse.Namespace(), os.environ)
    if args.ably_key_reference and not args.ably_key_reference.startswith("${"):
        raise BadConfig("--ably-key-reference", "is no reference such as '${file:…}'; a key itself has no switch")
    key = args.ably_key_reference or given.ably_key
    if not key:
        raise BadConfig("ably_key", "is not set; set ENDCAP_ABLY_KEY or say --ably-key-reference '${file:…}'")
    replication = {"errors.deadletterqueue.topic.replication.factor": str(args.replication)}
    return ably_sink(args.name) | endpoint_options(given.ably_endpoint) | replication | {"client.key": key}


def _from_file(path: Path) -> dict[str, str]:
    """A configuration, bare or as Connect's POST takes it, with name and config.

    Raises:
        BadConfig: it can't be read, or is none.
    """
    try:
        said = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as fault:
        raise BadConfig("--config", f"{path} can't be read: {fault}") from None
    config = said.get("config", said) if isinstance(said, dict) else None
    if not isinstance(config, dict) or "connector.class" not in config:
        raise BadConfig("--config", f"{path} is no connector's configuration: it needs connector.class")
    return {str(name): str(value) for name, value in config.items()}
