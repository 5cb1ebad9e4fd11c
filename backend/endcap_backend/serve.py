"""`endcap-backend serve`: the log, the pipeline and the HTTP API in one process."""

from __future__ import annotations

import argparse
import json
import logging
import os
import signal
from collections.abc import Callable
from contextlib import ExitStack, closing
from threading import Event

from endcap.clock import Clock, SystemClock
from endcap_backend.api.erasure import Erasure
from endcap_backend.api.shoppers import Shoppers
from endcap_backend.app import create_app
from endcap_backend.config import Settings
from endcap_backend.log import Log
from endcap_backend.logs import set_up_logging
from endcap_backend.pipeline import Pipeline
from endcap_backend.retail.database import Database, database_url
from endcap_backend.retail.day_secrets import DaySecrets
from endcap_backend.retail.loyalty import expire_points
from endcap_backend.retail.refresh import LOOK_EVERY_S, Refresh
from endcap_backend.retention import Retention
from endcap_backend.secretfile import load_secret
from endcap_backend.server import HttpServer
from endcap_backend.settings import add_switches, read_settings
from endcap_backend.upkeep import Chore, Upkeep
from endcap_backend.wiring import make_pipeline

log = logging.getLogger("endcap.serve")

EXPIRE_EVERY_S = 600.0  # it empties the journal, which takes up to some tenths of a second
ERASE_EVERY_S = 5.0
COMPACT_EVERY_S = 3600.0  # it reads the whole topic

MakePipeline = Callable[[Settings, Log, Database, Clock], Pipeline]


class Backend:
    """A running backend: listens from construction, works from `start` to `stop`.

    Raises:
        BadConfig, LogInUse, LogDamaged: it can't run; the message says what to do.
    """

    def __init__(self, settings: Settings, make_pipeline: MakePipeline, clock: Clock | None = None) -> None:
        clock = clock or SystemClock()
        with ExitStack() as opened:
            self.log = opened.enter_context(closing(_open_log(settings, clock)))
            secret = load_secret(settings.secret, settings.data)
            url = settings.database_url or database_url(settings.data)
            self._database = opened.enter_context(closing(Database(url)))
            self.pipeline = make_pipeline(settings, self.log, self._database, clock)
            app = create_app(settings, self.log, self._database, secret, self.pipeline, clock=clock)
            self._http = HttpServer(app, settings)
            self._upkeep = Upkeep(self._chores(settings, clock), clock)
            self._opened = opened.pop_all()
        self.url = self._http.url

    def start(self) -> None:
        """Begin to answer; returns at once."""
        self.pipeline.start()
        self._upkeep.start()
        self._http.start()

    def stop(self) -> None:
        """Answer what was asked, finish what is in hand, close the log; within 10 s. Idempotent."""
        self._http.stop()
        self.pipeline.stop()
        self._upkeep.stop()
        self._opened.close()

    def waiting(self) -> int:
        """Requests that wait for a thread."""
        return self._http.waiting()

    def _chores(self, settings: Settings, clock: Clock) -> list[Chore]:
        retention = Retention.of(settings, self.log, clock)
        shoppers = Shoppers(self.log, clock, settings.refresh_days * 86_400)
        secrets = DaySecrets(self._database, settings.timezone)
        refresh = Refresh(self._database, clock)
        again = [Chore("refreshing promotions", LOOK_EVERY_S, refresh.look)] if settings.pipeline != "embedded" else []
        return [
            *again,
            Chore("forgetting old records", EXPIRE_EVERY_S, retention.expire),
            Chore("forgetting replaced records", COMPACT_EVERY_S, retention.compact),
            Chore("erasing", ERASE_EVERY_S, Erasure(self.log, self._database, clock).sweep),
            Chore("expiring points", EXPIRE_EVERY_S, lambda: expire_points(self._database, clock)),
            Chore("destroying old days' secrets", EXPIRE_EVERY_S, lambda: secrets.forget_old(clock)),
            Chore("forgetting ended sessions", EXPIRE_EVERY_S, shoppers.forget_ended),
        ]


def create_backend(settings: Settings, clock: Clock | None = None) -> Backend:
    """The backend as an operator runs it."""
    return Backend(settings, make_pipeline, clock)


def _open_log(settings: Settings, clock: Clock) -> Log:
    return Log(
        settings.log_path,
        durability="full" if settings.durability == "full" else "fast",
        clock=clock,
        max_records=settings.max_records,
        min_free_bytes=settings.min_free_mb * 1024 * 1024,
    )


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
