from contextlib import closing

from endcap.messages import CUSTOMERS_ALERTS, CUSTOMERS_LOCATIONS
from endcap.testing import ManualClock
from endcap_backend.console.flow import flow
from endcap_backend.console.lineage import COUNT_ALL, COUNT_NEW, RECOUNT_S, Lineage
from endcap_backend.log import Log, NewRecord

EMBEDDED = {
    "match lag": 3.0,
    "match records": 9.0,
    "fixes": 4.0,
    "delivery lag": 0.0,
    "delivery up": 0.0,
    "feed fed": 1.0,
}


def grown(shop, topic, count, start=0):
    shop.log.append([NewRecord(topic, "u", "{}", 0, f"{topic}{start + number}") for number in range(count)])


def test_topics_are_counted_and_their_rate_is_over_the_time_between_two_looks(shop):
    lineage = Lineage(shop.log, dict, shop.clock)
    grown(shop, CUSTOMERS_LOCATIONS, 10)
    assert [(each.name, each.records, each.per_s) for each in lineage.topics()] == [(CUSTOMERS_LOCATIONS, 10, 0.0)]
    grown(shop, CUSTOMERS_LOCATIONS, 20, start=10)
    grown(shop, CUSTOMERS_ALERTS, 5)
    shop.clock.advance(5)
    assert [(each.records, each.per_s) for each in lineage.topics()] == [(5, 1.0), (30, 4.0)]
    shop.clock.advance(1)
    assert [each.per_s for each in lineage.topics()] == [1.0, 4.0]
    shop.clock.advance(5)
    assert [each.per_s for each in lineage.topics()] == [0.0, 0.0]


class Busy(Log):
    """A log to which a record comes right after its end was asked for."""

    def end(self):
        end = super().end()
        self.append([NewRecord(CUSTOMERS_LOCATIONS, "u", "{}", 0, f"l{end}")])
        return end


def test_what_comes_during_a_look_is_counted_once(tmp_path):
    clock = ManualClock()
    with closing(Busy(tmp_path / "log.db", clock=clock)) as log:
        lineage = Lineage(log, dict, clock)
        for seen in range(4):
            assert sum(each.records for each in lineage.topics()) == seen
            clock.advance(5)


def test_a_recount_reads_an_index_and_a_look_only_what_is_new(shop):
    with shop.log.reading() as connection:
        plans = [
            " ".join(row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {query}", (0, 9)))
            for query in (COUNT_ALL, COUNT_NEW)
        ]
    assert plans[0] == "SCAN records USING COVERING INDEX records_by_topic"
    assert plans[1].startswith("SEARCH records USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)")


def test_what_was_deleted_is_no_longer_counted_a_minute_later(shop):
    lineage = Lineage(shop.log, dict, shop.clock)
    grown(shop, CUSTOMERS_LOCATIONS, 10)
    lineage.topics()
    shop.log.discard([1, 2, 3])
    shop.clock.advance(RECOUNT_S)
    assert [each.records for each in lineage.topics()] == [7]


def test_stages_come_with_their_own_figures_and_how_far_behind_they_are(shop):
    grown(shop, CUSTOMERS_LOCATIONS, 4)
    shop.log.commit("audit", 1)
    stages = {each.name: each for each in Lineage(shop.log, lambda: EMBEDDED, shop.clock).stages()}
    assert stages["match"].lag == 3
    assert stages["match"].figures["fixes"] == 4
    assert stages["audit"].lag == 3
    assert set(stages) == {"feed", "match", "delivery", "audit"}


def test_the_picture_leads_from_what_comes_in_to_what_carries_it_on(shop):
    lineage = Lineage(shop.log, lambda: EMBEDDED, shop.clock)
    drawn = flow(lineage.topics(), lineage.stages())
    names = [each.name for each in drawn.boxes]
    assert names[-3:] == ["match", "customers_alerts", "delivery"]
    assert len(drawn.links) == 4 + 1 + 1
    assert drawn.boxes[-1].told == "stopped: see the log"


def test_the_picture_of_a_backend_before_kafka_leads_there_and_back(shop):
    stats = {"forward lag": 7.0, "forward up": 1.0, "return lag": 0.0, "return up": 1.0, "webpush lag": 0.0}
    stats["cluster match lag"] = 5.0
    lineage = Lineage(shop.log, lambda: stats, shop.clock)
    drawn = flow(lineage.topics(), lineage.stages())
    assert [each.name for each in drawn.boxes[4:]] == ["forward", "match", "return", "customers_alerts", "webpush"]
    assert len(drawn.links) == 4 + 2 + 1 + 1
    forward, match, back = drawn.boxes[4:7]
    assert match.told == "behind by 5"
    assert drawn.links[4] == f"M{forward.x + 105} {forward.y + 58}V{match.y}"
    assert drawn.links[5] == f"M{match.x + 105} {match.y + 58}V{back.y}"


def test_the_page_shows_it(enter, walk):
    visitor = enter()
    walk(60.1696, 24.9356)
    page = visitor.get("/console/stream").text
    assert "customers_locations" in page
    assert "1 kept" in page
