"""The journal of redemptions, begun with the purchases that are there."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

AT_ONCE = 1000
BEGINNING = "0" * 64
# What a row's hash covers, in this order; as it was at this version, whatever the journal's own code becomes.
COVERED = (
    "store", "at", "kind", "redemption", "actor", "role", "till", "evidence", "total_cents", "off_cents", "points",
    "offers",
)  # fmt: skip
Entry = dict[str, Any]
ONLY_ADDED_TO = "the journal of redemptions is only added to"


def upgrade() -> None:
    journal = op.create_table(
        "redemption_journal",
        sa.Column("store", sa.String(64), primary_key=True),
        sa.Column("number", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("redemption", sa.String(64), nullable=False),
        sa.Column("actor", sa.String(64), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("till", sa.String(64), nullable=False),
        sa.Column("evidence", sa.String(16), nullable=False),
        sa.Column("total_cents", sa.BigInteger(), nullable=False),
        sa.Column("off_cents", sa.BigInteger(), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("offers", sa.Text(), nullable=False),
        sa.Column("previous", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
    )
    op.create_index("redemption_journal_by_redemption", "redemption_journal", ["redemption"])
    heads = op.create_table(
        "redemption_heads",
        sa.Column("store", sa.String(64), primary_key=True),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
    )
    assert journal is not None
    assert heads is not None
    _begin(journal, heads)
    _keep()


def downgrade() -> None:
    op.drop_table("redemption_heads")
    op.drop_table("redemption_journal")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION keep_redemption_journal")


def _begin(journal: sa.Table, heads: sa.Table) -> None:
    """Enter the purchases of before in the order they happened; who reversed one is not known."""
    last: defaultdict[str, tuple[int, str]] = defaultdict(lambda: (0, BEGINNING))
    rows = []
    for entry in sorted(_entries(), key=lambda each: (each["at"], each["kind"], each["redemption"])):
        number, previous = last[entry["store"]]
        own = _hash(entry, number + 1, previous)
        last[entry["store"]] = (number + 1, own)
        rows.append({**entry, "number": number + 1, "previous": previous, "hash": own})
    for start in range(0, len(rows), AT_ONCE):
        op.bulk_insert(journal, rows[start : start + AT_ONCE])
    op.bulk_insert(heads, [{"store": store, "number": at, "hash": own} for store, (at, own) in last.items()])


def _entries() -> Iterator[Entry]:
    offers = defaultdict(list)
    for row in op.get_bind().execute(sa.text("SELECT redemption, source, offer, off_cents FROM redeemed_offers")):
        offers[row.redemption].append((row.source, row.offer, row.off_cents))
    query = "SELECT id, at, store, till, total_cents, off_cents, points, reversed_at FROM redemptions"
    for row in op.get_bind().execute(sa.text(query)):
        kept = {"store": row.store, "redemption": row.id, "actor": row.till, "role": "till", "till": row.till}
        yield {
            **kept, "at": row.at, "kind": "redeemed", "evidence": "unknown", "total_cents": row.total_cents,
            "off_cents": row.off_cents, "points": row.points, "offers": _written(offers[row.id]),
        }  # fmt: skip
        if row.reversed_at is not None:
            yield {
                **kept, "at": row.reversed_at, "kind": "reversed", "evidence": "unknown",
                "total_cents": -row.total_cents, "off_cents": -row.off_cents, "points": 0, "offers": _written([]),
            }  # fmt: skip


def _hash(entry: Entry, number: int, previous: str) -> str:
    told = [previous, number, *(entry[name] for name in COVERED)]
    return sha256(json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()


def _written(offers: Sequence[tuple[str, str, int]]) -> str:
    return json.dumps(sorted(offers), separators=(",", ":"))


def _keep() -> None:
    """Rows are only added: a mistake of ours, or of somebody at the database, is refused."""
    if op.get_bind().dialect.name == "sqlite":
        for what in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER redemption_journal_no_{what.lower()} BEFORE {what} ON redemption_journal BEGIN "
                f"SELECT RAISE(ABORT, '{ONLY_ADDED_TO}'); END"
            )
        return
    op.execute(
        "CREATE FUNCTION keep_redemption_journal() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"RAISE EXCEPTION '{ONLY_ADDED_TO}'; END $$"
    )
    op.execute(
        "CREATE TRIGGER redemption_journal_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON redemption_journal "
        "FOR EACH STATEMENT EXECUTE FUNCTION keep_redemption_journal()"
    )
