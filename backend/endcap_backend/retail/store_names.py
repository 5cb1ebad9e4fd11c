"""What stores are called: the names in the floor plans that were loaded."""

from __future__ import annotations

import json
from datetime import datetime

from sqlalchemy import Connection, select

from endcap_backend.retail.shop_tables import FloorPlan

READ_AT_ONCE = 100  # plans


class StoreNames(dict[str, str]):
    """What loaded plans call their stores, by id. One thread at a time; a plan is read again when it has changed."""

    def __init__(self) -> None:
        super().__init__()
        self._changed_at: dict[str, datetime] = {}

    def read(self, connection: Connection) -> None:
        """Bring it up to date."""
        stand = {row.store: row.changed_at for row in connection.execute(select(FloorPlan.store, FloorPlan.changed_at))}
        for store in self.keys() - stand.keys():
            del self[store]
        changed = [store for store, at in stand.items() if self._changed_at.get(store) != at]
        for start in range(0, len(changed), READ_AT_ONCE):
            these = FloorPlan.store.in_(changed[start : start + READ_AT_ONCE])
            for row in connection.execute(select(FloorPlan.store, FloorPlan.document).where(these)):
                self[row.store] = json.loads(row.document)["name"]
        self._changed_at = stand
