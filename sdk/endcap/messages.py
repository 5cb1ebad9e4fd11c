"""Every message of the product, its topic and its channel: the one place that knows the wire names.

Wire names are the seed's (`uid`, `latitude`, `SKU`, `pid`); Python names carry their unit. `docs/messages.md` lists
every field and a test compares.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar, Literal
from uuid import UUID, uuid5

from endcap.errors import OutOfRange
from endcap.geo import LatLon, check, round_coordinate
from endcap.wire import BIGINT_MAX, ID_PATTERN, Message, wired

CUSTOMERS_LOCATIONS = "customers_locations"
STORES_PRODUCTS = "stores_products"
PRODUCTS_PROMOTIONS = "products_promotions"
VALID_PROMOTIONS = "VALID_PROMOTIONS"
NEARBY_CUSTOMERS = "NEARBY_CUSTOMERS"
CUSTOMERS_ALERTS = "customers_alerts"
CUSTOMERS_EVENTS = "customers_events"

SOURCES = ("gps", "network", "wifi", "sign", "beacon", "manual", "replay", "simulated")
AlertKind = Literal["deal", "wanted", "help", "alternative"]
ALERT_KINDS: tuple[AlertKind, ...] = ("deal", "wanted", "help", "alternative")
EVENT_KINDS = ("enter", "dwell", "exit", "shown", "opened", "clipped", "redeemed", "help")  # what a phone may tell
WITHHELD = "withheld"  # told by the decision alone: what a held-out shopper would have heard

_NAMESPACE = UUID("6f1d5a52-3f0e-5c1b-9d6a-0f4f6f0e6b10")  # of every id that is derived; must never change


def location_channel(uid: str) -> str:
    """The Ably channel a shopper's phone publishes her fixes on."""
    return f"location:{uid}"


def promotions_channel(uid: str) -> str:
    """The Ably channel a shopper's offers arrive on; hers alone."""
    return f"promotions:{uid}"


def help_channel(store: str) -> str:
    """The Ably channel a store's staff hear calls for help on."""
    return f"help:{store}"


def derived_id(*parts: object) -> str:
    """A UUIDv5 of `parts`: the same facts give the same id on every machine, which is what makes a retry harmless."""
    return str(uuid5(_NAMESPACE, "\x1f".join(str(part) for part in parts)))


@dataclass(frozen=True, slots=True)
class Fix:
    """Where the device says it was: what a location source hands to the SDK. It never travels as such.

    Raises:
        OutOfRange: a coordinate that is not on Earth.
    """

    latitude_deg: float
    longitude_deg: float
    taken_at: datetime  # aware
    accuracy_m: float | None = None  # 68 % radius; None when the device does not say
    source: str = "gps"  # one of SOURCES
    speed_m_s: float | None = None
    bearing_deg: float | None = None  # clockwise from north
    altitude_m: float | None = None
    mock: bool = False  # the OS says that another app made it up
    floor: int | None = None  # 0 is the ground floor; iOS tells it in some buildings

    def __post_init__(self) -> None:
        check(self.point)

    @property
    def point(self) -> LatLon:
        """Where it is."""
        return LatLon(self.latitude_deg, self.longitude_deg)


@dataclass(frozen=True, slots=True)
class CustomerLocation(Message):
    """One fix of one shopper, as the topic `customers_locations` carries it."""

    TOPIC: ClassVar[str] = CUSTOMERS_LOCATIONS
    KEY: ClassVar[str] = "uid"

    uid: str = wired("uid", "text", "the shopper's pseudonym: 128 random bits, never a device id", pattern=ID_PATTERN)
    latitude_deg: float = wired(
        "latitude", "number", "north positive; at most 5 decimals", unit="degrees", minimum=-90, maximum=90
    )
    longitude_deg: float = wired(
        "longitude", "number", "east positive; at most 5 decimals", unit="degrees", minimum=-180, maximum=180
    )
    country: str | None = wired(
        "country", "text", "ISO 3166-1 alpha-3; the seed's SQL joins by it", default=None, max_chars=64
    )
    id: str | None = wired(
        "id", "text", "install:sequence; the same fix sent twice is stored once", default=None,
        pattern=r"[A-Za-z0-9._~-]{1,64}:[0-9]{1,19}",
    )  # fmt: skip
    accuracy_m: float | None = wired(
        "accuracy_m", "number", "68 % radius as the OS reports it", default=None, unit="metres", minimum=0, maximum=1e6
    )
    taken_at: datetime | None = wired("taken_at", "instant", "when the fix was taken, by the device", default=None)
    source: str | None = wired("source", "text", "what located her", default=None, choices=SOURCES)
    store: str | None = wired("store", "text", "the store she is in, when known", default=None, pattern=ID_PATTERN)
    sign: str | None = wired("sign", "text", "the sign she scanned, when one did", default=None, max_chars=128)

    def __post_init__(self) -> None:
        _round_position(self)

    @classmethod
    def from_fix(
        cls, fix: Fix, *, uid: str, id: str, country: str | None = None, store: str | None = None
    ) -> CustomerLocation:
        """The message for a fix: coordinates rounded half-even to five decimals, 1.1 m."""
        return cls(
            uid=uid,
            latitude_deg=fix.latitude_deg,
            longitude_deg=fix.longitude_deg,
            country=country,
            id=id,
            accuracy_m=fix.accuracy_m,
            taken_at=fix.taken_at.astimezone(UTC),
            source=fix.source,
            store=store,
        )

    @property
    def point(self) -> LatLon:
        """Where it is."""
        return LatLon(self.latitude_deg, self.longitude_deg)


@dataclass(frozen=True, slots=True)
class StoreProduct(Message):
    """Where one product stands in one store: a placement. The latest record of a SKU and store is the current one."""

    TOPIC: ClassVar[str] = STORES_PRODUCTS
    KEY: ClassVar[str] = "SKU"

    sku: int = wired("SKU", "integer", "the product's number", minimum=0, maximum=BIGINT_MAX)
    segment: str = wired(
        "segment", "text", "the kind of product; promotions may name it instead of a SKU", max_chars=64
    )
    latitude_deg: float = wired(
        "latitude",
        "number",
        "of the shelf, north positive; at most 5 decimals",
        unit="degrees",
        minimum=-90,
        maximum=90,
    )
    longitude_deg: float = wired(
        "longitude",
        "number",
        "of the shelf, east positive; at most 5 decimals",
        unit="degrees",
        minimum=-180,
        maximum=180,
    )
    variant: str | None = wired("variant", "text", "size, colour or flavour", default=None, max_chars=64)
    country: str | None = wired("country", "text", "ISO 3166-1 alpha-3", default=None, max_chars=64)
    store: str | None = wired("store", "text", "the store", default=None, pattern=ID_PATTERN)
    section: str | None = wired(
        "section", "text", "the part of the store, such as an aisle", default=None, max_chars=64
    )
    name: str | None = wired("name", "text", "what the shelf label says", default=None, max_chars=128)
    price: float | None = wired(
        "price", "number", "in the store's currency", default=None, unit="currency", minimum=0, maximum=1e9
    )
    stock: int | None = wired(
        "stock",
        "integer",
        "pieces on the shelf; 0 is never offered",
        default=None,
        unit="pieces",
        minimum=0,
        maximum=1e9,
    )
    removed: bool | None = wired(
        "removed", "flag", "true: it stands there no more; such a record has a stock of 0", default=None
    )

    def __post_init__(self) -> None:
        _round_position(self)

    @property
    def point(self) -> LatLon:
        """Where it is."""
        return LatLon(self.latitude_deg, self.longitude_deg)


@dataclass(frozen=True, slots=True)
class ProductPromotion(Message):
    """A promotion of one SKU or, where it names none, of a whole segment. The latest record of a pid counts."""

    TOPIC: ClassVar[str] = PRODUCTS_PROMOTIONS
    KEY: ClassVar[str] = "segment"

    pid: str = wired("pid", "text", "the promotion's id", max_chars=64)
    segment: str = wired("segment", "text", "the kind of product it is for", max_chars=64)
    sku: int | None = wired(
        "SKU",
        "integer",
        "the one product it is for; none: all of the segment",
        default=None,
        minimum=0,
        maximum=BIGINT_MAX,
    )
    title: str | None = wired("title", "text", "what the shopper reads", default=None, max_chars=128)
    discount: float | None = wired(
        "discount", "number", "off the price", default=None, unit="per cent", minimum=0, maximum=100
    )
    starts_at: datetime | None = wired("starts_at", "instant", "from when it holds; none: at once", default=None)
    ends_at: datetime | None = wired(
        "ends_at", "instant", "until when it holds, excluded; none: until withdrawn", default=None
    )

    def live_at(self, moment: datetime) -> bool:
        """True from `starts_at` (included) to `ends_at` (excluded)."""
        return (self.starts_at is None or self.starts_at <= moment) and (self.ends_at is None or moment < self.ends_at)


@dataclass(frozen=True, slots=True)
class NearbyPromotion(Message):
    """A shopper stands within 100 ft of a promoted product: a row of `NEARBY_CUSTOMERS` in the product's form."""

    TOPIC: ClassVar[str] = NEARBY_CUSTOMERS
    KEY: ClassVar[str] = "uid"

    uid: str = wired("UID", "text", "the shopper", pattern=ID_PATTERN)
    latitude_deg: float = wired("C_LATITUDE", "number", "of the shopper", unit="degrees", minimum=-90, maximum=90)
    longitude_deg: float = wired("C_LONGITUDE", "number", "of the shopper", unit="degrees", minimum=-180, maximum=180)
    pid: str = wired("PID", "text", "the promotion", max_chars=64)
    sku: int = wired("SKU", "integer", "the product", minimum=0, maximum=BIGINT_MAX)
    segment: str = wired("SEGMENT", "text", "its kind", max_chars=64)
    distance_ft: float = wired(
        "DIST_FT", "number", "from the shopper to the shelf, at 3281 ft/km", unit="feet", minimum=0, maximum=100
    )
    country: str | None = wired("COUNTRY", "text", "of the location", default=None, max_chars=64)
    variant: str | None = wired("VARIANT", "text", "of the product", default=None, max_chars=64)
    title: str | None = wired("TITLE", "text", "of the promotion", default=None, max_chars=128)
    discount: float | None = wired(
        "DISCOUNT", "number", "off the price", default=None, unit="per cent", minimum=0, maximum=100
    )
    name: str | None = wired("NAME", "text", "of the product", default=None, max_chars=128)
    price: float | None = wired("PRICE", "number", "before the discount", default=None, unit="currency", minimum=0)
    stock: int | None = wired("STOCK", "integer", "pieces on the shelf", default=None, unit="pieces", minimum=0)
    store: str | None = wired("STORE", "text", "the store", default=None, pattern=ID_PATTERN)
    section: str | None = wired("SECTION", "text", "the part of the store", default=None, max_chars=64)
    location_id: str | None = wired("LOCATION_ID", "text", "the fix that found it", default=None, max_chars=96)
    shelf_latitude_deg: float | None = wired(
        "S_LATITUDE", "number", "of the shelf", default=None, unit="degrees", minimum=-90, maximum=90
    )
    shelf_longitude_deg: float | None = wired(
        "S_LONGITUDE", "number", "of the shelf", default=None, unit="degrees", minimum=-180, maximum=180
    )
    ends_at: datetime | None = wired("ENDS_AT", "instant", "when the promotion ends", default=None)


@dataclass(frozen=True, slots=True)
class CustomerAlert(Message):
    """One thing worth telling one shopper, with its reason in words: what her phone shows as a card."""

    TOPIC: ClassVar[str] = CUSTOMERS_ALERTS
    KEY: ClassVar[str] = "uid"

    id: str = wired("id", "text", "derived from the facts, so that a repeat is recognised", pattern=ID_PATTERN)
    uid: str = wired("uid", "text", "the shopper", pattern=ID_PATTERN)
    kind: AlertKind = wired("kind", "text", "why she hears of it", choices=ALERT_KINDS)
    title: str = wired("title", "text", "the card's headline", max_chars=128)
    why: str = wired("why", "text", "the reason, in words she would use")
    expires_at: datetime = wired("expires_at", "instant", "after which it must not be shown")
    pid: str | None = wired("pid", "text", "the promotion", default=None, max_chars=64)
    sku: int | None = wired("SKU", "integer", "the product", default=None, minimum=0, maximum=BIGINT_MAX)
    distance_ft: float | None = wired(
        "distance_ft", "number", "from her to the shelf", default=None, unit="feet", minimum=0, maximum=1e6
    )
    store: str | None = wired("store", "text", "the store", default=None, pattern=ID_PATTERN)
    section: str | None = wired("section", "text", "where to look", default=None, max_chars=64)
    visit: str | None = wired(
        "visit", "text", "the stay it was told in; all alerts of one stay share it", default=None, pattern=ID_PATTERN
    )


@dataclass(frozen=True, slots=True)
class CustomerEvent(Message):
    """Something that happened on the device: a visit's beginning or end, or what became of an offer."""

    TOPIC: ClassVar[str] = CUSTOMERS_EVENTS
    KEY: ClassVar[str] = "uid"

    id: str = wired("id", "text", "UUIDv5 of install, fence, visit and kind", pattern=ID_PATTERN)
    uid: str = wired("uid", "text", "the shopper", pattern=ID_PATTERN)
    kind: str = wired("kind", "text", "what happened", choices=(*EVENT_KINDS, WITHHELD))
    occurred_at: datetime = wired("occurred_at", "instant", "when it happened, by the device")
    fence: str | None = wired("fence", "text", "the geofence", default=None, max_chars=128)
    visit: str | None = wired(
        "visit", "text", "the visit's id, the same from enter to exit", default=None, max_chars=64
    )
    p_inside: float | None = wired(
        "p_inside", "number", "how sure the SDK is that she is inside", default=None, minimum=0, maximum=1
    )
    alert: str | None = wired("alert", "text", "the alert it is about", default=None, pattern=ID_PATTERN)
    pid: str | None = wired("pid", "text", "the promotion", default=None, max_chars=64)
    sku: int | None = wired("SKU", "integer", "the product", default=None, minimum=0, maximum=BIGINT_MAX)
    store: str | None = wired("store", "text", "the store", default=None, pattern=ID_PATTERN)
    note: str | None = wired("note", "text", "what she wrote when she asked for help", default=None)


MESSAGES: tuple[type[Message], ...] = (
    CustomerLocation,
    StoreProduct,
    ProductPromotion,
    NearbyPromotion,
    CustomerAlert,
    CustomerEvent,
)


def _round_position(message: Any) -> None:
    """Round in place, once, where the message is made: ksqlDB drops what has a sixth decimal."""
    try:
        check(LatLon(message.latitude_deg, message.longitude_deg))
    except TypeError:
        raise OutOfRange("latitude and longitude must be numbers") from None
    object.__setattr__(message, "latitude_deg", round_coordinate(message.latitude_deg))
    object.__setattr__(message, "longitude_deg", round_coordinate(message.longitude_deg))
