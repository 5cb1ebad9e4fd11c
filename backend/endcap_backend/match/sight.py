"""What a shopper has been told, by shelf: the memory that makes product mode say each thing once.

A pair of shelf and promotion counts as told when the shelf's bit stands in a layer and the promotion was published and
had begun by the layer's turn and time. So a shopper costs one bit a shelf she passed (88 B a tile of 700), not one
entry a pair, and a promotion that comes later is new at shelves she has long passed.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from dataclasses import dataclass, field

from endcap_backend.match.promotions import ALWAYS_MS, Published

MOST_LAYERS = 4  # then the two oldest become one, and what came between them may be told twice


@dataclass(slots=True)
class Layer:
    """Shelves of one tile whose promotions of up to a turn and a time have been told."""

    turn: int
    moment_ms: int
    shelves: int = 0

    def told(self, promotion: Published) -> bool:
        return promotion.turn <= self.turn and promotion.starts_ms <= self.moment_ms


@dataclass(slots=True)
class Front:
    """One tile as shoppers may see it: the shelves that have something to offer, and when that last changed."""

    offered: int = 0  # in stock, and with a promotion, live or to come
    changed: int = 0  # the turn of the last publication that touched this tile
    starts_ms: list[int] = field(default_factory=list)  # when promotions in this tile begin, rising
    sights: dict[str, Sight] = field(default_factory=dict)  # by uid

    def publish(self, promotion: Published) -> None:
        """A promotion now applies to some shelf of this tile."""
        self.changed = max(self.changed, promotion.turn)
        if promotion.starts_ms != ALWAYS_MS and promotion.starts_ms not in self.starts_ms:
            insort(self.starts_ms, promotion.starts_ms)

    def sees_alike(self, layer: Layer, moment_ms: int) -> bool:
        """Whether nothing here has changed or begun between a layer's time and a moment."""
        if self.changed > layer.turn:
            return False
        starts = self.starts_ms
        return not starts or bisect_right(starts, layer.moment_ms) == bisect_right(starts, moment_ms)

    def untold(self, uid: str, moment_ms: int) -> int:
        """The shelves that may have news for a shopper at a moment."""
        sight = self.sights.get(uid)
        if sight is None:
            return self.offered
        newest = sight.layers[0]
        if self.changed <= newest.turn and not self.starts_ms:  # nearly always
            return self.offered & ~newest.shelves
        layer = sight.layer_at(self, moment_ms)
        return self.offered if layer is None else self.offered & ~layer.shelves

    def nothing_begins_after(self, moment_ms: int) -> bool:
        return not self.starts_ms or self.starts_ms[-1] <= moment_ms

    def clear(self, slot: int) -> None:
        """Nothing stands in a slot any more."""
        self.offered &= ~(1 << slot)
        for sight in self.sights.values():
            sight.clear(slot)

    def nbytes(self) -> int:
        return 300 + self.offered.bit_length() // 8

    def nbytes_sights(self) -> int:
        """About: an object, a layer and a dict entry a shopper, and her bits."""
        return len(self.sights) * (400 + self.offered.bit_length() // 8)


class Sight:
    """What one shopper has been told in one tile, in at most `MOST_LAYERS` layers, the newest first.

    Moments need not rise: a promotion stamped ahead of her next fix may come between.
    """

    __slots__ = ("layers",)

    def __init__(self, turn: int, moment_ms: int) -> None:
        self.layers = [Layer(turn, moment_ms)]

    def layer_at(self, front: Front, moment_ms: int) -> Layer | None:
        """The layer to which nothing has changed at a moment."""
        for layer in self.layers:
            if front.sees_alike(layer, moment_ms):
                return layer
        return None

    def begin(self, turn: int, moment_ms: int) -> bool:
        """Begin a layer, as something has changed; False when two old ones had to become one."""
        self.layers = [Layer(turn, moment_ms), *(layer for layer in self.layers if layer.shelves)]
        if len(self.layers) <= MOST_LAYERS:
            return True
        oldest = self.layers.pop()
        last = self.layers[-1]
        last.turn, last.moment_ms = min(last.turn, oldest.turn), min(last.moment_ms, oldest.moment_ms)
        last.shelves |= oldest.shelves
        return False

    def told(self, slot: int, promotion: Published) -> bool:
        """Whether a promotion has been told of a shelf."""
        return any(layer.shelves >> slot & 1 and layer.told(promotion) for layer in self.layers)

    def mark(self, slot: int, layer: Layer) -> None:
        """All there is to tell of a shelf at a layer's time has been told."""
        layer.shelves |= 1 << slot
        if len(self.layers) > 1:
            for other in self.layers:
                if other is not layer and other.turn <= layer.turn and other.moment_ms <= layer.moment_ms:
                    other.shelves &= ~(1 << slot)

    def clear(self, slot: int) -> None:
        """What was told of a slot is told no more: another product will stand there."""
        for layer in self.layers:
            layer.shelves &= ~(1 << slot)
