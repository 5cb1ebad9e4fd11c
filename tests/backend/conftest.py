import os
import pwd
import random
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest
from flask import Flask
from werkzeug.test import TestResponse

from endcap.testing import ManualClock
from endcap_backend.api.roles import Role
from endcap_backend.app import create_app
from endcap_backend.config import Settings
from endcap_backend.log import Log, Record
from endcap_backend.retail.database import Database, database_url
from endcap_backend.retail.staff import Staff
from endcap_devkit.ports import free_port

SECRET = "a secret for tests, of forty-odd characters"
ABLY_KEY = "app.key:secret-of-the-tests-as-long-as-real-ones-are"
PASSWORD = "correct horse battery"
NUMBERS = count(1)
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
    tokens: dict[str, str] = field(default_factory=dict)  # of those a test goes between

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

    def work_as(self, role: str, name: str = "") -> dict[str, Any]:
        """Sign in as somebody of the shop in that role, who gets an account, and act so from now on."""
        name = name or f"{role}-1"
        staff = Staff(self.database, self.clock)
        if name not in {each.name for each in staff.accounts()}:
            staff.add(name, Role(role), PASSWORD)
        answer = self.post("/v1/staff/sessions", {"name": name, "password": PASSWORD}, token="")
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


@pytest.fixture(scope="session")
def postgresql():
    """A PostgreSQL server of our own on a free port: the way to make a database on it, and its `folder`."""
    with tempfile.TemporaryDirectory(prefix="endcap-postgresql-") as folder:
        port = free_port()
        _run_as_postgres(folder, "initdb", "-D", f"{folder}/data", "-U", "endcap", "--auth=trust", "--no-sync")
        _run_as_postgres(
            folder, "pg_ctl", "-D", f"{folder}/data", "-w", "-l", f"{folder}/log",
            "-o", f"-h 127.0.0.1 -p {port} -k {folder} -c fsync=off -c max_connections=200 -c wal_recycle=off", "start",
        )  # fmt: skip

        def new_database():
            name = f"shop{next(NUMBERS)}"
            server = f"postgresql://endcap@127.0.0.1:{port}"
            with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
                connection.execute(f"CREATE DATABASE {name}")
            return f"{server}/{name}"

        new_database.folder = Path(folder, "data")
        yield new_database
        _run_as_postgres(folder, "pg_ctl", "-D", f"{folder}/data", "-m", "immediate", "stop")


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    """The URL of an empty database, of each kind we run on."""
    if request.param == "sqlite":
        return database_url(tmp_path)
    return request.getfixturevalue("postgresql")()


@pytest.fixture
def database(url):
    database = Database(url)
    yield database
    database.close()


def _run_as_postgres(folder, program, *arguments):
    """PostgreSQL refuses to run as root: then its own user does it."""
    found = shutil.which(program) or str(max(Path("/usr/lib/postgresql").glob(f"*/bin/{program}")))
    drop = {}
    if os.getuid() == 0:
        user = pwd.getpwnam("postgres")
        os.chown(folder, user.pw_uid, user.pw_gid)
        drop = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    ran = subprocess.run(
        [found, *arguments], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **drop
    )
    assert ran.returncode == 0, ran.stdout


class Soil(NamedTuple):
    """Statements that leave deleted names in the unused part of SQLite's pages, a transaction each, and the names."""

    rounds: list[list[str]]
    deleted: set[str]
    kept: set[str]

    def left_in(self, *paths: Path) -> list[str]:
        """The deleted names that a file holds."""
        found = b"".join(path.read_bytes() for path in paths)
        return [name for name in self.deleted if name.encode() in found]


@pytest.fixture
def soil() -> Soil:
    chance = random.Random(5)
    kept: set[str] = set()
    deleted: set[str] = set()
    rounds = [["CREATE TABLE moved (name TEXT PRIMARY KEY, note TEXT) WITHOUT ROWID"]]
    for _ in range(12):
        names = [f"{chance.getrandbits(128):032x}" for _ in range(250)]
        going = [name for name in sorted(kept | set(names)) if chance.random() < 0.3]
        rounds.append([f"INSERT INTO moved VALUES ('{name}', '{'n' * chance.randrange(120)}')" for name in names])
        rounds[-1] += [f"DELETE FROM moved WHERE name = '{name}'" for name in going]
        kept = (kept | set(names)) - set(going)
        deleted.update(going)
    return Soil(rounds, deleted, kept)
