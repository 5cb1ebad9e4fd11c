"""The audit trail: who of the staff changed what, written in the transaction of the change."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from endcap.wire import write_instant
from endcap_backend.api.roles import Employee
from endcap_backend.retail.staff_tables import AuditEntry

THING_CHARS = 128
DETAIL_CHARS = 4000  # of a large change the beginning; what is there now stands in its own table


def note(
    connection: Connection, employee: Employee, at: datetime, action: str, thing: str, detail: Mapping[str, Any]
) -> None:
    """Write down what `employee` does, within the transaction that does it.

    `action` is one word such as "put" or "accepted", `thing` what it is done to, such as "promotions/p1".
    """
    told = json.dumps(detail, ensure_ascii=False, separators=(",", ":"))[:DETAIL_CHARS]
    connection.execute(
        insert(AuditEntry).values(
            at=at, who=employee.name, role=str(employee.role), action=action, thing=thing[:THING_CHARS], detail=told
        )
    )


def last(connection: Connection, limit: int = 100) -> list[dict[str, str]]:
    """The latest entries, newest first."""
    query = select(*AuditEntry.__table__.columns).order_by(AuditEntry.number.desc()).limit(limit)
    return [
        {"at": write_instant(row.at), **{name: getattr(row, name) for name in _SHOWN}}
        for row in connection.execute(query)
    ]


_SHOWN = ("who", "role", "action", "thing", "detail")
