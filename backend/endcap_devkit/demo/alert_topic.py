"""With Kafka, alerts never reach the backend's log: here they are read from their topic, as an operator's tool may."""

from __future__ import annotations

from endcap.messages import CUSTOMERS_ALERTS
from endcap_backend.log import Record
from endcap_backend.pipeline.kafka import KafkaSettings
from endcap_backend.pipeline.stages.reading import Reading, ends_of, places_of


class AlertTopic:
    """The alerts from now on. One thread at a time."""

    def __init__(self, bootstrap_servers: str) -> None:
        settings = KafkaSettings(bootstrap_servers)
        self._reading = Reading(settings, ends_of(settings, places_of(settings, (CUSTOMERS_ALERTS,))))

    def read(self) -> list[Record]:
        """What has come since the last call, as the log would have it."""
        return [
            Record(each.offset, each.topic, each.key, (each.value or b"null").decode(), each.timestamp_ms, None)
            for each in self._reading.take()
        ]

    def close(self) -> None:
        self._reading.close()
