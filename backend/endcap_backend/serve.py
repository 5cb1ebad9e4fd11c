"""`endcap-backend serve`: the log, the pipeline and the HTTP API in one process."""

from __future__ import annotations

import argparse
import json
import logging
import os
import signal
from collections.abc import Callable
from threading import Event

from endcap.clock import Clock, SystemClock
from endcap_backend.api.shoppers import Shoppers
from endcap_backend.api.tokens import AblyTokens
from endcap_backend.app import create_app
from endcap_backend.config import Settings
from endcap_backend.decide import Limits
from endcap_backend.decide.limits import QuietHours
from endcap_backend.log import Log
from endcap_backend.logs import set_up_logging
from endcap_backend.pipeline import Pipeline
from endcap_backend.pipeline.embedded import EmbeddedPipeline
from endcap_backend.pipeline.push import CAPABILITY, AblyPush
from endcap_backend.retail.database import Database, database_url
from endcap_backend.retail.feed import Feed
from endcap_backend.retention import Retention
from endcap_backend.secretfile import load_secret
from endcap_backend.server import HttpServer
from endcap_backend.settings import add_switches, read_settings
from endcap_backend.upkeep import Chore, Upkeep

log = logging.getLogger("endcap.serve")

EXPIRE_EVERY_S = 60.0
COMPACT_EVERY_S = 3600.0  # it reads the whole topic
PUSH_TOKEN_S = 3600.0

MakePipeline = Callable[[Settings, Log, Clock], Pipeline]


class Backend:
    """A running backend: listens from construction, works from `start` to `stop`.

    Raises:
        BadConfig, LogInUse, LogDamaged: it can't run; the message says what to do.
    """

    def __init__(self, settings: Settings, make_pipeline: MakePipeline, clock: Clock | None = None) -> None:
        clock = clock or SystemClock()
        self.log = Log(
            settings.log_path,
            durability="full" if settings.durability == "full" else "fast",
            clock=clock,
            max_records=settings.max_records,
            min_free_bytes=settings.min_free_mb * 1024 * 1024,
        )
        try:
            secret = load_secret(settings.secret, settings.data)
            self.pipeline = make_pipeline(settings, self.log, clock)
            app = create_app(settings, self.log, secret, self.pipeline, clock=clock)
            self._http = HttpServer(app, settings)
        except BaseException:
            self.log.close()
            raise
        retention = Retention.of(settings, self.log, clock)
        shoppers = Shoppers(self.log, clock, settings.refresh_days * 86_400)
        self._upkeep = Upkeep(
            [
                Chore("forgetting old records", EXPIRE_EVERY_S, retention.expire),
                Chore("forgetting replaced records", COMPACT_EVERY_S, retention.compact),
                Chore("forgetting ended sessions", EXPIRE_EVERY_S, shoppers.forget_ended),
            ],
            clock,
        )
        self.url = self._http.url

    def start(self) -> None:
        """Begin to answer; returns at once."""
        self.pipeline.start()
        self._upkeep.start()
        self._http.start()

    def stop(self) -> None:
        """Answer what was asked, finish what is in hand, close the log; within 10 s."""
        self._http.stop()
        self.pipeline.stop()
        self._upkeep.stop()
        self.log.close()


def create_backend(settings: Settings, clock: Clock | None = None) -> Backend:
    """The backend as an operator runs it: the match embedded, delivery to Ably when there is a key."""
    return Backend(settings, embedded, clock)


def embedded(settings: Settings, records: Log, clock: Clock) -> Pipeline:
    """The pipeline within this process."""
    quiet = QuietHours.parse(settings.quiet_hours, settings.timezone) if settings.quiet_hours else None
    limits = Limits(
        per_fix=settings.alerts_per_fix,
        per_visit=settings.alerts_per_visit,
        per_hour=settings.alerts_per_hour,
        per_day=settings.alerts_per_day,
        per_promotion=settings.alerts_per_promotion,
        cooldown_s=settings.alert_cooldown_s,
        alert_life_s=settings.alert_life_minutes * 60,
        quiet=quiet,
    )
    push = None
    if settings.ably_key:
        tokens = AblyTokens(settings.ably_key, clock)
        push = AblyPush(settings.ably_endpoint, lambda: tokens.issue(CAPABILITY, PUSH_TOKEN_S)[0])
    feed = Feed(Database(settings.database_url or database_url(settings.data)), records, clock=clock)
    return EmbeddedPipeline(records, push, feed=feed, limits=limits, clock=clock)


def configure(parser: argparse.ArgumentParser) -> None:
    parser.epilog = (
        "Prints one line of JSON with its address when it is ready. SIGTERM and Ctrl-C end it within 10 seconds."
    )
    add_switches(parser, Settings)


def run(args: argparse.Namespace) -> int:
    settings = read_settings(Settings, args, os.environ)
    set_up_logging(settings.log_level, settings.log_format)
    ending = Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda number, frame: ending.set())
    backend = create_backend(settings)
    backend.start()
    print(json.dumps({"http": backend.url}), flush=True)
    log.info("serving %s from %s", backend.url, settings.data)
    ending.wait()
    log.info("stopping")
    backend.stop()
    return 0
