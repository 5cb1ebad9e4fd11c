"""What leaves for Kafka's raw topics, under the shopper's name of the day instead of her uid."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import NamedTuple

from endcap.messages import CUSTOMERS_EVENTS, CUSTOMERS_LOCATIONS
from endcap_backend.log import LogReader
from endcap_backend.pipeline.blocks import Block, LogBlocks, Row
from endcap_backend.pseudonym import CACHED, NUMBERS, DayNames, Pseudonyms
from endcap_backend.retail.day_secrets import Day

RAW = {CUSTOMERS_LOCATIONS, CUSTOMERS_EVENTS}
# The values are compact JSON that begins with the uid: within a text, the quotes of such a member would be escaped.
_FIX_ID = re.compile(r',"id":"([^"]*)"')  # install:sequence; both go on from day to day
_LASTING = re.compile(r',"(visit|alert|note)":"((?:[^"\\]|\\.)*)"')  # of an event, what outlives the day


class Phone(NamedTuple):
    """A shopper's phone today: her name, how the ids of its fixes begin, how they begin when told, and the shift."""

    name: str
    begins: str
    told: str
    shift: int


class NamedBlocks(LogBlocks):
    """The log in blocks, as they leave. A tombstone becomes one for each name that still leads to her.

    Read again on the same day, a block is the same. The forwarder's thread.
    """

    def __init__(self, records: LogReader, topics: Collection[str], pseudonyms: Pseudonyms) -> None:
        super().__init__(records, topics)
        self._pseudonyms = pseudonyms
        self._day: Day | None = None
        self._phones: dict[str, Phone] = {}  # by uid, the one that was heard last; today's

    def after(self, offset: int, most: int) -> Block:
        """As of `LogBlocks`; also raises Unreachable when the day's secret can't be had."""
        today = self._pseudonyms.today()
        if today.day != self._day or len(self._phones) >= CACHED:
            self._day, self._phones = today.day, {}
        found = self._read(offset, most)
        topics, phone_of = self._names, self._phones.get
        rows: list[Row] = []
        for at, number, uid, value, timestamp_ms in found:
            topic = topics[number]
            # a further fix of a phone is rewritten here: it is most of what leaves, and a call of its own costs a third
            if topic == CUSTOMERS_LOCATIONS and value and uid and (phone := phone_of(uid)) is not None:
                name, begins, told, shift = phone
                head, known, rest = value.partition(begins)
                sequence, _, rest = rest.partition('"')
                if known and sequence >= "1" and sequence.isdecimal():
                    value = f'{head.replace(uid, name, 1)}{told}{(int(sequence) + shift) % NUMBERS}"{rest}'
                    rows.append((at, topic, name, value, timestamp_ms))
                    continue
            if topic is not None:
                rows += self._left((at, topic, uid, value, timestamp_ms), today)
        return Block(rows, found[-1][0] if found else offset, len(found) == most)

    def _left(self, row: Row, today: DayNames) -> Iterable[Row]:
        """What leaves for any one record."""
        at, topic, uid, value, timestamp_ms = row
        if topic not in RAW or uid is None:
            return (row,)
        if value is None:
            return [(at, topic, name, None, timestamp_ms) for name in self._pseudonyms.names(uid)]
        name = today.of(uid)
        if name == uid:
            return (row,)
        value = value.replace(uid, name, 1)
        if topic == CUSTOMERS_EVENTS:
            value = _LASTING.sub(lambda found: _blinded(found, today), value)
        else:
            value = _FIX_ID.sub(lambda found: self._numbered(found, uid, today), value, 1)
        return ((at, topic, name, value, timestamp_ms),)

    def _numbered(self, id: re.Match[str], uid: str, today: DayNames) -> str:
        """The id of a fix of this day, and what the phone's next ones are told by."""
        install, _, sequence = id[1].rpartition(":")
        if not sequence.isdecimal() or str(int(sequence)) != sequence:  # its number is another id's too, or none
            return f',"id":"{today.blind(id[1])}:0"'
        count = today.count(uid, install)
        told = f',"id":"{count.tag}:'
        self._phones[uid] = Phone(today.of(uid), f',"id":"{install}:', told, count.shift)
        return f'{told}{(int(sequence) + count.shift) % NUMBERS}"'


def _blinded(member: re.Match[str], today: DayNames) -> str:
    """Of an event: an id of the day; nothing of a note, which she may have signed."""
    name, text = member.groups()
    return "" if name == "note" else f',"{name}":"{today.blind(text)}"'
