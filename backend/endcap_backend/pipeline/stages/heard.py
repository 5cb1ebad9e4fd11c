"""What was told to whom in the last 72 hours, whichever partition decided it.

A shopper's records come by another partition when her name changes; whoever decides there must know what she has heard.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from endcap.clock import Clock
from endcap.errors import Unreachable
from endcap.messages import CUSTOMERS_ALERTS
from endcap.wire import epoch_ms
from endcap_backend.pipeline.kafka import KafkaSettings
from endcap_backend.pipeline.stages.reading import SILENCE_S, Place, Reading, ends_of, offsets_at, places_of
from endcap_backend.pipeline.stages.records import Inflow, Outflow
from endcap_backend.pipeline.stages.topics import OFFERS_WITHHELD

WRITTEN = (CUSTOMERS_ALERTS, OFFERS_WITHHELD)
LOOK_S = 0.05
HOUR_MS = 3600_000
REMEMBERED_MS = 72 * HOUR_MS  # so that nobody is told twice; as long as alerts are kept
LATE_MS = 600_000  # what was told before she was forgotten may be read after it: a transaction may hang for a minute


class Heard:
    """Follows all partitions of what decisions write; some 400 B a record, dropped within an hour after its time.

    The stage's thread.
    """

    def __init__(self, settings: KafkaSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._reading: Reading | None = None
        self._hers: dict[str, list[Inflow]] = {}
        self._hours: dict[int, set[str]] = {}  # who was told something in each hour
        self._gone: dict[str, int] = {}  # who was forgotten a moment ago, and when
        self._new: list[Inflow] = []  # which `follow` has not given out
        self._saying: dict[str, dict[tuple[str, bytes], Inflow]] = {}  # what this worker told and has not read back

    def catch_up(self) -> None:
        """Read to the very end: what the last owner of a partition decided just before it let go must be known.

        Raises:
            Unreachable, KafkaException: it can't be read.
        """
        places = places_of(self._settings, WRITTEN)
        begins = self._reading is None or not self._reading.positions.keys() >= set(places)
        if begins:
            self._begin(places)
        assert self._reading is not None
        ends = ends_of(self._settings, places, settled=True)
        heard_s = self._clock.monotonic()
        while any(self._reading.positions[place] < end for place, end in ends.items()):
            if self._add(self._reading.take(LOOK_S)):
                heard_s = self._clock.monotonic()
            elif self._clock.monotonic() - heard_s > SILENCE_S:
                raise Unreachable("what was told could not be read to its end; a transaction may hang")
        if begins:
            self._new.clear()  # the past: each shopper's is looked up when she is met
        self._expire()

    def say(self, told: Iterable[Outflow]) -> None:
        """What this worker tells with its next transaction: who meets her before that is read back must know of it."""
        for each in told:
            if each.topic not in WRITTEN or each.key is None or not isinstance(each.value, str):
                continue
            if each.timestamp_ms > self._gone.get(each.key, -1):  # else it is not taken in when it is read back
                value = each.value.encode()
                said = Inflow(each.topic, each.partition, -1, each.key, value, each.timestamp_ms, {})
                self._saying.setdefault(each.key, {})[each.topic, value] = said

    def follow(self) -> Sequence[Inflow]:
        """Take in what has come since; returns it, with what the last `catch_up` took in."""
        if self._reading is not None:
            self._add(self._reading.take())
            self._expire()
        new, self._new = self._new, []
        return new

    def of(self, uid: str) -> Sequence[Inflow]:
        """What she was told, or would have been, oldest first."""
        hers = (*self._hers.get(uid, ()), *self._saying.get(uid, {}).values())
        return sorted(hers, key=lambda each: each.timestamp_ms)

    def forget(self, uid: str, at_ms: int) -> None:
        """Drop what she was told up to `at_ms`, and what of it is yet to be read."""
        self._gone[uid] = max(at_ms, self._gone.get(uid, at_ms))
        self._new = [each for each in self._new if each.key != uid or each.timestamp_ms > at_ms]
        for uids in self._hours.values():
            uids.discard(uid)
        said = self._saying.pop(uid, {})
        if later := {what: each for what, each in said.items() if each.timestamp_ms > at_ms}:
            self._saying[uid] = later
        for record in self._hers.pop(uid, ()):
            if record.timestamp_ms > at_ms:
                self._put(uid, record)

    def close(self) -> None:
        if self._reading is not None:
            self._reading.close()

    def _begin(self, places: Collection[Place]) -> None:
        self.close()
        self._hers.clear()
        self._hours.clear()
        since_ms = epoch_ms(self._clock.now()) - REMEMBERED_MS
        self._reading = Reading(self._settings, offsets_at(self._settings, places, since_ms))

    def _add(self, records: Sequence[Inflow]) -> int:
        for record in records:
            uid = record.key
            if uid is not None and record.value is not None and record.timestamp_ms > self._gone.get(uid, -1):
                self._put(uid, record)
                self._new.append(record)  # this worker's own too: a partition may have met her before it was told
                self._read_back(uid, record)
        return len(records)

    def _read_back(self, uid: str, record: Inflow) -> None:
        said = self._saying.get(uid, {})
        said.pop((record.topic, record.value or b""), None)
        if not said:
            self._saying.pop(uid, None)

    def _put(self, uid: str, record: Inflow) -> None:
        self._hers.setdefault(uid, []).append(record)
        self._hours.setdefault(record.timestamp_ms // HOUR_MS, set()).add(uid)

    def _expire(self) -> None:
        now_ms = epoch_ms(self._clock.now())
        before_ms = now_ms - REMEMBERED_MS
        for hour in [each for each in self._hours if (each + 1) * HOUR_MS <= before_ms]:
            for uid in self._hours.pop(hour):
                hers = [each for each in self._hers.pop(uid, ()) if each.timestamp_ms >= before_ms]
                if hers:
                    self._hers[uid] = hers
        for uid in [uid for uid, at_ms in self._gone.items() if at_ms < now_ms - LATE_MS]:
            del self._gone[uid]
