"""What leaves for Kafka's raw topics, under the shopper's name of the day instead of her uid."""

from __future__ import annotations

import re
from collections.abc import Collection

from endcap.messages import CUSTOMERS_EVENTS, CUSTOMERS_LOCATIONS
from endcap_backend.log import LogReader
from endcap_backend.pipeline.blocks import Block, LogBlocks, Row
from endcap_backend.pseudonym import DayNames, Pseudonyms

RAW = {CUSTOMERS_LOCATIONS, CUSTOMERS_EVENTS}
# The values are compact JSON that begins with the uid: within a text, the quotes of such a member would be escaped.
_FIX_ID = ',"id":"'
_LASTING = re.compile(r',"(visit|alert|note)":"((?:[^"\\]|\\.)*)"')  # of an event, what outlives the day


class NamedBlocks(LogBlocks):
    """The log in blocks, as they leave. A tombstone becomes one for each name that still leads to her.

    Read again on the same day, a block is the same. The forwarder's thread.
    """

    def __init__(self, records: LogReader, topics: Collection[str], pseudonyms: Pseudonyms) -> None:
        super().__init__(records, topics)
        self._pseudonyms = pseudonyms

    def after(self, offset: int, most: int) -> Block:
        """As of `LogBlocks`; also raises Unreachable when the day's secret can't be had."""
        block = super().after(offset, most)
        today = self._pseudonyms.today()
        rows: list[Row] = []
        for row in block.rows:
            at, topic, uid, value, timestamp_ms = row
            if topic not in RAW or uid is None:
                rows.append(row)
            elif value is None:
                rows += [(at, topic, name, None, timestamp_ms) for name in self._pseudonyms.names(uid)]
            else:
                name = today.of(uid)
                rows.append((at, topic, name, value if name == uid else _rewritten(row, name, today), timestamp_ms))
        return block._replace(rows=rows)


def _rewritten(row: Row, name: str, today: DayNames) -> str:
    """A message with her name, and without what else tells of her or her phone beyond the day."""
    _, topic, uid, value, _ = row
    assert uid is not None
    assert value is not None
    value = value.replace(uid, name, 1)
    if topic == CUSTOMERS_EVENTS:
        return _LASTING.sub(lambda found: _blinded(found, today), value)
    head, member, rest = value.partition(_FIX_ID)
    if not member:
        return value
    id, _, rest = rest.partition('"')  # install:sequence; both go on from day to day
    return f'{head}{member}{today.blind(id)}:0"{rest}'


def _blinded(member: re.Match[str], today: DayNames) -> str:
    name, text = member.groups()
    return "" if name == "note" else f',"{name}":"{today.blind(text)}"'  # she may have signed what she wrote
