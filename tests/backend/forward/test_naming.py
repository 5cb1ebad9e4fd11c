"""What leaves for Kafka's raw topics: the shopper's name of the day, and nothing that tells of her beyond it."""

import json
import re
from contextlib import closing
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from endcap.testing import NOON, ManualClock, a_location, an_event
from endcap_backend.log import Log, NewRecord
from endcap_backend.pipeline.blocks import LogBlocks
from endcap_backend.pipeline.forward import FORWARDED
from endcap_backend.pipeline.naming import NamedBlocks
from endcap_backend.pseudonym import NAME, Pseudonyms
from endcap_backend.retail.database import Database
from endcap_backend.retail.day_secrets import DaySecrets

HER, ANOTHER = "0f" * 16, "f0" * 16
NOON_MS = int(NOON.timestamp() * 1000)
DAY_S = 86_400
SHOPPERS, DAYS = 200, 4


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    with closing(Database(f"sqlite:///{tmp_path_factory.mktemp('shop')}/retail.db")) as database:
        yield database


@pytest.fixture
def names(shop, clock):
    return Pseudonyms(DaySecrets(shop), clock)


@pytest.fixture
def log(tmp_path):
    with closing(Log(tmp_path / "log.db", min_free_bytes=0, durability="fast")) as log:
        yield log


@pytest.fixture
def blocks(log, names):
    return NamedBlocks(log, FORWARDED, names)


@pytest.fixture(scope="module")
def anywhere(shop, tmp_path_factory):
    """Puts one message through a log of its own; what leaves of it."""
    with closing(Log(tmp_path_factory.mktemp("log") / "log.db", min_free_bytes=0, durability="fast")) as log:
        blocks = NamedBlocks(log, FORWARDED, Pseudonyms(DaySecrets(shop), ManualClock()))

        def leave(message):
            end = log.end()
            put(log, message)
            ((_, _, key, value, _),) = blocks.after(end, 10).rows
            return key, json.loads(value)

        yield leave


def put(log, *messages):
    log.append([NewRecord(each.TOPIC, each.uid, each.to_text(), NOON_MS) for each in messages])


def test_a_fix_leaves_under_her_name_of_the_day_and_an_id_of_the_day(log, blocks, names):
    put(log, a_location(uid=HER, id="install:7"))
    ((_, topic, key, value, at_ms),) = blocks.after(0, 10).rows
    assert (topic, key, at_ms) == ("customers_locations", names.outward(HER), NOON_MS)
    told = json.loads(value)
    assert told == {**json.loads(a_location(uid=HER).to_text()), "uid": key, "id": told["id"]}
    assert NAME.fullmatch(key)
    assert "install" not in value
    assert re.fullmatch(r"[0-9a-f]{32}:[0-9]{1,19}", told["id"])
    assert not told["id"].endswith(":7")


def test_a_phones_numbers_go_on_all_day_from_where_nobody_can_tell(log, blocks, clock):
    put(log, *(a_location(uid=HER, id=f"install:{number}") for number in (7, 8, 9, 1000)))
    today = ids_of(log, blocks)
    clock.advance(DAY_S)
    tomorrow = ids_of(log, blocks)
    for told in (today, tomorrow):
        assert len({tag for tag, _ in told}) == 1
        first = told[0][1]
        assert [(number - first) % 10**19 for _, number in told] == [0, 1, 2, 993]
    assert today[0][0] != tomorrow[0][0]
    assert today[0][1] != tomorrow[0][1]


def test_two_shoppers_on_one_phone_have_no_more_in_common_than_on_two(log, blocks):
    put(log, a_location(uid=HER, id="install:7"), a_location(uid=ANOTHER, id="install:8"))
    (tag, number), (other_tag, other_number) = ids_of(log, blocks)
    assert tag != other_tag
    assert abs(other_number - number) > 10**9  # 1 in 5,000,000,000 by chance


def test_the_same_fix_leaves_under_the_same_id_after_a_restart(log, blocks, shop, clock):
    put(log, *(a_location(uid=HER, id=each) for each in ("one:7", "two:7", "one:8", "one:08", "two:0", "two:1")))
    again = NamedBlocks(log, FORWARDED, Pseudonyms(DaySecrets(shop), clock))
    one_by_one = [row for at in range(6) for row in again.after(at, 1).rows]
    assert one_by_one == blocks.after(0, 10).rows
    assert len(set(ids_of(log, blocks))) == 6


def ids_of(log, blocks):
    """Tag and number of each fix that leaves."""
    ids = [json.loads(row[3])["id"].split(":") for row in blocks.after(0, 10).rows]
    return [(tag, int(number)) for tag, number in ids]


def test_an_event_leaves_under_her_name_of_the_day_with_a_visit_and_an_alert_of_the_day(log, blocks, names):
    put(log, an_event(uid=HER, kind="opened", visit="v1", alert="a1"))
    ((_, topic, key, value, _),) = blocks.after(0, 10).rows
    assert (topic, key) == ("customers_events", names.outward(HER))
    blind = names.today().blind
    assert json.loads(value) == {
        **json.loads(an_event(uid=HER, kind="opened").to_text()),
        "uid": key, "visit": blind("v1"), "alert": blind("a1"),
    }  # fmt: skip


def test_the_shops_own_records_leave_as_they_are(log, blocks):
    log.append([NewRecord("stores_products", HER, f'{{"uid":"{HER}"}}', NOON_MS)])
    assert blocks.after(0, 10).rows == LogBlocks(log, FORWARDED).after(0, 10).rows


def test_her_tombstone_leaves_under_each_name_that_still_leads_to_her(log, blocks, names, clock):
    yesterday = names.outward(HER)
    clock.advance(DAY_S)
    today = names.outward(HER)
    log.append([NewRecord("customers_locations", HER, None, NOON_MS)])
    assert [(row[2], row[3]) for row in blocks.after(0, 10).rows] == [(yesterday, None), (today, None)]


def test_a_block_read_again_the_same_day_is_the_same(log, blocks):
    put(log, a_location(uid=HER))
    assert blocks.after(0, 10) == blocks.after(0, 10)


texts = st.text(max_size=40) | st.sampled_from(
    [f'"uid":"{HER}"', f'{{"uid":"{HER}"', ',"visit":"v1"', '\\","visit":"x', '"', "\\"]
)
clean = texts.filter(lambda text: all(" " <= each < "\ud800" for each in text))


@settings(deadline=None)
@given(note=clean, fence=clean, visit=clean.filter(bool) | st.none(), alert=st.sampled_from(["a1", None]))
def test_whatever_she_wrote_does_not_leave_and_the_rest_of_an_event_stays_as_it_was(
    anywhere, note, fence, visit, alert
):  # fmt: skip
    event = an_event(uid=HER, note=note, fence=fence, visit=visit, alert=alert, pid="p1")
    key, told = anywhere(event)
    was = json.loads(event.to_text())
    was.pop("note")
    blinded = {name: told[name] for name in ("visit", "alert") if name in was}
    assert told == {**was, "uid": key, **blinded}
    assert [len(each) for each in blinded.values()] == [32] * len(blinded)
    assert not {visit, alert} & set(blinded.values())


installs = st.from_regex(r"[A-Za-z0-9._~-]{1,64}", fullmatch=True) | st.just("i")
fix_ids = st.tuples(installs, st.from_regex(r"[0-9]{1,19}", fullmatch=True) | st.sampled_from(["0", "00", "1", "01"]))


@settings(deadline=None)
@given(one=fix_ids, other=fix_ids)
def test_two_fixes_leave_under_the_same_id_only_if_they_are_one(anywhere, one, other):
    told = [anywhere(a_location(uid=HER, id=":".join(each)))[1]["id"] for each in (one, other)]
    assert (told[0] == told[1]) == (one == other)
    assert a_location(id=told[0]).id == told[0]  # it has the form of an id


@settings(deadline=None)
@given(sign=clean)
def test_whatever_sign_she_scanned_the_rest_of_a_fix_stays_as_it_was(anywhere, sign):
    location = a_location(uid=HER, sign=sign)
    key, told = anywhere(location)
    assert told == {**json.loads(location.to_text()), "uid": key, "id": told["id"]}


def days_of(log, blocks, clock):
    """What leaves on each of some days of the same shoppers, who come in another order each day; uid by key.

    One and the same offer each is shown one day and opened the next.
    """
    random = Random(7)
    uids = [random.randbytes(16).hex() for _ in range(SHOPPERS)]
    fixes = {uid: random.randrange(10**6) for uid in uids}  # how many each phone has sent before
    for day in range(DAYS):
        end = log.end()
        visits = [(uid, visit) for uid in uids for visit in range(3)]
        random.shuffle(visits)
        numbers = [f"install-{uid[:8]}:{fixes[uid] + 3 * day + visit}" for uid, visit in visits]
        put(log, *(a_location(uid=uid, id=number) for (uid, _), number in zip(visits, numbers, strict=True)))
        kind = ("shown", "opened")[day % 2]
        put(log, *(an_event(uid=uid, id=f"{day}-{n}", kind=kind, visit=None, alert=f"for-{uid}")
                   for n, (uid, _) in enumerate(visits)))  # fmt: skip
        left = blocks.after(end, 10_000).rows
        yield [(row[2], json.loads(row[3]), uid) for row, (uid, _) in zip(left, visits * 2, strict=True)]
        clock.advance(DAY_S)


def look(key, day):
    """What of one shopper's records may be found again: her key, her fixes' ids, and the alerts of her events."""
    hers = [told for each, told, _ in day if each == key]
    alerts = {told["alert"] for told in hers if "alert" in told}
    return key, {told["id"] for told in hers if "alert" not in told}, alerts


def alike(one, other):
    """How alike two shoppers' looks are: equal keys, then equal alerts, installs, how near numbers are, and letters."""
    (key, ids, alerts), (other_key, other_ids, other_alerts) = one, other
    installs, sequences = ({each.split(":")[at] for each in ids} for at in (0, 1))
    theirs, numbers = ({each.split(":")[at] for each in other_ids} for at in (0, 1))
    apart = min(abs(int(one) - int(other)) for one in sequences for other in numbers)
    letters = sum(a == b for a, b in zip(key[-32:], other_key[-32:], strict=True))
    return key == other_key, len(alerts & other_alerts), len(installs & theirs), -apart, letters


def linked(days):
    """Of all shoppers of a day, how many an attacker finds again the next who takes the one that looks most alike."""
    looks = []
    for day in days:
        uids = {key: uid for key, _, uid in day}
        looks.append(([look(key, day) for key in sorted(uids)], uids))
    right = total = 0
    for (before, uids), (after, theirs) in pairwise(looks):
        for each in before:
            found = max(after, key=lambda other, each=each: alike(each, other))
            right += uids[each[0]] == theirs[found[0]]
            total += 1
    return right / total


def test_over_days_she_is_not_linked_better_than_by_chance(log, blocks, clock):
    chance = 1 / SHOPPERS
    assert linked(days_of(log, blocks, clock)) <= chance + 0.05


def test_the_same_attacker_links_everybody_where_the_lasting_uid_is_told(log, clock):
    assert linked(days_of(log, LogBlocks(log, FORWARDED), clock)) == 1
