"""Shoppers as the API knows them: a random pseudonym, her consent, and the generation of her refresh token."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

from endcap.clock import Clock
from endcap.consent import Purpose
from endcap.errors import BadMessage
from endcap.wire import Wire, epoch_ms, from_epoch_ms, write_instant
from endcap_backend.log import Log

GRACE_S = 300.0  # an answer that got lost: its refresh token may be used again for so long
TEXT_VERSION = Wire("text_version", "text", "the version of the consent text she read", max_chars=64)


@dataclass(frozen=True, slots=True)
class Consent:
    """What she agreed to, having read the text of that version."""

    purposes: frozenset[Purpose]
    text_version: str

    @classmethod
    def from_json(cls, value: object, *, at_least_one: bool) -> Consent:
        """Read `{"purposes": [...], "text_version": "..."}`.

        Raises:
            BadMessage: names the field at fault.
        """
        if not isinstance(value, Mapping):
            raise BadMessage("", "must be an object with purposes and text_version")
        return cls(_purposes(value.get("purposes"), at_least_one), _text_version(value.get("text_version")))


@dataclass(frozen=True, slots=True)
class Shopper:
    """Who makes a request. `generation` counts the renewals of her session."""

    uid: str
    purposes: frozenset[Purpose]
    generation: int
    revoked: bool

    def allows(self, purpose: Purpose) -> bool:
        return not self.revoked and purpose in self.purposes


class Shoppers:
    """Sessions in the log's own file, written through its one writer. Safe from any thread."""

    def __init__(self, log: Log, clock: Clock, life_s: float) -> None:
        self._log = log
        self._clock = clock
        self._life_ms = int(life_s * 1000)
        log.prepare(resources.files("endcap_backend.api").joinpath("sessions.sql").read_text())

    def enter(self, consent: Consent) -> Shopper:
        """A new shopper under a pseudonym of 128 random bits."""
        uid = secrets.token_hex(16)
        now_ms = self._now_ms()

        def insert(connection: sqlite3.Connection) -> None:
            row = (uid, now_ms, _joined(consent.purposes), 0, now_ms, now_ms + self._life_ms)
            connection.execute("INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?, NULL)", row)
            _record(connection, uid, consent, now_ms)

        self._log.transact(insert)
        return Shopper(uid, consent.purposes, 0, revoked=False)

    def find(self, uid: str) -> Shopper | None:
        """The shopper, or None when there is none of that name (any more)."""
        with self._log.reading() as connection:
            return _found(connection, uid)

    def renew(self, uid: str, generation: int, consent: Consent | None = None) -> Shopper | None:
        """Her session with the next generation, and with `consent` when it changed; None when it can't be renewed.

        A refresh token is good once. The one before is taken for `GRACE_S` more, since its answer may have got lost;
        after that its use means that two hold it, and the session is revoked.
        """
        return self._log.transact(lambda connection: self._renew(connection, uid, generation, consent))

    def agree(self, uid: str, consent: Consent) -> None:
        """Record that her consent is now this; an empty one withdraws everything."""
        self._log.transact(lambda connection: self._agree(connection, uid, consent))

    def consents(self, uid: str) -> list[dict[str, Any]]:
        """Every consent she gave or changed, oldest first."""
        query = "SELECT recorded_ms, purposes, text_version FROM consents WHERE uid = ? ORDER BY recorded_ms"
        with self._log.reading() as connection:
            return [
                {
                    "purposes": purposes.split(),
                    "text_version": text_version,
                    "recorded_at": write_instant(from_epoch_ms(recorded_ms)),
                }
                for recorded_ms, purposes, text_version in connection.execute(query, (uid,))
            ]

    def forget_ended(self, limit: int = 500) -> int:
        """Delete up to `limit` sessions whose refresh token has expired; returns how many."""

        def delete(connection: sqlite3.Connection) -> int:
            query = "SELECT uid FROM sessions WHERE ends_ms < ? LIMIT ?"
            ended = [uid for (uid,) in connection.execute(query, (self._now_ms(), limit))]
            for uid in ended:
                forget_session(connection, uid)
            return len(ended)

        return self._log.transact(delete)

    def _renew(
        self, connection: sqlite3.Connection, uid: str, generation: int, consent: Consent | None
    ) -> Shopper | None:
        shopper = _found(connection, uid)
        if shopper is None or shopper.revoked:
            return None
        now_ms = self._now_ms()
        (renewed_ms,) = connection.execute("SELECT renewed_ms FROM sessions WHERE uid = ?", (uid,)).fetchone()
        repeated = generation == shopper.generation - 1 and now_ms - renewed_ms <= GRACE_S * 1000
        if generation != shopper.generation and not repeated:
            connection.execute("UPDATE sessions SET revoked_ms = ? WHERE uid = ?", (now_ms, uid))
            return None
        connection.execute(
            "UPDATE sessions SET generation = ?, renewed_ms = ?, ends_ms = ? WHERE uid = ?",
            (generation + 1, renewed_ms if repeated else now_ms, now_ms + self._life_ms, uid),
        )
        if consent is not None:
            self._agree(connection, uid, consent)
        return _found(connection, uid)

    def _agree(self, connection: sqlite3.Connection, uid: str, consent: Consent) -> None:
        connection.execute("UPDATE sessions SET purposes = ? WHERE uid = ?", (_joined(consent.purposes), uid))
        _record(connection, uid, consent, self._now_ms())

    def _now_ms(self) -> int:
        return epoch_ms(self._clock.now())


def _found(connection: sqlite3.Connection, uid: str) -> Shopper | None:
    row = connection.execute("SELECT purposes, generation, revoked_ms FROM sessions WHERE uid = ?", (uid,)).fetchone()
    if row is None:
        return None
    return Shopper(uid, frozenset(map(Purpose, row[0].split())), row[1], revoked=row[2] is not None)


def _record(connection: sqlite3.Connection, uid: str, consent: Consent, now_ms: int) -> None:
    row = (uid, now_ms, _joined(consent.purposes), consent.text_version)
    connection.execute("INSERT INTO consents VALUES (?, ?, ?, ?)", row)


def known_among(connection: sqlite3.Connection, uids: Collection[str]) -> set[str]:
    """Those of these shoppers who have a session here, within a transaction of the log."""
    found = set()
    for uid in uids:  # a primary key's look-up each: no text to build, and few of them
        if connection.execute("SELECT 1 FROM sessions WHERE uid = ?", (uid,)).fetchone() is not None:
            found.add(uid)
    return found


def forget_session(connection: sqlite3.Connection, uid: str) -> None:
    """Delete a shopper's session and consents, within a transaction of the log."""
    connection.execute("DELETE FROM sessions WHERE uid = ?", (uid,))
    connection.execute("DELETE FROM consents WHERE uid = ?", (uid,))


def _joined(purposes: Iterable[Purpose]) -> str:
    return " ".join(sorted(purposes))


def _purposes(value: object, at_least_one: bool) -> frozenset[Purpose]:
    known = ", ".join(Purpose)
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise BadMessage("purposes", f"must be an array of {known}" if value is not None else "is missing")
    try:
        purposes = frozenset(map(Purpose, value))
    except ValueError:
        raise BadMessage("purposes", f"must name no other purposes than {known}") from None
    if at_least_one and not purposes:
        raise BadMessage("purposes", "must name at least one: without consent no pseudonym is made")
    return purposes


def _text_version(value: object) -> str:
    if value is None:
        raise BadMessage("text_version", "is missing")
    return str(TEXT_VERSION.read(value))
