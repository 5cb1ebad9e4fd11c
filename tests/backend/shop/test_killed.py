"""A hundred times killed between a change's commit and its topic: each change reaches the topic once, in order."""

import json
import subprocess
import sys
from contextlib import closing

from endcap.messages import StoreProduct
from endcap_backend.log import Log
from endcap_backend.retail.feed import Feed

ROUNDS = {"sqlite": 100, "postgresql+psycopg": 25}  # where each death costs a connection

# A process that forks one child after the other, since a new interpreter each time would take a minute and more. Each
# child is a backend that commits a change of stock and feeds it, until it kills itself at one of these steps.
DYING = """
import json, os, random, sys
from pathlib import Path
from sqlalchemy import select
from endcap.testing import a_product
from endcap_backend.log import Log
from endcap_backend.retail.catalogue import put_placements
from endcap_backend.retail.database import Database
from endcap_backend.retail.feed import Feed
from endcap_backend.retail.schema import Placement
from endcap_backend.retail.stock import StockLevel, put_stock

folder, url, rounds = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
STEPS = ("in the transaction", "after the commit", "before the append", "after the append", "after the delete")

def die():
    os.kill(os.getpid(), 9)

class DyingFeed(Feed):
    step = ""

    def _move(self, batch):
        if self.step == "before the append":
            die()
        if self.step == "after the append":
            self._database.writing = die
        super()._move(batch)
        if self.step == "after the delete":
            die()

def live_and_die(step, stock):
    database, log = Database(url), Log(folder / "log.db")
    feed = DyingFeed(database, log)
    with database.writing() as connection:
        put_stock(connection, [StockLevel(9001, stock, "s1")], 0)
        if step == "in the transaction":
            die()
    if step == "after the commit":
        die()
    feed.step = step
    feed.drain()

luck = random.Random(7)
committed = []
for stock in range(1, rounds + 1):
    step = luck.choice(STEPS)
    child = os.fork()
    if child == 0:
        live_and_die(step, stock)
        os._exit(3)  # it has not died where it should have
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == 9, (step, status)
    if step != "in the transaction":
        committed.append(stock)
print(json.dumps(committed))
"""


def test_nothing_is_lost_and_nothing_doubled_whenever_it_dies(database, url, tmp_path, a_shelf):
    with closing(Log(tmp_path / "log.db")) as log:
        Feed(database, log).drain()
        a_shelf(database)
        Feed(database, log).drain()
        before = log.end()
    rounds = ROUNDS[database.url.drivername]
    database.close()
    ran = subprocess.run(
        [sys.executable, "-c", DYING, str(tmp_path), url, str(rounds)], capture_output=True, text=True, timeout=120
    )
    assert ran.returncode == 0, ran.stderr
    committed = json.loads(ran.stdout)
    assert rounds / 2 < len(committed) < rounds
    with closing(Log(tmp_path / "log.db")) as log:
        Feed(database, log).drain()
        told = [StoreProduct.from_text(each.value).stock for each in log.read(before, 1000)]
    assert told == committed
