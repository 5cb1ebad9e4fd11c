"""In which order the records of several topics are dealt with, and which have to wait."""

import pytest

from endcap_backend.pipeline.stages.flow import Flow
from endcap_backend.pipeline.stages.records import Inflow

LED = ("rows", "events")


class Hand:
    """A flow whose clock the test turns."""

    def __init__(self):
        self.now_s = 0.0
        self.flow = Flow(LED, {}, 1.0, lambda: self.now_s)

    def put(self, topic, at_ms):
        self.flow.put(Inflow(topic, 0, at_ms, "ann", b"", at_ms, {}))

    def ready(self):
        return [(each.topic, each.timestamp_ms) for each in self.flow.first(100)]

    def at_the_ends(self):
        for topic in LED:
            self.flow.end(topic)
        return self


@pytest.fixture
def hand():
    return Hand()


def test_until_it_was_once_at_its_end_a_topic_may_still_have_an_earlier_record(hand):
    hand.put("rows", 20)
    assert hand.ready() == []
    hand.put("events", 10)
    assert hand.ready() == [("events", 10)]
    hand.flow.end("events")
    assert hand.ready() == [("events", 10), ("rows", 20)]


def test_a_row_waits_for_no_event_that_may_come(hand):
    hand.at_the_ends().put("events", 5)
    hand.put("rows", 10)
    hand.put("rows", 20)
    assert hand.ready() == [("events", 5), ("rows", 10), ("rows", 20)]


def test_an_event_waits_a_second_for_the_rows_of_before_it(hand):
    hand.at_the_ends().put("events", 30)
    assert not hand.flow.is_busy()
    hand.now_s = 0.9
    hand.put("rows", 20)
    assert hand.ready() == [("rows", 20)]
    hand.now_s = 1.0
    assert hand.ready() == [("rows", 20), ("events", 30)]


def test_an_event_waits_no_longer_once_there_is_a_later_row(hand):
    hand.at_the_ends().put("events", 30)
    hand.put("rows", 31)
    assert hand.ready() == [("events", 30), ("rows", 31)]


def test_positions_are_those_of_what_is_dealt_with_by_topic(hand):
    hand.at_the_ends().put("events", 30)
    hand.put("rows", 20)
    hand.ready()
    hand.flow.done(1)
    assert hand.flow.positions == {"rows": 21}
    assert len(hand.flow) == 1
    hand.now_s = 1.0
    hand.ready()
    hand.flow.done(1)
    assert hand.flow.positions == {"rows": 21, "events": 31}


def test_without_a_leader_of_two_topics_the_earlier_record_goes_first_and_each_waits_for_the_other():
    flow = Flow(LED, {})
    for topic, at_ms in (("rows", 20), ("events", 10), ("rows", 30)):
        flow.put(Inflow(topic, 0, at_ms, "ann", b"", at_ms, {}))
    assert [each.timestamp_ms for each in flow.first(9)] == [10]
    flow.end("events")
    assert [each.timestamp_ms for each in flow.first(9)] == [10, 20, 30]
