"""What the console's pages show, wired once."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select, union

from endcap.clock import Clock
from endcap.messages import StoreProduct
from endcap_backend.api.help import HelpDesk
from endcap_backend.console.counted import Counted
from endcap_backend.console.counter import Counter
from endcap_backend.console.door import Door
from endcap_backend.console.floor import Floor
from endcap_backend.console.lineage import Lineage
from endcap_backend.console.on_offer import OnOffer, holds
from endcap_backend.console.planner import Planner
from endcap_backend.console.presence import Presence
from endcap_backend.log import Log
from endcap_backend.retail.database import Database
from endcap_backend.retail.plans import plan_of
from endcap_backend.retail.schema import NO_STORE, Placement
from endcap_backend.retail.shop_tables import FloorPlan

FLOOR_S = 10.0  # scripts ask every 2 s; to draw a store of 3,500 shelves takes 0.1 s


class Console:
    """Any thread; nothing is kept here but what its parts keep, and the pictures of stores for ten seconds."""

    def __init__(self, door: Door, log: Log, database: Database, lineage: Lineage, pipeline: str, clock: Clock) -> None:
        self.door = door
        self.log = log
        self.database = database
        self.lineage = lineage
        self.pipeline = pipeline
        self.clock = clock
        self.presence = Presence(log, clock)
        self.counter = Counter(database, clock)
        self.counted = Counted(log, clock)
        self.planner = Planner(database, clock)
        self.help = HelpDesk(database, clock)
        self._drawn: dict[str, tuple[float, Floor]] = {}

    def stores(self) -> list[str]:
        """Those in which something stands, or that have a plan."""
        shelves = select(Placement.store).where(Placement.store != NO_STORE)
        query = union(shelves, select(FloorPlan.store)).order_by("store")
        with self.database.reading() as connection:
            return list(connection.execute(query).scalars())

    def floor(self, store: str, shelves: list[StoreProduct]) -> Floor | None:
        with self.database.reading() as connection:
            plan = plan_of(connection, store)
        if plan is None:
            return None
        floor = Floor(plan, [each.point for each in shelves])
        self._drawn[store] = self.clock.monotonic(), floor
        return floor

    def drawn(self, store: str) -> Floor | None:
        """The picture of a store as a page last showed it, for its script; at most 10 s old."""
        if store in self._drawn:
            at_s, floor = self._drawn[store]
            if self.clock.monotonic() - at_s < FLOOR_S:
                return floor
        return self.floor(store, self.counter.shelves(store)) if store else None

    def dots(self, floor: Floor) -> list[dict[str, Any]]:
        """Who stands in the picture of a store."""
        spots = [(each.id, floor.spot(each.point)) for each in self.presence.dots()]
        return [{"id": id, "x": spot.x, "y": spot.y} for id, spot in spots if floor.holds(spot)]

    def live(self) -> OnOffer:
        """The promotions that hold now."""
        now = self.clock.now()
        return OnOffer(each for each in self.counter.promotions() if holds(each, now))
