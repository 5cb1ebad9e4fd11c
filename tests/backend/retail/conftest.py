import json
from contextlib import closing

import pytest

from endcap_backend.__main__ import main
from endcap_backend.log import Log
from endcap_backend.retail.database import Database, database_url
from endcap_backend.retail.feed import Feed

SHELVES = """SKU,segment,lat,lon,store,section,name,price,stock
9001,coffee,60.16952,24.93545,s1,Coffee,Dark roast 500 g,6.90,12
9002,coffee,60.16953,24.93546,s1,Coffee,"Filter, light",4.50,
9003,tea,60.16954,24.93547,s1,Tea,Green tea,3.20,0
"""
PROMOTIONS = """pid,segment,SKU,title,discount,starts_at,ends_at
p1,coffee,9001,20 % off dark roast,20,2026-11-23T00:00:00Z,2026-11-30T00:00:00Z
p2,tea,,Tea week,10,,
"""


@pytest.fixture
def shelves(tmp_path):
    path = tmp_path / "shelves.csv"
    path.write_text(SHELVES)
    return path


@pytest.fixture
def promotions(tmp_path):
    path = tmp_path / "promotions.csv"
    path.write_text(PROMOTIONS)
    return path


@pytest.fixture
def a_file(tmp_path):
    """Writes text, bytes or a JSON value to a file of that name."""

    def write(name, content):
        path = tmp_path / name
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    return write


@pytest.fixture
def feed_into_log():
    """Moves what waits in a data folder's outbox into its log, and gives back all the log holds."""

    def feed(data):
        with closing(Log(data / "log.db")) as log, closing(Database(database_url(data))) as database:
            Feed(database, log).drain()
            return log.read(0, 10_000)

    return feed


@pytest.fixture
def data(tmp_path, feed_into_log):
    """The data folder of a backend that ran before and is stopped."""
    folder = tmp_path / "data"
    feed_into_log(folder)
    return folder


@pytest.fixture
def load(data, capsys):
    """Runs the command on the data folder; its exit status, standard output and standard error."""

    def run(*arguments):
        status = main(["load", "--data", str(data), *map(str, arguments)])
        said = capsys.readouterr()
        return status, said.out, said.err

    return run

    return run


@pytest.fixture
def log(tmp_path):
    log = Log(tmp_path / "log.db")
    yield log
    log.close()
