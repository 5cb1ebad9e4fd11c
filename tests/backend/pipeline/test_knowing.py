"""What the shop knows of shoppers, in the embedded pipeline: wishes, members, help, the held out, over restarts too."""

import pytest
from sqlalchemy.exc import OperationalError

from endcap.messages import CUSTOMERS_ALERTS, CUSTOMERS_EVENTS, CustomerAlert, CustomerEvent
from endcap.testing import NOON, a_product, a_promotion, an_event
from endcap.wire import epoch_ms
from endcap_backend.decide import Known, Limits, Terms, Wish
from endcap_backend.log import NewRecord, Record
from endcap_backend.pipeline.learning import MOST_CHANGES, Learning, Sources
from endcap_backend.pipeline.matching import Matching

NOON_MS = epoch_ms(NOON)


class Books:
    """What a database would hold: shoppers, terms, and who changed; it counts its questions."""

    def __init__(self):
        self.known = {}
        self.terms = {}
        self.changed = {}
        self.asked = []
        self.broken = False

    def sources(self):
        return Sources(self._shoppers, self._changed, self._terms)

    def _shoppers(self, uids):
        self._check()
        self.asked.append(list(uids))
        return {uid: self.known[uid] for uid in uids if uid in self.known}

    def _changed(self, after, most):
        self._check()
        latest = sorted(self.changed.items(), key=lambda each: -each[1])
        return dict([each for each in latest if each[1] > after][:most])

    def _terms(self):
        self._check()
        return dict(self.terms)

    def _check(self):
        if self.broken:
            raise OperationalError("SELECT", {}, Exception("gone"))


@pytest.fixture
def books():
    return Books()


@pytest.fixture
def make_matching(books, clock):
    def make(**more):
        return Matching(Limits(per_visit=4, per_hour=100), clock, learning=Learning(books.sources(), clock), **more)

    return make


def numbered(*records):
    return [Record(n, r.topic, r.key, r.value, r.timestamp_ms, r.id) for n, r in enumerate(records, 1)]


def alerts(produced):
    return [CustomerAlert.from_text(each.value) for each in produced if each.topic == CUSTOMERS_ALERTS]


def an_event_record(kind, after_s=0.0, uid="ann", fence="s1/coffee", **more):
    event = an_event(id=f"{uid}-{kind}-{after_s}", uid=uid, kind=kind, fence=fence, **more)
    return NewRecord(CUSTOMERS_EVENTS, uid, event.to_text(), NOON_MS + round(after_s * 1000), event.id)


def test_a_wish_is_told_at_its_shelf_without_a_promotion(books, make_matching, as_record, a_fix_of):
    books.known["ann"] = Known(wishes=(Wish("coffee", 9001),))
    produced = make_matching().handle(numbered(as_record(a_product()), a_fix_of("ann"), a_fix_of("bob")))
    assert [(each.uid, each.kind, each.pid) for each in alerts(produced)] == [("ann", "wanted", None)]


def test_shoppers_new_in_a_batch_are_read_together_and_only_once(books, make_matching, a_shop, a_fix_of):
    matching = make_matching()
    matching.handle(numbered(*a_shop, a_fix_of("ann"), a_fix_of("bob"), a_fix_of("ann", 2, 1)))
    matching.handle(numbered(a_fix_of("ann", 3, 2), a_fix_of("cyd", 1, 2)))
    assert books.asked == [["ann", "bob"], ["cyd"]]
    assert matching.stats()["knowledge read"] == 3


def test_what_changed_is_known_a_second_later(books, make_matching, as_record, a_fix_of, clock):
    matching = make_matching()
    assert matching.handle(numbered(as_record(a_product()), a_fix_of("ann"))) == []
    books.known["ann"], books.changed = Known(wishes=(Wish("coffee", 9001),)), {"ann": 7, "stranger": 8}
    clock.advance(0.9)
    assert matching.handle(numbered(a_fix_of("ann", 2, 0.9))) == []
    clock.advance(0.1)
    assert [each.kind for each in alerts(matching.handle(numbered(a_fix_of("ann", 3, 1))))] == ["wanted"]
    assert books.asked == [["ann"], ["ann"]]


def test_a_change_is_read_once_also_when_it_commits_after_a_later_one(books, make_matching, a_shop, a_fix_of, clock):
    matching = make_matching()
    matching.handle(numbered(*a_shop, a_fix_of("ann"), a_fix_of("bob")))
    for n, changed in enumerate(({"bob": 9}, {"bob": 9, "ann": 8}, {"bob": 9, "ann": 8}, {"bob": 10, "ann": 8}), 2):
        books.changed = changed
        clock.advance(1)
        matching.handle(numbered(a_fix_of("ann", n, n)))
    assert books.asked[1:] == [["bob"], ["ann"], ["bob"]]


def test_when_too_much_changed_at_once_everybody_is_read_anew(books, make_matching, a_shop, a_fix_of, clock):
    matching = make_matching()
    matching.handle(numbered(*a_shop, a_fix_of("ann")))
    books.changed = {f"u{n}": n for n in range(1, MOST_CHANGES + 1)}
    clock.advance(1)
    matching.handle(numbered(a_fix_of("bob", 1, 1)))
    matching.handle(numbered(a_fix_of("ann", 2, 1)))
    assert books.asked == [["ann"], ["bob"], ["ann"]]


def test_after_an_hour_a_shopper_is_read_again_without_any_change(books, make_matching, a_shop, a_fix_of, clock):
    matching = make_matching()
    matching.handle(numbered(*a_shop, a_fix_of("ann")))
    for after_s in (3599, 3600):
        clock.advance(after_s - clock.monotonic())
        matching.handle(numbered(a_fix_of("ann", after_s, after_s)))
    assert books.asked == [["ann"], ["ann"]]


def test_who_may_have_a_promotion_is_known_before_it_is_told(books, make_matching, as_record, a_fix_of):
    matching = make_matching()
    matching.handle(numbered(as_record(a_product()), a_fix_of("ann"), a_fix_of("bob")))
    books.terms["p1"] = Terms(members_only=True)
    assert matching.handle(numbered(as_record(a_promotion()), a_fix_of("ann", 2, 1))) == []


def test_who_becomes_a_member_hears_what_she_was_kept_from(books, make_matching, as_record, a_fix_of, clock):
    books.terms["p1"] = Terms(members_only=True)
    matching = make_matching()
    shop = (as_record(a_product()), as_record(a_promotion()))
    assert matching.handle(numbered(*shop, a_fix_of("ann"))) == []
    books.known["ann"], books.changed = Known(tier="bronze"), {"ann": 1}
    clock.advance(1)
    assert [each.pid for each in alerts(matching.handle(numbered(a_fix_of("ann", 2, 1))))] == ["p1"]


def test_while_the_database_is_away_what_is_known_holds_on(books, make_matching, as_record, a_fix_of, clock, caplog):
    books.known["ann"] = Known(wishes=(Wish("coffee", 9001, price_alert=5.0),))
    matching = make_matching()
    matching.handle(numbered(as_record(a_product()), a_fix_of("ann")))
    books.broken = True
    clock.advance(5)
    produced = matching.handle(numbered(as_record(a_product(price=4.5), 5), a_fix_of("bob", 1, 5)))
    assert [(each.uid, each.kind) for each in alerts(produced)] == [("ann", "wanted")]
    assert matching.stats()["knowledge faults"] == 1
    assert "OperationalError" in caplog.text


def test_a_price_that_falls_while_she_stands_there_is_told_at_once(books, make_matching, as_record, a_fix_of):
    books.known["ann"] = Known(wishes=(Wish("coffee", 9001, price_alert=5.0),))
    matching = make_matching()
    assert len(matching.handle(numbered(as_record(a_product()), a_fix_of("ann")))) == 1
    (alert,) = alerts(matching.handle(numbered(as_record(a_product(price=4.9), 30))))
    assert alert.why == "On your list, now 4.90 €, you asked for 5.00 €, near you in coffee"


def test_when_what_she_wants_sells_out_beside_her_she_hears_of_another(books, make_matching, as_record, a_fix_of):
    books.known["ann"] = Known(wishes=(Wish("coffee", 9001),))
    matching = make_matching()
    other = a_product(sku=9002, name="Filter coffee", price=6.5)
    matching.handle(numbered(as_record(a_product()), as_record(other), a_fix_of("ann")))
    (alert,) = alerts(matching.handle(numbered(as_record(a_product(stock=0), 30))))
    assert (alert.kind, alert.sku) == ("alternative", 9002)
    assert alert.why.startswith("Dark roast 500 g is out of stock; this is coffee too, 0.40 € less")


def test_who_dwells_in_a_section_is_offered_help_without_a_further_fix(make_matching, as_record, a_fix_of):
    matching = make_matching()
    matching.handle(numbered(as_record(a_product()), a_fix_of("ann"), an_event_record("enter", 1)))
    produced = matching.handle(numbered(an_event_record("dwell", 60), an_event_record("dwell", 60.5)))
    assert [(each.kind, each.section) for each in alerts(produced)] == [("help", "coffee")]


def test_who_has_heard_enough_offers_is_still_offered_help(make_matching, a_shop, a_fix_of):
    matching = make_matching()
    matching.handle(numbered(*a_shop, *(a_fix_of("ann", n, n) for n in range(6)), an_event_record("enter", 6)))
    produced = matching.handle(numbered(a_fix_of("ann", 7, 185), a_fix_of("ann", 8, 186), a_fix_of("ann", 9, 187)))
    assert [each.kind for each in alerts(produced)] == ["help"]


def test_a_dwell_of_an_hour_ago_brings_no_offer_of_help(make_matching, a_fix_of, clock):
    matching = make_matching()
    clock.advance(3600)
    assert matching.handle(numbered(an_event_record("enter"), an_event_record("dwell", 60))) == []


def test_an_event_that_cannot_be_read_is_a_dead_letter_and_its_neighbours_pass(make_matching, a_shop, a_fix_of):
    poison = NewRecord(CUSTOMERS_EVENTS, "bob", '{"kind":"dance"}', NOON_MS)
    produced = make_matching().handle(numbered(*a_shop, poison, a_fix_of("ann")))
    assert [each.topic for each in produced] == ["customers_events_dlq", *[CUSTOMERS_ALERTS] * 3]


def test_what_the_held_out_would_have_heard_is_an_event_and_no_alert(make_matching, a_shop, a_fix_of):
    produced = make_matching(held_out=1.0).handle(numbered(*a_shop, a_fix_of("ann")))
    events = [CustomerEvent.from_text(each.value) for each in produced if each.topic == CUSTOMERS_EVENTS]
    assert len(events) == len(produced) == 3
    assert {(each.uid, each.kind, each.note) for each in events} == {("ann", "withheld", "deal")}
    assert [(each.pid, each.sku) for each in events] == [("p1", 1), ("p2", 2), ("p3", 3)]
    assert len({each.visit for each in events}) == 1


def test_what_was_withheld_is_not_decided_again_after_a_restart(records, make_matching, a_shop, a_fix_of):
    records.append([*a_shop, a_fix_of("ann")])
    records.commit("match", records.end(), make_matching(held_out=1.0).handle(records.read(0)))
    after = make_matching(held_out=1.0)
    after.rebuild(records, records.end())
    produced = after.handle(numbered(a_fix_of("ann", 2, 10)))
    assert [CustomerEvent.from_text(each.value).sku for each in produced] == [4]


def test_a_rebuilt_state_knows_in_which_section_she_has_been(records, make_matching, as_record, a_fix_of):
    records.append([as_record(a_product()), a_fix_of("ann"), an_event_record("enter", 1)])
    after = make_matching()
    after.rebuild(records, records.end())
    assert [each.kind for each in alerts(after.handle(numbered(a_fix_of("ann", 2, 181))))] == ["help"]


def test_an_event_that_was_not_handled_before_the_stop_is_not_taken_for_handled(records, make_matching, as_record):
    records.append([as_record(a_product())])
    position = records.end()
    records.append([an_event_record("enter"), an_event_record("opened", 1, fence=None)])
    after = make_matching()
    after.rebuild(records, position)
    assert after.stats()["decide shoppers"] == 0
