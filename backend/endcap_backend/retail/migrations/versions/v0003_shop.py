"""Floor plans, wishlists, help requests, pickup orders, notices and the index of the search."""

from __future__ import annotations

import re
import unicodedata

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

BIGINT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
OPEN = sa.text("state IN ('queued', 'accepted', 'coming')")
TABLES = ("notices", "pickups", "help_requests", "shared_lists", "wishlist_items", "wishlists", "floor_plans")


def upgrade() -> None:
    op.create_table(
        "floor_plans",
        sa.Column("store", sa.String(64), primary_key=True),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
    )
    _create_wishlists()
    _create_help()
    _create_pickups()
    _create_search()


def downgrade() -> None:
    op.drop_table("product_search")
    for table in TABLES:
        op.drop_table(table)


def _create_wishlists() -> None:
    op.create_table(
        "wishlists",
        sa.Column("uid", sa.String(64), primary_key=True),
        sa.Column("version", sa.Integer(), nullable=False),
    )
    op.create_table(
        "wishlist_items",
        sa.Column("uid", sa.String(64), sa.ForeignKey("wishlists.uid"), primary_key=True),
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("text", sa.String(128), nullable=False),
        sa.Column("sku", sa.BigInteger()),
        sa.Column("segment", sa.String(64)),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("note", sa.String(256)),
        sa.Column("price_alert_cents", sa.BigInteger()),
        sa.Column("position", sa.Float(53), nullable=False),
        sa.Column("done", sa.Boolean(), nullable=False),
        sa.Column("removed", sa.Boolean(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
    )
    op.create_index("wishlist_items_by_sku", "wishlist_items", ["sku"])
    op.create_index("wishlist_items_by_segment", "wishlist_items", ["segment"])
    op.create_table(
        "shared_lists",
        sa.Column("code", sa.String(64), primary_key=True),
        sa.Column("uid", sa.String(64), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
    )
    op.create_index("shared_lists_by_uid", "shared_lists", ["uid"])


def _create_help() -> None:
    op.create_table(
        "help_requests",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("uid", sa.String(64), nullable=False),
        sa.Column("store", sa.String(64), nullable=False),
        sa.Column("section", sa.String(64)),
        sa.Column("sku", sa.BigInteger()),
        sa.Column("text", sa.String(256)),
        sa.Column("latitude_deg", sa.Float(53)),
        sa.Column("longitude_deg", sa.Float(53)),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.String(64)),
    )
    op.create_index(
        "help_requests_open", "help_requests", ["uid"], unique=True, sqlite_where=OPEN, postgresql_where=OPEN
    )
    op.create_index("help_requests_by_uid", "help_requests", ["uid", "asked_at"])
    op.create_index("help_requests_by_store", "help_requests", ["store", "asked_at"])


def _create_pickups() -> None:
    op.create_table(
        "pickups",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("uid", sa.String(64), nullable=False),
        sa.Column("store", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("door", sa.String(64)),
        sa.Column("items", sa.Integer(), nullable=False),
        sa.Column("ready_at", sa.BigInteger()),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
    )
    op.create_index("pickups_by_uid", "pickups", ["uid"])
    op.create_table(
        "notices",
        sa.Column("number", BIGINT, primary_key=True, autoincrement=True),
        sa.Column("uid", sa.String(64), nullable=False),
        sa.Column("channel", sa.String(128), nullable=False),
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("notices_by_uid", "notices", ["uid"])


def _create_search() -> None:
    """What the words of each product are; those that are there already are put in."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute("CREATE VIRTUAL TABLE product_search USING fts5(words, tokenize='unicode61 remove_diacritics 0')")
        put = "INSERT INTO product_search (rowid, words) VALUES (:sku, :words)"
    else:
        op.execute("CREATE TABLE product_search (sku BIGINT PRIMARY KEY, words TEXT NOT NULL)")
        op.execute("CREATE INDEX product_search_words ON product_search USING gin (to_tsvector('simple', words))")
        put = "INSERT INTO product_search (sku, words) VALUES (:sku, :words)"
    connection = op.get_bind()
    for row in connection.execute(sa.text("SELECT sku, segment, variant, name FROM products")).all():
        connection.execute(sa.text(put), {"sku": row.sku, "words": _searchable(*row)})


def _searchable(sku: int, segment: str, variant: str | None, name: str | None) -> str:
    """What a product is found by, as the search of this version has it."""
    text = f"{name or ''} {variant or ''} {segment} {sku}".casefold()
    plain = "".join(each for each in unicodedata.normalize("NFKD", text) if not unicodedata.combining(each))
    return " ".join(re.findall(r"[^\W_]+", unicodedata.normalize("NFKC", plain)))
