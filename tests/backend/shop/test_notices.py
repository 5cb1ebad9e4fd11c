"""What is to be told of calls and orders: kept, published in order on Ably, and let go when nobody can hear it."""

import httpx
import pytest

from endcap.clock import SystemClock
from endcap.errors import Refused, Unreachable
from endcap.transports.ably_batch import AblyBatch
from endcap.wire import epoch_ms
from endcap_backend.api.tokens import AblyTokens
from endcap_backend.pipeline.push import CAPABILITY
from endcap_backend.retail.notices import Notices, notify


def put(database, *channels, at_ms=0):
    with database.writing() as connection:
        for channel in channels:
            notify(connection, "ann", channel, "help", {"n": channel}, at_ms)


@pytest.fixture
def now_ms(shop):
    return epoch_ms(shop.clock.now())


def test_while_ably_is_away_notices_wait_and_then_go_in_order(shop, now_ms, a_board):
    put(shop.database, "a", "b", "c", at_ms=now_ms)
    board = a_board(
        Unreachable("away"), [Unreachable("busy"), None, None], [None, Unreachable("busy"), Unreachable("busy")]
    )
    notices = Notices(shop.database, board, clock=shop.clock)
    for _ in range(2):
        with pytest.raises(Unreachable):
            notices.drain()
    assert notices.stats()["waiting"] == 3
    assert notices.drain() == 3
    ids = list(dict.fromkeys(each.message_id for each in board.heard))  # a repeat is known by its id
    assert (len(ids), notices.stats()["waiting"], notices.stats()["published"]) == (3, 0, 3)


def test_a_notice_that_ably_refuses_is_let_go_and_its_neighbours_pass(shop, now_ms, a_board):
    put(shop.database, "a", "b", at_ms=now_ms)
    board = a_board(Refused("no", 400, ""), [Refused("no", 400, "")], [None])
    notices = Notices(shop.database, board, clock=shop.clock)
    assert notices.drain() == 2
    assert [each.channel for each in board.heard] == ["b"]
    assert notices.stats() == {"waiting": 0, "published": 1, "stale": 0, "refused": 1}


def test_what_is_a_quarter_of_an_hour_old_is_news_to_nobody(shop, now_ms, a_board):
    put(shop.database, "a", at_ms=now_ms - 15 * 60_000 - 1)
    put(shop.database, "b", at_ms=now_ms - 15 * 60_000)
    board = a_board()
    Notices(shop.database, board, clock=shop.clock).drain()
    assert [each.channel for each in board.heard] == ["b"]


def test_a_notice_published_again_after_a_crash_has_the_same_id(shop, now_ms, a_board):
    put(shop.database, "a", at_ms=now_ms)
    boards = a_board(), a_board()
    for board in boards:
        notices = Notices(shop.database, board, clock=shop.clock)
        notices._settle(notices._batch())  # published, and killed before it was deleted
    assert boards[0].heard == boards[1].heard


def test_on_a_real_ably_staff_hear_it_once(shop, ably_server):
    tokens = AblyTokens(ably_server.key, SystemClock())
    batch = AblyBatch(ably_server.url, lambda: tokens.issue(CAPABILITY, 60)[0])
    put(shop.database, "help:s1", at_ms=epoch_ms(SystemClock().now()))
    notices = Notices(shop.database, batch)
    notices._settle(notices._batch())  # and killed before it was deleted
    assert notices.drain() == 1
    notices.stop()
    key = tuple(ably_server.key.split(":"))
    history = httpx.get(f"{ably_server.url}/channels/help:s1/history", auth=key, headers={"accept": "application/json"})
    assert [(each["name"], each["data"]) for each in history.json()] == [("help", '{"notice":"help","n":"help:s1"}')]


def test_the_thread_publishes_what_is_committed_while_it_runs(database, a_board):
    board = a_board()
    notices = Notices(database, board)
    notices.start()
    put(database, "help:s1", at_ms=epoch_ms(SystemClock().now()))
    assert board.came.wait(10)
    notices.stop()
    assert [each.channel for each in board.heard] == ["help:s1"]
    assert not notices.ready()


def test_without_an_ably_notices_are_let_go(shop, now_ms):
    put(shop.database, "a", at_ms=now_ms)
    assert Notices(shop.database, None, clock=shop.clock).drain() == 1
