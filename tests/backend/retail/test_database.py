"""Connections to the shop's database: how many a process has at most, which an operator reckons with."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from threading import Barrier

import pytest
from sqlalchemy import text

from endcap_backend.config import Settings
from endcap_backend.retail.database import CONNECTIONS, WORKERS_CONNECTIONS, Database
from endcap_backend.worker import shop_database

THREADS = 8
OPEN = text("SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database()")


@pytest.fixture
def on_postgresql(postgresql):
    return postgresql()


def opened_by_threads(database):
    """How many connections to this database the server saw at most, when some threads read at once."""
    together = Barrier(THREADS)

    def read(_):
        together.wait(30)
        with database.reading() as connection:
            return connection.execute(OPEN).scalar_one()

    with ThreadPoolExecutor(THREADS) as threads:
        return max(threads.map(read, range(THREADS)))


def test_a_process_opens_no_more_connections_than_it_was_given(on_postgresql):
    with closing(Database(on_postgresql, connections=2)) as database:
        assert opened_by_threads(database) <= 2


def test_a_worker_has_fewer_connections_than_a_backend(on_postgresql):
    with closing(shop_database(Settings(database_url=on_postgresql))) as database:
        assert database.connections == WORKERS_CONNECTIONS
        assert opened_by_threads(database) <= WORKERS_CONNECTIONS < CONNECTIONS
