import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from endcap.errors import BadMessage
from endcap.messages import MESSAGES, CustomerLocation, Fix, ProductPromotion, derived_id
from endcap.wire import epoch_ms, from_epoch_ms, parse_json

A_LOCATION = {"uid": "u1", "latitude": 37.7749, "longitude": -122.4194, "country": "USA"}


def value_for(wire):
    if wire.kind == "text":
        if wire.choices:
            return st.sampled_from(wire.choices)
        if wire.pattern:
            return st.from_regex(wire.pattern, fullmatch=True).filter(str.isascii)
        alphabet = st.characters(min_codepoint=32, exclude_categories=["Cs"])
        return st.text(alphabet, min_size=1, max_size=min(wire.max_chars, 20))
    if wire.kind == "instant":
        return st.integers(0, 4_000_000_000_000).map(from_epoch_ms)
    if wire.kind == "flag":
        return st.booleans()
    low, high = wire.minimum or 0, 1e9 if wire.maximum is None else wire.maximum
    if wire.kind == "integer":
        return st.integers(int(low), int(high))
    return st.floats(low, high).map(lambda number: round(number, 5) + 0.0)


def a_message(cls):
    return st.builds(
        cls,
        **{
            name: value_for(wire) if wire.required else st.none() | value_for(wire)
            for name, wire in cls.wires().items()
        },
    )


@given(st.one_of([a_message(cls) for cls in MESSAGES]))
def test_what_is_written_reads_back_the_same(message):
    assert type(message).from_text(message.to_text()) == message


@given(st.one_of([a_message(cls) for cls in MESSAGES]))
def test_what_is_written_fits_the_published_schema_names(message):
    assert set(json.loads(message.to_text())) <= set(type(message).schema()["properties"])


@pytest.mark.parametrize("cls", MESSAGES)
def test_a_missing_field_is_named(cls):
    required = [wire.name for wire in cls.wires().values() if wire.required]
    with pytest.raises(BadMessage) as fault:
        cls.from_json({})
    assert fault.value.field == required[0]
    assert fault.value.reason == "is missing"


@pytest.mark.parametrize(
    ("change", "field", "reason"),
    [
        ({"uid": None}, "uid", "must not be null"),
        ({"uid": 7}, "uid", "must be text, not a number"),
        ({"uid": "a:b"}, "uid", "must match"),
        ({"latitude": False}, "latitude", "must be a number, not a boolean"),
        ({"latitude": "37.7"}, "latitude", "must be a number, not text"),
        ({"latitude": 90.1}, "latitude", "must not be above 90"),
        ({"longitude": -180.1}, "longitude", "must not be below -180"),
        ({"latitude": 10**400}, "latitude", "is too large"),
        ({"country": "\ud800"}, "country", "surrogate"),
        ({"country": "x" * 65}, "country", "at most 64"),
        ({"taken_at": "yesterday"}, "taken_at", "RFC 3339"),
        ({"taken_at": "2026-13-01T00:00:00Z"}, "taken_at", "is no time that exists"),
        ({"taken_at": "2026-11-24T08:30:00"}, "taken_at", "with a zone"),
        ({"id": "only-install"}, "id", "must match"),
        ({"accuracy_m": -1}, "accuracy_m", "must not be below 0"),
        ({"source": "astrology"}, "source", "must be one of"),
    ],
)
def test_a_wrong_field_is_named_with_its_reason(change, field, reason):
    with pytest.raises(BadMessage) as fault:
        CustomerLocation.from_json(A_LOCATION | change)
    assert fault.value.field == field
    assert reason in fault.value.reason


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"\xff{}", "not valid UTF-8"),
        ("{", "is not JSON"),
        ('{"latitude": NaN}', "holds NaN"),
        ("[" * 100_000, "nested too deep"),
        ('{"latitude": ' + "1" * 5000 + "}", "can be read"),
        ("[]", "must be a JSON object"),
    ],
)
def test_text_that_is_no_message_says_why(text, reason):
    with pytest.raises(BadMessage, match=reason):
        CustomerLocation.from_text(text)


def test_an_unknown_field_is_ignored():
    assert CustomerLocation.from_json(A_LOCATION | {"future": [1]}).country == "USA"


def test_a_fix_travels_with_five_decimals():
    fix = Fix(37.7749295123, -122.4194155, datetime(2026, 11, 24, 9, 30, tzinfo=timezone(timedelta(hours=1))))
    sent = json.loads(CustomerLocation.from_fix(fix, uid="u1", id="i:1").to_text())
    assert (sent["latitude"], sent["longitude"]) == (37.77493, -122.41942)
    assert sent["taken_at"] == "2026-11-24T08:30:00.000Z"


def test_a_promotion_is_live_from_its_start_to_just_before_its_end():
    start = datetime(2026, 11, 24, tzinfo=UTC)
    promotion = ProductPromotion("p1", "dairy", starts_at=start, ends_at=start + timedelta(hours=1))
    assert promotion.live_at(start)
    assert not promotion.live_at(start - timedelta(milliseconds=1))
    assert not promotion.live_at(start + timedelta(hours=1))


def test_the_same_facts_give_the_same_id():
    assert derived_id("a", 1) == derived_id("a", "1") != derived_id("a1")


@given(st.integers(0, 4_000_000_000_000))
def test_record_times_survive_the_round_trip(milliseconds):
    assert epoch_ms(from_epoch_ms(milliseconds)) == milliseconds


def test_a_repeated_name_takes_the_last_value():
    assert parse_json('{"a": 1, "a": 2}') == {"a": 2}


def test_nan_is_refused_or_left_to_the_field_that_holds_it():
    with pytest.raises(BadMessage, match="holds NaN, which is not JSON"):
        parse_json('{"latitude": NaN}')
    value = parse_json('{"uid": "u1", "latitude": NaN, "longitude": 0}', refuse_nan=False)
    with pytest.raises(BadMessage) as refused:
        CustomerLocation.from_json(value)
    assert refused.value.field == "latitude"
