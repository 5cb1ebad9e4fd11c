"""Bytes to text, as Jackson does before it reads JSON: the encoding is guessed from the first four bytes.

Jackson's own UTF-8 decoder is laxer than Unicode's (overlong forms and encoded surrogates pass), and looks at a byte
only when it gets there: what follows the first complete value may be anything. So text stops, with a character that
JSON allows nowhere, at the first byte that can't be decoded.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE, BOM_UTF32_BE, BOM_UTF32_LE

STOP = "\0"  # no JSON has it unescaped
_READER_CHARS = 4000  # Jackson fills its buffer by so many characters at once: a bad one fails them all
_ODD_UTF32 = (b"\0\0\xff\xfe", b"\xfe\xff\0\0")  # byte orders 2143 and 3412
_SURROGATES = re.compile("[\ud800-\udfff]")


def text_of(data: bytes) -> str:
    """The text of a record's value, up to the first byte that can't be decoded."""
    start = data[:4]
    if len(start) == 4:
        if start in (BOM_UTF32_BE, BOM_UTF32_LE):
            return _utf32(data[4:], "big" if start == BOM_UTF32_BE else "little")
        if start in _ODD_UTF32:
            return STOP
    if len(start) == 4 and start[:2] in (BOM_UTF16_BE, BOM_UTF16_LE):
        return data[2:].decode("utf-16-be" if start[:2] == BOM_UTF16_BE else "utf-16-le", "replace")
    if len(start) == 4 and start[:3] == BOM_UTF8:
        return _utf8(data[3:])
    if len(start) == 4 and start.count(0) >= 3:
        return _unmarked_utf32(data)
    if len(start) >= 2 and start[0] == 0:
        return data.decode("utf-16-be", "replace")
    if len(start) >= 2 and start[1] == 0:
        return data.decode("utf-16-le", "replace")
    return _utf8(data)


def _unmarked_utf32(data: bytes) -> str:
    if data[:3] == b"\0\0\0":
        return _utf32(data, "big")
    return _utf32(data, "little") if data[1:4] == b"\0\0\0" else STOP  # else an odd byte order


def _utf32(data: bytes, order: str) -> str:
    codec = f"utf-32-{order[0]}e"
    whole = data[: len(data) // 4 * 4]
    try:
        text = whole.decode(codec, "surrogatepass")
    except UnicodeDecodeError as fault:
        text = whole[: fault.start // (4 * _READER_CHARS) * 4 * _READER_CHARS].decode(codec, "surrogatepass") + STOP
    return joined(text)


def _utf8(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return joined(_lax_utf8(data))


def _lax_utf8(data: bytes) -> str:
    chars: list[str] = []
    at = 0
    while at < len(data):
        lead = data[at]
        length = 1 if lead < 0x80 else 2 if lead & 0xE0 == 0xC0 else 3 if lead & 0xF0 == 0xE0 else 4
        rest = data[at + 1 : at + length]
        if lead & 0xC0 == 0x80 or lead >= 0xF8 or len(rest) < length - 1 or any(byte & 0xC0 != 0x80 for byte in rest):
            return "".join(chars) + STOP
        code = lead if length == 1 else lead & (0xFF >> (length + 1))
        for byte in rest:
            code = code << 6 | byte & 0x3F
        chars.append(_character(code, length))
        at += length
    return "".join(chars)


def _character(code: int, length: int) -> str:
    if length < 4:
        # an overlong quote or control character is text to Jackson, never syntax
        return chr(code) if code >= 0x80 or length == 1 else f"\\u{code:04x}"
    pair = code - 0x10000  # what Java's char arithmetic makes of it, in and beyond the planes
    return chr((0xD800 | pair >> 10) & 0xFFFF) + chr(0xDC00 | pair & 0x3FF)


def joined(text: str) -> str:
    """Halves of a surrogate pair that stand together made one character, as they are in Java."""
    if not _SURROGATES.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
