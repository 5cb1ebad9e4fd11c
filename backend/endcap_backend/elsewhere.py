"""Where shoppers' records go that a backend sends on, so that a receipt can name it: Kafka, Ably, push services."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from endcap_backend.api.receipt import Elsewhere
from endcap_backend.config import Settings

ABLY_KEEPS = timedelta(minutes=2)  # of a channel, where its app was not told to persist messages


def elsewhere_of(settings: Settings) -> tuple[Elsewhere, ...]:
    """All of it that these settings use, with how long each keeps a record at most."""
    return tuple(_elsewhere(settings))


def _elsewhere(settings: Settings) -> Iterator[Elsewhere]:
    if settings.pipeline == "kafka":
        from endcap_backend.pipeline.cluster.topics import personal_topics

        for topic in personal_topics(settings.keep_locations_h):
            named = topic.raw and settings.raw_names == "daily"
            yield Elsewhere(f"{topic.name} in Kafka", "a name of the day" if named else "her uid", topic.kept)
    if settings.ably_key or settings.pipeline == "kafka":  # the cluster delivers with a key of its own
        yield Elsewhere("her channels at Ably", "her uid", ABLY_KEEPS)
    if settings.push_contact:
        life = timedelta(minutes=settings.alert_life_minutes)
        yield Elsewhere("the push service of her browser, sealed", "her browser's address", life)
