"""The whole pipeline in this process: match, decide, deliver, with the log between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from endcap.clock import Clock
from endcap_backend.decide import Limits
from endcap_backend.log import Log
from endcap_backend.pipeline.consumer import LogConsumer, Outcome
from endcap_backend.pipeline.courier import Push
from endcap_backend.pipeline.delivery import Delivery
from endcap_backend.pipeline.learning import Learning
from endcap_backend.pipeline.matching import TOPICS, Matching


class EmbeddedPipeline:
    """Two threads: `endcap-match` turns fixes into alerts, `endcap-delivery` carries them to Ably.

    Without `push` (no Ably key) alerts are decided and kept in the log; they are delivered once there is one, as far
    as they have not expired by then.
    """

    def __init__(
        self,
        records: Log,
        push: Push | None = None,
        *,
        limits: Limits | None = None,
        clock: Clock | None = None,
        learning: Learning | None = None,
        held_out: float = 0.0,
        currency: str = "EUR",
    ) -> None:
        matching = Matching(limits, clock, learning=learning, held_out=held_out, currency=currency)
        self._matching = matching
        self._match = LogConsumer(
            records,
            "match",
            TOPICS,
            lambda batch: Outcome(matching.handle(batch), len(batch)),
            prepare=lambda position: matching.rebuild(records, position),
            clock=clock,
        )
        self._delivery = Delivery(records, push, clock=clock) if push is not None else None

    def start(self) -> None:
        for stage in self._stages():
            stage.start()

    def stop(self) -> None:
        for stage in self._stages():
            stage.stop()

    def ready(self) -> bool:
        return all(stage.ready() for stage in self._stages())

    def stats(self) -> Mapping[str, float]:
        stats = {f"match {name}": value for name, value in self._match.stats().items()}
        stats.update(self._matching.stats())
        if self._delivery is not None:
            stats.update({f"delivery {name}": value for name, value in self._delivery.stats().items()})
        return stats

    def _stages(self) -> Sequence[LogConsumer | Delivery]:
        """In the order in which a fix passes through them."""
        return [stage for stage in (self._match, self._delivery) if stage is not None]
