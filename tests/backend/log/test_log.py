import sqlite3
import subprocess
import sys
from threading import Barrier, Event, Thread, current_thread

import pytest

from endcap.wire import epoch_ms
from endcap_backend.log import GROUP_ROWS, Appended, Log, LogClosed, LogFull


def values(records):
    return [record.value for record in records]


def test_what_is_appended_is_read_in_order(log, a_record):
    log.append([a_record(value="1"), a_record(topic="customers_events", value="2")])
    log.append([a_record(value="3", key=None)])
    assert values(log.read(0)) == ["1", "2", "3"]
    assert [record.topic for record in log.read(0)] == [
        "customers_locations",
        "customers_events",
        "customers_locations",
    ]


def test_a_record_is_read_as_it_was_appended(log, a_record):
    (appended,) = log.append([a_record(key=None, value=None, timestamp_ms=-5, id="install:1")])
    (record,) = log.read(0)
    assert (record.offset, record.key, record.value) == (appended.offset, None, None)
    assert (record.timestamp_ms, record.id) == (-5, "install:1")


def test_reading_goes_on_after_an_offset(log, a_record):
    appended = log.append([a_record(value=str(number)) for number in range(5)])
    assert values(log.read(appended[1].offset, limit=2)) == ["2", "3"]


def test_topics_can_be_chosen(log, a_record):
    log.append([a_record(topic=topic, value=topic) for topic in "abcab"])
    assert values(log.read(0, topics=["a", "c"])) == ["a", "c", "a"]
    assert values(log.read(0, limit=2, topics={"b", "a"})) == ["a", "b"]
    assert log.read(0, topics=["unheard of"]) == []


def test_a_topic_that_comes_later_is_read_by_a_reader_that_was_there_before(log, a_record):
    log.append([a_record()])
    log.read(0)
    log.append([a_record(topic="new", value="new")])
    assert values(log.read(0, topics=["new"])) == ["new"]


def test_the_same_id_twice_is_stored_once_and_told(log, a_record):
    (first,) = log.append([a_record(id="install:1", value="first")])
    again, other = log.append([a_record(id="install:1", value="again"), a_record(id="install:2", value="other")])
    assert again == Appended(first.offset, duplicate=True)
    assert not other.duplicate
    assert values(log.read(0)) == ["first", "other"]


def test_a_repeat_within_one_call_is_told(log, a_record):
    first, again = log.append([a_record(id="install:1"), a_record(id="install:1")])
    assert again == Appended(first.offset, duplicate=True)


def test_the_same_id_of_another_shopper_or_topic_is_no_duplicate(log, a_record):
    log.append([a_record(id="x"), a_record(id="x", key="u2"), a_record(id="x", topic="customers_events")])
    assert len(log.read(0)) == 3


def test_ids_without_a_key_are_recognised_too(log, a_record):
    _, again = log.append([a_record(key=None, id="x"), a_record(key=None, id="x")])
    assert again.duplicate


def test_records_without_an_id_are_never_duplicates(log, a_record):
    log.append([a_record(), a_record()])
    assert len(log.read(0)) == 2


def test_duplicates_are_recognised_after_a_restart(open_log, a_record):
    first = open_log()
    first.append([a_record(id="install:1")])
    first.close()
    (again,) = open_log().append([a_record(id="install:1")])
    assert again.duplicate


def test_offsets_are_never_given_twice(open_log, a_record):
    log = open_log()
    *_, newest = log.append([a_record(), a_record()])
    log.discard([newest.offset])
    log.close()
    (next_one,) = open_log().append([a_record()])
    assert next_one.offset > newest.offset


def test_a_position_and_what_came_of_it_are_stored_together(log, a_record):
    (read,) = log.append([a_record()])
    log.commit("match", read.offset, [a_record(topic="customers_alerts", value="alert")])
    assert log.committed("match") == read.offset
    assert values(log.read(read.offset)) == ["alert"]


def test_a_consumer_starts_at_zero(log):
    assert log.committed("match") == 0


def test_a_consumer_never_moves_back(log, a_record):
    _, second = log.append([a_record(), a_record()])
    log.commit("match", second.offset)
    with pytest.raises(ValueError, match="match can't move to 1"):
        log.commit("match", 1, [a_record(value="again")])
    assert log.committed("match") == second.offset
    assert len(log.read(0)) == 2


def test_a_consumer_never_moves_beyond_the_end(log):
    with pytest.raises(ValueError, match="the log ends at 0"):
        log.commit("match", 7)


def test_a_record_that_cannot_be_stored_fails_alone(log, a_record):
    with pytest.raises(UnicodeEncodeError):
        log.append([a_record(value="half a surrogate \ud800")])
    assert not log.append([a_record(value="fine")])[0].duplicate


def test_an_action_that_fails_leaves_nothing_behind(log):
    def create_and_fail(connection):
        connection.execute("CREATE TABLE mine (x)")
        raise KeyError("mine")

    with pytest.raises(KeyError):
        log.transact(create_and_fail)
    with log.reading() as connection, pytest.raises(sqlite3.OperationalError, match="no such table"):
        connection.execute("SELECT * FROM mine")


def test_an_action_answers_with_its_result(log):
    log.transact(lambda connection: connection.execute("CREATE TABLE mine (x)"))
    assert log.transact(lambda connection: connection.execute("INSERT INTO mine VALUES (7)").rowcount) == 1


def test_a_single_caller_writes_on_its_own_thread(log):
    assert log.transact(lambda connection: current_thread()) is current_thread()


def test_closing_waits_for_a_caller_who_is_writing(log):
    writing, finish, found = Event(), Event(), []

    def count(connection):
        writing.set()
        finish.wait(30)
        return connection.execute("SELECT count(*) FROM records").fetchone()

    def ask_until_refused():
        while closing.is_alive():
            log.check_writable()

    caller = Thread(target=lambda: found.append(log.transact(count)))
    closing = Thread(target=log.close)
    caller.start()
    assert writing.wait(30)
    closing.start()
    with pytest.raises(LogClosed):
        ask_until_refused()
    finish.set()
    caller.join(30)
    closing.join(30)
    assert found == [(0,)]


def test_a_caller_interrupted_while_writing_leaves_the_log_to_others(log, a_record):
    def interrupted(connection):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        log.append_and([a_record(topic="new", id="x")], interrupted)
    assert log.read(0) == []
    log.append([a_record(topic="new", id="x")])
    assert [record.topic for record in log.read(0)] == ["new"]


INTERRUPTED = """
import signal, sys
from pathlib import Path
from threading import Event, Thread, get_ident
from endcap_backend.log import Log, NewRecord

class Interrupted(Exception):
    pass

def interrupt(*_):
    raise Interrupted

def append(name):
    log.append([NewRecord("customers_events", "u1", "{}", 1, name)])

def occupy(connection):
    writing.set()
    assert finish.wait(60)

def until(happened):
    while not happened():
        Event().wait(0.001)

def follow_and_interrupt():
    until(lambda: not log._writer._calm)  # the one who waits has been taken up as the first of a group
    for thread in behind:
        thread.start()
    until(lambda: log._writer._queue.qsize() == len(behind))
    signal.pthread_kill(main, signal.SIGUSR1)

log = Log(Path(sys.argv[1]), min_free_bytes=0)
main, writing, finish = get_ident(), Event(), Event()
signal.signal(signal.SIGUSR1, interrupt)
behind = [Thread(target=append, args=(name,), daemon=True) for name in "abc"]
Thread(target=log.transact, args=(occupy,)).start()
assert writing.wait(60)
Thread(target=follow_and_interrupt, daemon=True).start()
try:
    append("interrupted")
except Interrupted:
    finish.set()
for thread in behind:
    thread.join(20)
print([thread.is_alive() for thread in behind], sorted(record.id for record in log.read(0)), flush=True)
log.close()
"""


def test_a_caller_interrupted_while_waiting_leaves_nobody_behind_waiting(path):
    command = [sys.executable, "-c", INTERRUPTED, str(path)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)
    assert ran.stdout == "[False, False, False] ['a', 'b', 'c', 'interrupted']\n", ran.stderr


def test_waiting_ends_when_a_record_comes(log, a_record):
    seen = []
    waiting = Thread(target=lambda: seen.append(log.wait(0, timeout_s=30)))
    waiting.start()
    log.append([a_record()])
    waiting.join(30)
    assert seen == [True]


def test_each_waits_for_its_own_topics(log, a_record):
    seen = []

    def wait(topics):
        seen.append((topics, log.wait(0, 30, topics)))

    waiting = {each: Thread(target=wait, args=(each,)) for each in (("a", "b"), ("b", "c"), None)}
    for each in waiting.values():
        each.start()
    log.append([a_record(topic="a")])
    waiting["a", "b"].join(30)
    waiting[None].join(30)
    assert sorted(seen, key=str) == [(("a", "b"), True), (None, True)]
    log.append([a_record(topic="c")])
    waiting["b", "c"].join(30)
    assert seen[-1] == (("b", "c"), True)


def test_waiting_ends_when_the_log_is_closed(log):
    seen = []
    waiting = Thread(target=lambda: seen.append(log.wait(0, 30, ("a",))))
    waiting.start()
    log.close()
    waiting.join(30)
    assert seen == [False]


def test_waiting_for_what_is_there_ends_at_once(log, a_record):
    (first,) = log.append([a_record()])
    assert log.wait(first.offset - 1, timeout_s=30)
    assert not log.wait(first.offset, timeout_s=0)


def test_a_deleted_record_is_not_waited_for(log, a_record):
    (first,) = log.append([a_record()])
    log.discard([first.offset])
    assert not log.wait(0, timeout_s=0)
    assert log.end() == first.offset


def test_the_latest_record_of_each_key_is_its_state(log, a_record):
    log.append([a_record(key=key, value=value) for key, value in (("u1", "1"), ("u2", "2"), ("u1", "3"))])
    assert values(log.latest("customers_locations")) == ["2", "3"]
    assert list(log.latest("unheard of")) == []


def test_the_latest_of_a_product_is_by_its_number_and_store(log, a_record):
    def placed(sku, store):
        return a_record(topic="stores_products", key=str(sku), value=f'{{"SKU":{sku},"store":"{store}"}}')

    log.append([placed(1, "s1"), placed(1, "s2"), placed(2, "s1"), placed(1, "s1")])
    assert [record.offset for record in log.latest("stores_products")] == [2, 3, 4]


def test_the_latest_of_a_promotion_is_by_its_pid_not_by_its_key(log, a_record):
    log.append([a_record(topic="products_promotions", key="coffee", value=f'{{"pid":"{pid}"}}') for pid in "aba"])
    assert [record.offset for record in log.latest("products_promotions")] == [2, 3]


def test_a_call_of_more_rows_than_a_group_is_stored_whole(log, a_record):
    appended = log.append([a_record(id=f"i:{number}") for number in range(GROUP_ROWS * 2 + 1)])
    assert len({each.offset for each in appended}) == GROUP_ROWS * 2 + 1


def test_many_callers_at_once_lose_and_double_nothing(log, a_record):
    start = Barrier(20)

    def append(caller):
        start.wait()
        for number in range(50):
            log.append([a_record(id=f"{caller}:{number}"), a_record(id=f"shared:{number}")])

    threads = [Thread(target=append, args=(caller,)) for caller in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ids = [record.id for record in log.read(0, limit=10_000)]
    assert len(ids) == len(set(ids)) == 20 * 50 + 50
    assert log.stats().groups < 20 * 50  # they shared transactions


def test_after_closing_nothing_is_taken(log, a_record):
    log.close()
    with pytest.raises(LogClosed, match="is closed"):
        log.append([a_record()])


def test_a_reader_beside_the_backend_sees_what_is_committed(log, path, a_record):
    reader = Log.open_readonly(path)
    log.append([a_record(value="seen")])
    assert reader.wait(0, timeout_s=0)
    assert values(reader.read(0)) == ["seen"]
    assert (reader.uuid, reader.end()) == (log.uuid, 1)
    reader.close()


def test_a_reader_cannot_write(log, path):
    reader = Log.open_readonly(path)
    with reader.reading() as connection, pytest.raises(sqlite3.OperationalError, match="readonly"):
        connection.execute("DELETE FROM records")
    reader.close()


def test_the_records_of_one_key_are_found_over_all_topics(log, a_record):
    keys = ["u1", "u2", "u1", None, "u1"]
    log.append([a_record(key=key, topic=topic) for key, topic in zip(keys, "aabbc", strict=True)])
    assert log.offsets_of("u1") == [1, 3, 5]
    assert log.offsets_of("nobody") == []
    assert [record.topic for record in log.read_at([5, 1, 99])] == ["a", "c"]


def test_of_many_keys_none_is_missed_or_mistaken(log, a_record):
    keys = [f"key {number}" for number in range(2000)]
    log.append([a_record(key=key, id=f"{key}") for key in keys])
    assert [log.offsets_of(key) for key in keys] == [[number + 1] for number in range(2000)]


def test_the_log_is_entered_by_the_time_when_records_came(log, clock, a_record):
    """Two a second, whatever their own times say, some of them gone."""
    began_ms = epoch_ms(clock.now())
    for _ in range(20):
        log.append([a_record(timestamp_ms=0), a_record(timestamp_ms=10**15)])
        clock.advance(1)
    log.discard([9, 10, 11])
    offsets = [record.offset for record in log.read(0)]
    for second in range(20):
        after = log.offset_before(began_ms + second * 1000)
        assert max([offset for offset in offsets if offset <= second * 2], default=0) <= after
        assert after < min(offset for offset in offsets if offset > second * 2)
    assert log.offset_before(10**15) == 40


def test_what_cannot_be_stored_never_leaves_its_neighbours_waiting(open_log, a_record):
    """All at once: good ones, a bad one, an action that fails, and appends that are refused since it is full."""
    log = open_log(max_records=1)
    log.append([a_record()])
    start = Barrier(9)
    ended = []

    def call(number):
        start.wait()
        try:
            if number % 3 == 0:
                log.append([a_record()])
            elif number % 3 == 1:
                log.commit(f"consumer {number}", 1, [a_record(value="half \ud800")])
            else:
                log.transact(lambda connection: connection.execute("SELECT no such thing"))
        except (LogFull, UnicodeEncodeError, sqlite3.OperationalError) as fault:
            ended.append(type(fault).__name__)

    for _ in range(20):
        threads = [Thread(target=call, args=(number,), daemon=True) for number in range(9)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
    assert sorted(ended) == ["LogFull"] * 60 + ["OperationalError"] * 60 + ["UnicodeEncodeError"] * 60
    assert log.append([]) == []


def test_somebody_elses_lock_on_the_file_is_told_as_no_room_now(log, path, a_record):
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(LogFull, match="database is locked"):
        log.append([a_record()])
    other.execute("ROLLBACK")
    other.close()
    log.append([a_record()])
    assert len(log.read(0)) == 1
