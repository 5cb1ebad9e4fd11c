"""Staff accounts and their sessions, the audit trail, shoppers' preferences, and a note of whose rows changed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

HERS = ("wishlist_items", "clips", "loyalty_accounts", "loyalty_ledger", "shopper_preferences")
BIGINT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "staff_accounts",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("password", sa.String(256), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "staff_sessions",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("name", sa.String(64), sa.ForeignKey("staff_accounts.name"), nullable=False),
        sa.Column("began_at", sa.BigInteger(), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=False),
    )
    op.create_index("staff_sessions_by_name", "staff_sessions", ["name"])
    op.create_table(
        "audit",
        sa.Column("number", BIGINT, primary_key=True, autoincrement=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("who", sa.String(64), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("action", sa.String(32), nullable=False),
        sa.Column("thing", sa.String(128), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("audit_by_time", "audit", ["at"])
    _create_preferences()
    _note_changes()


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for table in HERS:
            for what in ("insert", "update"):
                op.execute(f"DROP TRIGGER {table}_{what}_noted")
    else:
        op.execute("DROP FUNCTION note_shopper_change CASCADE")
        op.execute("DROP SEQUENCE shopper_changes_number")
    for table in ("shopper_changes", "shopper_preferences", "audit", "staff_sessions", "staff_accounts"):
        op.drop_table(table)


def _create_preferences() -> None:
    op.create_table(
        "shopper_preferences",
        sa.Column("uid", sa.String(64), primary_key=True),
        sa.Column("quiet_hours", sa.String(16)),
        sa.Column("timezone", sa.String(64)),
        sa.Column("muted", sa.String(64), nullable=False),
    )
    op.create_table(
        "shopper_changes",
        sa.Column("uid", sa.String(64), primary_key=True),
        sa.Column("number", sa.BigInteger(), nullable=False),
    )
    op.create_index("ix_shopper_changes_number", "shopper_changes", ["number"])


def _note_changes() -> None:
    """Whatever writes one of her rows, `shopper_changes` has a new number for her in the same transaction."""
    if op.get_bind().dialect.name == "sqlite":
        for table in HERS:
            for what in ("insert", "update"):
                op.execute(
                    f"CREATE TRIGGER {table}_{what}_noted AFTER {what.upper()} ON {table} BEGIN "
                    "INSERT INTO shopper_changes (uid, number) "
                    "VALUES (NEW.uid, (SELECT COALESCE(MAX(number), 0) + 1 FROM shopper_changes)) "
                    "ON CONFLICT (uid) DO UPDATE SET number = excluded.number; END"
                )
        return
    op.execute("CREATE SEQUENCE shopper_changes_number")
    op.execute(
        "CREATE FUNCTION note_shopper_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "INSERT INTO shopper_changes (uid, number) VALUES (NEW.uid, nextval('shopper_changes_number')) "
        "ON CONFLICT (uid) DO UPDATE SET number = excluded.number; RETURN NEW; END $$"
    )
    for table in HERS:
        op.execute(
            f"CREATE TRIGGER {table}_noted AFTER INSERT OR UPDATE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION note_shopper_change()"
        )
