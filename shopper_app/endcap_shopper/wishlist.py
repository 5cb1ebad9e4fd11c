"""Wishlist: what she wants, in her own order; two devices that edit it meet item by item."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from endcap.wire import BIGINT_MAX, ID_PATTERN, Message, wired
from endcap_shopper.reading import each_of

MAX_TEXT = 128
MAX_NOTE = 256
TICK = timedelta(milliseconds=1)  # what the wire can tell apart


@dataclass(frozen=True, slots=True)
class Item(Message):
    """One thing on the list, as it travels. `removed` keeps its place, so that no other device brings it back."""

    id: str = wired("id", "text", "made where it was added", pattern=ID_PATTERN)
    text: str = wired("text", "text", "what she wrote", max_chars=MAX_TEXT)
    changed_at: datetime = wired("changed_at", "instant", "the later one wins")
    sku: int | None = wired("sku", "integer", "the product", default=None, minimum=0, maximum=BIGINT_MAX)
    segment: str | None = wired("segment", "text", "the kind of product", default=None, max_chars=64)
    quantity: int = wired("quantity", "integer", "how many", default=1, minimum=1, maximum=999)
    note: str | None = wired("note", "text", "for herself", default=None, max_chars=MAX_NOTE)
    price_alert: float | None = wired("price_alert", "number", "tell at or below", default=None, minimum=0)
    position: float = wired("position", "number", "her own order", default=0.0)
    done: bool = wired("done", "flag", "in the basket", default=False)
    removed: bool = wired("removed", "flag", "taken off", default=False)


@dataclass(frozen=True, slots=True)
class Wishlist:
    """All items, those taken off too. Never changes: an edit gives another list, and the one before is the undo."""

    items: tuple[Item, ...] = ()

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Wishlist:
        """Read an answer of `GET /v1/wishlist`."""
        return cls(each_of(value.get("items"), Item.from_json, "an item of the list"))

    @property
    def shown(self) -> tuple[Item, ...]:
        """What is on the list, in her order."""
        return tuple(sorted((each for each in self.items if not each.removed), key=lambda e: (e.position, e.id)))

    @property
    def wanted(self) -> tuple[Item, ...]:
        """What is still to be fetched."""
        return tuple(each for each in self.shown if not each.done)

    def get(self, id: str) -> Item | None:
        return next((item for item in self.items if item.id == id), None)

    def put(self, item: Item) -> Wishlist:
        """With this item, in place of the one of the same id."""
        kept = tuple(each for each in self.items if each.id != item.id)
        return Wishlist((*kept, item))

    def added(self, item: Item) -> Wishlist:
        """With this item at the end."""
        return self.put(replace(item, position=max((each.position for each in self.items), default=0.0) + 1.0))

    def changed(self, id: str, now: datetime, **fields: Any) -> Wishlist:
        """With some fields of an item changed; an unknown item changes nothing."""
        item = self.get(id)
        return self if item is None else self.put(replace(item, changed_at=after(item.changed_at, now), **fields))

    def moved(self, id: str, place: int, now: datetime) -> Wishlist:
        """With an item at another place among what is shown; only that item changes, unless there is no room left."""
        others = [each for each in self.shown if each.id != id]
        place = max(0, min(place, len(others)))
        low = others[place - 1].position if place else None
        high = others[place].position if place < len(others) else None
        position = _between(low, high)
        if position is not None:
            return self.changed(id, now, position=position)
        order = [each.id for each in others]
        order.insert(place, id)
        return self.ordered(order, now)

    def ordered(self, ids: Iterable[str], now: datetime) -> Wishlist:
        """With these items in this order, numbered anew; an item already at its number is not touched."""
        found = self
        for number, id in enumerate(ids, 1):
            item = found.get(id)
            if item is not None and item.position != float(number):
                found = found.changed(id, now, position=float(number))
        return found

    def merged(self, other: Wishlist) -> Wishlist:
        """Both lists as one: of each item the later version. The same whichever way round, and however often."""
        latest = {item.id: item for item in self.items}
        for item in other.items:
            known = latest.get(item.id)
            latest[item.id] = item if known is None else max(known, item, key=_precedence)
        return Wishlist(tuple(sorted(latest.values(), key=lambda each: each.id)))

    def undo_to(self, before: Wishlist, now: datetime) -> Wishlist:
        """As it was before her last edit, as an edit of its own, so that other devices follow."""
        found = self
        for item in self.items:
            old = before.get(item.id)
            if old is None and not item.removed:
                found = found.changed(item.id, now, removed=True)
            elif old is not None and old != item:
                found = found.put(replace(old, changed_at=after(item.changed_at, now)))
        return found

    def differing(self, before: Wishlist) -> tuple[Item, ...]:
        """What an edit changed, in her order: this is what has to be told."""
        known = {item.id: item for item in before.items}
        changed = [item for item in self.items if known.get(item.id) != item]
        return tuple(sorted(changed, key=lambda each: (each.position, each.id)))

    def by_aisle(self, way_m: Callable[[Item], float | None]) -> tuple[Item, ...]:
        """What is shown in the order of this store: by metres from the door; what it does not have comes last."""
        far = float("inf")
        distances = {item.id: way_m(item) for item in self.shown}
        return tuple(sorted(self.shown, key=lambda each: far if (m := distances[each.id]) is None else m))

    def as_text(self) -> str:
        """The list for somebody without the app: one line an item."""
        return "\n".join(_line(item) for item in self.shown)


def clean(text: str, most: int) -> str:
    """What she wrote as it can travel: one line, without what no keyboard shows, at most so many characters."""
    plain = "".join(" " if each.isspace() else each for each in text if each.isspace() or each.isprintable())
    return " ".join(plain.split())[:most].strip()


def after(earlier: datetime, now: datetime) -> datetime:
    """A time for an edit that wins over the one before, also on a device whose clock was put back."""
    moment = max(now, earlier + TICK)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)  # as it travels


def _precedence(item: Item) -> tuple[datetime, str]:
    return item.changed_at, item.to_text()  # the same instant on two devices: both must choose the same


def _between(low: float | None, high: float | None) -> float | None:
    """A number between two; None where floats leave no room."""
    if low is None:
        return 1.0 if high is None else high - 1.0
    if high is None:
        return low + 1.0
    middle = (low + high) / 2
    return middle if low < middle < high else None


def _line(item: Item) -> str:
    count = f"{item.quantity} × " if item.quantity > 1 else ""
    note = f" ({item.note})" if item.note else ""
    return f"{'✓ ' if item.done else ''}{count}{item.text}{note}"
