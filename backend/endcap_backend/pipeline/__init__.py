"""What reads the log: the match in this process, delivery to Ably, or a forwarder to Kafka."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class Pipeline(Protocol):
    """Turns what the log holds into alerts on the shoppers' channels. One is chosen where the backend is composed."""

    def start(self) -> None:
        """Begin with the first record not yet dealt with; returns at once."""
        ...

    def stop(self) -> None:
        """Finish what is in hand, note how far it came, end the threads. Idempotent."""
        ...

    def ready(self) -> bool:
        """True once the state is rebuilt and as long as every thread lives."""
        ...

    def stats(self) -> Mapping[str, float]:
        """Gauges and counters by name, `<stage> <what>`, for `/metrics` and the console; cheap, from any thread."""
        ...
