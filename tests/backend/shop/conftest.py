import json
import threading

import pytest

from endcap.testing import a_product
from endcap.transports.ably_batch import AblyOutcome
from endcap_backend.retail.catalogue import put_placements
from endcap_backend.retail.notices import Notices


class Board:
    """Where notices are published: keeps them, after the next of `answers` that says otherwise."""

    def __init__(self, *answers):
        self.heard = []
        self.came = threading.Event()
        self._answers = list(answers)

    def publish(self, items):
        answer = self._answers.pop(0) if self._answers else [None] * len(items)
        if isinstance(answer, Exception):
            raise answer
        self.heard += [item for item, fault in zip(items, answer, strict=False) if fault is None]
        self.came.set()
        return [AblyOutcome(item.channel, item.message_id, fault) for item, fault in zip(items, answer, strict=False)]

    def close(self):
        self._answers.clear()


@pytest.fixture
def shop(make_api, database):
    """An application over a database of its own, of each kind we run on; nobody has begun a session."""
    return make_api(database=database)


@pytest.fixture
def a_shelf():
    """Puts one product on a shelf of store s1."""

    def put(database):
        with database.writing() as connection:
            put_placements(connection, [a_product(stock=0)], 0)

    return put


@pytest.fixture
def a_board():
    """Makes one."""
    return Board


@pytest.fixture
def told():
    """What has gone to Ably, as (channel, name, data)."""

    def told(shop, publish=None):
        board = publish or Board()
        Notices(shop.database, board, clock=shop.clock).drain()
        return [(each.channel, each.name, json.loads(each.data_text)) for each in board.heard]

    return told
