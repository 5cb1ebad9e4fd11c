"""What a lite server is told at its start; every switch of `endcap-lite serve` is one field here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from endcap.errors import BadConfig

ABLY_CLOUD = "https://main.realtime.ably.net"  # Ably's own primary host, which also serves SSE


@dataclass(frozen=True, slots=True)
class Settings:
    """Raises:
    BadConfig: an address that is no http(s) URL, or hours out of range.
    """

    backend_url: str  # the service that answers /v1
    data_dir: Path  # holds visits.db and outbox.db
    ably_endpoint: str = ""  # empty: Ably's cloud
    public_url: str = ""  # what shoppers type; https here means that TLS ends in front of us. Empty: loopback
    store_name: str = ""  # headline of the page
    zones_file: Path | None = None  # where signs hang
    country: str | None = None  # ISO 3166-1 alpha-3, put on each fix
    kept_hours: int = 24  # how long the shop's backend keeps raw fixes: the page promises it

    def __post_init__(self) -> None:
        for name in ("backend_url", "ably_endpoint", "public_url"):
            url = getattr(self, name)
            object.__setattr__(self, name, _origin(name, url) if url or name == "backend_url" else "")
        if not 1 <= self.kept_hours <= 24 * 366:
            raise BadConfig("kept_hours", "must be from 1 to 8784 hours")

    @property
    def https(self) -> bool:
        """True when shoppers come over TLS: cookies are then `Secure` and named `__Host-`."""
        return self.public_url.startswith("https:")

    @property
    def ably_url(self) -> str:
        """The origin of Ably's REST and SSE."""
        return self.ably_endpoint or ABLY_CLOUD


def folder_refused(folder: str | Path, fault: OSError) -> BadConfig:
    """What an operator can do about a data folder that can't be made or written."""
    why = fault.strerror or str(fault)
    return BadConfig("data", f"{folder} can't be used ({why}): choose another folder with --data")


def _origin(name: str, url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/") or parts.query:
        raise BadConfig(name, f"must be an address such as http://127.0.0.1:8700, not {url!r}")
    return f"{parts.scheme}://{parts.netloc}"
