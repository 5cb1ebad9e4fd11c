"""Who wants notifications in which browser; an address that no push service has is refused."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import delete, func, select

from endcap.clock import Clock
from endcap.errors import BadMessage
from endcap_backend.retail.database import Database, upsert
from endcap_backend.webpush.tables import PushSubscription

MAX_ENDPOINT_CHARS = 1024
KEY_BYTES, AUTH_BYTES = 65, 16  # RFC 8291
BROWSERS = 5  # of one shopper; the oldest goes
_URL = re.compile(r"[!-\[\]-~]+")  # printable, no backslash, which some take for a slash
_HOST = re.compile(r"([a-z0-9-]{1,63}\.)*[a-z0-9-]{1,63}")  # as DNS takes it


@dataclass(frozen=True, slots=True)
class Subscription:
    """What a browser's PushManager gave: where to send, and the keys that only it can read with."""

    endpoint: str
    p256dh: str
    auth: str

    @classmethod
    def from_json(cls, value: object, hosts: Collection[str]) -> Subscription:
        """Read what `PushSubscription.toJSON()` gives; the endpoint must be at one of `hosts`, such as `*.apple.com`.

        We post there whatever happens, so that an address within the shop's own network must not pass.

        Raises:
            BadMessage: names the field at fault.
        """
        if not isinstance(value, Mapping):
            raise BadMessage("", "must be an object with endpoint and keys")
        keys = value.get("keys")
        if not isinstance(keys, Mapping):
            raise BadMessage("keys", "must be an object with p256dh and auth")
        point = _bytes(keys.get("p256dh"), "keys.p256dh", KEY_BYTES)
        try:
            ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
        except ValueError:
            raise BadMessage("keys.p256dh", "is no point of the curve P-256") from None
        auth = _bytes(keys.get("auth"), "keys.auth", AUTH_BYTES)
        return cls(_endpoint(value.get("endpoint"), hosts), _text(point), _text(auth))


class Subscriptions:
    """The subscriptions in the shop's database. Any thread."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def keep(self, uid: str, subscription: Subscription) -> None:
        """Hers from now on; at most five browsers, the oldest goes. The same again changes nothing."""
        row = {
            "endpoint": subscription.endpoint,
            "uid": uid,
            "p256dh": subscription.p256dh,
            "auth": subscription.auth,
            "since": self._clock.now(),
        }
        newest = select(PushSubscription.endpoint).where(PushSubscription.uid == uid)
        newest = newest.order_by(PushSubscription.since.desc(), PushSubscription.endpoint).limit(BROWSERS)
        with self._database.writing() as connection:
            upsert(connection, PushSubscription, [row])
            kept = list(connection.execute(newest).scalars())
            hers = PushSubscription.uid == uid
            connection.execute(delete(PushSubscription).where(hers, PushSubscription.endpoint.not_in(kept)))

    def of(self, uid: str) -> list[Subscription]:
        query = select(PushSubscription.endpoint, PushSubscription.p256dh, PushSubscription.auth)
        with self._database.reading() as connection:
            return [Subscription(*row) for row in connection.execute(query.where(PushSubscription.uid == uid))]

    def end(self, uid: str) -> None:
        """She wants no more of them."""
        with self._database.writing() as connection:
            connection.execute(delete(PushSubscription).where(PushSubscription.uid == uid))

    def drop(self, endpoint: str) -> None:
        """The browser is not there any more."""
        with self._database.writing() as connection:
            connection.execute(delete(PushSubscription).where(PushSubscription.endpoint == endpoint))

    def count(self) -> int:
        with self._database.reading() as connection:
            return int(connection.execute(select(func.count()).select_from(PushSubscription)).scalar_one())


def _endpoint(value: Any, hosts: Collection[str]) -> str:
    if not isinstance(value, str) or len(value) > MAX_ENDPOINT_CHARS:
        raise BadMessage("endpoint", f"must be a URL of at most {MAX_ENDPOINT_CHARS} characters")
    if not _URL.fullmatch(value):
        raise BadMessage("endpoint", "must be a URL in printable ASCII")
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        raise BadMessage("endpoint", "must be a URL") from None
    host = parts.hostname or ""
    if parts.scheme != "https" or "@" in parts.netloc or not _HOST.fullmatch(host):
        raise BadMessage("endpoint", "must be an https URL of a host, without a user's name")
    place = host if port in (None, 443) else f"{host}:{port}"
    if not any(fnmatchcase(place, pattern) for pattern in hosts):
        raise BadMessage("endpoint", "is at no push service that this shop knows (setting push_hosts)")
    return value


def _bytes(value: Any, field: str, size: int) -> bytes:
    try:
        if not isinstance(value, str):
            raise ValueError
        found = base64.b64decode(value + "=" * (-len(value) % 4), b"-_", validate=True)
    except (ValueError, binascii.Error):
        raise BadMessage(field, "must be text in base64url") from None
    if len(found) != size:
        raise BadMessage(field, f"must have {size} bytes")
    return found


def _text(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
