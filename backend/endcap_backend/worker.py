"""`endcap-backend worker`: match, decide and deliver on Kafka. Any number of them share the load."""

from __future__ import annotations

import argparse
import json
import logging
import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from threading import Event

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from endcap.clock import Clock, SystemClock
from endcap.errors import BadConfig, EndcapError
from endcap_backend.commands import PORTS, whole_from
from endcap_backend.config import Settings
from endcap_backend.logs import set_up_logging
from endcap_backend.pipeline.kafka import KafkaSettings
from endcap_backend.pipeline.stages.decide import decide_stage
from endcap_backend.pipeline.stages.deliver import BridgeStage
from endcap_backend.pipeline.stages.match import match_stage
from endcap_backend.pipeline.stages.parity import parity_stage
from endcap_backend.pipeline.stages.route import route_stage
from endcap_backend.pipeline.stages.stage import Stage
from endcap_backend.retail.database import SQLITE_FILE, WORKERS_CONNECTIONS, Database, database_url
from endcap_backend.settings import add_switches, read_settings, settings_of
from endcap_backend.wiring import ably_push, learning_of, limits_of, pseudonyms_of

log = logging.getLogger("endcap.worker")

WORKS = ("match", "decide", "deliver")
LOOK_S = 0.2  # how soon it is seen that a stage has given up
SETTINGS = {  # those of `serve` that matter here
    each.name
    for each in settings_of(Settings)
    if each.name.startswith(("alert", "ably_", "kafka_", "log_", "loyalty_"))
    or each.name in ("quiet_hours", "timezone", "currency", "help_after_s", "held_out_percent", "data", "database_url")
}


class WorkerStopped(EndcapError):
    """A stage has given up, so the worker ends: whoever watches it starts another."""


class Worker:
    """The stages of one process, each on a thread of its own, and their figures; it closes the shop's `database`."""

    def __init__(self, stages: Sequence[Stage], database: Database | None = None) -> None:
        self.stages = stages
        self._database = database

    def start(self) -> None:
        for stage in self.stages:
            stage.start()

    def stop(self) -> None:
        for stage in self.stages:
            stage.stopping.set()
        for stage in self.stages:
            stage.stop()
        if self._database is not None:
            self._database.close()

    def ready(self) -> bool:
        return all(stage.ready() for stage in self.stages)

    def stats(self) -> Mapping[str, float]:
        """By `<stage> <what>`."""
        return {f"{stage.name} {name}": value for stage in self.stages for name, value in stage.stats().items()}

    def run(self, ending: Event, clock: Clock) -> None:
        """Until `ending` is set.

        Raises:
            WorkerStopped: a stage has given up.
        """
        while not clock.wait(ending, LOOK_S):
            for stage in self.stages:
                if not stage.alive():
                    raise WorkerStopped(f"{stage.name} has given up: {stage.trouble}")


def make_worker(
    works: Sequence[str], settings: Settings, kafka: KafkaSettings, *, parity: bool = False, clock: Clock | None = None
) -> Worker:
    """The stages of these works.

    Raises:
        BadConfig: there is no Ably key, but something to deliver; or the shop's database can't be opened.
    """
    clock = clock or SystemClock()
    if "deliver" in works and not settings.ably_key:
        raise BadConfig("ably_key", "is needed to deliver; set ENDCAP_ABLY_KEY, or leave deliver to other workers")
    stages: list[Stage] = []
    database: Database | None = None
    if "match" in works:
        stages += [parity_stage(kafka)] if parity else [route_stage(kafka), match_stage(kafka, clock)]
    if "decide" in works:
        database = shop_database(settings)
        stages.append(_deciding(settings, kafka, database, clock))
    if "deliver" in works:
        stages.append(BridgeStage(kafka, ably_push(settings, clock), clock))
    return Worker(stages, database)


def _deciding(settings: Settings, kafka: KafkaSettings, database: Database | None, clock: Clock) -> Stage:
    if database is None:
        log.warning(
            "no shop's database: lists, coupons, cards and the terms of promotions are not known, what is for members "
            "is told to everybody, and nobody is told whose fixes come under a name of the day; name it with --data or "
            "ENDCAP_DATABASE_URL"
        )
    return decide_stage(
        kafka,
        limits_of(settings),
        clock,
        learning=None if database is None else learning_of(settings, database, clock),
        held_out=settings.held_out_percent / 100,
        currency=settings.currency,
        pseudonyms=None if database is None else pseudonyms_of(settings, database, clock),
    )


def shop_database(settings: Settings) -> Database | None:
    """The shop's database, by its URL or in the backend's data folder; None when there is neither.

    Raises:
        BadConfig: there is one, but it can't be opened.
    """
    if settings.database_url:
        return Database(settings.database_url, connections=WORKERS_CONNECTIONS)
    if not (settings.data / SQLITE_FILE).exists():
        return None
    return Database(database_url(settings.data), connections=WORKERS_CONNECTIONS)


class _Standing(Collector):
    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    def collect(self) -> Iterator[Metric]:
        gauge = GaugeMetricFamily("endcap_pipeline", "What the stages say of themselves", labels=["stat"])
        for name, value in self._worker.stats().items():
            gauge.add_metric([name], value)
        yield gauge


def configure(parser: argparse.ArgumentParser) -> None:
    parser.epilog = (
        "Prints one line of JSON when it reads its topics. SIGTERM and Ctrl-C end it; others take over at once, and "
        "within 6 seconds when it is killed."
    )
    parser.add_argument("works", nargs="*", metavar="WORK", help=f"what to do: {', '.join(WORKS)} (default: all)")
    parser.add_argument(
        "--mode",
        choices=("product", "parity"),
        default="product",
        help="match: the product's rows, or ksqlDB's for the seed's statements (default: product)",
    )
    parser.add_argument("--metrics-host", default="127.0.0.1", help="address of /metrics (default: 127.0.0.1)")
    parser.add_argument(
        "--metrics-port", type=whole_from(*PORTS), default=0, help="port of /metrics (default: a free one)"
    )
    add_switches(parser, Settings, SETTINGS)


def run(args: argparse.Namespace) -> int:
    settings = read_settings(Settings, args, os.environ)
    set_up_logging(settings.log_level, settings.log_format)
    works = _works(args)
    kafka = KafkaSettings.from_env(bootstrap_servers=settings.kafka_bootstrap_servers)
    clock = SystemClock()
    worker = make_worker(works, settings, kafka, parity=args.mode == "parity", clock=clock)
    ending = Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda number, frame: ending.set())
    registry = CollectorRegistry()
    registry.register(_Standing(worker))
    try:
        server, thread = start_http_server(args.metrics_port, args.metrics_host, registry)
    except OSError as fault:
        raise BadConfig("--metrics-port", f"{args.metrics_port} can't be listened on: {fault.strerror}") from None
    worker.start()
    try:
        _say_when_ready(worker, ending, clock, f"http://{args.metrics_host}:{server.server_port}/metrics")
        worker.run(ending, clock)
    finally:
        worker.stop()
        server.shutdown()
        server.server_close()
        thread.join()
    return 0


def _works(args: argparse.Namespace) -> Sequence[str]:
    works = args.works or WORKS
    for each in works:
        if each not in WORKS:
            raise BadConfig("WORK", f"{each!r} is none of {', '.join(WORKS)}")
    if args.mode == "parity" and list(works) != ["match"]:
        raise BadConfig("--mode", "parity is for match alone: its rows name no shopper to tell; say: worker match")
    return works


def _say_when_ready(worker: Worker, ending: Event, clock: Clock, metrics: str) -> None:
    while not worker.ready() and not clock.wait(ending, LOOK_S):
        for stage in worker.stages:
            if not stage.alive():
                return
    if not ending.is_set():
        print(json.dumps({"stages": [stage.name for stage in worker.stages], "metrics": metrics}), flush=True)
