"""Changing what the shop offers from the console's forms: promotions and shelves, each change in the audit trail."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, true

from endcap.clock import Clock
from endcap.errors import BadMessage
from endcap.messages import StoreProduct
from endcap.wire import epoch_ms
from endcap_backend.api.removing import Removing
from endcap_backend.api.roles import Employee
from endcap_backend.console.forms import PROMOTION_FIELDS, SHELF_FIELDS, shown_in, typed
from endcap_backend.console.overtaken import check_unchanged
from endcap_backend.retail import audit
from endcap_backend.retail.catalogue import (
    known_products,
    placements_by,
    promotions_by,
    put_placements,
    put_promotions,
)
from endcap_backend.retail.database import Database, lock_table
from endcap_backend.retail.removal import end_promotion
from endcap_backend.retail.schema import Placement, Promotion
from endcap_backend.retail.terms import ShopPromotion


class Counter:
    """Any thread; each change is one transaction with its audit entry and the records that tell the topics.

    A form says in `seen` what it was opened with: what has changed since is not overwritten but told (`Overtaken`).
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._removing = Removing(database, clock)

    def promotions(self, *, archived: bool = False) -> list[ShopPromotion]:
        """All of them but those that are archived, or these alone; those that end last first."""
        which = Promotion.archived_at.is_not(None) if archived else Promotion.archived_at.is_(None)
        with self._database.reading() as connection:
            found = promotions_by(connection, which).values()
        return sorted(found, key=lambda each: (each.ends_at is None, each.ends_at or _LONG_AGO, each.pid), reverse=True)

    def names(self, skus: Iterable[int]) -> dict[int, object]:
        """What these products are called, by name or variant; those that have neither are left out."""
        with self._database.reading() as connection:
            known = known_products(connection, set(skus))
        return {sku: name for sku, each in known.items() if (name := each.get("name") or each.get("variant"))}

    def titles(self) -> dict[str, str | None]:
        """What each promotion is called, those that are archived too."""
        with self._database.reading() as connection:
            return {pid: each.title for pid, each in promotions_by(connection, true()).items()}

    def promotion(self, pid: str) -> ShopPromotion | None:
        with self._database.reading() as connection:
            return promotions_by(connection, Promotion.pid == pid).get(pid)

    def publish(self, form: Mapping[str, str], by: Employee, seen: str = "") -> ShopPromotion:
        """Publish what the form says.

        Raises:
            BadMessage: names the field at fault.
            Overtaken: it is not what the form was opened with, or a new one has the id of one that is there.
        """
        promotion = ShopPromotion.from_json(typed(form))
        with self._database.writing() as connection:
            lock_table(connection, Promotion)
            now = promotions_by(connection, Promotion.pid == promotion.pid).get(promotion.pid)
            check_unchanged(seen, None if now is None else shown_in(PROMOTION_FIELDS, now), form, "pid")
            put_promotions(connection, [promotion], epoch_ms(self._clock.now()))
            self._note(connection, by, f"promotions/{promotion.pid}", promotion.to_json())
        return promotion

    def end(self, pid: str, by: Employee) -> bool:
        """End a promotion now, unless it is over; False when there is none of that name."""
        now = self._clock.now()
        with self._database.writing() as connection:
            ended = end_promotion(connection, pid, now)
            if ended is not None and ended.now:
                self._note(connection, by, f"promotions/{pid}", {"ends_at": now.isoformat()}, "ended")
        return ended is not None

    def withdraw(self, pid: str, by: Employee) -> str:
        """End a promotion and take it off: "deleted" or, when it was redeemed, "archived"; "" when there is none."""
        gone = self._removing.promotion(by, pid)
        return "" if gone is None else "archived" if gone.archived else "deleted"

    def shelves(self, store: str) -> list[StoreProduct]:
        """What stands in a store, by section and name."""
        with self._database.reading() as connection:
            found = placements_by(connection, Placement.store == store).values()
        return sorted(found, key=lambda each: (each.section or "", each.name or "", each.sku))

    def place(self, form: Mapping[str, str], by: Employee, seen: str = "") -> StoreProduct:
        """Put a product on a shelf, or change how many are left.

        Raises:
            BadMessage: names the field at fault.
            Overtaken: it is not what the form was opened with, or a new one stands there already.
        """
        product = StoreProduct.from_json(typed(form))
        if not product.store:
            raise BadMessage("store", "is missing: choose the store first")
        with self._database.writing() as connection:
            lock_table(connection, Placement)
            where = (Placement.sku == product.sku) & (Placement.store == product.store)
            now = placements_by(connection, where).get((product.sku, product.store))
            told = {name: text for name, text in form.items() if name != "store"}
            check_unchanged(seen, None if now is None else shown_in(SHELF_FIELDS, now), told, "SKU")
            put_placements(connection, [product], epoch_ms(self._clock.now()))
            self._note(connection, by, f"placements/{product.store}/{product.sku}", product.to_json())
        return product

    def take_off(self, store: str, sku: int, by: Employee) -> StoreProduct | None:
        """Take a product off its shelf; None when it does not stand there (any more)."""
        return self._removing.placement(by, sku, store)

    def trail(self, limit: int = 50) -> list[dict[str, str]]:
        with self._database.reading() as connection:
            return audit.last(connection, limit)

    def _note(
        self, connection: Connection, by: Employee, thing: str, told: Mapping[str, Any], action: str = "put"
    ) -> None:
        audit.note(connection, by, self._clock.now(), action, thing, told)


_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
