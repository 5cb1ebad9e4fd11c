"""FenceBook: the shop's own fences, fetched as what changed since the last time, kept for when there is no network."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING
from urllib.parse import quote

from endcap.errors import BadMessage
from endcap.fences import Geofence
from endcap.fences.geojson import FenceDelta, from_feature, to_feature
from endcap.outbox import Outbox

if TYPE_CHECKING:
    from endcap.session import Sessions
    from endcap.transports.api import Api

log = logging.getLogger("endcap")

STATE = "fences version"
ASK_EVERY_S = 900.0  # a shop rebuilds its aisles less often


class FenceBook:
    """What `GET /v1/geofences?since=` has told so far. One caller at a time (the upkeep's)."""

    def __init__(self, outbox: Outbox, api: Api, sessions: Sessions) -> None:
        self._outbox, self._api, self._sessions = outbox, api, sessions

    def fences(self) -> list[Geofence]:
        """All that are known; one that an older version kept and this one can't read is left out."""
        found = []
        for feature in self._outbox.fences():
            try:
                found.append(from_feature(feature))
            except BadMessage as fault:
                log.warning("a kept fence can't be read: %s", fault)
        return found

    def ask(self) -> FenceDelta | None:
        """What changed since the last time, kept already; None when the disk refuses to keep it, or nothing changed.

        Raises:
            TransportError, NotAuthorised: no answer.
            BadMessage: it can't be read as a whole.
        """
        since = self._outbox.get(STATE) or ""
        reply = self._api.get(f"/geofences?since={quote(since)}", self._sessions.current().token)
        delta = FenceDelta.from_json(reply.body)
        for place, fault in delta.faults:
            log.warning("fence %d of the shop can't be read, its neighbours are used: %s", place, fault)
        if not delta.changed and not delta.removed:
            return None
        changed = {fence.id: to_feature(fence) for fence in delta.changed}
        return delta if self._outbox.keep_fences(changed, delta.removed, {STATE: delta.version}) else None
