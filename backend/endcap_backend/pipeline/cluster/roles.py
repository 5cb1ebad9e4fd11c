"""Who does what on the cluster, and the rights each needs: the same table as backend/infra/terraform/access.tf."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from endcap.messages import (
    CUSTOMERS_ALERTS,
    CUSTOMERS_EVENTS,
    CUSTOMERS_LOCATIONS,
    NEARBY_CUSTOMERS,
    PRODUCTS_PROMOTIONS,
    STORES_PRODUCTS,
    VALID_PROMOTIONS,
)
from endcap_backend.match.engine import SOURCE_TOPICS
from endcap_backend.pipeline.cluster.topics import LOCATIONS_BY_CELL, OFFERS_WITHHELD, letters_of
from endcap_backend.pipeline.forward import FORWARDED
from endcap_backend.pipeline.marks import MARKS

READ, WRITE = "READ", "WRITE"


@dataclass(frozen=True, slots=True)
class Role:
    """One program on the cluster: the operations it does on each topic, its consumer groups and its transactions."""

    name: str
    topics: Mapping[str, frozenset[str]]
    groups: tuple[str, ...]
    transactional_id: str  # the program's own begins with this


def _reads(*names: str) -> dict[str, frozenset[str]]:
    return {name: frozenset({READ}) for name in names}


def _writes(*names: str) -> dict[str, frozenset[str]]:
    return {name: frozenset({WRITE}) for name in names}


ROLES = {
    role.name: role
    for role in (
        Role(
            "backend",
            _writes(*FORWARDED, *map(letters_of, FORWARDED))
            | {MARKS: frozenset({READ, WRITE})}
            | _reads(CUSTOMERS_ALERTS, OFFERS_WITHHELD),
            ("endcap-forwarder",),
            "endcap-forwarder",
        ),
        Role(
            "match",
            _reads(CUSTOMERS_LOCATIONS, STORES_PRODUCTS, PRODUCTS_PROMOTIONS)
            | {LOCATIONS_BY_CELL: frozenset({READ, WRITE})}
            | _writes(NEARBY_CUSTOMERS, letters_of(CUSTOMERS_LOCATIONS), letters_of(LOCATIONS_BY_CELL)),
            ("endcap-match", "endcap-match-route"),
            "endcap-match",
        ),
        Role(
            "parity",
            _reads(*SOURCE_TOPICS) | _writes(VALID_PROMOTIONS, NEARBY_CUSTOMERS, *map(letters_of, SOURCE_TOPICS)),
            ("endcap-match-parity",),
            "endcap-match-parity",
        ),
        Role(
            "decide",
            _reads(NEARBY_CUSTOMERS, CUSTOMERS_EVENTS, STORES_PRODUCTS, PRODUCTS_PROMOTIONS)
            | {name: frozenset({READ, WRITE}) for name in (CUSTOMERS_ALERTS, OFFERS_WITHHELD)}
            | _writes(letters_of(NEARBY_CUSTOMERS), letters_of(CUSTOMERS_EVENTS)),
            ("endcap-decide",),
            "endcap-decide",
        ),
        Role(
            "delivery",
            _reads(CUSTOMERS_ALERTS) | _writes(letters_of(CUSTOMERS_ALERTS)),
            ("endcap-delivery",),
            "endcap-delivery",
        ),
    )
}
