from __future__ import annotations

import pytest

from endcap_backend.match.parity.java_text import double_text, json_text, key_text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.0"),
        (1.0, "1.0"),
        (100.0, "100.0"),
        (36.48305543069855, "36.48305543069855"),
        (0.001, "0.001"),
        (0.0009999, "9.999E-4"),
        (1.9610047866377215e-9, "1.9610047866377215E-9"),
        (1e-5, "1.0E-5"),
        (9999999.0, "9999999.0"),
        (1e7, "1.0E7"),
        (1.25e10, "1.25E10"),
        (1e300, "1.0E300"),
        (-2.5, "-2.5"),
        (5e-324, "5.0E-324"),
        (0.5, "0.5"),
        (0.0123, "0.0123"),
    ],
)
def test_a_double_is_written_as_java_writes_it(value: float, text: str) -> None:
    assert double_text(value) == text


@pytest.mark.parametrize(
    ("text", "written"),
    [
        (None, "null"),
        ("", '""'),
        ("plain é プロモ", '"plain é プロモ"'),
        ('a"b\\c/d', '"a\\"b\\\\c/d"'),
        ("\b\t\n\f\r", '"\\b\\t\\n\\f\\r"'),
        ("\x01\x1f\x7f\u2028<&>", '"\\u0001\\u001F\x7f\u2028<&>"'),
        ("😀", '"\\uD83D\\uDE00"'),
        ("\ud83d", '"\\uD83D"'),
    ],
)
def test_a_text_is_written_as_jackson_writes_it(text: str | None, written: str) -> None:
    assert json_text(text) == written


def test_half_a_pair_is_a_question_mark_in_a_key() -> None:
    assert key_text("a\ud83db😀\ude00") == "a?b😀?"
