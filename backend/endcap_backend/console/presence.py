"""Where shoppers stand now: dots without names, from the newest fixes in the log."""

from __future__ import annotations

import hmac
import json
import secrets
from dataclasses import dataclass
from threading import Lock
from typing import NamedTuple

from endcap.clock import Clock
from endcap.geo import LatLon
from endcap.messages import CUSTOMERS_LOCATIONS
from endcap.wire import epoch_ms
from endcap_backend.log import Log, Record

FRESH_MS = 60_000  # who has sent nothing for so long is not shown
_THERE = "SELECT offset FROM records WHERE offset IN (SELECT value FROM json_each(?))"
READS = 20  # of 500 records a look: beyond it the look after goes on


@dataclass(frozen=True, slots=True)
class Dot:
    """Somebody at a place. `id` is good for following a dot on the screen; it changes at each start, and each day."""

    id: str
    point: LatLon
    accuracy_m: float | None


class _Fix(NamedTuple):
    offset: int
    at_ms: int
    point: LatLon
    accuracy_m: float | None


class Presence:
    """The newest fix of everybody who was heard in the last minute. Any thread; looks take turns.

    Each look reads on from where the last one ended, so that it costs what has come since. A dot stands only as long as
    its fix is in the log, and its shopper is not being erased: who is erased is gone with the next look, whatever else
    of hers comes behind.
    """

    def __init__(self, log: Log, clock: Clock) -> None:
        self._log = log
        self._clock = clock
        self._lock = Lock()
        self._after = 0
        self._salt = secrets.token_bytes(16)
        self._salted_on = clock.now().date()
        self._seen: dict[str, _Fix] = {}

    def dots(self) -> list[Dot]:
        with self._lock:
            now_ms = epoch_ms(self._clock.now())
            self._read_on(now_ms)
            self._seen = {uid: fix for uid, fix in self._seen.items() if now_ms - fix.at_ms <= FRESH_MS}
            self._forget_erased()
            self._change_salt()
            return [Dot(self._named(uid), fix.point, fix.accuracy_m) for uid, fix in self._seen.items()]

    def _read_on(self, now_ms: int) -> None:
        self._after = max(self._after, self._log.offset_before(now_ms - FRESH_MS))
        for _ in range(READS):
            records = self._log.read(self._after, topics=(CUSTOMERS_LOCATIONS,))
            for record in records:
                self._note(record)
            if not records:
                return
            self._after = records[-1].offset

    def _note(self, record: Record) -> None:
        uid, at_ms = record.key or "", record.timestamp_ms
        if record.value is None:  # she was erased
            self._seen.pop(uid, None)
            return
        if uid in self._seen and self._seen[uid].at_ms > at_ms:
            return
        fix = json.loads(record.value)
        point = LatLon(fix["latitude"], fix["longitude"])
        self._seen[uid] = _Fix(record.offset, at_ms, point, fix.get("accuracy_m"))

    def _forget_erased(self) -> None:
        """An erasure deletes her fixes at once; one that slips in beside it is deleted within minutes."""
        offsets = json.dumps([fix.offset for fix in self._seen.values()])
        with self._log.reading() as connection:
            there = {offset for (offset,) in connection.execute(_THERE, (offsets,))}
            erased = {uid for (uid,) in connection.execute("SELECT uid FROM erasures")}
        self._seen = {uid: fix for uid, fix in self._seen.items() if fix.offset in there and uid not in erased}

    def _named(self, uid: str) -> str:
        return hmac.digest(self._salt, uid.encode(), "sha256").hex()[:12]

    def _change_salt(self) -> None:
        today = self._clock.now().date()
        if today != self._salted_on:
            self._salt, self._salted_on = secrets.token_bytes(16), today
