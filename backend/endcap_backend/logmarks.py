"""What tells a record from all others in sixteen bytes, and where each of them stands."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from sys import byteorder
from zlib import crc32

YOUNG = 32_768  # marks kept back, 7 MB: the more there are, the more of them stand on one page when they are written
SHARES = 64
SHARE_MARKS = 1024  # most of one share: three milliseconds to write
FILTER_BITS = 25
FILTERED = 2_000_000  # marks in the table at a start, beyond which a filter would hold it up for too long
_FILTER_MASK = (1 << FILTER_BITS) - 1
NEVER = 2**63 - 1  # beyond every offset
OFFSET_DIGITS = 20  # of an offset in text
ASKED_AT_ONCE = 32  # one statement for 32 marks costs each two thirds of what one of its own does

_ASK = f"SELECT mark, offset FROM marks WHERE mark IN ({','.join('?' * ASKED_AT_ONCE)})"
_THROUGH = "UPDATE marked SET through = min(?, (SELECT coalesce(max(offset), 0) FROM records))"
# One statement for any number: each more lets go of the interpreter's lock and has to win it back. The marks come one
# behind the other, and so do their offsets, in digits.
_WRITE = (
    "WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < ?3) "
    f"INSERT INTO marks SELECT substr(?1, n * 16 + 1, 16), CAST(substr(?2, n * {OFFSET_DIGITS} + 1, {OFFSET_DIGITS}) "
    "AS INTEGER) FROM numbers WHERE true ON CONFLICT DO NOTHING"
)
_NEWEST = "SELECT mark, offset FROM records WHERE offset > (SELECT through FROM marked) ORDER BY offset"


def key_mark(key: str | None) -> bytes:
    """The first four bytes of the marks of a key's records; few other keys share them."""
    return crc32((key or "").encode()).to_bytes(4)


def mark(topic: str, key: str | None, id: str | None) -> bytes:
    """The record's 16 bytes: 4 of its key, so that one key's are neighbours, then 12 of all that names it.

    Of 96 bits, two ids of one key fall together once in 10^19 pairs. Without an id, `nameless` makes it whole.
    """
    if id is None:
        return key_mark(key)
    return key_mark(key) + blake2b(f"{topic}\0{key or ''}\0{id}".encode(), digest_size=12).digest()


def nameless(mark: bytes, offset: int) -> bytes:
    """The mark of a record without an id: nothing but its offset tells it from others."""
    return mark + offset.to_bytes(12)


class Filter:
    """Knows of most marks that they are not in the table, without asking it. At a start it costs 0.7 µs a mark.

    4 MB, two bits a mark: of the marks that are new it lets 1 in 80 pass when the table holds two million, 1 in 5 at
    ten million.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._bits = bytearray(1 << FILTER_BITS - 3)
        connection.text_factory = bytes
        try:
            (tails,) = connection.execute("SELECT group_concat(substr(mark, 9), '') FROM marks").fetchone()
        finally:
            connection.text_factory = str
        self._set(memoryview(tails or b"").cast("I"))

    def add(self, marks: Iterable[bytes]) -> None:
        self._set(memoryview(b"".join(each[8:] for each in marks)).cast("I"))

    def passes(self, marks: Sequence[bytes]) -> list[bytes]:
        """Those that may be in the table."""
        bits, number, mask = self._bits, int.from_bytes, _FILTER_MASK
        some = [each for each in marks if bits[(n := number(each[12:], byteorder) & mask) >> 3] >> (n & 7) & 1]
        return [each for each in some if bits[(n := number(each[8:12], byteorder) & mask) >> 3] >> (n & 7) & 1]

    def _set(self, numbers: Iterable[int]) -> None:
        bits, mask = self._bits, _FILTER_MASK
        for number in numbers:
            bits[(number & mask) >> 3] |= 1 << (number & 7)


class Marks:
    """Every mark in the log: the table `marks`, and in memory those of the newest records, which it lacks.

    Written at once, each would dirty a page of its own, and these pages were most of a transaction. So they are kept
    back, in shares by their first byte, and go to the table a share at a time. What is in memory is read again from
    the records at a start. For who holds the log's turn to write.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._young: dict[bytes, int] = {}  # those in memory, and their offsets
        self._shares: list[list[bytes]] = [[] for _ in range(SHARES)]  # the same, each in the order of its offsets
        self._full: set[int] = set()
        self._written: set[int] = set()  # by the transaction under way
        many = connection.execute("SELECT 1 FROM marks LIMIT 1 OFFSET ?", (FILTERED,)).fetchone()
        self._filter = None if many else Filter(connection)
        self.note(dict(connection.execute(_NEWEST)))

    def find(self, connection: sqlite3.Connection, marks: Sequence[bytes]) -> dict[bytes, int]:
        """Those of `marks` that are there, with their offsets."""
        young = self._young
        found = {each: young[each] for each in young.keys() & marks}
        older = [each for each in marks if each not in found] if found else marks
        if self._filter is not None:
            older = self._filter.passes(older)
        for start in range(0, len(older), ASKED_AT_ONCE):
            asked = older[start : start + ASKED_AT_ONCE]
            found.update(connection.execute(_ASK, (*asked, *(None,) * (ASKED_AT_ONCE - len(asked)))))
        return found

    @property
    def is_due(self) -> bool:
        """Whether `write_some` has something to write."""
        return bool(self._full) or len(self._young) > YOUNG

    def write_some(self, connection: sqlite3.Connection) -> None:
        """Bring shares to the table when there are too many marks in memory; at the beginning of a transaction."""
        self._written = set(self._full)
        if len(self._young) > YOUNG and not self._written:
            self._written.add(min(range(SHARES), key=self._oldest))
        for number in self._written:
            marks = sorted(self._shares[number])
            if marks:
                offsets = "".join([f"{self._young[each]:0{OFFSET_DIGITS}}" for each in marks]).encode()
                connection.execute(_WRITE, (b"".join(marks), offsets, len(marks)))
            if self._filter is not None:
                self._filter.add(self._shares[number])
        if self._written:
            kept = min(self._oldest(number) for number in range(SHARES) if number not in self._written)
            connection.execute(_THROUGH, (kept - 1,))

    def drop(self, connection: sqlite3.Connection, offsets: Sequence[int]) -> list[bytes]:
        """Take the marks of these records from the table; which they are, for `note` once that is on disk."""
        query = "SELECT mark FROM records WHERE offset = ?"
        gone = [found for each in offsets for (found,) in connection.execute(query, (each,))]
        connection.executemany("DELETE FROM marks WHERE mark = ?", [(each,) for each in gone])
        return gone

    def note(self, came: Mapping[bytes, int], gone: Iterable[bytes] = ()) -> None:
        """The transaction is on disk: these records came, in the order of their offsets, and these went."""
        for number in self._written:
            for each in self._shares[number]:
                del self._young[each]
            self._shares[number] = []
        self._full -= self._written
        self._written = set()
        self._young.update(came)
        shares = self._shares
        for each in came:
            share = shares[each[0] % SHARES]
            share.append(each)
            if len(share) >= SHARE_MARKS:
                self._full.add(each[0] % SHARES)
        left = {each for each in gone if self._young.pop(each, None) is not None}
        for number in {each[0] % SHARES for each in left}:
            shares[number] = [each for each in shares[number] if each not in left]

    def _oldest(self, number: int) -> int:
        share = self._shares[number]
        return self._young[share[0]] if share else NEVER
