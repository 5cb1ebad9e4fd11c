"""What Jackson, with ksqlDB's settings, takes for a record and what it refuses: by its sources and the golden data."""

from __future__ import annotations

from decimal import Decimal

import pytest

from endcap_backend.match.parity.encoding import text_of
from endcap_backend.match.parity.jackson import Json, Malformed, Missing, read


def parse(data: bytes) -> Json | Missing:
    return read(text_of(data))


DEEP = b'{"a":' + b"[" * 999 + b"]" * 999 + b"}"

TAKEN: dict[str, tuple[bytes, Json]] = {
    "an object": (b'{"a":1,"b":[true,null,"x"]}', {"a": 1, "b": [True, None, "x"]}),
    "blanks all around": (b' \n\t{ "a" : 1 ,\r\n"b":2 } ', {"a": 1, "b": 2}),
    "text after the value": (b'{"a":1}nonsense', {"a": 1}),
    "a second object": (b'{"a":1}{"a":2}', {"a": 1}),
    "bytes that are no UTF-8 after the value": (b'{"a":1}\xff\xfe', {"a": 1}),
    "a zero byte after the value": (b'{"a":1}\0', {"a": 1}),
    "a repeated name: the last": (b'{"a":1,"b":2,"a":3}', {"a": 3, "b": 2}),
    "an empty name": (b'{"":1}', {"": 1}),
    "decimals with all their digits": (b'{"a":1.50,"b":1E2,"c":-0.0}', {"a": Decimal("1.50"), "b": Decimal("1E+2"),
                                                                       "c": Decimal("-0.0")}),
    "escapes": (rb'{"\u0061":"\"\\\/\b\f\n\r\t\u00e9"}', {"a": '"\\/\b\f\n\r\té'}),
    "a surrogate pair in escapes": (rb'{"a":"\ud83d\ude00"}', {"a": "😀"}),
    "half a pair in an escape": (rb'{"a":"\ud83d!"}', {"a": "\ud83d!"}),
    "a pair encoded half by half": (b'{"a":"\xed\xa0\xbd\xed\xb8\x80"}', {"a": "😀"}),
    "an overlong form": (b'{"a":"\xc1\xa1\xe0\x81\xa1"}', {"a": "aa"}),
    "an overlong quote is no quote": (b'{"a":"\xc0\xa2"}', {"a": '"'}),
    "DEL": (b'{"a":"\x7f"}', {"a": "\x7f"}),
    "UTF-8 with a mark": (b'\xef\xbb\xbf{"a":"\xc3\xa9"}', {"a": "é"}),
    "UTF-16 BE": ('{"a":"é"}'.encode("utf-16-be"), {"a": "é"}),
    "UTF-16 LE": ('{"a":"é"}'.encode("utf-16-le"), {"a": "é"}),
    "UTF-16 BE with a mark": (b"\xfe\xff" + '{"a":"é"}'.encode("utf-16-be"), {"a": "é"}),
    "UTF-16 LE with a mark": (b"\xff\xfe" + '{"a":"é"}'.encode("utf-16-le"), {"a": "é"}),
    "UTF-16 with half a pair": ('{"a":"'.encode("utf-16-be") + b"\xd8\x00" + '"}'.encode("utf-16-be"), {"a": "\ufffd"}),
    "UTF-16 with an odd byte at the end": ('{"a":1}'.encode("utf-16-le") + b"x", {"a": 1}),
    "UTF-32 BE": ('{"a":"😀"}'.encode("utf-32-be"), {"a": "😀"}),
    "UTF-32 LE": ('{"a":"😀"}'.encode("utf-32-le"), {"a": "😀"}),
    "UTF-32 BE with a mark": (b"\0\0\xfe\xff" + '{"a":1}'.encode("utf-32-be"), {"a": 1}),
    "UTF-32 LE with a mark": (b"\xff\xfe\0\0" + '{"a":1}'.encode("utf-32-le"), {"a": 1}),
    "UTF-32 with bytes over": ('{"a":1}'.encode("utf-32-le") + b"xx", {"a": 1}),
    "a number of 1000 digits": (b'{"a":' + b"9" * 1000 + b"}", {"a": int("9" * 1000)}),
    "a name of 50 000 bytes": (b'{"' + b"n" * 50_000 + b'":1}', {"n" * 50_000: 1}),
    "an exponent with leading zeros": (b'{"a":1e' + b"0" * 900 + b"5}", {"a": Decimal("1E+5")}),
    "a long text": (b'{"a":"' + b"x" * 100_000 + b'","b":1.5}', {"a": "x" * 100_000, "b": Decimal("1.5")}),
    "empty containers far down": (b'{"a":[{},[],' + b" " * 2000 + b'{"b":[]}]}', {"a": [{}, [], {"b": []}]}),
}  # fmt: skip

REFUSED = {
    "an object that is not closed": b'{"a":1',
    "a text that is not closed": b'{"a":"x',
    "a comma before the end": b'{"a":1,}',
    "a comma before an array's end": b'{"a":[1,]}',
    "no comma": b'{"a":1 "b":2}',
    "no colon": b'{"a" 1}',
    "single quotes": b"{'a':1}",
    "a name without quotes": b"{a:1}",
    "a comment": b'{/*c*/"a":1}',
    "NaN": b'{"a":NaN}',
    "Infinity": b'{"a":-Infinity}',
    "hexadecimal": b'{"a":0x25}',
    "a leading zero": b'{"a":07}',
    "a minus and a leading zero": b'{"a":-07}',
    "a leading plus": b'{"a":+1}',
    "a leading point": b'{"a":.5}',
    "a trailing point": b'{"a":5.}',
    "an exponent without digits": b'{"a":5e}',
    "only a minus": b'{"a":-}',
    "a word cut short": b'{"a":tru}',
    "a word run on": b'{"a":truex}',
    "a word in capitals": b'{"a":True}',
    "a tab in a text": b'{"a":"x\ty"}',
    "a line feed in a name": b'{"a\n":1}',
    "an unknown escape": rb'{"a":"\x"}',
    "a short escape": rb'{"a":"\u12"}',
    "a blank that JSON has not": b'{\x0b"a":1}',
    "a no-break space": '{\u00a0"a":1}'.encode(),
    "a lone continuation byte": b'{"a":"\x80"}',
    "a sequence cut short": b'{"a":"\xc3"}',
    "a lead byte of five": b'{"a":"\xf8\x88\x80\x80\x80"}',
    "Latin-1": b'{"a":"\xe9"}',
    "a mark twice": b'\xef\xbb\xbf\xef\xbb\xbf{"a":1}',
    "the schema registry's five bytes": b'\0\0\0\0\x01{"a":1}',
    "UTF-32 beyond Unicode": b"\0\0\0{\x00\x11\x00\x00",
    "UTF-32 in an odd order": b"\0{\0\0",
    "UTF-32 in another": b"\0\0{\0",
    "UTF-32's mark in an odd order": b"\xfe\xff\0\0{\0\0\0",
    "a number of 1001 digits": b'{"a":' + b"9" * 1001 + b"}",
    "a decimal of 1001 digits": b'{"a":0.' + b"9" * 1000 + b"}",
    "a number of 1001 digits in a field nobody asked for": b'{"x":' + b"9" * 1001 + b',"a":1}',
    "an exponent beyond 32 bits": b'{"a":1e2147483649}',
    "an exponent of 11 digits": b'{"a":0e10000000000}',
    "a name of 50 001 bytes": b'{"' + b"n" * 50_001 + b'":1}',
    "a closing bracket for a brace": b'{"a":1]',
    "a long text that is not closed": b'{"a":"' + b"x" * 5000,
    "a long object with a comma at its end": b'{"a":"' + b"x" * 5000 + b'",}',
    "a long object without a colon": b'{"a":"' + b"x" * 5000 + b'","b"1}',
    "a long object with a number for a name": b'{"a":"' + b"x" * 5000 + b'",1:1}',
}


@pytest.mark.parametrize(("data", "value"), TAKEN.values(), ids=TAKEN)
def test_it_takes(data: bytes, value: Json) -> None:
    assert parse(data) == value


@pytest.mark.parametrize("data", REFUSED.values(), ids=REFUSED)
def test_it_refuses(data: bytes) -> None:
    with pytest.raises(Malformed):
        parse(data)


@pytest.mark.parametrize("data", [b"", b"  \n"])
def test_nothing_at_all_is_a_missing_value(data: bytes) -> None:
    assert isinstance(parse(data), Missing)


def test_a_thousand_levels_are_taken_and_one_more_is_refused() -> None:
    taken = parse(DEEP)
    for _ in range(1000):
        assert isinstance(taken, dict | list)
        taken = taken["a"] if isinstance(taken, dict) else (taken[0] if taken else None)
    assert taken is None
    with pytest.raises(Malformed, match="deeper"):
        parse(DEEP.replace(b"[]", b"[[]]"))


def test_short_texts_and_long_ones_are_read_alike() -> None:
    """The two scanners agree: blanks up to the length where the second takes over change nothing."""
    for data, value in TAKEN.values():
        if data[:1] == b"{" and b"\0" not in data and len(data) < 900:
            assert parse(b" " * 1000 + data) == value
    for data in REFUSED.values():
        if data[:1] == b"{" and len(data) < 900:
            with pytest.raises(Malformed):
                parse(b" " * 1000 + data)


def test_a_name_twice_keeps_its_first_place() -> None:
    assert list(parse(b'{"a":1,"b":2,"a":3}') or []) == ["a", "b"]
    assert list(parse(b'{"a":1,"b":2,"a":3' + b" " * 2000 + b"}") or []) == ["a", "b"]
