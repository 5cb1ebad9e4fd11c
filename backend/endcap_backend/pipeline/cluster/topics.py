"""The topics of the product: what `apply` makes, and what a check looks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from endcap.messages import (
    CUSTOMERS_ALERTS,
    CUSTOMERS_LOCATIONS,
    NEARBY_CUSTOMERS,
    PRODUCTS_PROMOTIONS,
    STORES_PRODUCTS,
)
from endcap_backend.pipeline.forward import FORWARDED
from endcap_backend.pipeline.marks import KEPT, MARKS, SEGMENT_MS

LOCATIONS_BY_CELL = "customers_locations_by_cell"  # the same records, in the partition of the region they lie in
OFFERS_WITHHELD = "customers_withheld"  # what shoppers who are held out would have been told, as events
HOUR_MS = 3600 * 1000
PARTITIONS = 6  # Confluent Cloud's own default; each match consumer takes at least one
LOCATIONS_H = 24.0  # what the privacy notice promises
EVENTS_H = 7 * 24.0
ALERTS_H = 72.0  # what decisions remember of what was told: a restart must find all of it
FOR_EVER = "-1"
SHOP_S = (STORES_PRODUCTS, PRODUCTS_PROMOTIONS)  # what they tell is of no shopper
UNDER_UID = (CUSTOMERS_ALERTS, OFFERS_WITHHELD)  # Ably's channels are named by it
# Brokers look for segments that are over every 5 minutes and delete the files a minute later, and a record's time may
# be 5 minutes ahead of theirs.
SWEPT = timedelta(minutes=11)


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic as it should be. `config` holds only what differs from the brokers' own defaults."""

    name: str
    partitions: int
    config: Mapping[str, str]


def topics(partitions: int = PARTITIONS, locations_h: float = LOCATIONS_H) -> tuple[Topic, ...]:
    """Every topic of the product, in the order in which they are made.

    Products and promotions are kept for ever and not compacted: their keys (SKU, segment) are not their identity (SKU
    and store, pid), so that compaction would lose all but one store's shelf.
    """
    kept = {
        CUSTOMERS_LOCATIONS: _hours(locations_h),
        STORES_PRODUCTS: FOR_EVER,
        PRODUCTS_PROMOTIONS: FOR_EVER,
    }
    forwarded = [_kept(name, partitions, kept.get(name, _hours(EVENTS_H))) for name in FORWARDED]
    made = [
        _kept(LOCATIONS_BY_CELL, partitions, _hours(locations_h)),
        _kept(NEARBY_CUSTOMERS, partitions, _hours(locations_h)),  # it holds positions, so no longer than those
        _kept(CUSTOMERS_ALERTS, partitions, _hours(ALERTS_H)),
        _kept(OFFERS_WITHHELD, partitions, _hours(ALERTS_H)),
    ]
    letters = [
        _kept(letters_of(name), partitions, _hours(min(locations_h, LOCATIONS_H)))
        for name in (*FORWARDED, LOCATIONS_BY_CELL, NEARBY_CUSTOMERS, CUSTOMERS_ALERTS, OFFERS_WITHHELD)
    ]
    # one partition: a forwarder reads it to its end before it begins
    marks = Topic(MARKS, 1, KEPT)
    return (*forwarded, *made, *letters, marks)


@dataclass(frozen=True, slots=True)
class PersonalTopic:
    """A topic that may hold records of a shopper. `kept`: the longest that a record stays on a broker's disk.

    `raw`: she bears a name of the day there, unless the forwarder was told otherwise.
    """

    name: str
    raw: bool
    kept: timedelta


def personal_topics(locations_h: float = LOCATIONS_H) -> list[PersonalTopic]:
    """All of `topics` but those of the shop and of the forwarder."""
    others = {*SHOP_S, *map(letters_of, SHOP_S), MARKS}
    under_uid = {*UNDER_UID, *map(letters_of, UNDER_UID)}
    return [
        PersonalTopic(each.name, each.name not in under_uid, _longest(each))
        for each in topics(locations_h=locations_h)
        if each.name not in others
    ]


def _longest(topic: Topic) -> timedelta:
    """A segment goes as a whole, when its newest record is over; the newest is younger by one segment at most."""
    whole_ms = int(topic.config["retention.ms"]) + int(topic.config["segment.ms"])
    return timedelta(milliseconds=whole_ms) + SWEPT


def _kept(name: str, partitions: int, retention_ms: str) -> Topic:
    config = {"cleanup.policy": "delete", "retention.ms": retention_ms}
    if retention_ms != FOR_EVER:
        # a segment goes as a whole, and a quiet topic's is a week long by default; Confluent Cloud takes no shorter one
        config["segment.ms"] = str(SEGMENT_MS)
    return Topic(name, partitions, config)


def _hours(hours: float) -> str:
    return str(round(hours * HOUR_MS))


def letters_of(topic: str) -> str:
    """Where the records of a topic go that are refused."""
    return f"{topic}_dlq"
