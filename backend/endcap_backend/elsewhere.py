"""Where shoppers' records go that a backend sends on, so that a receipt can name it: Kafka, Ably, push services."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from endcap.messages import CUSTOMERS_EVENTS
from endcap_backend.api.receipt import Elsewhere
from endcap_backend.config import Settings

ABLY = "her channels at Ably, unless its app was told to persist messages"  # which this side can't see
ABLY_KEEPS = timedelta(minutes=2)  # of a channel
DAILY = "a name of the day"
EITHER = f"{DAILY}; her uid where Ably's own rule writes there"  # past the backend, from her location channel


def elsewhere_of(settings: Settings) -> tuple[Elsewhere, ...]:
    """All of it that these settings use, with how long each keeps a record at most."""
    return tuple(_elsewhere(settings))


def _elsewhere(settings: Settings) -> Iterator[Elsewhere]:
    if settings.pipeline == "kafka":
        from endcap_backend.pipeline.cluster.topics import letters_of, personal_topics

        positions = EITHER if settings.ably_key else DAILY
        events = {CUSTOMERS_EVENTS, letters_of(CUSTOMERS_EVENTS)}  # phones send these to the backend alone
        for topic in personal_topics(settings.keep_locations_h):
            name = DAILY if topic.name in events else positions
            bears = name if topic.raw and settings.raw_names == "daily" else "her uid"
            yield Elsewhere(f"{topic.name} in Kafka", bears, topic.kept)
    if settings.ably_key or settings.pipeline == "kafka":  # the cluster delivers with a key of its own
        yield Elsewhere(ABLY, "her uid", ABLY_KEEPS)
    if settings.push_contact:
        life = timedelta(minutes=settings.alert_life_minutes)
        yield Elsewhere("the push service of her browser, sealed", "her browser's address", life)
