"""What Alembic runs: the steps on the connection that `Database` hands over, in its transaction."""

from __future__ import annotations

from alembic import context

from endcap_backend.retail import (  # noqa: F401  # of the schema, too
    journal_tables,
    knowing_tables,
    rotation_tables,
    shop_tables,
    staff_tables,
    till_tables,
)
from endcap_backend.retail.schema import Base
from endcap_backend.webpush import tables  # noqa: F401

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,  # SQLite alters a table by copying it
    transactional_ddl=True,
)
context.run_migrations()
