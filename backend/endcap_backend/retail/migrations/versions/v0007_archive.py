"""Promotions that are put away, since purchases in the books name them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("promotions", sa.Column("archived_at", sa.BigInteger()))


def downgrade() -> None:
    op.drop_column("promotions", "archived_at")
