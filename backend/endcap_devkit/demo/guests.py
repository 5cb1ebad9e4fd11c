"""Guests: whoever joins through the lite page (or an app of one's own) is seen on the map too.

The demo does not know them; it reads their fixes and alerts in the backend's log, as an operator's own tool may.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from dataclasses import dataclass
from pathlib import Path

from endcap.errors import BadMessage
from endcap.messages import CUSTOMERS_ALERTS, CUSTOMERS_LOCATIONS, CustomerAlert, CustomerLocation
from endcap_backend.log import LogReader, Record
from endcap_devkit.demo.people import Person
from endcap_devkit.demo.stage import Stage
from endcap_devkit.simulate.shapes import Spot

log = logging.getLogger("endcap.demo")

TOPICS = (CUSTOMERS_LOCATIONS, CUSTOMERS_ALERTS)
LOOK_EVERY_S = 0.5
GONE_S = 60.0  # without a fix
OURS = ("simulated", "replay")  # sources of the demo's own shoppers
REACH_M = 3000.0  # a guest elsewhere can't be drawn


@dataclass(slots=True)
class Guest:
    person: Person
    seen_s: float


class Guests:
    """Follows the log. One thread: the demo's loop; the file is read on another."""

    def __init__(self, stage: Stage, log_file: Path) -> None:
        self._stage = stage
        self._reader = LogReader(log_file)
        self._after = self._reader.end()
        self._guests: dict[str, Guest] = {}

    async def follow(self) -> None:
        """Until cancelled.

        Raises:
            LogError: the log can't be read.
        """
        while True:
            records = await asyncio.to_thread(self._reader.read, self._after, topics=TOPICS)
            for record in records:
                self._after = record.offset
                self._take(record)
            self._let_go()
            await asyncio.sleep(LOOK_EVERY_S)

    def behind(self) -> bool:
        """True while the log holds what was not read yet."""
        return self._after < self._reader.end()

    def close(self) -> None:
        self._reader.close()

    def _take(self, record: Record) -> None:
        try:
            if record.topic == CUSTOMERS_LOCATIONS:
                self._locate(CustomerLocation.from_json(json.loads(record.value or "null")))
            elif record.key in self._guests:
                alert = CustomerAlert.from_json(json.loads(record.value or "null"))
                self._stage.shown(self._guests[alert.uid].person, alert)
        except (BadMessage, ValueError):
            log.warning("record %d of the log is no message", record.offset)

    def _locate(self, location: CustomerLocation) -> None:
        spot = self._stage.city.spot(location.point)
        if location.source in OURS or spot.to(Spot(0.0, 0.0)) > REACH_M:
            return
        guest = self._guests.get(location.uid)
        if guest is None:
            guest = self._guests[location.uid] = Guest(self._stage.welcome("guest", spot), 0.0)
        guest.seen_s = time.monotonic()
        person = guest.person
        person.spot = person.heard = spot
        person.accuracy_m = location.accuracy_m or 0.0
        stores = self._stage.city.stores
        person.store = next((store.id for store in stores if store.premises.outline.contains(spot)), None)

    def _let_go(self) -> None:
        now_s = time.monotonic()
        for uid in [uid for uid, guest in self._guests.items() if now_s - guest.seen_s > GONE_S]:
            self._stage.leave(self._guests.pop(uid).person)
