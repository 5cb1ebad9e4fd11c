from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from endcap.testing import ManualClock
from endcap_backend.app import create_app
from endcap_backend.config import Settings
from endcap_backend.log import Log, Record
from endcap_backend.retail.database import Database

SECRET = "a secret for tests, of forty-odd characters"
ABLY_KEY = "app.key:secret-of-the-tests-as-long-as-real-ones-are"
AGREED = {"purposes": ["location", "promotions", "analytics"], "text_version": "2026-11"}


@dataclass
class IdlePipeline:
    """A pipeline that reads nothing."""

    up: bool = True
    fault: Exception | None = None

    def ready(self) -> bool:
        if self.fault is not None:
            raise self.fault
        return self.up

    def stats(self) -> Mapping[str, float]:
        return {"match records": 7.0}


@dataclass
class Api:
    """The application over a log of its own, called in process; its clock stands still."""

    app: Flask
    log: Log
    database: Database
    clock: ManualClock
    settings: Settings
    pipeline: IdlePipeline
    session: dict[str, Any] = field(default_factory=dict)

    def call(self, method: str, path: str, body: Any = None, *, token: str | None = None, **more: Any) -> TestResponse:
        headers = dict(more.pop("headers", {}))
        bearer = self.session.get("token") if token is None else token
        if bearer:
            headers.setdefault("Authorization", f"Bearer {bearer}")
        if body is not None:
            more["json"] = body
        return self.app.test_client().open(path, method=method, headers=headers, **more)

    def post(self, path: str, body: Any = None, **more: Any) -> TestResponse:
        return self.call("POST", path, body, **more)

    def get(self, path: str, **more: Any) -> TestResponse:
        return self.call("GET", path, **more)

    def enter(self, *purposes: str) -> dict[str, Any]:
        """Begin a session, and act as its shopper from now on."""
        consent = {**AGREED, "purposes": list(purposes)} if purposes else AGREED
        answer = self.post("/v1/sessions", {"consent": consent}, token="")
        assert answer.status_code == 201, answer.text
        self.session = answer.get_json()
        return self.session

    @property
    def uid(self) -> str:
        return str(self.session["uid"])

    def records(self) -> list[Record]:
        return self.log.read(0, limit=100_000)


MakeApi = Callable[..., Api]


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """The database of a shop that has nothing; for all tests, since none of them writes to it."""
    with closing(Database(f"sqlite:///{tmp_path_factory.mktemp('shop')}/retail.db")) as database:
        yield database


@pytest.fixture
def make_api(tmp_path: Path, empty_database: Database) -> Iterator[MakeApi]:
    """Makes an application with the settings the test names; closes its log at the end."""
    logs: list[Log] = []

    def make_api(*, max_records: int = 100_000, database: Database = empty_database, **settings: Any) -> Api:
        clock = ManualClock()
        log = Log(tmp_path / f"log-{len(logs)}.db", clock=clock, max_records=max_records, min_free_bytes=0)
        logs.append(log)
        found = Settings(**{"data": tmp_path, "ably_key": ABLY_KEY, **settings})
        pipeline = IdlePipeline()
        app = create_app(found, log, database, SECRET, pipeline, clock=clock)
        return Api(app, log, database, clock, found, pipeline)

    yield make_api
    for log in logs:
        log.close()


@pytest.fixture
def api(make_api: MakeApi) -> Api:
    """An application in whose shop one shopper has agreed to everything."""
    api = make_api()
    api.enter()
    return api


@pytest.fixture
def a_location() -> Callable[..., dict[str, Any]]:
    """A fix as JSON, without uid; name what differs."""

    def a_location(**changes: Any) -> dict[str, Any]:
        location = {"latitude": 60.16952, "longitude": 24.93545, "id": "install:1", "taken_at": "2026-11-24T12:00:00Z"}
        return {**location, **changes}

    return a_location


@pytest.fixture
def an_event() -> Callable[..., dict[str, Any]]:
    """An event as JSON, without uid; name what differs."""

    def an_event(**changes: Any) -> dict[str, Any]:
        return {
            "id": "event-1",
            "kind": "enter",
            "occurred_at": "2026-11-24T12:00:00Z",
            "fence": "s1/coffee",
            **changes,
        }

    return an_event
