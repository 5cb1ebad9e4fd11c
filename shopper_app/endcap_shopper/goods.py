"""What the shop tells of: its stores, products and orders, a call for help, a list that is shared."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from endcap.geo import LatLon, distance_m
from endcap.wire import BIGINT_MAX, ID_PATTERN, Message, wired
from endcap_shopper.reading import each_of

HELP_STATES = ("queued", "accepted", "coming", "done", "cancelled")


@dataclass(frozen=True, slots=True)
class Store(Message):
    """A store as `GET /v1/stores` tells of it: its middle, and how far it reaches."""

    id: str = wired("id", "text", "the store", pattern=ID_PATTERN)
    latitude_deg: float = wired("latitude", "number", "of its middle", minimum=-90, maximum=90)
    longitude_deg: float = wired("longitude", "number", "of its middle", minimum=-180, maximum=180)
    radius_m: float = wired("radius_m", "number", "to its outermost shelf", minimum=0)
    name: str | None = wired("name", "text", "as people call it", default=None, max_chars=128)

    @property
    def point(self) -> LatLon:
        return LatLon(self.latitude_deg, self.longitude_deg)


@dataclass(frozen=True, slots=True)
class Promotion(Message):
    """What a product is reduced by now."""

    pid: str = wired("pid", "text", "the promotion", max_chars=64)
    title: str | None = wired("title", "text", "what she reads", default=None, max_chars=128)
    discount: float | None = wired("discount", "number", "off the price", default=None, minimum=0, maximum=100)
    ends_at: datetime | None = wired("ends_at", "instant", "until when", default=None)


@dataclass(frozen=True, slots=True)
class Product(Message):
    """A product in a store. `why` is there where it is offered in place of another."""

    sku: int = wired("sku", "integer", "the product", minimum=0, maximum=BIGINT_MAX)
    name: str = wired("name", "text", "what the shelf label says", max_chars=128)
    segment: str | None = wired("segment", "text", "its kind", default=None, max_chars=64)
    variant: str | None = wired("variant", "text", "size, colour or flavour", default=None, max_chars=64)
    price: float | None = wired("price", "number", "in the shop's currency", default=None, minimum=0)
    stock: int | None = wired("stock", "integer", "pieces on the shelf", default=None, minimum=0)
    store: str | None = wired("store", "text", "where", default=None, pattern=ID_PATTERN)
    section: str | None = wired("section", "text", "the part of the store", default=None, max_chars=64)
    latitude_deg: float | None = wired("latitude", "number", "of the shelf", default=None, minimum=-90, maximum=90)
    longitude_deg: float | None = wired("longitude", "number", "of the shelf", default=None, minimum=-180, maximum=180)
    distance_ft: float | None = wired("distance_ft", "number", "as the crow flies", default=None, minimum=0)
    why: str | None = wired("why", "text", "why it may do instead", default=None, max_chars=512)
    promotion: Promotion | None = None

    @classmethod
    def read(cls, value: Any) -> Product:
        """Read it with its promotion; one that can't be read is none."""
        named = {**value, "name": value.get("name") or f"#{value.get('sku')}"}
        promoted = [value["promotion"]] if value.get("promotion") else []
        found = each_of(promoted, Promotion.from_json, "a promotion")
        return replace(cls.from_json(named), promotion=found[0] if found else None)

    @property
    def point(self) -> LatLon | None:
        if self.latitude_deg is None or self.longitude_deg is None:
            return None
        return LatLon(self.latitude_deg, self.longitude_deg)

    @property
    def price_now(self) -> float | None:
        """What it costs with its promotion."""
        off = self.promotion.discount if self.promotion else None
        return self.price if self.price is None or not off else round(self.price * (1 - off / 100), 2)


@dataclass(frozen=True, slots=True)
class HelpCall(Message):
    """Her call for help and what became of it."""

    id: str = wired("id", "text", "of the call", pattern=ID_PATTERN)
    state: str = wired("state", "text", "how far it is", choices=HELP_STATES)
    store: str = wired("store", "text", "where", pattern=ID_PATTERN)
    section: str | None = wired("section", "text", "the part of the store", default=None, max_chars=64)
    sku: int | None = wired("sku", "integer", "the product it is about", default=None, minimum=0, maximum=BIGINT_MAX)
    text: str | None = wired("text", "text", "her own words", default=None, max_chars=256)
    asked_at: datetime | None = wired("asked_at", "instant", "when she asked", default=None)
    changed_at: datetime | None = wired("changed_at", "instant", "when it last moved", default=None)
    by: str | None = wired("by", "text", "who comes", default=None, max_chars=64)

    @property
    def open(self) -> bool:
        return self.state in ("queued", "accepted", "coming")

    def follows(self, other: HelpCall) -> bool:
        """Whether this is a later call than the other, or says the same or something later of the same one."""
        same = self.id == other.id
        mine, others = (self.changed_at, other.changed_at) if same else (self.asked_at, other.asked_at)
        return mine is None or others is None or mine >= others


@dataclass(frozen=True, slots=True)
class Pickup(Message):
    """An order that waits for her."""

    id: str = wired("id", "text", "the order", pattern=ID_PATTERN)
    store: str = wired("store", "text", "where", pattern=ID_PATTERN)
    state: str = wired("state", "text", "how far it is", choices=("preparing", "ready", "collected"))
    door: str | None = wired("door", "text", "where it is handed out", default=None, max_chars=64)
    items: int = wired("items", "integer", "how many", default=0, minimum=0)


@dataclass(frozen=True, slots=True)
class SharedList:
    """Where somebody without the app reads her list."""

    code: str
    path: str
    expires_at: datetime


def store_at(stores: Iterable[Store], point: LatLon, beyond_m: float = 30.0) -> Store | None:
    """The store she is in, or at most so many metres outside of; the nearest of several."""
    here = ((distance_m(store.point, point) - store.radius_m, store) for store in stores)
    return min((each for each in here if each[0] <= beyond_m), key=lambda each: each[0], default=(0.0, None))[1]
