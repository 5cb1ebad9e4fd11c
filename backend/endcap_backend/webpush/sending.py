"""One notification on its way to one browser: sealed for it alone (RFC 8291), signed for its push service."""

from __future__ import annotations

import base64
from enum import Enum

import http_ece
import httpx
from cryptography.hazmat.primitives.asymmetric import ec

from endcap_backend.webpush.subscriptions import Subscription
from endcap_backend.webpush.vapid import Vapid

PATIENCE_S = 5.0


class Fate(Enum):
    """What became of a notification."""

    TAKEN = "taken"
    GONE = "gone"  # the browser is not there any more
    REFUSED = "refused"  # trying again won't help
    LATER = "later"  # it may
    SILENT = "silent"  # the service did not answer in time
    EXPIRED = "expired"  # it was over before it could be sent


class Sender:
    """Posts to push services over kept-alive connections. One thread at a time."""

    def __init__(self, vapid: Vapid, client: httpx.Client | None = None) -> None:
        self._vapid = vapid
        self._client = client or httpx.Client(timeout=PATIENCE_S)

    def send(self, subscription: Subscription, body: bytes, ttl_s: int) -> Fate:
        """Deliver `body`, at most 3,993 bytes (sealed 4,096, which services take); it may be kept there for `ttl_s`."""
        headers = {
            "TTL": str(ttl_s),
            "Urgency": "high",  # she stands at the shelf now
            "Content-Encoding": "aes128gcm",
            **self._vapid.headers(subscription.endpoint),
        }
        try:
            reply = self._client.post(subscription.endpoint, content=sealed(subscription, body), headers=headers)
        except httpx.TimeoutException:
            return Fate.SILENT
        except httpx.HTTPError:
            return Fate.LATER
        except (httpx.InvalidURL, UnicodeError):  # no host can have that name
            return Fate.GONE
        return _fate(reply.status_code)

    def close(self) -> None:
        self._client.close()


def sealed(subscription: Subscription, body: bytes) -> bytes:
    """`body` as only the browser of `subscription` can read it."""
    return bytes(
        http_ece.encrypt(
            body,
            private_key=ec.generate_private_key(ec.SECP256R1()),
            dh=_raw(subscription.p256dh),
            auth_secret=_raw(subscription.auth),
            version="aes128gcm",
        )
    )


def _fate(status: int) -> Fate:
    if status < 300:
        return Fate.TAKEN
    if status in (404, 410):
        return Fate.GONE
    return Fate.LATER if status == 429 or status >= 500 else Fate.REFUSED


def _raw(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
