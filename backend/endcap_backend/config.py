"""What an operator can set: every switch of `endcap-backend serve` and its environment variable, in one place."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from endcap.errors import BadConfig
from endcap.transports.ably_endpoint import ably_options
from endcap_backend.decide.limits import QuietHours
from endcap_backend.retail.database import parsed_url
from endcap_backend.retail.tiers import DEFAULT_TIERS, LoyaltyRules, read_tiers
from endcap_backend.settings import number, setting, settings_of, whole, words

DATA_FOLDER = Path("endcap-data")
MAX_BATCH = 500  # messages a request; also what one rate of fixes has to let through at once
PUSH_SERVICES = (  # of Chrome and Android, Firefox, Edge, Safari
    "fcm.googleapis.com",
    "*.push.services.mozilla.com",
    "*.notify.windows.com",
    "*.push.apple.com",
)
_ABLY_KEY = re.compile(r"[\w-]+\.[\w-]+:[\w-]+")


@dataclass(frozen=True, slots=True)
class Settings:
    """How one backend runs.

    Raises:
        BadConfig: a setting that can't work; names it.
    """

    host: str = setting(
        "address to listen on; 127.0.0.1 unless a proxy on another machine stands in front", "127.0.0.1"
    )
    port: int = setting("port to listen on; 0 takes a free one", 8700, read=whole, minimum=0, maximum=65535)
    data: Path = setting("folder for the log and the secret", DATA_FOLDER, read=Path)  # noqa: RUF009
    threads: int = setting("requests handled at once", 32, read=whole, minimum=1, maximum=1000)
    waiting: int = setting("requests that may wait for a thread; then 503", 1000, read=whole, minimum=0)
    connections: int = setting("open connections; more wait", 2000, read=whole, minimum=1, maximum=100_000)

    ably_endpoint: str = setting("URL of an Ably of your own, such as http://localhost:8801; empty: Ably's cloud", "")
    ably_key: str = setting("Ably API key, app.key:secret; without one nothing is delivered", "", secret=True)
    database_url: str = setting(
        "database of the shop's data: postgresql://user:password@host:5432/name or sqlite:////path/to/file.db; "
        "empty: SQLite in --data",
        "",
        secret=True,
    )
    secret: str = setting("at least 32 characters that sign tokens; without one it is made in --data", "", secret=True)

    pipeline: str = setting(
        "embedded: match and deliver in this process; kafka: forward everything to Kafka",
        "embedded",
        choices=("embedded", "kafka"),
    )
    kafka_bootstrap_servers: str = setting("host:port of Kafka's brokers, comma between several", "")

    durability: str = setting(
        "full: acknowledged is on disk; fast: survives the process, not a power cut", "full", choices=("full", "fast")
    )
    max_records: int = setting("records the log holds; then 503", 20_000_000, read=whole, minimum=1000)
    min_free_mb: int = setting("MiB left free on the disk; then 503", 256, read=whole, minimum=0)
    keep_locations_h: float = setting("hours raw fixes are kept", 24.0, read=number, minimum=24, maximum=720)
    keep_events_h: float = setting("hours events are kept", 720.0, read=number, minimum=24, maximum=87_600)
    keep_alerts_h: float = setting("hours alerts are kept", 72.0, read=number, minimum=24, maximum=87_600)
    raw_names: str = setting(
        "who a shopper is in Kafka's raw topics: daily, another name each day; lasting, her uid",
        "daily",
        choices=("daily", "lasting"),
    )

    token_minutes: float = setting("life of a session's token", 60.0, read=number, minimum=1, maximum=60)
    refresh_days: float = setting("life of a refresh token", 90.0, read=number, minimum=0.01, maximum=400)

    user_requests_per_s: float = setting("requests a second a shopper may go on making", 5.0, read=number, minimum=0.01)
    user_requests_burst: int = setting("requests a shopper may make at once", 60, read=whole, minimum=1)
    user_fixes_per_s: float = setting(
        "fixes and events a second a shopper may go on sending", 20.0, read=number, minimum=0.01
    )
    user_fixes_burst: int = setting(
        "fixes and events a shopper may send at once, after hours offline", 10_000, read=whole, minimum=MAX_BATCH
    )
    sessions_per_s: float = setting("new sessions a second from one address", 20.0, read=number, minimum=0.01)
    sessions_burst: int = setting(
        "new sessions at once from one address, such as a store's Wi-Fi", 500, read=whole, minimum=1
    )
    staff_session_hours: float = setting(
        "hours until staff have to sign in again", 12.0, read=number, minimum=0.1, maximum=168
    )
    sign_in_per_s: float = setting(
        "tries a second to sign in as one of the staff, from one address", 0.1, read=number, minimum=0.001
    )
    sign_in_burst: int = setting("tries to sign in at once, from one address", 10, read=whole, minimum=1)
    max_body_kb: int = setting("KiB of a request body, unpacked", 1024, read=whole, minimum=64, maximum=65_536)

    cors_origins: tuple[str, ...] = setting("origins whose pages may call the API", (), read=words)
    trusted_proxy: str = setting("address of the proxy whose X-Forwarded headers count", "")

    alerts_per_fix: int = setting("alerts one fix may bring", 3, read=whole, minimum=0, maximum=1000)
    alerts_per_visit: int = setting("alerts a visit", 6, read=whole, minimum=0, maximum=1000)
    alerts_per_hour: int = setting("alerts an hour", 6, read=whole, minimum=0, maximum=1000)
    alerts_per_day: int = setting("alerts a day", 12, read=whole, minimum=0, maximum=1000)
    alerts_per_promotion: int = setting("alerts of one promotion a day", 3, read=whole, minimum=0, maximum=1000)
    alert_cooldown_s: float = setting("seconds of silence after an alert", 0.0, read=number, minimum=0)
    alert_life_minutes: float = setting("minutes until an alert expires", 15.0, read=number, minimum=0.1, maximum=1440)
    push_contact: str = setting(
        "mailto: or https: address of the shop, for browsers' push services; empty: no Web Push", ""
    )
    push_hosts: tuple[str, ...] = setting("hosts of push services, * for any part", PUSH_SERVICES, read=words)
    help_after_s: float = setting(
        "seconds in one section without result, after which help is offered; 0: never", 180.0, read=number, minimum=0
    )
    held_out_percent: float = setting(
        "per cent of all shoppers who are told nothing, to measure telling against",
        0.0,
        read=number,
        minimum=0,
        maximum=100,
    )
    quiet_hours: str = setting("hours without alerts, such as 22:00-07:00", "")
    timezone: str = setting("the shop's time zone", "UTC")

    currency: str = setting("ISO 4217 code of the shop's money", "EUR")
    loyalty_points_per_unit: float = setting(
        "points for each unit of the currency that is paid", 1.0, read=number, minimum=0, maximum=1000
    )
    loyalty_points_days: int = setting("days points are good", 365, read=whole, minimum=1, maximum=36_500)
    loyalty_tiers: str = setting("tiers, and the points of a year that lead to each", DEFAULT_TIERS)

    log_level: str = setting("what is logged", "INFO", choices=("DEBUG", "INFO", "WARNING", "ERROR"))
    log_format: str = setting("how it is logged", "text", choices=("text", "json"))

    def __post_init__(self) -> None:
        for each in settings_of(Settings):
            each.checked(getattr(self, each.name))
        if self.ably_key and not _ABLY_KEY.fullmatch(self.ably_key):
            raise BadConfig("ably_key", "is no Ably API key: it has the form app.key:secret")
        if self.secret and len(self.secret) < 32:
            raise BadConfig("secret", f"has {len(self.secret)} characters; at least 32 are needed")
        if self.database_url:
            parsed_url(self.database_url)  # raises for one that can't work
        ably_options(self.ably_endpoint)  # raises for a URL that can't work
        if self.pipeline == "kafka" and not self.kafka_bootstrap_servers:
            raise BadConfig("kafka_bootstrap_servers", "is needed with pipeline kafka: host:port of a broker")
        for origin in self.cors_origins:
            _check_origin(origin)
        if not re.fullmatch("[A-Z]{3}", self.currency):
            raise BadConfig("currency", "must be three capital letters, such as EUR")
        read_tiers(self.loyalty_tiers)  # raises for tiers that can't be
        QuietHours.parse(self.quiet_hours or "00:00-00:00", self.timezone)  # raises for hours or a zone that can't be

    @property
    def untold(self) -> str:
        """Why nobody hears of the alerts decided here; empty when somebody does. Kafka's cluster delivers its own."""
        if self.ably_key or self.pipeline == "kafka":
            return ""
        return "no ENDCAP_ABLY_KEY: alerts are decided and kept, and nobody is told"

    @property
    def loyalty(self) -> LoyaltyRules:
        """How points are earned and lost."""
        life = timedelta(days=self.loyalty_points_days)
        return LoyaltyRules(self.loyalty_points_per_unit, life, read_tiers(self.loyalty_tiers))

    @property
    def log_path(self) -> Path:
        return self.data / "log.db"


def _check_origin(origin: str) -> None:
    parts = urlsplit(origin)
    if parts.scheme not in ("http", "https") or not parts.netloc or origin != f"{parts.scheme}://{parts.netloc}":
        raise BadConfig("cors_origins", f"{origin!r} is no origin: name scheme and host, such as https://shop.example")
