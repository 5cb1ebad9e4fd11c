"""The parts behind the pages, wired once; everything that may differ between two servers is decided here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import httpx

from endcap.clock import Clock, SystemClock
from endcap.errors import BadConfig
from endcap.outbox import Outbox
from endcap.transports.api import Api
from endcap_lite.backend import Backend
from endcap_lite.buckets import Buckets
from endcap_lite.offers import Offers
from endcap_lite.relay import Relay
from endcap_lite.settings import Settings
from endcap_lite.signs.keys import Keyring
from endcap_lite.visits import Visits
from endcap_lite.zones import Zones, refresh

KEYS_FILE = "sign-keys.json"
PATIENCE_S = 5.0  # with the backend: a shopper waits on some of these answers
ABLY_PATIENCE_S = 2.0  # without Ably the page comes all the same, with the offers that are remembered
OPENINGS, OPENINGS_EACH_S = 500, 0.05  # visits one address, such as a store's Wi-Fi, may open at once, and go on
OUTBOX_FIXES = 1_000_000  # of all shoppers together: 200 of them, for an hour and a half without the backend
OUTBOX_BYTES = 512 * 2**20


@dataclass(frozen=True, slots=True)
class Services:
    """What the pages use. `start` and `stop` belong to whoever made it."""

    settings: Settings
    clock: Clock
    visits: Visits
    backend: Backend
    offers: Offers
    relay: Relay
    zones: Zones
    keyring: Keyring
    openings: Buckets  # of visits, by address
    client: httpx.Client
    outbox: Outbox

    def start(self) -> None:
        self.relay.start()

    def stop(self) -> None:
        self.relay.stop()
        self.close()

    def close(self) -> None:
        """Let go of files and connections, of services that never started."""
        self.backend.close()
        self.client.close()
        self.outbox.close()
        self.visits.close()


def build(settings: Settings, clock: Clock | None = None) -> Services:
    """Everything for one server, ready to be started.

    Raises:
        BadConfig: the zones can't be read, or another server uses the folder.
        OSError: the folder can't be made or written.
    """
    clock = clock or SystemClock()
    api = Api(settings.backend_url, timeout_s=PATIENCE_S)
    zones = Zones.load(settings.zones_file) if settings.zones_file else Zones()
    outbox = _outbox(settings, clock)
    visits = Visits(settings.data_dir / "visits.db", clock)
    backend = Backend(api, visits, clock)
    chores: list[Callable[[], None]] = []
    if settings.zones_file is None:
        refresh(zones, api)
        chores.append(partial(refresh, zones, api))
    client = httpx.Client(timeout=ABLY_PATIENCE_S)
    return Services(
        settings=settings,
        clock=clock,
        visits=visits,
        backend=backend,
        offers=Offers(client, settings.ably_url, backend, clock),
        relay=Relay(outbox, visits, backend, clock, chores),
        zones=zones,
        openings=Buckets(OPENINGS, OPENINGS_EACH_S, clock),
        keyring=Keyring(settings.data_dir / KEYS_FILE, clock),
        client=client,
        outbox=outbox,
    )


def _outbox(settings: Settings, clock: Clock) -> Outbox:
    try:
        return Outbox(
            settings.data_dir,
            capacity=OUTBOX_FIXES,
            max_bytes=OUTBOX_BYTES,
            retention_s=settings.kept_hours * 3600.0,
            clock=clock,
        )
    except BadConfig:  # the SDK's word for the folder is none of our switches
        why = "is in use by another endcap-lite: stop that one first, or give this one its own --data"
        raise BadConfig("data", f"{settings.data_dir} {why}") from None
