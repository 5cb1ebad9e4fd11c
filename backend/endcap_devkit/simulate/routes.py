"""Ways to walk: a net of places and the shortest path through it."""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heappop, heappush

from endcap_devkit.simulate.shapes import Spot


class Net:
    """Places joined by straight ways, walked in both directions."""

    def __init__(self, ways: Iterable[tuple[Spot, Spot]] = ()) -> None:
        self._ways: dict[Spot, dict[Spot, float]] = {}
        for start, end in ways:
            self.join(start, end)

    def __len__(self) -> int:
        return len(self._ways)

    @property
    def spots(self) -> list[Spot]:
        return list(self._ways)

    @property
    def ways(self) -> list[tuple[Spot, Spot]]:
        """Each way once."""
        return [(start, end) for start, ends in self._ways.items() for end in ends if start < end]

    def join(self, start: Spot, end: Spot) -> None:
        if start != end:
            self._ways.setdefault(start, {})[end] = self._ways.setdefault(end, {})[start] = start.to(end)

    def nearest(self, spot: Spot) -> Spot:
        """The place of the net that is nearest.

        Raises:
            ValueError: the net is empty.
        """
        return min(self._ways, key=spot.to)

    def largest_part(self) -> Net:
        """What can be reached from each other, of the most places; the rest is left out."""
        unseen, best = set(self._ways), set[Spot]()
        while unseen:
            part = self._reached(next(iter(unseen)))
            unseen -= part
            best = max(best, part, key=len)
        return Net((start, end) for start in self._ways if start in best for end in self._ways[start])

    def straightened(self, *, keep: Spot) -> Net:
        """The same ways without the places in the middle of a straight one; `keep` stays."""
        straight = Net(self.ways)
        for here, near in list(straight._ways.items()):
            if here == keep or len(near) != 2:
                continue
            start, end = near
            if _is_straight(start, end, here):
                del straight._ways[here], straight._ways[start][here], straight._ways[end][here]
                straight.join(start, end)
        return straight

    def path(self, start: Spot, end: Spot) -> list[Spot]:
        """The shortest way from `start` to `end`, both included; straight when the net does not join them."""
        came: dict[Spot, Spot] = {}
        cost = {start: 0.0}
        queue = [(start.to(end), start)]
        done = set[Spot]()
        while queue:
            _, here = heappop(queue)
            if here == end:
                return _walked_back(came, end)
            if here in done:
                continue
            done.add(here)
            for there, length in self._ways.get(here, {}).items():
                if (total := cost[here] + length) < cost.get(there, float("inf")):
                    cost[there], came[there] = total, here
                    heappush(queue, (total + there.to(end), there))
        return [start, end]

    def _reached(self, start: Spot) -> set[Spot]:
        seen, waiting = {start}, [start]
        while waiting:
            for there in self._ways[waiting.pop()]:
                if there not in seen:
                    seen.add(there)
                    waiting.append(there)
        return seen


def _is_straight(start: Spot, end: Spot, between: Spot) -> bool:
    """True when the way over `between` is longer by less than a millimetre in a metre."""
    return start.to(between) + between.to(end) <= start.to(end) * 1.001


def _walked_back(came: dict[Spot, Spot], end: Spot) -> list[Spot]:
    path = [end]
    while path[-1] in came:
        path.append(came[path[-1]])
    return path[::-1]
