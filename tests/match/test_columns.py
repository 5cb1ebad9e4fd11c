"""What ksqlDB makes of JSON values in BIGINT, DECIMAL(10,5) and VARCHAR columns."""

from __future__ import annotations

import pytest

from endcap_backend.match.parity.columns import Columns
from endcap_backend.match.parity.encoding import text_of
from endcap_backend.match.parity.jackson import Malformed, read
from endcap_backend.match.parity.java_text import fixed_text


def columns(text: str) -> Columns:
    return Columns(read(text_of(text.encode())))


def column(json_value: str) -> Columns:
    return columns(f'{{"x":{json_value}}}')


@pytest.mark.parametrize(
    ("json_value", "expected"),
    [
        ("37.7749", "37.77490"),
        ("-122.4194", "-122.41940"),
        ("38", "38.00000"),
        ("-0.0", "0.00000"),
        ("-0", "0.00000"),
        ("0e-400", "0.00000"),
        ("0E+400", "0.00000"),
        ("1e-5", "0.00001"),
        ("-0.00001", "-0.00001"),
        ("1.5e1", "15.00000"),
        ("37.7749000000", "37.77490"),
        ("99999.99999", "99999.99999"),
        ("-99999.99999", "-99999.99999"),
        ("9999900e-2", "99999.00000"),
        ("1E4", "10000.00000"),
        ('"37.775"', "37.77500"),
        ('"+37.775"', "37.77500"),
        ('"-1.224194E2"', "-122.41940"),
        ('".5"', "0.50000"),
        ('"5."', "5.00000"),
        ('"007"', "7.00000"),
        ('"1e0000000000000004"', "10000.00000"),
        ('"\\u0663\\u0667.\\u0665"', "37.50000"),
        ('"\\uff13.5"', "3.50000"),
        ("null", "null"),
    ],
)
def test_a_decimal_takes(json_value: str, expected: str) -> None:
    assert fixed_text(column(json_value).decimal_10_5("X")) == expected


@pytest.mark.parametrize(
    "json_value",
    [
        "37.774901",
        "1e-6",
        "1e-400",
        "100000",
        "-100000",
        "123456.5",
        "1e400",
        "9" * 1000,
        "true",
        "[1]",
        '{"a":1}',
        '""',
        '" 1"',
        '"1 "',
        '"abc"',
        '"NaN"',
        '"1e"',
        '"e5"',
        '"."',
        '"+"',
        '"1.2.3"',
        '"0x1"',
        '"1_0"',
        '"1,5"',
        '"--1"',
        '"1e99999999999"',
        '"1e2147483649"',
        '"37.774901"',
        '"\\ud835\\udfce"',
        '"1d"',
        '"Infinity"',
    ],
)
def test_a_decimal_refuses(json_value: str) -> None:
    with pytest.raises(Malformed):
        column(json_value).decimal_10_5("X")


@pytest.mark.parametrize(
    ("json_value", "expected"),
    [
        ("7", 7),
        ("1.9", 1),
        ("-1.9", -1),
        ("0.9", 0),
        ("1e3", 1000),
        ("1e19", 10**19 - 2**64),
        ("1e63", -(2**63)),
        ("1e64", 0),
        ("1e1000000", 0),
        ("1e-1000000", 0),
        ("9223372036854775807", 2**63 - 1),
        ("9223372036854775808", -(2**63)),
        ("-9223372036854775809", 2**63 - 1),
        ("18446744073709551616", 0),
        ('"7"', 7),
        ('"+7"', 7),
        ('"-7"', -7),
        ('"007"', 7),
        ('"9223372036854775807"', 2**63 - 1),
        ('"-9223372036854775808"', -(2**63)),
        ('"\\u0667"', 7),
        ("null", None),
    ],
)
def test_a_bigint_takes(json_value: str, expected: int | None) -> None:
    assert column(json_value).bigint("X") == expected


@pytest.mark.parametrize(
    "json_value",
    ['"12.0"', '" 7"', '"7 "', '""', '"-"', '"A-17"', '"9223372036854775808"', '"1e3"', '"0x1"', "true", "[]", "{}"],
)
def test_a_bigint_refuses(json_value: str) -> None:
    with pytest.raises(Malformed):
        column(json_value).bigint("X")


@pytest.mark.parametrize(
    ("json_value", "expected"),
    [
        ('"x"', "x"),
        ('""', ""),
        ("7", "7"),
        ("-0", "0"),
        ("1.50", "1.50"),
        ("1E2", "1E+2"),
        ("1e-7", "1E-7"),
        ("0.000001", "0.000001"),
        ("0.0000001", "1E-7"),
        ("-0.0", "0.0"),
        ("12345678901234567890", "12345678901234567890"),
        ("1.5e300", "1.5E+300"),
        ("100.0", "100.0"),
        ("0e5", "0E+5"),
        ("true", "true"),
        ("false", "false"),
        ("null", None),
        ("[]", "[]"),
        ('["x", 1, null, 2.50, true]', "[x, 1, null, 2.50, true]"),
        ('[["a",["b"]],[]]', "[[a, [b]], []]"),
        ("{}", "{}"),
        ('{"a": 1.0, "b": [1, "x", null]}', '{"a":1.0,"b":[1,"x",null]}'),
        ('{"a":{"b":[{"c":1E2}]}}', '{"a":{"b":[{"c":1E+2}]}}'),
        ('[{"a":"x\\"y"}, "q\\"r"]', '[{"a":"x\\"y"}, q"r]'),
        ('{"k\\n":"\\u0001\\u001f\x7fé😀/"}', '{"k\\n":"\\u0001\\u001F\x7fé😀/"}'),
        ('{"b":1,"a":2,"b":3}', '{"b":3,"a":2}'),
    ],
)
def test_a_varchar_takes_anything(json_value: str, expected: str | None) -> None:
    assert column(json_value).varchar("X") == expected


def test_a_varchar_may_be_nested_to_the_limit() -> None:
    assert column("[" * 999 + "]" * 999).varchar("X") == "[" * 999 + "]" * 999


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ('{"country":"a"}', "a"),
        ('{"COUNTRY":"a"}', "a"),
        ('{"cOuNtRy":"a"}', "a"),
        ("{}", None),
        ('{"country":"a","Country":"b"}', "b"),
        ('{"Country":"b","country":"a"}', "a"),
        ('{"COUNTRY":"a","country":"b"}', "a"),
        ('{"country":"b","COUNTRY":"a"}', "a"),
        ('{"COUNTRY":null,"country":"b"}', None),
        ('{"country":"a","country":"b"}', "b"),
        ('{"country":"a","Country":"b","country":"c"}', "b"),
        ('{"country ":"a"}', None),
        ('{"countr\\u0131":1}', None),
    ],
)
def test_a_name_counts_in_any_case(record: str, expected: str | None) -> None:
    assert columns(record).varchar("COUNTRY") == expected


def test_names_are_raised_as_java_raises_them() -> None:
    assert columns('{"lat\\u0131tude":1}').decimal_10_5("LATITUDE") == 100_000  # the dotless i has no other capital


@pytest.mark.parametrize("record", ["[]", "12", '"x"', "true", "null", "", "  "])
def test_only_an_object_is_a_row(record: str) -> None:
    with pytest.raises(Malformed):
        columns(record)
