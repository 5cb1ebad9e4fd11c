"""`endcap-backend flink`: submit the match to Flink, look at it, or end it."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
import textwrap
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from endcap.errors import BadConfig
from endcap.messages import NEARBY_CUSTOMERS, VALID_PROMOTIONS
from endcap_backend.match.engine import SOURCE_TOPICS
from endcap_backend.match.flink.gateway import SqlGateway
from endcap_backend.match.flink.job import cancel, running, script, stop, submit, upgrade
from endcap_backend.match.flink.local import job_id, submit_by_pyflink, wait_for
from endcap_backend.match.flink.settings import FlinkSettings
from endcap_backend.match.flink.statements import flink_statements
from endcap_backend.match.statements import Statement
from endcap_backend.pipeline.cluster.switches import add_kafka, kafka_settings
from endcap_backend.pipeline.kafka import KafkaProducer, KafkaSettings
from endcap_backend.pipeline.stages.reading import partitions_of
from endcap_backend.pipeline.stages.topics import ensure_topics
from endcap_backend.settings import add_switches, read_settings

ABOUT = """
Submits the match as one Flink SQL job: customers_locations, stores_products and products_promotions in,
NEARBY_CUSTOMERS out (and VALID_PROMOTIONS, in the grid's and the seed's form). The first three must be there
(`endcap-backend apply` makes them); what comes out is made when it is missing.

--gateway needs nothing but the address of Flink's SQL gateway, whose cluster has the Kafka connector in its lib folder.
--cluster and --local submit by PyFlink (pip install 'endcap[flink]', 828 MB) and take the connector along.

Prints {"job", "name"} once the job is submitted; --local then runs until Ctrl-C. --stop ends the job with a savepoint
and prints {"savepoint"}, from which --resume goes on without a row lost or doubled; --upgrade does both at once.
"""
CONNECTOR_VARIABLE = "ENDCAP_FLINK_CONNECTOR"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = textwrap.dedent(ABOUT).strip()
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--gateway", metavar="URL", help="submit through a SQL gateway, such as http://flink:8083")
    where.add_argument("--cluster", metavar="HOST:PORT", help="submit to a session cluster at its REST address")
    where.add_argument("--local", action="store_true", help="run on a small cluster inside this process, until Ctrl-C")
    where.add_argument("--dry-run", action="store_true", help="print the statements, without the login, and end")
    act = parser.add_mutually_exclusive_group()
    act.add_argument(
        "--status", action="store_true", help="with --gateway: what runs under the name; status 1 if nothing"
    )
    act.add_argument("--stop", action="store_true", help="with --gateway: end the job with a savepoint")
    act.add_argument("--cancel", action="store_true", help="with --gateway: end the job as it is")
    act.add_argument(
        "--upgrade",
        action="store_true",
        help="with --gateway: end the job with a savepoint and start it from there as it is to be now",
    )
    parser.add_argument("--resume", metavar="URL", default="", help="go on from this savepoint or checkpoint")
    parser.add_argument(
        "--no-topics",
        action="store_true",
        help="leave the topics alone: Flink reaches Kafka, and this machine does not",
    )
    parser.add_argument(
        "--connector",
        metavar="JAR",
        default=os.environ.get(CONNECTOR_VARIABLE, ""),
        help=f"flink-sql-connector-kafka's jar, for --cluster and --local ({CONNECTOR_VARIABLE})",
    )
    add_kafka(parser)
    add_switches(parser, FlinkSettings)


def run(args: argparse.Namespace) -> int:
    settings = read_settings(FlinkSettings, args, os.environ)
    for act in ("status", "stop", "cancel", "upgrade"):
        if getattr(args, act) and not args.gateway:
            raise BadConfig(f"--{act}", "needs --gateway; a job of --local ends with Ctrl-C")
    if args.status or args.stop or args.cancel:
        return _look_or_end(args, settings)
    kafka = kafka_settings(args, os.environ)
    options = settings.job_options() | ({"execution.state-recovery.path": args.resume} if args.resume else {})
    if args.dry_run:
        print(script(flink_statements(kafka.client_config(), settings, show_secrets=False), options))
        return 0
    statements = flink_statements(kafka.client_config(), settings)
    if not args.no_topics:
        _see_to_topics(kafka, settings)
    if args.gateway:
        return _by_gateway(args, statements, options, settings)
    return _by_pyflink(args, statements, options, settings)


def _see_to_topics(kafka: KafkaSettings, settings: FlinkSettings) -> None:
    """Make the match's own topics where they are missing; the shop's must be there, and keep positions a day."""
    KafkaProducer(kafka)  # says in words when no broker answers
    outputs = (NEARBY_CUSTOMERS,) if settings.flink_form == "product" else (VALID_PROMOTIONS, NEARBY_CUSTOMERS)
    sources, made = ([settings.flink_topic_prefix + topic for topic in topics] for topics in (SOURCE_TOPICS, outputs))
    found = partitions_of(kafka, sources)
    for topic in sources:
        if topic not in found:
            raise BadConfig(topic, "is no topic of this cluster; `endcap-backend apply` makes it")
    ensure_topics(kafka, made)


def _look_or_end(args: argparse.Namespace, settings: FlinkSettings) -> int:
    name = settings.flink_name
    with SqlGateway(args.gateway, _savepoints(settings)) as gateway:
        if args.stop:
            _tell({"savepoint": stop(gateway, name), "name": name})
        elif args.cancel:
            _tell({"job": cancel(gateway, name), "name": name})
        else:
            found = running(gateway, name)
            for job in found:
                _tell({"job": job.id, "name": name, "status": job.status})
            return 0 if found else 1
    return 0


def _by_gateway(
    args: argparse.Namespace, statements: Sequence[Statement], options: dict[str, str], settings: FlinkSettings
) -> int:
    name = settings.flink_name
    with SqlGateway(args.gateway, options | _savepoints(settings)) as gateway:
        if args.upgrade:
            job, savepoint = upgrade(gateway, statements, name)
            _tell({"job": job, "name": name, "savepoint": savepoint})
        else:
            _tell({"job": submit(gateway, statements, name), "name": name})
    return 0


def _savepoints(settings: FlinkSettings) -> dict[str, str]:
    folder = settings.flink_checkpoint_dir
    return {"execution.checkpointing.savepoint-dir": f"{folder}/savepoints"} if folder else {}


def _by_pyflink(
    args: argparse.Namespace, statements: Sequence[Statement], options: dict[str, str], settings: FlinkSettings
) -> int:
    if not args.connector:
        raise BadConfig("--connector", f"is needed: the Kafka connector's jar; or set {CONNECTOR_VARIABLE}")
    if args.local and not settings.flink_checkpoint_dir:
        folder = tempfile.mkdtemp(prefix="endcap-flink-")
        print(f"checkpoints go to {folder}; --flink-checkpoint-dir says where else", file=sys.stderr)
        options |= replace(settings, flink_checkpoint_dir=f"file://{folder}").job_options()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    print("starting Flink (some ten seconds) ...", file=sys.stderr, flush=True)
    result = submit_by_pyflink(statements, options, Path(args.connector), args.cluster or "")
    _tell({"job": job_id(result), "name": settings.flink_name})
    if args.local:
        try:
            wait_for(result)
        except KeyboardInterrupt:
            return 0
    return 0


def _tell(facts: dict[str, str]) -> None:
    print(json.dumps(facts), flush=True)
