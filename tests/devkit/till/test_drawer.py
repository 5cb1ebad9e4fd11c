"""Two processes of one till at one drawer: neither takes a purchase out of the other's hand."""

from contextlib import closing
from dataclasses import replace

import pytest

from endcap.errors import BadMessage, Unreachable
from endcap.testing import NOON
from endcap_backend.retail.codes import Code
from endcap_devkit.till.backend import ShopBackend
from endcap_devkit.till.drawer import Drawer
from endcap_devkit.till.settling import send_waiting

BODY = {"id": "a", "basket": []}
PRICED = {"off": 2.0, "applied": [], "promotions": []}
HERS = Code("2912345678908", (1,), NOON, "00")


@pytest.fixture
def away():
    return ShopBackend("http://127.0.0.1:1")


@pytest.fixture
def drawer(tmp_path):
    with closing(Drawer(tmp_path / "till.db")) as drawer:
        yield drawer


@pytest.fixture
def other(tmp_path, drawer):
    with closing(Drawer(tmp_path / "till.db")) as other:
        yield other


def test_what_is_being_priced_here_is_not_dropped_by_another_process(drawer, other, away):
    drawer.put(BODY, HERS, NOON)
    assert list(send_waiting(other, away)) == []
    drawer.promise("a", PRICED)
    assert [each.id for each in other.promised()] == ["a"]


def test_what_is_on_its_way_is_not_sent_by_another_process(drawer, other, away):
    drawer.put(BODY, HERS, NOON)
    drawer.trying("a")
    assert list(send_waiting(other, away)) == []
    drawer.promise("a", PRICED)
    with pytest.raises(Unreachable):
        list(send_waiting(other, away))


def test_what_could_not_be_sent_is_there_for_the_next_one_who_tries(drawer, other, away):
    drawer.put(BODY, HERS, NOON)
    drawer.promise("a", PRICED)
    for each in (other, drawer):
        with pytest.raises(Unreachable):
            list(send_waiting(each, away))


def test_what_a_process_had_in_hand_when_it_ended_is_there_for_the_others(tmp_path, drawer, away):
    with closing(Drawer(tmp_path / "till.db")) as ended:
        ended.put(BODY, HERS, NOON)
        ended.put({**BODY, "id": "b"}, replace(HERS, nonce="01"), NOON)
        ended.trying("b")
    with pytest.raises(Unreachable):
        list(send_waiting(drawer, away))
    assert [each.id for each in drawer.open()] == ["b"]


def test_one_purchase_is_not_sold_by_two_processes_at_once(drawer, other):
    drawer.put(BODY, HERS, NOON)
    with pytest.raises(BadMessage, match="a is being sold or sent by another process"):
        other.put(BODY, HERS, NOON)
    drawer.promise("a", PRICED)
    assert other.put(BODY, HERS, NOON).told == PRICED


@pytest.mark.parametrize("over", ["given up", "dropped", "promised"])
def test_what_does_not_wait_any_more_is_not_promised(drawer, over):
    drawer.put(BODY, HERS, NOON)
    drawer.trying("a")
    {
        "given up": lambda: drawer.give_up("a"),
        "dropped": lambda: drawer.drop("a"),
        "promised": lambda: drawer.promise("a", PRICED),
    }[over]()
    with pytest.raises(BadMessage, match="a does not wait at this till any more"):
        drawer.promise("a", {**PRICED, "off": 5.0})


def test_a_promise_is_not_given_up(drawer):
    drawer.put(BODY, HERS, NOON)
    drawer.promise("a", PRICED)
    drawer.give_up("a")
    assert [each.id for each in drawer.promised()] == ["a"]


def test_a_process_leaves_nothing_beside_the_drawer_nor_what_a_killed_one_left(tmp_path):
    (tmp_path / "till.db.00ff.owner").touch()
    with closing(Drawer(tmp_path / "till.db")):
        assert len(list(tmp_path.glob("*.owner"))) == 1
    assert [each.name for each in tmp_path.iterdir()] == ["till.db"]
