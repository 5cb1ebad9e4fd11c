"""Changing what the shop offers from the console's forms: promotions and shelves, each change in the audit trail."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import true

from endcap.clock import Clock
from endcap.errors import BadMessage
from endcap.messages import StoreProduct
from endcap.wire import epoch_ms
from endcap_backend.api.roles import Employee
from endcap_backend.retail import audit
from endcap_backend.retail.catalogue import placements_by, promotions_by, put_placements, put_promotions
from endcap_backend.retail.database import Database
from endcap_backend.retail.schema import Placement, Promotion
from endcap_backend.retail.terms import ShopPromotion

NUMBERS = ("latitude", "longitude", "price", "discount", "value", "budget")
WHOLE = ("SKU", "stock", "n", "m", "limit_per_shopper")
MINUTES = ("starts_at", "ends_at")  # of a form: local to UTC, without a zone


class Counter:
    """Any thread; each change is one transaction with its audit entry and the records that tell the topics."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def promotions(self) -> list[ShopPromotion]:
        """All of them, those that end last first."""
        with self._database.reading() as connection:
            found = promotions_by(connection, true()).values()
        return sorted(found, key=lambda each: (each.ends_at is None, each.ends_at or _LONG_AGO, each.pid), reverse=True)

    def promotion(self, pid: str) -> ShopPromotion | None:
        with self._database.reading() as connection:
            return promotions_by(connection, Promotion.pid == pid).get(pid)

    def publish(self, form: Mapping[str, str], by: Employee) -> ShopPromotion:
        """Publish what the form says; raises BadMessage, which names the field at fault."""
        promotion = ShopPromotion.from_json(typed(form))
        with self._database.writing() as connection:
            put_promotions(connection, [promotion], epoch_ms(self._clock.now()))
            self._note(connection, by, f"promotions/{promotion.pid}", promotion.to_json())
        return promotion

    def end(self, pid: str, by: Employee) -> bool:
        """End a promotion now, unless it is over; False when there is none of that name."""
        now = self._clock.now()
        with self._database.writing() as connection:
            promotion = promotions_by(connection, Promotion.pid == pid).get(pid)
            if promotion is None:
                return False
            if promotion.ends_at is None or promotion.ends_at > now:
                put_promotions(connection, [_ended(promotion, now)], epoch_ms(now))
                self._note(connection, by, f"promotions/{pid}", {"ends_at": now.isoformat()}, "ended")
        return True

    def shelves(self, store: str) -> list[StoreProduct]:
        """What stands in a store, by section and name."""
        with self._database.reading() as connection:
            found = placements_by(connection, Placement.store == store).values()
        return sorted(found, key=lambda each: (each.section or "", each.name or "", each.sku))

    def place(self, form: Mapping[str, str], by: Employee) -> StoreProduct:
        """Put a product on a shelf, or change how many are left; raises BadMessage, which names the field at fault."""
        product = StoreProduct.from_json(typed(form))
        if not product.store:
            raise BadMessage("store", "is missing: choose the store first")
        with self._database.writing() as connection:
            put_placements(connection, [product], epoch_ms(self._clock.now()))
            self._note(connection, by, f"placements/{product.store}/{product.sku}", product.to_json())
        return product

    def trail(self, limit: int = 50) -> list[dict[str, str]]:
        with self._database.reading() as connection:
            return audit.last(connection, limit)

    def _note(self, connection: Any, by: Employee, thing: str, told: Mapping[str, Any], action: str = "put") -> None:
        audit.note(connection, by, self._clock.now(), action, thing, told)


_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


def _ended(promotion: ShopPromotion, at: datetime) -> ShopPromotion:
    begun = promotion.starts_at is None or promotion.starts_at < at
    return replace(promotion, starts_at=promotion.starts_at if begun else None, ends_at=at)


def typed(form: Mapping[str, str]) -> dict[str, Any]:
    """A form's texts as the JSON that the message is read from; what was left empty is left out.

    Raises:
        BadMessage: text where a number or a time has to stand; names the field.
    """
    told: dict[str, Any] = {}
    for name, text in form.items():
        if text := text.strip():
            told[name] = _typed(name, text)
    return told


def _typed(name: str, text: str) -> Any:
    try:
        if name in WHOLE:
            return int(text)
        if name in NUMBERS:
            return float(text.replace(",", "."))
    except ValueError:
        raise BadMessage(name, "must be a number") from None
    if name in MINUTES and not text.endswith("Z") and "+" not in text:
        return f"{text}:00Z" if text.count(":") == 1 else f"{text}Z"
    return text == "on" if name == "members_only" else text
