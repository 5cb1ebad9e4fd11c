"""Products, placements and promotions, and the outbox that feeds their topics."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

BIGINT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "identity",
        sa.Column("name", sa.String(32), primary_key=True),
        sa.Column("value", sa.String(64), nullable=False),
    )
    op.create_table(
        "products",
        sa.Column("sku", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("segment", sa.String(64), nullable=False),
        sa.Column("variant", sa.String(64)),
        sa.Column("name", sa.String(128)),
    )
    op.create_index("ix_products_segment", "products", ["segment"])
    op.create_table(
        "placements",
        sa.Column("sku", sa.BigInteger(), sa.ForeignKey("products.sku"), primary_key=True, autoincrement=False),
        sa.Column("store", sa.String(64), primary_key=True),
        sa.Column("latitude_deg", sa.Float(53), nullable=False),
        sa.Column("longitude_deg", sa.Float(53), nullable=False),
        sa.Column("country", sa.String(64)),
        sa.Column("section", sa.String(64)),
        sa.Column("price", sa.Float(53)),
        sa.Column("stock", sa.Integer()),
    )
    op.create_index("placements_by_store", "placements", ["store"])
    op.create_table(
        "promotions",
        sa.Column("pid", sa.String(64), primary_key=True),
        sa.Column("segment", sa.String(64), nullable=False),
        sa.Column("sku", sa.BigInteger()),
        sa.Column("title", sa.String(128)),
        sa.Column("discount", sa.Float(53)),
        sa.Column("starts_at", sa.BigInteger()),
        sa.Column("ends_at", sa.BigInteger()),
    )
    op.create_index("ix_promotions_segment", "promotions", ["segment"])
    op.create_table(
        "outbox",
        sa.Column("number", BIGINT, primary_key=True, autoincrement=True),
        sa.Column("topic", sa.String(64), nullable=False),
        sa.Column("key", sa.String(128), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    for table in ("outbox", "promotions", "placements", "products", "identity"):
        op.drop_table(table)
