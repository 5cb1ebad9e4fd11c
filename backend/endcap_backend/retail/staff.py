"""Who works in the shop: accounts, and sessions from signing in to signing out."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from sqlalchemy import Connection, delete, insert, select, update

from endcap.clock import Clock
from endcap.errors import BadConfig
from endcap.wire import ID_PATTERN
from endcap_backend.api.roles import Employee, Role
from endcap_backend.retail.database import Database
from endcap_backend.retail.passwords import hashed, matches
from endcap_backend.retail.staff_tables import StaffAccount, StaffSession


@dataclass(frozen=True, slots=True)
class Account:
    """A line of the list of accounts."""

    name: str
    role: Role
    made_at: datetime
    sessions: int


class Staff:
    """Accounts and sessions in the shop's database. Safe from any thread."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def add(self, name: str, role: Role, password: str) -> None:
        """Make an account.

        Raises:
            BadConfig: the name is taken or can't be one, or the password is too short.
        """
        if not re.fullmatch(ID_PATTERN, name):
            raise BadConfig("name", f"{name!r} must match {ID_PATTERN}")
        row = {"name": name, "role": str(role), "password": hashed(password), "made_at": self._clock.now()}
        with self._database.writing() as connection:
            if _role_of(connection, name) is not None:
                raise BadConfig("name", f"{name} has an account already; change its password, or remove it first")
            connection.execute(insert(StaffAccount).values(row))

    def change_password(self, name: str, password: str) -> None:
        """Give an account another password, and end its sessions; raises as `add`, or when there is no such account."""
        kept = hashed(password)
        with self._database.writing() as connection:
            connection.execute(delete(StaffSession).where(StaffSession.name == name))
            statement = update(StaffAccount).where(StaffAccount.name == name).values(password=kept)
            if not connection.execute(statement).rowcount:
                raise _unknown(name)

    def remove(self, name: str) -> None:
        """Delete an account; its sessions end at once. What it did stays in the audit trail.

        Raises:
            BadConfig: there is no such account.
        """
        with self._database.writing() as connection:
            connection.execute(delete(StaffSession).where(StaffSession.name == name))
            if not connection.execute(delete(StaffAccount).where(StaffAccount.name == name)).rowcount:
                raise _unknown(name)

    def accounts(self) -> Sequence[Account]:
        """All accounts by name, each with the number of its sessions that have not ended."""
        now = self._clock.now()
        with self._database.reading() as connection:
            open_now = select(StaffSession.name).where(StaffSession.ends_at > now)
            names = list(connection.execute(open_now).scalars())
            rows = connection.execute(
                select(StaffAccount.name, StaffAccount.role, StaffAccount.made_at).order_by(StaffAccount.name)
            )
            return [Account(row.name, Role(row.role), row.made_at, names.count(row.name)) for row in rows]

    def recognise(self, name: str, password: str) -> Employee | None:
        """Whose name and password these are; None, after as long, when they are nobody's."""
        with self._database.reading() as connection:
            query = select(StaffAccount.role, StaffAccount.password).where(StaffAccount.name == name)
            row = connection.execute(query).first()
        good = matches(password, _nobodys() if row is None else row.password)
        return Employee(name, Role(row.role)) if good and row is not None else None

    def begin(self, name: str, life_s: float) -> str | None:
        """A session of this account: what its token names; None when the account is gone. Sessions that ended go."""
        number = secrets.token_hex(16)
        now = self._clock.now()
        row = {"id": _digest(number), "name": name, "began_at": now, "ends_at": now + timedelta(seconds=life_s)}
        with self._database.writing() as connection:
            connection.execute(delete(StaffSession).where(StaffSession.ends_at <= now))
            if _role_of(connection, name) is None:
                return None
            connection.execute(insert(StaffSession).values(row))
        return number

    def find(self, number: str) -> Employee | None:
        """Who works in this session, in the role of today; None when it has ended."""
        query = (
            select(StaffAccount.name, StaffAccount.role)
            .join(StaffSession, StaffSession.name == StaffAccount.name)
            .where(StaffSession.id == _digest(number), StaffSession.ends_at > self._clock.now())
        )
        with self._database.reading() as connection:
            row = connection.execute(query).first()
        return None if row is None else Employee(row.name, Role(row.role))

    def end(self, number: str) -> None:
        """End a session; idempotent."""
        with self._database.writing() as connection:
            connection.execute(delete(StaffSession).where(StaffSession.id == _digest(number)))


def _role_of(connection: Connection, name: str) -> str | None:
    return connection.execute(select(StaffAccount.role).where(StaffAccount.name == name)).scalar()


def _unknown(name: str) -> BadConfig:
    return BadConfig("name", f"{name} has no account; `endcap-backend staff list` shows those there are")


@cache
def _nobodys() -> str:
    """What is kept of a password that nobody knows: tried for a name that is not there, so that it takes as long."""
    return hashed(secrets.token_hex(32))


def _digest(number: str) -> str:
    return hashlib.sha256(number.encode()).hexdigest()
