"""The decisions of one partition: its shoppers' rows, fixes, events and the shop's changes, in; alerts, out."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence

from endcap.errors import BadMessage, EndcapError
from endcap.messages import (
    CUSTOMERS_ALERTS,
    CUSTOMERS_EVENTS,
    CustomerAlert,
    CustomerEvent,
    CustomerLocation,
    NearbyPromotion,
    StoreProduct,
)
from endcap_backend.pipeline.deciding import Deciding, Told
from endcap_backend.pipeline.stages.attention import Attention
from endcap_backend.pipeline.stages.heard import Heard
from endcap_backend.pipeline.stages.lasting import Lasting
from endcap_backend.pipeline.stages.marks import FIX, PART, SHOP
from endcap_backend.pipeline.stages.match import Change
from endcap_backend.pipeline.stages.reading import Place
from endcap_backend.pipeline.stages.records import Inflow, Outcome, Outflow, dead_letter
from endcap_backend.pipeline.stages.shop import write_note
from endcap_backend.pipeline.stages.topics import OFFERS_WITHHELD
from endcap_backend.pseudonym import day_of

log = logging.getLogger("endcap.stages")

NAME = "decide"
MET = 200_000  # shoppers of whom it is remembered that they were met, 40 MB


class Decisions:
    """One partition's shoppers. Without `heard`, what other partitions told her is not known."""

    def __init__(
        self,
        number: int,
        deciding: Deciding,
        attention: Attention,
        lasting: Lasting | None = None,
        heard: Heard | None = None,
    ) -> None:
        self._number = number
        self.deciding = deciding
        self._lasting = lasting or Lasting(None)
        self._heard = heard
        self._met: dict[str, str] = {}  # the day by whose name each was met last; her names are not kept
        self.shop: Mapping[Place, int] = {}  # how far the shop's topics have been taken in
        self._attention = attention
        self._due: list[Outflow] = []  # what a change of the shop brought
        self._loose: list[NearbyPromotion] = []  # rows of one shopper and moment that no mark follows
        self._loose_ms = 0

    def handle(self, records: Sequence[Inflow]) -> Outcome:
        lasting = [each for record in records if (each := self._meet(record)) is not None]
        heard_of = (each for each in lasting if each.topic != CUSTOMERS_EVENTS)
        self._attention.shoppers({each.key for each in heard_of if each.key and (each.value or FIX in each.headers)})
        produced, self._due = self._due, []
        for record in lasting:
            if self._loose and (PART in record.headers or not self._goes_on(record)):
                self._tell_loose(produced)
            self._take(record, produced)
        if self._loose:
            self._tell_loose(produced)
        if self._heard is not None:
            self._heard.say(produced)
        return Outcome(produced, len(records))

    def note(self) -> str:
        return write_note(self.shop)

    def change(self, change: Change, at_ms: int) -> None:
        """The shop has changed; what is told of that goes out with the next transaction."""
        if isinstance(change, StoreProduct):
            self._due += self._written(self.deciding.place(change, at_ms), at_ms)
        else:
            self.deciding.promote(change, at_ms)

    def know(self, change: Change, at_ms: int) -> None:
        """The shop had changed so; whoever was to be told has been."""
        if isinstance(change, StoreProduct):
            self.deciding.mend(change, at_ms)
        else:
            self.deciding.promote(change, at_ms)

    def hear(self, told: Iterable[Inflow]) -> None:
        """Remember what other partitions told shoppers who were met here before it."""
        for each in told:
            if each.partition != self._number and each.key in self._met:
                _restore(self.deciding, each)

    def recall(self, record: Inflow) -> None:
        """Take in a record that was dealt with: what it found may still be waiting."""
        lasting = self._meet(record)
        if lasting is not None:
            self._recall(lasting)

    def _meet(self, record: Inflow) -> Inflow | None:
        """The record with her lasting uid; when her name is new, what she has heard elsewhere is remembered before."""
        lasting = self._lasting.of(record)
        if lasting is None or lasting.key is None or record.key is None:
            return lasting
        day = day_of(record.key)
        if self._met.get(lasting.key) == day:
            return lasting
        if len(self._met) >= MET:
            self._met.clear()
        self._met[lasting.key] = day
        for each in self._heard.of(lasting.key) if self._heard is not None else ():
            _restore(self.deciding, each)
        return lasting

    def _recall(self, record: Inflow) -> None:
        at_ms = record.timestamp_ms
        if record.topic == CUSTOMERS_EVENTS:
            if (event := _event(record)) is not None:
                self.deciding.note(event, at_ms)
        elif record.value is not None:
            if (row := _row(record)) is not None:
                self.deciding.found(row, at_ms)
        elif FIX in record.headers:
            self.deciding.resume(CustomerLocation.from_text(record.headers[FIX]), at_ms)
        elif SHOP not in record.headers:
            self._forget(record.key or "", at_ms)

    def _take(self, record: Inflow, produced: list[Outflow]) -> None:
        at_ms = record.timestamp_ms
        if record.topic == CUSTOMERS_EVENTS:
            event = _event(record, produced)
            produced += self._written(self.deciding.event(event, at_ms), at_ms) if event is not None else ()
        elif record.value is not None:
            self._find(record, produced)
        elif FIX in record.headers:
            location = CustomerLocation.from_text(record.headers[FIX])
            produced += self._written(self.deciding.fix(location, at_ms), at_ms)
        elif SHOP in record.headers:
            produced += self._written(self.deciding.shop(record.key or "", at_ms), at_ms)
        else:
            self._forget(record.key or "", at_ms)

    def _forget(self, uid: str, at_ms: int) -> None:
        self._met.pop(uid, None)
        self.deciding.forget(uid)
        if self._heard is not None:
            self._heard.forget(uid, at_ms)

    def _find(self, record: Inflow, produced: list[Outflow]) -> None:
        """Something is near her; she is told at the mark that follows, if one does."""
        row = _row(record, produced)
        if row is None:
            return
        self._attention.promotion(row.pid)
        if PART in record.headers:
            self.deciding.found(row, record.timestamp_ms)
        else:
            self._loose.append(row)
            self._loose_ms = record.timestamp_ms

    def _goes_on(self, record: Inflow) -> bool:
        return (record.key, record.timestamp_ms) == (self._loose[0].uid, self._loose_ms)

    def _tell_loose(self, produced: list[Outflow]) -> None:
        rows, self._loose = self._loose, []
        produced += self._written(self.deciding.told_of(rows, self._loose_ms), self._loose_ms)

    def _written(self, told: Sequence[Told], at_ms: int) -> list[Outflow]:
        return [
            Outflow(
                CUSTOMERS_ALERTS if isinstance(each, CustomerAlert) else OFFERS_WITHHELD,
                each.uid,
                each.to_text(),
                at_ms,
                self._number,
            )
            for each in told
        ]


def _restore(deciding: Deciding, record: Inflow) -> None:
    try:
        if record.topic == CUSTOMERS_ALERTS:
            deciding.restore(CustomerAlert.from_text(record.value or b""), record.timestamp_ms)
        else:
            deciding.restore_withheld(CustomerEvent.from_text(record.value or b""), record.timestamp_ms)
    except BadMessage as fault:  # no decision wrote it
        place = record.topic, record.partition, record.offset
        log.error("what stands in %s, partition %d, offset %d, is not counted as told: %s", *place, fault)


def _row(record: Inflow, refused: list[Outflow] | None = None) -> NearbyPromotion | None:
    try:
        return NearbyPromotion.from_text(record.value or b"")
    except EndcapError as fault:
        if refused is not None:
            refused.append(dead_letter(record, str(fault), NAME))
        return None


def _event(record: Inflow, refused: list[Outflow] | None = None) -> CustomerEvent | None:
    """An event; of a tombstone there is nothing to say."""
    if record.value is None:
        return None
    try:
        return CustomerEvent.from_text(record.value)
    except EndcapError as fault:
        if refused is not None:
            refused.append(dead_letter(record, str(fault), NAME))
        return None
