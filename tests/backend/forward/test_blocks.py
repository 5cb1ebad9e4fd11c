"""The log in blocks: what is ours, in order, and how far the log was read."""

import pytest

from endcap_backend.log import Log, NewRecord
from endcap_backend.pipeline.blocks import LogBlocks


@pytest.fixture
def log(tmp_path):
    with_log = Log(tmp_path / "log.db", min_free_bytes=0)
    yield with_log
    with_log.close()


def a_record(topic, n, value="{}"):
    return NewRecord(topic, "u1", value, 1_764_000_000_000 + n, f"i:{n}")


def test_a_block_holds_our_topics_and_ends_where_the_log_was_read(log):
    log.append([a_record(topic, n) for n, topic in enumerate(("a", "b", "a", "other", "a"))])
    blocks = LogBlocks(log, ("a", "b"))
    assert blocks.after(0, 4) == (
        [(1, "a", "u1", "{}", 1_764_000_000_000), (2, "b", "u1", "{}", 1_764_000_000_001),
         (3, "a", "u1", "{}", 1_764_000_000_002)], 4, True,
    )  # fmt: skip
    assert blocks.after(4, 4) == ([(5, "a", "u1", "{}", 1_764_000_000_004)], 5, False)


def test_behind_the_end_a_block_is_empty_and_ends_where_it_was_asked_for(log):
    log.append([a_record("a", 0)])
    assert LogBlocks(log, ("a",)).after(1, 10) == ([], 1, False)


def test_a_topic_that_comes_later_is_recognised(log):
    log.append([a_record("a", 0)])
    blocks = LogBlocks(log, ("a", "b"))
    blocks.after(0, 10)
    log.append([a_record("other", 1), a_record("b", 2)])
    assert [row[1] for row in blocks.after(1, 10).rows] == ["b"]


def test_a_record_without_a_value_has_none_in_its_block(log):
    log.append([a_record("a", 0, value=None)])
    assert [row[3] for row in LogBlocks(log, ("a",)).after(0, 10).rows] == [None]
