"""Push subscriptions of browsers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "push_subscriptions",
        sa.Column("endpoint", sa.String(1024), primary_key=True),
        sa.Column("uid", sa.String(64), nullable=False),
        sa.Column("p256dh", sa.String(96), nullable=False),
        sa.Column("auth", sa.String(32), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
    )
    op.create_index("push_subscriptions_by_uid", "push_subscriptions", ["uid"])


def downgrade() -> None:
    op.drop_table("push_subscriptions")
