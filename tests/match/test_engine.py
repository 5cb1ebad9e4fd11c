from __future__ import annotations

from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from endcap_backend.match.engine import SOURCE_TOPICS, MatchEngine
from endcap_backend.match.rows import MatchError, Row

RECORDS = [
    '{"SKU":1,"segment":"A","latitude":37.775,"longitude":-122.4,"country":"USA"}',
    '{"pid":"p","SKU":1,"segment":"A"}',
    '{"uid":"u","latitude":37.775,"longitude":-122.4,"country":"USA"}',
]
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16-le", "utf-16-be", "utf-16", "utf-32-le", "utf-32-be", "latin-1"]


@st.composite
def spoilt_records(draw: st.DrawFn) -> bytes:
    """A good record of any topic with something put in or taken out, in any encoding."""
    text = draw(st.sampled_from(RECORDS))
    at = draw(st.integers(0, len(text)))
    put = draw(
        st.sampled_from(
            ["", "{", "}", '"', "\\", "\\ud800", "null", "1e400", "NaN", "\0", "é", "😀", "[[", '"country":']
        )
    )
    text = text[:at] + put + text[at + draw(st.integers(0, 5)) :]
    return text.encode(draw(st.sampled_from(ENCODINGS)), "replace")


@pytest.mark.parametrize("mode", ["parity", "product"])
@given(st.lists(st.tuples(st.sampled_from(SOURCE_TOPICS), st.none() | st.binary() | spoilt_records()), max_size=30))
@settings(max_examples=60, deadline=None)
def test_whatever_comes_gives_rows_or_errors_and_nothing_raises(
    mode: Literal["parity", "product"], records: list[tuple[str, bytes | None]]
) -> None:
    engine = MatchEngine(mode)
    for number, (topic, value) in enumerate(records):
        found: list[Any] = engine.process(topic, None, value, 1_700_000_000_000 + number)
        assert all(isinstance(each, Row | MatchError) for each in found)


@pytest.mark.parametrize("mode", ["parity", "product"])
def test_stats_tell_what_is_held(mode: Literal["parity", "product"]) -> None:
    engine = MatchEngine(mode)
    for topic, record in zip(("stores_products", "products_promotions", "customers_locations"), RECORDS, strict=True):
        engine.process(topic, None, record.encode(), 1)
    held = engine.stats()
    assert held["promotions"] == 1
    assert held["products" if mode == "parity" else "placements"] == 1
