"""From records to alerts: what the embedded match and the decision make of a log."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from endcap.messages import CUSTOMERS_ALERTS, CustomerAlert
from endcap.testing import NOON, SHOP, ManualClock, a_location, a_product, a_promotion
from endcap.wire import epoch_ms
from endcap_backend.decide import Limits
from endcap_backend.log import NewRecord, Record
from endcap_backend.pipeline.matching import Matching

NOON_MS = epoch_ms(NOON)


def numbered(records):
    return [
        Record(offset, each.topic, each.key, each.value, each.timestamp_ms, each.id)
        for offset, each in enumerate(records, 1)
    ]


def skus(produced):
    return [CustomerAlert.from_text(each.value).sku for each in produced if each.topic == CUSTOMERS_ALERTS]


@pytest.fixture
def matching(a_shop, clock):
    matching = Matching(clock=clock)
    assert matching.handle(numbered(a_shop)) == []
    return matching


def test_a_fix_near_promoted_products_becomes_the_best_three_alerts(matching, a_fix_of):
    produced = matching.handle(numbered([a_fix_of("ann")]))
    assert skus(produced) == [1, 2, 3]


def test_what_one_fix_has_no_room_for_is_told_at_the_next(matching, a_fix_of):
    assert skus(matching.handle(numbered([a_fix_of("ann"), a_fix_of("ann", 2, after_s=5)]))) == [1, 2, 3, 4]


def test_in_a_dense_store_she_hears_of_what_is_near_as_she_walks(clock, as_record, a_fix_of):
    matching = Matching(Limits(per_visit=100, per_hour=100, per_day=100), clock=clock)
    shop = []
    for sku in range(60):  # along 66 m of shelves, all within 100 ft of somewhere she goes
        shop.append(as_record(a_product(sku=sku, latitude_deg=SHOP[0] + sku * 1e-5), -9))
        shop.append(as_record(a_promotion(pid=f"p{sku}", sku=sku), -9))
    matching.handle(numbered(shop))
    walk = [a_fix_of("ann", n, after_s=n, latitude_deg=SHOP[0] + n * 3e-5) for n in range(20)]
    told = [CustomerAlert.from_text(each.value) for each in matching.handle(numbered(walk))]
    assert len({alert.sku for alert in told}) == len(told) == 60
    assert max(alert.distance_ft for alert in told) < 20


def test_fixes_sent_after_hours_offline_bring_no_flood_and_use_up_nothing(matching, a_fix_of, clock):
    clock.advance(3600)
    late = [a_fix_of("ann", n, after_s=60 * n) for n in range(58)]
    assert matching.handle(numbered(late)) == []
    assert matching.stats()["stale fixes"] == 58
    assert skus(matching.handle(numbered([a_fix_of("ann", 60, after_s=3600)]))) == [1, 2, 3]


def test_a_visit_that_began_offline_is_a_visit_of_its_own(a_shop, a_fix_of, clock):
    matching = Matching(Limits(per_visit=3, per_hour=100, per_day=100), clock=clock)
    matching.handle(numbered(a_shop))
    assert len(matching.handle(numbered([a_fix_of("ann")]))) == 3
    clock.advance(7200)
    matching.handle(numbered([a_fix_of("ann", 2, after_s=6300)]))
    assert skus(matching.handle(numbered([a_fix_of("ann", 3, after_s=7200)]))) == [4]


@pytest.mark.parametrize(("age_s", "told"), [(120, 3), (120.001, 0)])
def test_a_fix_is_fresh_for_two_minutes(matching, a_fix_of, clock, age_s, told):
    clock.advance(age_s)
    assert len(matching.handle(numbered([a_fix_of("ann")]))) == told


def test_who_has_heard_enough_is_followed_but_not_matched(a_shop, a_fix_of, as_record, clock):
    matching = Matching(Limits(per_visit=3), clock=clock)
    matching.handle(numbered(a_shop))
    assert skus(matching.handle(numbered([a_fix_of("ann")]))) == [1, 2, 3]
    assert matching.handle(numbered([a_fix_of("ann", n, after_s=n) for n in range(2, 6)])) == []
    assert matching.stats()["decide held: cap per visit"] == 5
    after_the_gap = matching.handle(numbered([a_fix_of("ann", 9, after_s=1806)]))
    assert skus(after_the_gap) == [4]


def test_an_alert_is_keyed_by_its_shopper_and_bears_the_time_of_the_fix(matching, a_fix_of):
    first = matching.handle(numbered([a_fix_of("ann", after_s=7)]))[0]
    assert (first.topic, first.key, first.timestamp_ms) == (CUSTOMERS_ALERTS, "ann", NOON_MS + 7000)
    assert first.id == CustomerAlert.from_text(first.value).id


def test_a_fix_far_from_everything_becomes_nothing(matching, a_fix_of):
    assert matching.handle(numbered([a_fix_of("ann", latitude_deg=SHOP[0] + 0.01)])) == []


def test_a_vague_fix_counts_no_steps(matching, a_fix_of):
    vague, sharp = (
        CustomerAlert.from_text(matching.handle(numbered([a_fix_of(uid, accuracy_m=accuracy_m)]))[0].value).why
        for uid, accuracy_m in (("ann", 80.0), ("bob", 4.0))
    )
    assert vague == "product 1: 49 % off, near you in coffee"
    assert sharp == "product 1: 49 % off, right beside you in coffee"


def test_a_new_promotion_reaches_who_stands_there(matching, a_fix_of, as_record):
    matching.handle(numbered([a_fix_of("ann")]))
    produced = matching.handle(numbered([as_record(a_promotion(pid="flash", sku=4, discount=70.0), 30)]))
    assert [(each.key, CustomerAlert.from_text(each.value).pid) for each in produced] == [("ann", "flash")]
    assert CustomerAlert.from_text(produced[0].value).why == "product 4: 70 % off, near you in coffee"


def test_a_record_that_cannot_be_read_is_a_dead_letter_and_its_neighbours_pass(matching, a_fix_of):
    poison = NewRecord("customers_locations", "bob", '{"uid":"bob","latitude":"x","longitude":1}', NOON_MS)
    produced = matching.handle(numbered([a_fix_of("ann"), poison, a_fix_of("cyd")]))
    assert [each.key for each in produced if each.topic == CUSTOMERS_ALERTS] == ["ann"] * 3 + ["cyd"] * 3
    (letter,) = [each for each in produced if each.topic == "customers_locations_dlq"]
    assert json.loads(letter.value) == {
        "value": poison.value,
        "reason": "latitude: must be a number, not text",
        "where": "match",
        "offset": 2,
    }
    assert matching.stats()["unreadable customers_locations"] == 1


def test_a_state_rebuilt_from_the_log_tells_nothing_again(records, a_shop, a_fix_of, clock):
    records.append([*a_shop, a_fix_of("ann")])
    before = Matching(clock=clock)
    alerts = before.handle(records.read(0))
    records.commit("match", records.end(), alerts)
    after = Matching(clock=clock)
    after.rebuild(records, records.committed("match"))
    assert skus(alerts) == [1, 2, 3]
    assert skus(after.handle(numbered([a_fix_of("ann", 2, after_s=10)]))) == [4]


def test_a_rebuilt_state_knows_who_stands_where(records, a_shop, a_fix_of, as_record, clock):
    records.append([*a_shop, a_fix_of("ann")])
    after = Matching(clock=clock)
    after.rebuild(records, records.end())
    produced = after.handle(numbered([as_record(a_promotion(pid="flash", sku=4, discount=70.0), 30)]))
    assert [each.key for each in produced] == ["ann"]


def test_a_rebuilt_state_keeps_the_cap_of_the_visit(records, a_shop, a_fix_of, clock):
    limits = Limits(per_visit=2)
    records.append([*a_shop, a_fix_of("ann")])
    alerts = Matching(limits, clock).handle(records.read(0))
    records.commit("match", records.end(), alerts)
    after = Matching(limits, clock)
    after.rebuild(records, records.committed("match"))
    assert len(alerts) == 2
    assert after.handle(numbered([a_fix_of("ann", 2, after_s=10)])) == []


def test_a_fix_that_was_not_handled_before_the_stop_is_not_taken_for_handled(records, a_shop, a_fix_of, clock):
    records.append(a_shop)
    position = records.end()
    records.append([a_fix_of("ann")])
    after = Matching(clock=clock)
    after.rebuild(records, position)
    assert skus(after.handle(records.read(position))) == [1, 2, 3]


def test_a_shopper_who_asked_to_be_erased_is_forgotten_and_not_told_what_the_shop_does(matching, a_fix_of, as_record):
    tombstone = NewRecord("customers_locations", "ann", None, NOON_MS)
    told = matching.handle(numbered([a_fix_of("ann"), tombstone]))
    assert skus(told) == [1, 2, 3]
    flash = as_record(a_promotion(pid="flash", sku=4, discount=70.0), 30)
    assert matching.handle(numbered([flash])) == []
    assert (matching.stats()["match shoppers"], matching.stats()["decide shoppers"]) == (0, 0)


def test_a_rebuilt_state_holds_nobody_who_was_erased(records, a_shop, a_fix_of, clock):
    records.append([*a_shop, a_fix_of("ann"), NewRecord("customers_locations", "ann", None, NOON_MS)])
    after = Matching(clock=clock)
    after.rebuild(records, records.end())
    assert after.stats()["match shoppers"] == 0


steps = st.one_of(
    st.tuples(st.just("fix"), st.sampled_from("abc"), st.integers(-30, 30)),
    st.tuples(st.just("place"), st.integers(1, 6), st.integers(-30, 30)),
    st.tuples(st.just("promote"), st.integers(1, 6), st.integers(0, 90)),
)


@given(st.lists(steps, max_size=30), st.lists(st.integers(1, 7), min_size=30, max_size=30))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_alerts_do_not_depend_on_how_batches_are_cut(as_record, walk, cuts):
    records = []
    for number, (what, which, value) in enumerate(walk):
        north = SHOP[0] + value * 1e-5
        if what == "fix":
            message = a_location(uid=which, id=f"{which}:{number}", latitude_deg=north)
        elif what == "place":
            message = a_product(sku=which, latitude_deg=north)
        else:
            message = a_promotion(pid=f"p{which}", sku=which, discount=float(value))
        records.append(as_record(message, number))
    whole, cut = Matching(clock=ManualClock()), Matching(clock=ManualClock())
    pieces, rest = [], numbered(records)
    for size in cuts:
        pieces += cut.handle(rest[:size])
        rest = rest[size:]
    assert whole.handle(numbered(records)) == pieces


def test_a_shopper_who_was_erased_is_forgotten_at_once(matching, a_fix_of, as_record):
    tombstone = NewRecord("customers_locations", "ann", None, NOON_MS)
    produced = matching.handle(numbered([a_fix_of("ann"), tombstone, a_fix_of("bea")]))
    assert [each.key for each in produced] == ["ann"] * 3 + ["bea"] * 3
    promoted = matching.handle(numbered([as_record(a_promotion(pid="p9", sku=1, title="new"))]))
    assert [each.key for each in promoted] == ["bea"]
