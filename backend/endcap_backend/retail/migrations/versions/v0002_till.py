"""Coupons, loyalty accounts with their ledger, and redemptions; a promotion's terms."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

BIGINT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    for column in _terms():
        op.add_column("promotions", column)
    _create_coupons()
    _create_loyalty()
    _create_redemptions()


def downgrade() -> None:
    for table in ("redeemed_offers", "redemptions", "loyalty_ledger", "loyalty_accounts", "clips", "coupons"):
        op.drop_table(table)
    for column in reversed(_terms()):
        op.drop_column("promotions", column.name)


def _terms() -> list[sa.Column[Any]]:
    return [
        sa.Column("kind", sa.String(16)),
        sa.Column("value", sa.Float(53)),
        sa.Column("n", sa.Integer()),
        sa.Column("m", sa.Integer()),
        sa.Column("members_only", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("budget_cents", sa.BigInteger()),
        sa.Column("limit_per_shopper", sa.Integer()),
        sa.Column("stacking_group", sa.String(64)),
        sa.Column("spent_cents", sa.BigInteger(), nullable=False, server_default="0"),
    ]


def _create_coupons() -> None:
    op.create_table(
        "coupons",
        sa.Column("number", BIGINT, primary_key=True, autoincrement=True),
        sa.Column("id", sa.String(64), nullable=False, unique=True),
        sa.Column("title", sa.String(128), nullable=False),
        sa.Column("description", sa.String(256)),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("value", sa.Float(53)),
        sa.Column("n", sa.Integer()),
        sa.Column("m", sa.Integer()),
        sa.Column("sku", sa.BigInteger()),
        sa.Column("segment", sa.String(64)),
        sa.Column("starts_at", sa.BigInteger()),
        sa.Column("ends_at", sa.BigInteger()),
        sa.Column("members_only", sa.Boolean(), nullable=False),
        sa.Column("tier", sa.String(32)),
        sa.Column("stacking_group", sa.String(64)),
        sa.Column("limit_per_shopper", sa.Integer(), nullable=False),
        sa.Column("limit_in_all", sa.Integer()),
        sa.Column("budget_cents", sa.BigInteger()),
        sa.Column("auto_clip", sa.Boolean(), nullable=False),
        sa.Column("redeemed", sa.Integer(), nullable=False),
        sa.Column("spent_cents", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "clips",
        sa.Column("uid", sa.String(64), primary_key=True),
        sa.Column("coupon", sa.String(64), sa.ForeignKey("coupons.id"), primary_key=True),
        sa.Column("clipped_at", sa.BigInteger()),
        sa.Column("redeemed", sa.Integer(), nullable=False),
        sa.Column("redeemed_at", sa.BigInteger()),
    )
    op.create_index("clips_by_coupon", "clips", ["coupon"])


def _create_loyalty() -> None:
    op.create_table(
        "loyalty_accounts",
        sa.Column("uid", sa.String(64), primary_key=True),
        sa.Column("card", sa.String(13), nullable=False, unique=True),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("balance", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "loyalty_ledger",
        sa.Column("id", BIGINT, primary_key=True, autoincrement=True),
        sa.Column("uid", sa.String(64), sa.ForeignKey("loyalty_accounts.uid"), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(32), nullable=False),
        sa.Column("expires_at", sa.BigInteger()),
        sa.Column("store", sa.String(64)),
        sa.Column("redemption", sa.String(64)),
        sqlite_autoincrement=True,
    )
    op.create_index("loyalty_ledger_by_uid", "loyalty_ledger", ["uid"])


def _create_redemptions() -> None:
    op.create_table(
        "redemptions",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("nonce", sa.String(32), nullable=False, unique=True),
        sa.Column("uid", sa.String(64)),
        sa.Column("asked", sa.String(64), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("store", sa.String(64), nullable=False),
        sa.Column("till", sa.String(64), nullable=False),
        sa.Column("total_cents", sa.BigInteger(), nullable=False),
        sa.Column("off_cents", sa.BigInteger(), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("reversed_at", sa.BigInteger()),
        sa.Column("reversal", sa.Text()),
    )
    op.create_index("redemptions_by_uid", "redemptions", ["uid"])
    op.create_table(
        "redeemed_offers",
        sa.Column("redemption", sa.String(64), sa.ForeignKey("redemptions.id"), primary_key=True),
        sa.Column("source", sa.String(16), primary_key=True),
        sa.Column("offer", sa.String(64), primary_key=True),
        sa.Column("off_cents", sa.BigInteger(), nullable=False),
    )
    op.create_index("redeemed_offers_by_offer", "redeemed_offers", ["source", "offer"])
