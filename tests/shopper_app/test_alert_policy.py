"""The alert policy: laws that hold whatever comes, and each rule's edge."""

from datetime import time, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from endcap.testing import NOON
from endcap_shopper.alert_policy import AlertRules, Candidate, QuietHours, Told, remembered, verdict

ALWAYS = AlertRules(kinds={}, quiet=None)
AFTERNOON = time(15)


def a_candidate(subject="deal:p1:7", kind="deal", visit="v1", expires_at=None):
    return Candidate(subject, kind, visit, expires_at)


def judge(candidate=None, told=(), rules=ALWAYS, now=NOON, local=AFTERNOON):
    return verdict(candidate or a_candidate(), told, rules, now, local)


def test_the_first_offer_of_a_visit_is_told():
    assert judge() == "tell"


def test_the_same_offer_is_told_again_after_a_day_and_no_sooner():
    day = timedelta(hours=24)
    told = [Told("deal:p1:7", "v0", NOON - day)]
    assert judge(told=told) == "tell"
    assert judge(told=told, now=NOON - timedelta(milliseconds=1)) == "told before"


def test_the_fourth_of_a_visit_is_not_told_and_another_visit_starts_anew():
    told = [Told(f"deal:p{n}:", "v1", NOON - timedelta(hours=n)) for n in (1, 2, 3)]
    assert judge(a_candidate("deal:p9:"), told) == "visit is full"
    assert judge(a_candidate("deal:p9:", visit="v2"), told) == "tell"


def test_two_are_five_minutes_apart_the_bound_included():
    told = [Told("deal:p2:", "v1", NOON - timedelta(seconds=300))]
    assert judge(told=told) == "tell"
    assert judge(told=told, now=NOON - timedelta(milliseconds=1)) == "too soon"


@pytest.mark.parametrize(("local", "quiet"), [((21, 59), False), ((22, 0), True), ((0, 0), True), ((7, 59), True),
                                              ((8, 0), False)])  # fmt: skip
def test_quiet_hours_run_over_midnight(local, quiet):
    assert judge(rules=AlertRules(kinds={}), local=time(*local)) == ("quiet hours" if quiet else "tell")


def test_the_same_time_twice_is_no_quiet_hours():
    assert judge(rules=AlertRules({}, QuietHours(time(9), time(9))), local=time(9)) == "tell"


def test_a_pause_ends_when_it_says():
    rules = AlertRules({}, None, paused_until=NOON)
    assert judge(rules=rules) == "tell"
    assert judge(rules=rules, now=NOON - timedelta(seconds=1)) == "paused"


def test_what_is_over_is_not_told():
    assert judge(a_candidate(expires_at=NOON)) == "expired"
    assert judge(a_candidate(expires_at=NOON + timedelta(seconds=1))) == "tell"


def test_help_that_comes_is_told_in_any_case_and_counts_for_nobody():
    rules = AlertRules({"help": False}, QuietHours(time(0), time(23, 59)), paused_until=NOON + timedelta(days=1))
    told = [Told("deal:p1:", "v1", NOON)] * 3
    assert judge(a_candidate("help:h1", "help"), told, rules) == "tell"


subjects = st.sampled_from([f"deal:p{n}:" for n in range(6)])
moments = st.lists(st.tuples(st.integers(0, 3 * 24 * 3600), subjects, st.sampled_from(["v1", "v2", "v3"])), max_size=60)


@given(moments, st.integers(1, 5), st.integers(0, 900))
def test_whatever_comes_she_is_never_told_too_much(coming, most, apart_s):
    rules = AlertRules({}, QuietHours(time(22), time(8)), max_a_visit=most, apart_s=apart_s)
    told = []
    for second, subject, visit in sorted(coming):
        now = NOON + timedelta(seconds=second)
        if verdict(Candidate(subject, "deal", visit), told, rules, now, now.time()) == "tell":
            told.append(Told(subject, visit, now))
    assert all(not QuietHours(time(22), time(8)).hold_at(each.at.time()) for each in told)
    assert all(sum(each.visit == visit for each in told) <= most for visit in ("v1", "v2", "v3"))
    for before, after in pairwise(told):
        assert after.at - before.at >= timedelta(seconds=apart_s)
    for i, each in enumerate(told):
        assert all(
            later.at - each.at >= timedelta(hours=24) for later in told[i + 1 :] if later.subject == each.subject
        )


@given(moments)
def test_forgetting_what_is_old_changes_no_verdict(coming):
    told = [Told(subject, visit, NOON + timedelta(seconds=second)) for second, subject, visit in sorted(coming)]
    now = NOON + timedelta(days=3)
    kept = remembered(told, now)
    new = Candidate("deal:p0:", "deal", "a visit of today")
    assert verdict(new, kept, ALWAYS, now, AFTERNOON) == verdict(new, told, ALWAYS, now, AFTERNOON)
