"""Writing the journal of redemptions, and finding whatever was changed in it afterwards.

Each row's hash covers the row and the hash of the row before, so that none can be edited, removed or moved without
breaking the chain; the last one is held in `redemption_heads`. Who may write the database can reckon a whole chain
anew: against him helps a head that was noted elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from hashlib import sha256
from itertools import groupby
from typing import Any, Literal

from sqlalchemy import Connection, Row, and_, insert, or_, select, update

from endcap.wire import epoch_ms
from endcap_backend.retail.database import insertion
from endcap_backend.retail.journal_tables import JournalHead, JournalRow
from endcap_backend.retail.till_tables import RedeemedOffer, Redemption

BEGINNING = "0" * 64  # what a store's first row has for the hash of the row before
REDEEMED, REVERSED = "redeemed", "reversed"
Evidence = Literal["scan", "scan offline", "staff", "unknown"]  # for a purchase a code that was scanned, and when
AT_ONCE = 1000  # rows, of a journal that may have millions
_TOLD_TWICE = ("store", "till", "at", "total_cents", "off_cents", "points")
Head = tuple[int, str]  # the number of a row, and its hash


@dataclass(frozen=True, slots=True)
class Entry:
    """A row to be. Money is in hundredths of the shop's currency; a reversal's is negative."""

    store: str
    at: datetime
    kind: str
    redemption: str
    actor: str
    role: str
    till: str
    evidence: Evidence
    total_cents: int
    off_cents: int
    points: int
    offers: str

    def hash_after(self, number: int, previous: str) -> str:
        """SHA-256, in hexadecimal, of the row as a JSON array after the hash of the row before."""
        fields = {**asdict(self), "at": epoch_ms(self.at)}
        told = json.dumps([previous, number, *fields.values()], ensure_ascii=False, separators=(",", ":"))
        return sha256(told.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Finding:
    """Something in the journal or in the books that is not as it was written."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


def write_offers(offers: Sequence[tuple[str, str, int]]) -> str:
    """What each offer took off (source, id, hundredths), as the journal has it: the same in whatever order."""
    return json.dumps(sorted(offers), separators=(",", ":"))


def append(connection: Connection, entry: Entry) -> None:
    """Add a row as the last thing of a transaction: the tills of a store wait here for each other until it ends."""
    head = insertion(connection, JournalHead).values(store=entry.store, number=1, hash=BEGINNING)
    turn = head.on_conflict_do_update(index_elements=["store"], set_={"number": JournalHead.number + 1})
    number, previous = connection.execute(turn.returning(JournalHead.number, JournalHead.hash)).one()
    own = entry.hash_after(number, previous)
    connection.execute(insert(JournalRow).values(**asdict(entry), number=number, previous=previous, hash=own))
    connection.execute(update(JournalHead).where(JournalHead.store == entry.store).values(hash=own))


def heads(connection: Connection) -> dict[str, Head]:
    """The last row of each store."""
    query = select(JournalHead.store, JournalHead.number, JournalHead.hash).order_by(JournalHead.store)
    return {row.store: (row.number, row.hash) for row in connection.execute(query)}


def check(connection: Connection, noted: Mapping[str, Head] | None = None) -> Iterator[Finding]:
    """Everything that is not as it was written; `noted` are heads of an earlier day. Reads all of the journal once."""
    left = heads(connection)
    at_noted: dict[str, str] = {}
    query = select(*JournalRow.__table__.columns).order_by(JournalRow.store, JournalRow.number)
    rows = connection.execution_options(yield_per=AT_ONCE).execute(query)
    for store, run in groupby(rows, key=lambda row: str(row.store)):
        number, previous = 0, BEGINNING
        for row in run:
            where = f"store {store}, row {row.number}"
            if row.number != number + 1:
                yield Finding(where, f"{row.number - number - 1} rows before it are missing")
            elif row.previous != previous:
                yield Finding(where, "it does not follow the row before it")
            if row.hash != _entry(row).hash_after(row.number, row.previous):
                yield Finding(where, "it was changed")
            number, previous = row.number, row.hash
            if noted is not None and noted.get(store, (0, ""))[0] == number:
                at_noted[store] = previous
        if left.pop(store, None) != (number, previous):
            yield Finding(f"store {store}", f"its journal does not end where it did: the last row is {number}")
    yield from (Finding(f"store {store}", "its whole journal is missing") for store in left)
    for store, (number, own) in (noted or {}).items():
        if number and at_noted.get(store) != own:
            yield Finding(f"store {store}, row {number}", "it is not the row that was noted")
    yield from _against_the_books(connection)


def _entry(row: Row[Any]) -> Entry:
    return Entry(**{each.name: getattr(row, each.name) for each in fields(Entry)})


def _against_the_books(connection: Connection) -> Iterator[Finding]:
    """What the tables of purchases say otherwise than the journal."""
    entry = and_(JournalRow.redemption == Redemption.id, JournalRow.kind == REDEEMED)
    differ = or_(*(getattr(Redemption, name) != getattr(JournalRow, name) for name in _TOLD_TWICE))
    query = select(Redemption.id).outerjoin(JournalRow, entry).where(or_(JournalRow.redemption.is_(None), differ))
    for (id,) in connection.execute(query.order_by(Redemption.id)):
        yield Finding(f"purchase {id}", "it is not in the books as the journal has it")
    query = select(JournalRow.redemption).outerjoin(Redemption, Redemption.id == JournalRow.redemption)
    gone = query.where(Redemption.id.is_(None), JournalRow.kind == REDEEMED)
    for (id,) in connection.execute(gone.order_by(JournalRow.redemption)):
        yield Finding(f"purchase {id}", "it is missing in the books")
    yield from _reversals(connection)
    yield from _offers(connection)


def _reversals(connection: Connection) -> Iterator[Finding]:
    entry = and_(JournalRow.redemption == Redemption.id, JournalRow.kind == REVERSED)
    differ = or_(
        and_(Redemption.reversed_at.is_not(None), JournalRow.at.is_(None)),
        and_(Redemption.reversed_at.is_(None), JournalRow.at.is_not(None)),
        Redemption.reversed_at != JournalRow.at,
    )
    query = select(Redemption.id).outerjoin(JournalRow, entry).where(differ)
    for (id,) in connection.execute(query.order_by(Redemption.id)):
        yield Finding(f"purchase {id}", "books and journal differ on whether it was reversed")


def _offers(connection: Connection) -> Iterator[Finding]:
    """Purchases whose offers in the books are others, some at a time."""
    query = select(JournalRow.redemption, JournalRow.offers).where(JournalRow.kind == REDEEMED)
    rows = connection.execution_options(yield_per=AT_ONCE).execute(query.order_by(JournalRow.store, JournalRow.number))
    for part in rows.partitions(AT_ONCE):
        told = {row.redemption: row.offers for row in part}
        found: dict[str, list[tuple[str, str, int]]] = {id: [] for id in told}
        taken = select(*RedeemedOffer.__table__.columns).where(RedeemedOffer.redemption.in_(list(told)))
        for each in connection.execute(taken):
            found[each.redemption].append((each.source, each.offer, each.off_cents))
        for id, offers in found.items():
            if write_offers(offers) != told[id]:
                yield Finding(f"purchase {id}", "its offers in the books are not those of the journal")
