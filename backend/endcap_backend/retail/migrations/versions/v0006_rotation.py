"""The secrets of shoppers' names of the day."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "day_secrets",
        sa.Column("day", sa.String(8), primary_key=True),
        sa.Column("began_at", sa.BigInteger(), nullable=False),
        sa.Column("secret", sa.String(64), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("day_secrets")
