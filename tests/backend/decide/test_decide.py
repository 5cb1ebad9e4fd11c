"""One decision: what is told, what is held back, and why."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from endcap.errors import BadConfig
from endcap.wire import epoch_ms, from_epoch_ms
from endcap_backend.decide import Decider, Limits, QuietHours, Score, deal, score

MINUTE_MS = 60_000


def take(decider, *fix):
    return decider.take(*fix).alerts


def skus(alerts):
    return [alert.sku for alert in alerts]


def test_at_most_three_alerts_come_of_one_fix(a_row, noon_ms):
    alerts = take(Decider(), "ann", [a_row(sku) for sku in range(1, 9)], noon_ms)
    assert len(alerts) == 3


def test_the_nearer_of_two_equal_discounts_comes_first(a_row, noon_ms):
    alerts = take(Decider(), "ann", [a_row(1, distance_ft=50), a_row(2, distance_ft=10)], noon_ms)
    assert skus(alerts) == [2, 1]


def test_the_larger_of_two_discounts_at_one_distance_comes_first(a_row, noon_ms):
    alerts = take(Decider(), "ann", [a_row(1, discount=10), a_row(2, discount=30), a_row(3, discount=None)], noon_ms)
    assert skus(alerts) == [2, 1, 3]


def test_half_price_across_the_aisle_beats_five_per_cent_at_hand(a_row, noon_ms):
    alerts = take(
        Decider(), "ann", [a_row(1, distance_ft=3, discount=5), a_row(2, distance_ft=28, discount=50)], noon_ms
    )
    assert skus(alerts) == [2, 1]


def test_a_score_says_what_it_is_made_of(a_row):
    assert score(deal(a_row(distance_ft=50, discount=25))) == Score(nearness=0.15, discount=0.05)
    assert str(Score(0.15, 0.05)) == "0.200 = 0.150 nearness + 0.050 discount"


def test_the_same_offer_is_never_told_twice(a_row, noon_ms):
    decider = Decider()
    assert take(decider, "ann", [a_row(1)], noon_ms)
    assert take(decider, "ann", [a_row(1)], noon_ms + 30 * 24 * 60 * MINUTE_MS) == ()
    assert decider.stats()["held: told before"] == 1


def test_an_offer_told_to_one_shopper_is_news_to_another(a_row, noon_ms):
    decider = Decider()
    take(decider, "ann", [a_row(1)], noon_ms)
    assert skus(take(decider, "bob", [a_row(1, uid="bob")], noon_ms)) == [1]


def test_what_is_out_of_stock_is_not_offered(a_row, noon_ms):
    assert skus(take(Decider(), "ann", [a_row(1, stock=0), a_row(2, stock=1), a_row(3, stock=None)], noon_ms)) == [2, 3]


def test_a_promotion_is_over_from_the_moment_it_ends(a_row, noon_ms):
    ends_at = from_epoch_ms(noon_ms)
    rows = [a_row(1, ends_at=ends_at), a_row(2, ends_at=ends_at + timedelta(milliseconds=1))]
    assert skus(take(Decider(), "ann", rows, noon_ms)) == [2]


def test_two_promotions_of_one_product_are_told_once_by_the_better(a_row, noon_ms):
    rows = [a_row(1, pid="small", discount=5), a_row(1, pid="large", discount=40)]
    assert [alert.pid for alert in take(Decider(), "ann", rows, noon_ms)] == ["large"]


def test_a_promotion_of_a_whole_segment_takes_no_more_than_its_share(a_row, noon_ms):
    decider = Decider(Limits(per_promotion=2))
    rows = [a_row(sku, pid="coffee week", distance_ft=5) for sku in range(1, 6)] + [a_row(9, distance_ft=90)]
    assert skus(take(decider, "ann", rows, noon_ms)) == [1, 2, 9]
    assert take(decider, "ann", rows, noon_ms + MINUTE_MS) == ()


def test_a_visit_has_its_cap_and_the_next_visit_a_new_one(a_row, noon_ms):
    decider = Decider(Limits(per_visit=2, per_hour=10))
    assert len(take(decider, "ann", [a_row(sku) for sku in (1, 2, 3)], noon_ms)) == 2
    assert take(decider, "ann", [a_row(3)], noon_ms + 30 * MINUTE_MS) == ()
    assert skus(take(decider, "ann", [a_row(3)], noon_ms + 60 * MINUTE_MS + 1)) == [3]


def test_all_alerts_of_one_visit_name_it(a_row, noon_ms):
    decider = Decider()
    first, second = (take(decider, "ann", [a_row(n)], noon_ms + n * MINUTE_MS)[0] for n in (1, 2))
    later = take(decider, "ann", [a_row(3)], noon_ms + 100 * MINUTE_MS)[0]
    assert first.visit == second.visit != later.visit


def test_an_hour_and_a_day_have_their_caps(a_row, noon_ms):
    decider = Decider(Limits(per_visit=100, per_hour=1, per_day=2))
    told = [len(take(decider, "ann", [a_row(n)], noon_ms + n * 59 * MINUTE_MS)) for n in range(1, 5)]
    assert told == [1, 0, 1, 0]
    held = decider.stats()
    assert (held["held: cap per hour"], held["held: cap per day"]) == (1, 1)


def test_after_an_alert_she_is_left_alone_for_the_cooldown(a_row, noon_ms):
    decider = Decider(Limits(cooldown_s=60))
    told = [len(take(decider, "ann", [a_row(n)], noon_ms + n * 30_000)) for n in range(4)]
    assert told == [1, 0, 1, 0]


@pytest.mark.parametrize(("hour", "told"), [(21, 1), (22, 0), (3, 0), (7, 1)])
def test_in_quiet_hours_nothing_is_told(a_row, noon_ms, hour, told):
    decider = Decider(Limits(quiet=QuietHours.parse("22:00-07:00")))
    assert len(take(decider, "ann", [a_row(1)], noon_ms + (hour - 12) * 60 * MINUTE_MS)) == told


def test_quiet_hours_go_by_the_shops_clock():
    quiet = QuietHours.parse("22:00-07:00", "Europe/Helsinki")
    assert quiet == QuietHours(time(22), time(7), ZoneInfo("Europe/Helsinki"))
    at_ms = 1795464000000  # 2026-11-23T20:00Z, 22:00 in Helsinki
    assert (quiet.hold(at_ms), QuietHours(time(22), time(7), UTC).hold(at_ms)) == (True, False)


HELSINKI = ZoneInfo("Europe/Helsinki")


@pytest.mark.parametrize(
    ("hours", "local", "quiet"),
    [
        ("22:00-07:00", datetime(2026, 3, 28, 21, 59, 59, 999_000), False),
        ("22:00-07:00", datetime(2026, 3, 28, 22), True),
        ("22:00-07:00", datetime(2026, 3, 29, 6, 59, 59, 999_000), True),  # a night of 8 hours
        ("22:00-07:00", datetime(2026, 3, 29, 7), False),
        ("03:30-05:00", datetime(2026, 3, 29, 2, 59, 59, 999_000), False),
        ("03:30-05:00", datetime(2026, 3, 29, 4), True),  # the clock was put forward over 03:30
        ("03:30-03:45", datetime(2026, 10, 25, 3, 30, fold=0), True),
        ("03:30-03:45", datetime(2026, 10, 25, 3, 45, fold=0), False),
        ("03:30-03:45", datetime(2026, 10, 25, 3, 0, fold=1), False),
        ("03:30-03:45", datetime(2026, 10, 25, 3, 30, fold=1), True),  # it was put back, and comes to it again
        ("00:00-00:00", datetime(2026, 3, 29, 0), False),
    ],
)  # fmt: skip
def test_quiet_hours_hold_to_the_millisecond_also_where_the_clock_is_changed(hours, local, quiet):
    at_ms = epoch_ms(local.replace(tzinfo=HELSINKI))
    assert QuietHours.parse(hours, "Europe/Helsinki").hold(at_ms) is quiet


@given(
    st.datetimes(datetime(2026, 3, 27), datetime(2026, 4, 1), timezones=st.just(UTC))
    | st.datetimes(datetime(2026, 10, 23), datetime(2026, 10, 28), timezones=st.just(UTC)),
    st.times().map(lambda each: each.replace(second=0, microsecond=0)),
    st.times().map(lambda each: each.replace(second=0, microsecond=0)),
)
def test_until_quiet_hours_begin_none_hold(now, start, end):
    quiet = QuietHours(start, end, HELSINKI)
    begin = quiet.begin_after(now)
    if quiet.hold(epoch_ms(now)) or begin is None:
        return
    minutes = range(0, int((begin - now).total_seconds()), 60)
    assert not any(quiet.hold(epoch_ms(now + timedelta(seconds=each))) for each in minutes)
    assert begin - now <= timedelta(hours=25)


def test_an_alert_expires_when_quiet_hours_begin(a_row, noon_ms):
    decider = Decider(Limits(quiet=QuietHours.parse("12:05-13:00")))
    (alert,) = take(decider, "ann", [a_row(1)], noon_ms)
    assert alert.expires_at == from_epoch_ms(noon_ms + 5 * MINUTE_MS)


@pytest.mark.parametrize(("left_ms", "told"), [(60_000, 1), (59_999, 0), (1, 0)])
def test_what_would_expire_within_a_minute_waits_until_quiet_hours_are_over(a_row, noon_ms, left_ms, told):
    decider = Decider(Limits(quiet=QuietHours.parse("12:05-13:00"), per_day=1))
    at_ms = noon_ms + 5 * MINUTE_MS - left_ms
    assert len(take(decider, "ann", [a_row(1)], at_ms)) == told
    assert len(take(decider, "ann", [a_row(1)], noon_ms + 60 * MINUTE_MS)) == 1 - told


@pytest.mark.parametrize(
    ("setting", "value"), [("per_day", -1), ("per_fix", 1001), ("cooldown_s", -0.1), ("visit_gap_s", -1)]
)
def test_a_limit_that_cannot_be_kept_is_refused_by_name(setting, value):
    with pytest.raises(BadConfig) as fault:
        Limits(**{setting: value})
    assert fault.value.setting == setting


@pytest.mark.parametrize(
    ("hours", "zone", "setting"),
    [
        ("10pm-7am", "UTC", "quiet_hours"),
        ("24:00-07:00", "UTC", "quiet_hours"),
        ("22:00-07:00", "Helsinki", "timezone"),
        ("22:00-07:00", "../etc", "timezone"),
    ],
)
def test_quiet_hours_that_are_no_hours_are_refused_by_name(hours, zone, setting):
    with pytest.raises(BadConfig) as fault:
        QuietHours.parse(hours, zone)
    assert fault.value.setting == setting


def test_an_alert_lives_a_quarter_of_an_hour_but_not_beyond_its_promotion(a_row, noon_ms):
    noon = from_epoch_ms(noon_ms)
    rows = [a_row(1, distance_ft=1), a_row(2, ends_at=noon + timedelta(minutes=5))]
    assert [alert.expires_at - noon for alert in take(Decider(), "ann", rows, noon_ms)] == [
        timedelta(minutes=15),
        timedelta(minutes=5),
    ]


def test_an_alerts_id_follows_from_its_facts(a_row, noon_ms):
    ids = [take(Decider(), uid, [a_row(sku, uid=uid)], at)[0].id for uid, sku, at in
           [("ann", 1, noon_ms), ("ann", 1, noon_ms + 1), ("ann", 2, noon_ms), ("bob", 1, noon_ms)]]  # fmt: skip
    assert ids[0] == ids[1]
    assert len(set(ids)) == 3


def test_a_product_without_words_is_told_by_its_segment(noon_ms, a_row):
    row = a_row(1)
    worded = row.to_json() | {"VARIANT": "dark"}
    bare = type(row).from_json({name: value for name, value in worded.items() if name not in ("TITLE", "NAME")})
    assert take(Decider(), "ann", [bare], noon_ms)[0].title == "coffee dark"


def test_equal_offers_come_by_sku_and_then_promotion(a_row, noon_ms):
    rows = [a_row(2, pid="b"), a_row(1, pid="z"), a_row(1, pid="a"), a_row(3, pid="a")]
    orders = (rows, rows[::-1])
    told = [[(alert.sku, alert.pid) for alert in take(Decider(), "ann", order, noon_ms)] for order in orders]
    assert told == [[(1, "a"), (2, "b"), (3, "a")]] * 2


def test_after_a_restart_the_visit_under_way_goes_on(a_row, noon_ms):
    before = Decider(Limits(per_visit=2, per_hour=10))
    take(before, "ann", [], noon_ms - MINUTE_MS)
    told = take(before, "ann", [a_row(1)], noon_ms)[0], take(before, "ann", [a_row(2)], noon_ms + MINUTE_MS)[0]
    after = Decider(Limits(per_visit=2, per_hour=10))
    for n, alert in enumerate(told):
        after.restore(alert, noon_ms + n * MINUTE_MS)
    after.resume("ann", noon_ms + 50 * MINUTE_MS)
    assert take(after, "ann", [a_row(3)], noon_ms + 51 * MINUTE_MS) == ()
    assert told[0].visit == told[1].visit
    assert take(after, "ann", [], noon_ms + 52 * MINUTE_MS) == ()
    assert take(after, "ann", [a_row(3)], noon_ms + 90 * MINUTE_MS)[0].visit not in {alert.visit for alert in told}


def test_the_shopper_seen_longest_ago_is_forgotten_first(a_row, noon_ms):
    decider = Decider(Limits(per_hour=1), capacity=2)
    for n, uid in enumerate(("ann", "bob", "ann", "cyd")):
        take(decider, uid, [a_row(n, uid=uid)], noon_ms + n)
    assert take(decider, "ann", [a_row(9)], noon_ms + 9) == ()
    assert len(take(decider, "bob", [a_row(9, uid="bob")], noon_ms + 9)) == 1


def test_what_only_has_no_room_now_waits_and_what_can_never_be_told_does_not(a_row, noon_ms):
    decider = Decider(Limits(per_fix=1, per_promotion=1))
    take(decider, "ann", [a_row(1)], noon_ms)
    rows = [a_row(1), a_row(2), a_row(3), a_row(4, stock=0), a_row(5, pid="p2", distance_ft=90)]
    choice = decider.take("ann", rows, noon_ms + 1)
    assert skus(choice.alerts) == [2]
    assert [candidate.sku for candidate in choice.waiting] == [3]
