"""The brokers' list of topics, which follows a change a moment later."""

from __future__ import annotations

from threading import Event

from confluent_kafka.admin import AdminClient

from endcap.clock import Clock, SystemClock
from endcap.errors import Unreachable
from endcap_backend.pipeline.cluster.deadline import Deadline

LISTED_S = 30.0
LOOK_AGAIN_S = 0.02


def await_listing(admin: AdminClient, name: str, *, there: bool, clock: Clock | None = None) -> None:
    """Wait until a topic that was made is listed, or one that was removed is not: who comes next relies on it.

    Raises:
        KafkaException: no broker answers.
        Unreachable: the list does not follow within half a minute.
    """
    clock = clock or SystemClock()
    deadline = Deadline(clock, LISTED_S)
    while (name in admin.list_topics(timeout=LISTED_S).topics) != there:
        if not deadline:
            raise Unreachable(
                f"the topic {name} was {'made' if there else 'removed'}, but the brokers' list does not say so"
            )
        clock.wait(Event(), LOOK_AGAIN_S)
