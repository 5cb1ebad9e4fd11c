"""From one URL to what ably's clients want, and what they need around them before they are imported."""

from __future__ import annotations

import logging
import os
from typing import Any
from urllib.parse import urlsplit

from endcap.errors import BadConfig, EndcapError, NotAuthorised, Refused, Unreachable

RATE_RETRY_S = 1.0  # Ably counts its rates a second
CAPABILITY_CODE = 40160
TOKEN_CODES = range(40140, 40150)  # "renew and try again"


def ably_options(endpoint_url: str) -> dict[str, Any]:
    """The clients' options for a URL such as http://localhost:8801; "" is Ably's own cloud.

    The trailing slash is what makes REST and realtime of ably-python agree on a port of one's own.

    Raises:
        BadConfig: not such a URL, or a host that ably would take for the name of a cluster.
    """
    if not endpoint_url:
        return {}
    parts = urlsplit(endpoint_url)
    host = parts.hostname or ""
    if parts.scheme not in ("http", "https") or not host or parts.path not in ("", "/") or parts.query:
        raise BadConfig(
            "ably_endpoint", "must be a URL such as http://localhost:8801, without a path; empty: Ably's cloud"
        )
    if "." not in host and ":" not in host and host != "localhost":
        raise BadConfig("ably_endpoint", f"{host} needs a dot in its name, or ably takes it for a cluster of its own")
    return {"endpoint": f"{parts.netloc}/", "tls": parts.scheme == "https"}


def prepare() -> None:
    """To be called before ably is imported; harmless when called again.

    Its logs hold tokens at INFO and coordinates at ERROR, so they are off; what matters is logged on "endcap". Android
    has no certificates where OpenSSL looks, so it is told where httpx's are.
    """
    logging.getLogger("ably").setLevel(logging.CRITICAL + 1)
    if "ANDROID_ARGUMENT" in os.environ and "SSL_CERT_FILE" not in os.environ:
        import certifi

        os.environ["SSL_CERT_FILE"] = certifi.where()


def fault_from(reason: Any, doing: str, channel: str = "") -> EndcapError:
    """What an exception of ably's means to us."""
    code, status = int(getattr(reason, "code", 0) or 0), int(getattr(reason, "status_code", 0) or 0)
    return fault_of(code, status, getattr(reason, "message", "") or type(reason).__name__, channel=channel, doing=doing)


def fault_of(code: int, status: int, message: str, *, channel: str = "", doing: str = "ably") -> EndcapError:
    """What an Ably error code means to us; `message` is Ably's own text, which may name the channel: a shopper."""
    said = f"{doing}: {message.replace(channel, _kind(channel)) if channel else message} (code {code})"
    if code == CAPABILITY_CODE:
        return NotAuthorised(said, channel)
    if code in TOKEN_CODES:
        return Unreachable(said)  # a new token is on its way
    if status == 429 or 42900 <= code < 43000:
        return Unreachable(said, RATE_RETRY_S, 429)
    if status in (401, 403):
        return NotAuthorised(said, channel)
    if 400 <= status < 500 and 40000 <= code < 50000:
        return Refused(said, status)
    return Unreachable(said)


def _kind(channel: str) -> str:
    """A channel as it may be logged: `promotions:…`."""
    return channel.partition(":")[0] + ":…"
