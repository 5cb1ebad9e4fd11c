"""The database behind the shop: SQLite in the data folder, or PostgreSQL by URL."""

from __future__ import annotations

import argparse
import logging
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from threading import Event, Lock
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, create_engine, event, insert, inspect, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, OperationalError
from sqlalchemy.orm import DeclarativeBase

from endcap.errors import BadConfig
from endcap_backend.datafolder import data_folder
from endcap_backend.retail.rewriting import rewrite
from endcap_backend.retail.schema import VERSION, Identity

SQLITE_FILE = "retail.db"  # in the data folder
DRIVERS = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg"}
FORMS = "it is postgresql://user:password@host:5432/name or sqlite:////path/to/file.db; left out: SQLite in --data"
BUSY_TIMEOUT_S = 30.0  # a large load holds SQLite's write lock for some seconds
CONNECTIONS = 15  # at most, and kept open: to open another for each transaction took four times as long with PostgreSQL
WORKERS_CONNECTIONS = 2  # a worker that decides uses one at a time, on one thread
ROWS = 500  # a statement: SQLite takes at most 32,766 variables


class Database:
    """Connections and transactions. Safe from any thread; several processes may open the same one.

    At most `connections` are open at once, and stay open; who comes when all are in use waits, 30 s at most.
    `changed` is set whenever a transaction of this process has committed.

    Raises:
        BadConfig: a URL that is none, or a database that can't be opened.
    """

    def __init__(self, url: str, *, connections: int = CONNECTIONS) -> None:
        self.url = parsed_url(url)
        self.connections = connections
        self.changed = Event()
        self._turn = Lock()  # of SQLite's writers here: waiting for each other at the file they would sleep too long
        self._sqlite = self.url.get_backend_name() == "sqlite"
        in_memory = self._sqlite and self.file is None  # one connection a thread: its pool counts none
        pool = {} if in_memory else {"pool_size": connections, "max_overflow": 0}
        self._engine = create_engine(self.url, **pool)
        if self._sqlite:
            event.listen(self._engine, "connect", _set_up_sqlite)
            event.listen(self._engine, "begin", _begin_sqlite)
        try:
            self._migrate()
        except OperationalError as fault:
            why = " ".join(str(fault.orig).split())  # libpq's take several lines
            raise BadConfig("database_url", f"{self._shown()} can't be opened: {why}; {FORMS}") from None

    @property
    def file(self) -> Path | None:
        """SQLite's file; None with PostgreSQL, and for a database in memory."""
        named = self.url.database
        return Path(named) if self._sqlite and named and named != ":memory:" else None

    @property
    def uuid(self) -> str:
        """Names this database for good."""
        with self.reading() as connection:
            return connection.execute(select(Identity.value).where(Identity.name == "uuid")).scalar_one()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection that sees one state of the database throughout."""
        with self._engine.connect() as connection:
            if not self._sqlite:  # whose transactions see one state anyway
                connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                yield connection

    @contextmanager
    def writing(self, *, keep: bool = True) -> Iterator[Connection]:
        """A transaction: committed on leaving, rolled back by an exception or without `keep`.

        On SQLite there is one at a time, over all processes.
        """
        with (
            self._turn if self._sqlite else nullcontext(),
            self._engine.connect() as connection,
            connection.execution_options(endcap_writes=True).begin() as transaction,
        ):
            yield connection
            if not keep:
                transaction.rollback()
        if keep:
            self.changed.set()

    @property
    def rewrites(self) -> bool:
        """Whether `fold` writes whole tables anew, which others wait for."""
        return not self._sqlite

    def fold(self, tables: Collection[type[DeclarativeBase]] = ()) -> bool:
        """See to it that what was deleted from `tables` is on disk no more; False when somebody was in the way.

        SQLite, which overwrites what it deletes, brings its journal into the file and cuts it to nothing. PostgreSQL
        writes the tables anew, and what it knows of their values, and lets go of its write-ahead log.
        """
        if not self._sqlite:
            return rewrite(self._engine, [each.__tablename__ for each in tables])
        with closing(self._engine.raw_connection()) as connection:
            busy, _, _ = connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return not busy

    def close(self) -> None:
        self._engine.dispose()

    def _migrate(self) -> None:
        with self.writing() as connection:
            if _version(connection) != VERSION:
                _upgrade(connection)
            if connection.execute(select(Identity.value).where(Identity.name == "uuid")).first() is None:
                connection.execute(insert(Identity).values(name="uuid", value=str(uuid4())))

    def _shown(self) -> str:
        return self.url.render_as_string(hide_password=True)


def _version(connection: Connection) -> str | None:
    """The last step of the migrations that was taken here."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _upgrade(connection: Connection) -> None:
    logging.getLogger("alembic").setLevel(logging.WARNING)  # it tells of each plugin it finds
    from alembic import command  # 0.2 s, and seldom needed
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "endcap_backend.retail:migrations")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def database_url(data: Path) -> str:
    """The SQLite database in a backend's data folder, which is made when it is missing.

    Raises:
        BadConfig: the folder can't be made.
    """
    with data_folder(data):
        return f"sqlite:///{(data / SQLITE_FILE).absolute()}"


def add_database_switches(parser: argparse.ArgumentParser) -> None:
    """`--data` and `--database-url`, for a command that works on the shop's database beside the backend."""
    parser.add_argument(
        "--data",
        type=Path,
        default=Path(os.environ.get("ENDCAP_DATA", "endcap-data")),
        metavar="DIR",
        help="the backend's data folder (ENDCAP_DATA, else endcap-data)",
    )
    parser.add_argument(
        "--database-url",
        type=_usable_url,
        default=os.environ.get("ENDCAP_DATABASE_URL", ""),
        metavar="URL",
        help="another database than the data folder's SQLite, such as postgresql://user:password@host:5432/name "
        "(better by ENDCAP_DATABASE_URL: a command line is seen by all)",
    )


def _usable_url(text: str) -> str:
    """What argparse reads a URL with, also that of the environment; an empty one is none."""
    try:
        if text:
            parsed_url(text)
    except BadConfig as fault:
        raise argparse.ArgumentTypeError(fault.reason) from None
    return text


def database_of(args: argparse.Namespace) -> str:
    """The URL of the database those switches name; raises as `database_url`."""
    return args.database_url or database_url(args.data)


def holds_shop(args: argparse.Namespace) -> bool:
    """Whether there is a database already where those switches look: always, with a URL."""
    return bool(args.database_url) or (args.data / SQLITE_FILE).exists()


def existing_database_of(args: argparse.Namespace) -> str:
    """As `database_of`, for a command that reads: a wrong folder must not look like a shop without anything.

    Raises:
        BadConfig: there is no shop in the data folder.
    """
    if not holds_shop(args):
        raise BadConfig("data", f"{args.data} holds no shop; name the backend's data folder with --data")
    return database_of(args)


def insertion(connection: Connection, table: type[DeclarativeBase]) -> Any:
    """An INSERT that may say what to do on a conflict, in the words of the database at hand."""
    return (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(table)


def upsert(connection: Connection, table: type[DeclarativeBase], rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert `rows`, or replace those whose primary key is there already; all rows have the same columns."""
    keys = [column.name for column in table.__table__.primary_key]
    for start in range(0, len(rows), ROWS):
        chunk = list(rows[start : start + ROWS])
        statement = insertion(connection, table)
        replaced = {name: statement.excluded[name] for name in chunk[0] if name not in keys}
        connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=replaced), chunk)


def lock_table(connection: Connection, table: type[DeclarativeBase]) -> None:
    """Keep other writers of `table` out until the transaction ends; on SQLite every transaction that writes does."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"LOCK TABLE {table.__tablename__} IN EXCLUSIVE MODE"))


def parsed_url(url: str) -> URL:
    """The URL of a database that can be used here.

    Raises:
        BadConfig: it is none; says what forms there are, and nothing of its password.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # the latter: a port that is no number
        raise BadConfig("database_url", f"is no URL of a database; {FORMS}") from None
    driver = DRIVERS.get(parsed.get_backend_name())
    if driver is None:
        raise BadConfig("database_url", f"{parsed.get_backend_name()}: is no database known here; {FORMS}")
    return parsed.set(drivername=driver)


def _set_up_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver's own BEGIN comes too late; `_begin_sqlite` sends it
    connection.execute(f"PRAGMA busy_timeout = {round(BUSY_TIMEOUT_S * 1000)}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA secure_delete = ON")  # what is erased must not stay readable in freed pages


def _begin_sqlite(connection: Connection) -> None:
    """Writers queue at the start: a transaction that read first could not become one that writes."""
    writes = connection.get_execution_options().get("endcap_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
