"""Endcap's SDK: where she is, what it means in the shop, and the offer for it; durable, consent first.

    import endcap

    config = endcap.Config(backend_url="https://shop.example", storage_dir="~/.my-app/endcap")
    with endcap.Endcap(config, source=endcap.device.pick()) as client:
        client.consent.grant(endcap.Purpose.LOCATION, endcap.Purpose.PROMOTIONS, text_version="2026-11")
        client.on_promotion(lambda alert: print(alert.title, alert.why))
        ...

The public API is `__all__`, `endcap.testing` and what the package's docstrings name. Importing it loads neither ably
nor httpx nor asyncio.
"""

from endcap import device
from endcap.client import Endcap
from endcap.config import Config
from endcap.consent import Consent, ConsentRecord, Purpose
from endcap.device import LocationSource
from endcap.dispatch import CallbackThread, Dispatcher, inline
from endcap.engine import ClientState
from endcap.errors import (
    BadConfig,
    BadMessage,
    EndcapError,
    NotAuthorised,
    NotPermitted,
    OutOfRange,
    Refused,
    TransportError,
    Unreachable,
)
from endcap.fences import Circle, Evidence, Geofence, GeofenceEvent, OpeningHours, Polygon
from endcap.geo import LatLon
from endcap.messages import CustomerAlert, CustomerEvent, CustomerLocation, Fix
from endcap.presets import CONTINUOUS, EFFICIENT, IN_STORE, PRESETS, RESPONSIVE, Preset, Resolution
from endcap.privacy import PrivacyZone
from endcap.publisher import PublisherState
from endcap.transports import SendResult, Transport

__all__ = [
    "CONTINUOUS",
    "EFFICIENT",
    "IN_STORE",
    "PRESETS",
    "RESPONSIVE",
    "BadConfig",
    "BadMessage",
    "CallbackThread",
    "Circle",
    "ClientState",
    "Config",
    "Consent",
    "ConsentRecord",
    "CustomerAlert",
    "CustomerEvent",
    "CustomerLocation",
    "Dispatcher",
    "Endcap",
    "EndcapError",
    "Evidence",
    "Fix",
    "Geofence",
    "GeofenceEvent",
    "LatLon",
    "LocationSource",
    "NotAuthorised",
    "NotPermitted",
    "OpeningHours",
    "OutOfRange",
    "Polygon",
    "Preset",
    "PrivacyZone",
    "PublisherState",
    "Purpose",
    "Refused",
    "Resolution",
    "SendResult",
    "Transport",
    "TransportError",
    "Unreachable",
    "device",
    "inline",
]
