"""Ways out of the device. Each is a `Transport`; the vendor libraries behind them are imported on first use."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from endcap.wire import Message


@dataclass(frozen=True, slots=True)
class SendResult:
    """What became of each message of a batch, by its index: every index stands in exactly one of the three."""

    accepted: frozenset[int]
    duplicates: frozenset[int] = frozenset()
    rejected: Mapping[int, str] = field(default_factory=dict)  # index -> reason

    @classmethod
    def all_accepted(cls, batch: Sequence[Message]) -> SendResult:
        """The other side took every message of the batch."""
        return cls(frozenset(range(len(batch))))

    @classmethod
    def merged(cls, results: Iterable[SendResult]) -> SendResult:
        """One result of several whose indexes don't overlap."""
        accepted: set[int] = set()
        duplicates: set[int] = set()
        rejected: dict[int, str] = {}
        for result in results:
            accepted |= result.accepted
            duplicates |= result.duplicates
            rejected |= result.rejected
        return cls(frozenset(accepted), frozenset(duplicates), rejected)


class Transport(Protocol):
    """Carries messages to the other side. Called by the publisher's thread alone; `close` may come from any."""

    def send(self, batch: Sequence[Message]) -> SendResult:
        """Deliver 1 to 500 messages that bear their ids, and block until the other side has them on disk.

        Sending the same message again must be harmless: its id is how the other side knows it.

        Raises:
            Unreachable: try again later.
            Refused: the batch as a whole; trying the same again won't help.
            NotAuthorised: the token was refused, even a new one.
        """
        ...

    def close(self) -> None:
        """Let go of connections and threads. Idempotent; `send` after it raises Unreachable."""
        ...


@dataclass(frozen=True, slots=True)
class AblyToken:
    """What `POST /v1/ably-token` gives a phone: leave to use her two channels, for an hour at most."""

    token: str
    client_id: str
    expires_at: datetime
    location_channel: str
    promotions_channel: str
    endpoint: str  # URL of a server that speaks Ably's protocol; "" is Ably's cloud
