"""From the log to the shoppers' channels: every alert once, in order, as long as it is still true."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from endcap.clock import Clock, SystemClock
from endcap.messages import CUSTOMERS_ALERTS
from endcap_backend.log import Log, Record
from endcap_backend.pipeline.consumer import LogConsumer, Outcome
from endcap_backend.pipeline.courier import Courier, Push
from endcap_backend.pipeline.deadletter import dead_letter

COMMIT_EVERY_S = 0.2  # what is pushed twice after a crash; Ably knows a repeated id for two minutes


class Delivery:
    """Carries `customers_alerts` to Ably as the consumer "delivery"; one thread, `endcap-delivery`.

    While Ably is away it waits; nothing is lost, but what expires meanwhile is not pushed any more. An alert that Ably
    refuses becomes a dead letter, and its neighbours pass.
    """

    def __init__(self, records: Log, push: Push, *, clock: Clock | None = None, luck: Random | None = None) -> None:
        clock = clock or SystemClock()
        self._push = push
        self._consumer = LogConsumer(
            records, "delivery", (CUSTOMERS_ALERTS,), self._handle, clock=clock, commit_every_s=COMMIT_EVERY_S
        )
        self._courier: Courier[Record] = Courier(push, clock, self._consumer.stopping, luck)

    def start(self) -> None:
        self._consumer.start()

    def stop(self) -> None:
        self._consumer.stop()
        self._push.close()

    def ready(self) -> bool:
        """True while the thread lives; Ably may be away, nothing is lost by that."""
        return self._consumer.ready()

    def stats(self) -> Mapping[str, float]:
        """The consumer's and the courier's."""
        return {**self._consumer.stats(), **self._courier.stats()}

    def _handle(self, records: list[Record]) -> Outcome:
        carried = self._courier.carry(records)
        letters = [dead_letter(record, reason, "delivery") for record, reason in carried.refused]
        return Outcome(letters, carried.done, carried.wait_s)
