"""The parts behind the pages, wired once; everything that may differ between two servers is decided here."""

from __future__ import annotations

from dataclasses import dataclass

import httpx

from endcap.clock import Clock, SystemClock
from endcap.outbox import Outbox
from endcap.transports.api import Api
from endcap_lite.backend import Backend
from endcap_lite.offers import Offers
from endcap_lite.relay import Relay
from endcap_lite.settings import Settings
from endcap_lite.signs.keys import Keyring
from endcap_lite.visits import Visits
from endcap_lite.zones import Zones

KEYS_FILE = "sign-keys.json"
PATIENCE_S = 5.0  # with backend and Ably: a shopper waits on some of these answers


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
    client: httpx.Client
    outbox: Outbox

    def start(self) -> None:
        self.relay.start()

    def stop(self) -> None:
        self.relay.stop()
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
    zones = Zones.load(settings.zones_file) if settings.zones_file else Zones()
    outbox = Outbox(settings.data_dir, retention_s=settings.kept_hours * 3600.0, clock=clock)
    visits = Visits(settings.data_dir / "visits.db", clock)
    backend = Backend(Api(settings.backend_url, timeout_s=PATIENCE_S), visits, clock)
    client = httpx.Client(timeout=PATIENCE_S)
    return Services(
        settings=settings,
        clock=clock,
        visits=visits,
        backend=backend,
        offers=Offers(client, settings.ably_url, backend, clock),
        relay=Relay(outbox, visits, backend, clock),
        zones=zones,
        keyring=Keyring(settings.data_dir / KEYS_FILE, clock),
        client=client,
        outbox=outbox,
    )
