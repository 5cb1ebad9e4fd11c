"""PostgreSQL's tables written anew after an erasure: what is in use waits, and what may not be done is said."""

from contextlib import closing

import psycopg
from sqlalchemy import text

from endcap_backend.retail.database import Database
from endcap_backend.retail.personal import TABLES

MISSING = "give the backend's account pg_checkpoint, and EXECUTE on pg_switch_wal()"


def test_a_table_that_somebody_uses_is_tried_again_later(postgresql, caplog):
    with closing(Database(postgresql())) as database:
        with database.writing() as connection:
            connection.execute(text("LOCK TABLE clips IN ACCESS SHARE MODE"))
            assert not database.fold(TABLES)
        assert "could not be written anew, and is tried again: LockNotAvailable" in caplog.text
        assert database.fold(TABLES)


def test_an_account_that_may_not_cut_the_write_ahead_log_is_told_what_it_lacks(postgresql, caplog):
    url = postgresql()
    server, _, name = url.rpartition("/")
    keeper = f"keeper_of_{name}"
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute(f"CREATE ROLE {keeper} LOGIN")
        admin.execute(f"ALTER DATABASE {name} OWNER TO {keeper}")
        admin.execute(f"GRANT ALL ON SCHEMA public TO {keeper}")
    with closing(Database(f"{server.replace('endcap@', f'{keeper}@')}/{name}")) as database:
        assert database.fold(TABLES)
    assert MISSING in caplog.text
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute(f"GRANT pg_checkpoint TO {keeper}")
        admin.execute(f"GRANT EXECUTE ON FUNCTION pg_switch_wal() TO {keeper}")
        caplog.clear()
        with closing(Database(f"{server.replace('endcap@', f'{keeper}@')}/{name}")) as database:
            assert database.fold(TABLES)
    assert caplog.messages == []
