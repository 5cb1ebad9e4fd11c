"""The wallet's file: no change waits for the disk, and what she had erased is not in it."""

import sqlite3
import threading
from contextlib import closing
from datetime import UTC, datetime

import pytest

from endcap_shopper.settling import EVERY
from endcap_shopper.wallet import Wallet

NOW = datetime(2026, 11, 24, 17, 0, tzinfo=UTC)


@pytest.fixture
def wallet(tmp_path):
    wallet = Wallet(tmp_path)
    yield wallet
    wallet.close()


def settled(folder):
    """How many answers are in the file itself, without what SQLite wrote ahead."""
    with closing(sqlite3.connect(f"file:{folder / 'wallet.db'}?immutable=1", uri=True)) as db:
        return db.execute("SELECT COUNT(*) FROM answers").fetchone()[0]


def test_what_is_written_comes_to_its_place_on_another_thread(wallet, tmp_path):
    settlers = []
    settle = wallet.settling._settle
    wallet.settling._settle = lambda: (settlers.append(threading.current_thread().name), settle())
    for number in range(EVERY):
        wallet.keep_answer(f"a{number}", {"number": number}, NOW)
    assert wallet.settling.until_idle(60)
    assert settlers == ["endcap-wallet"]
    assert settled(tmp_path) == EVERY


def test_writing_goes_on_while_something_settles(wallet):
    with wallet.settling.still():  # as long as a slow disk likes
        for number in range(3 * EVERY):
            wallet.keep_answer(f"a{number}", {"number": number}, NOW)
    assert wallet.answer(f"a{3 * EVERY - 1}").body == {"number": 3 * EVERY - 1}
    assert wallet.settling.until_idle(60)


def test_what_is_forgotten_is_in_no_file_whatever_settles_meanwhile(wallet, tmp_path):
    for number in range(EVERY):
        wallet.keep_answer(f"a{number}", {"said": "chamomile"}, NOW)
    wallet.forget()
    assert wallet.answer("a0") is None
    assert [path.name for path in tmp_path.iterdir() if b"chamomile" in path.read_bytes()] == []
