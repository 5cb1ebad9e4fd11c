"""PostgreSQL's files after an erasure: a deleted row stays in them until its table is written anew."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError, OperationalError

log = logging.getLogger("endcap.api")

PATIENCE = "5s"  # for a table that somebody uses; whoever comes after us waits as long
STATISTICS = "pg_statistic"  # holds values that are frequent in a column, such as the uid of who bought much


def rewrite(engine: Engine, tables: Sequence[str]) -> bool:
    """Write these tables and their indexes anew, and let go of the write-ahead log; False when one was in use.

    `VACUUM` alone would leave the bytes of a deleted row in its page. Each table is locked while it is written: some
    seconds a million rows.
    """
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        try:
            connection.execute(text(f"SET lock_timeout = '{PATIENCE}'"))
            for table in tables:
                connection.execute(text(f"VACUUM (FULL, ANALYZE) {table}"))
            if tables:
                connection.execute(text(f"VACUUM (FULL) {STATISTICS}"))
        except OperationalError as fault:
            log.warning("a table could not be written anew, and is tried again: %s", type(fault.orig).__name__)
            return False
        finally:
            connection.execute(text("RESET lock_timeout"))
        _let_go_of_the_log(connection)
    return True


def _let_go_of_the_log(connection: Connection) -> None:
    """Begin a new file of the write-ahead log, and have the server remove those before."""
    try:
        connection.execute(text("SELECT pg_switch_wal()"))
        connection.execute(text("CHECKPOINT"))
    except DBAPIError:
        log.warning(
            "what was erased stays in PostgreSQL's write-ahead log until the server goes on by itself: give the "
            "backend's account pg_checkpoint, and EXECUTE on pg_switch_wal()"
        )
    if connection.execute(text("SHOW wal_recycle")).scalar_one() == "on":
        log.warning("PostgreSQL keeps old files of its write-ahead log for use anew: set wal_recycle = off")
