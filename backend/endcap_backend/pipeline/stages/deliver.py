"""The bridge from Kafka to Ably: `customers_alerts` to the shoppers' channels, in order, none lost on the way.

Positions move past an alert only when it is settled. After a crash the alerts of the last moments are pushed again,
under their ids, by which Ably and the phone know them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from threading import Event

from endcap.clock import Clock, SystemClock
from endcap.messages import CUSTOMERS_ALERTS
from endcap_backend.pipeline.courier import Courier, Push
from endcap_backend.pipeline.delivery import COMMIT_EVERY_S
from endcap_backend.pipeline.kafka import KafkaSettings
from endcap_backend.pipeline.stages.records import Inflow, Outcome, Share, Start, dead_letter
from endcap_backend.pipeline.stages.stage import Stage
from endcap_backend.pipeline.stages.topics import ensure_topics

NAME = "delivery"
WORST = ("oldest unsent s", "failures in a row")  # of several partitions the greatest tells


class Channelled:
    """One partition's alerts on their way."""

    def __init__(self, push: Push, clock: Clock, stopping: Event) -> None:
        self.courier: Courier[Inflow] = Courier(push, clock, stopping)

    def handle(self, records: Sequence[Inflow]) -> Outcome:
        carried = self.courier.carry(records)
        letters = [dead_letter(record, reason, NAME) for record, reason in carried.refused]
        return Outcome(letters, carried.done, carried.wait_s)

    def note(self) -> str:
        return ""


class Bridge:
    """The work of the stage."""

    def __init__(self, push: Push, clock: Clock, stopping: Event) -> None:
        self._push = push
        self._clock = clock
        self._stopping = stopping
        self._shares: dict[int, Channelled] = {}

    def take_on(self, starts: Mapping[int, Start]) -> Mapping[int, Share]:
        self._shares |= {number: Channelled(self._push, self._clock, self._stopping) for number in starts}
        return {number: self._shares[number] for number in starts}

    def look(self, shares: Mapping[int, Share]) -> None:
        self._shares = {number: share for number, share in shares.items() if isinstance(share, Channelled)}

    def stats(self) -> Mapping[str, float]:
        total: defaultdict[str, float] = defaultdict(float)
        for share in list(self._shares.values()):
            for name, value in share.courier.stats().items():
                total[name] = max(total[name], value) if name in WORST else total[name] + value
        return total

    def close(self) -> None:
        """The push outlives it."""


class BridgeStage(Stage):
    """The stage that delivers; it closes the push it was given when it stops."""

    def __init__(self, settings: KafkaSettings, push: Push, clock: Clock | None = None) -> None:
        def make() -> Bridge:
            ensure_topics(settings, (CUSTOMERS_ALERTS, f"{CUSTOMERS_ALERTS}_dlq"))
            return Bridge(push, clock or SystemClock(), self.stopping)

        super().__init__(settings, NAME, (CUSTOMERS_ALERTS,), make, clock=clock, commit_every_s=COMMIT_EVERY_S)
        self._push = push

    def stop(self, timeout_s: float = 15.0) -> None:
        super().stop(timeout_s)
        self._push.close()
