from datetime import UTC, datetime

import pytest

from endcap.errors import BadMessage
from endcap.fences import OpeningHours


def utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


HELSINKI = OpeningHours("Mo-Fr 09:00-21:00; Sa 10:00-18:00", "Europe/Helsinki")  # UTC+2 in winter, +3 in summer


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        ("2026-11-24T06:59:59.999", False),  # a Tuesday
        ("2026-11-24T07:00", True),
        ("2026-11-24T18:59:59.999", True),
        ("2026-11-24T19:00", False),
        ("2026-11-28T08:00", True),
        ("2026-11-29T10:00", False),  # a Sunday
        ("2026-07-07T06:00", True),  # summer time
        ("2026-07-07T18:00", False),
    ],
)
def test_a_store_is_open_by_its_own_clock(moment, is_open):
    assert HELSINKI.open_at(utc(moment)) is is_open


def test_a_span_past_midnight_reaches_into_the_next_day():
    bar = OpeningHours("Fr 18:00-02:00", "UTC")
    assert bar.open_at(utc("2026-11-28T01:59"))  # a Saturday
    assert not bar.open_at(utc("2026-11-28T02:00"))
    assert not bar.open_at(utc("2026-11-27T01:00"))


def test_it_says_since_when():
    assert HELSINKI.since(utc("2026-11-24T12:00")) == utc("2026-11-24T07:00")
    assert HELSINKI.since(utc("2026-11-24T20:00")) == utc("2026-11-24T19:00")
    assert HELSINKI.since(utc("2026-11-30T06:00")) == utc("2026-11-28T16:00")  # closed since Saturday


def test_a_lunch_break_and_a_range_over_the_week_s_end():
    shop = OpeningHours("Sa-Mo 10:00-12:00,13:00-24:00", "UTC")
    assert [shop.open_at(utc(f"2026-11-30T{at}")) for at in ("11:59", "12:30", "13:00", "23:59")] == [
        True,
        False,
        True,
        True,
    ]
    assert not shop.open_at(utc("2026-12-01T11:00"))


def test_always_means_always():
    assert OpeningHours("24/7", "UTC").open_at(utc("2026-11-24T03:00"))


def test_an_hour_that_the_clock_skips_is_no_fault():
    night = OpeningHours("Mo-Su 02:30-03:30", "Europe/Helsinki")
    assert night.open_at(
        utc("2026-03-29T00:45")
    )  # 03:00 EET becomes 04:00 EEST: open from 02:30 EET, shut at 03:30 "EET"


@pytest.mark.parametrize(
    "text", ["always", "Mo 9-17", "Mo 09:00", "Xx 09:00-17:00", "Mo-Xx 09:00-10:00", "Mo 25:00-26:00", "Mo 24:00-01:00"]
)
def test_text_that_does_not_read_is_refused(text):
    with pytest.raises(BadMessage, match="hours"):
        OpeningHours(text, "UTC")


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../etc/passwd"])
def test_a_zone_nobody_knows_is_refused(zone):
    with pytest.raises(BadMessage, match="zone"):
        OpeningHours("24/7", zone)
