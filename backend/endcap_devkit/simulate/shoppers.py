"""Shoppers who walk: along streets to a store, through its aisles, a pause at some shelves, out and on.

Pure Python: 10,000 of them a second cost about a twentieth of a core.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from random import Random

from endcap_devkit.simulate.noise import INDOOR, STREET, Noise, Receiver
from endcap_devkit.simulate.routes import Net
from endcap_devkit.simulate.shapes import Spot
from endcap_devkit.simulate.store import Store

WALK_M_S = (1.0, 1.5)
BROWSE_M_S = (0.5, 0.9)
SHELVES_A_VISIT = (3, 7)
PAUSE_S = (4.0, 14.0)
CORNERS_CONSIDERED = 40  # of all, by chance; she comes and goes by the nearest of them


@dataclass(frozen=True, slots=True)
class Leg:
    """One thing she does: walk this way, then stand for a while."""

    path: tuple[Spot, ...]
    speed_m_s: float
    pause_s: float = 0.0
    store: Store | None = None  # where the leg is; none on the street


class Shopper:
    """One person on her way. `step` moves her; `hear` is what her phone makes of it. One thread."""

    def __init__(self, legs: Iterable[Leg], rng: Random) -> None:
        self._legs = deque(leg for leg in legs if len(leg.path) > 0)
        self._receiver = Receiver(rng)
        self._at = 0  # the index in the leg's path that was passed last
        self._pause_s = self._legs[0].pause_s if self._legs else 0.0
        self.spot = self._legs[0].path[0] if self._legs else Spot(0.0, 0.0)

    @property
    def gone(self) -> bool:
        """True once she has walked all her legs."""
        return not self._legs

    @property
    def store(self) -> Store | None:
        """The store she is in; None on the street."""
        return self._legs[0].store if self._legs else None

    @property
    def pausing(self) -> bool:
        """True while she stands at a shelf."""
        return bool(self._legs) and self._at + 1 >= len(self._legs[0].path)

    def step(self, dt_s: float) -> None:
        """Let `dt_s` seconds go by."""
        while dt_s > 0 and self._legs:
            dt_s = self._stand(dt_s) if self.pausing else self._walk(dt_s)

    def hear(self, dt_s: float, indoor: Noise = INDOOR, street: Noise = STREET) -> tuple[Spot, float]:
        """What her phone says after `dt_s` more seconds: a place and the accuracy it claims, in metres."""
        return self._receiver.read(self.spot, indoor if self.store else street, dt_s)

    def _walk(self, dt_s: float) -> float:
        leg = self._legs[0]
        target = leg.path[self._at + 1]
        needed_s = self.spot.to(target) / leg.speed_m_s
        if needed_s > dt_s:
            self.spot = self.spot.towards(target, leg.speed_m_s * dt_s)
            return 0.0
        self.spot, self._at = target, self._at + 1
        return dt_s - needed_s

    def _stand(self, dt_s: float) -> float:
        if self._pause_s > dt_s:
            self._pause_s -= dt_s
            return 0.0
        left_s = dt_s - self._pause_s
        self._legs.popleft()
        self._at = 0
        self._pause_s = self._legs[0].pause_s if self._legs else 0.0
        return left_s


def stroll(stores: Sequence[Store], streets: Net, rng: Random, *, inside: bool) -> list[Leg]:
    """A trip: to a store (or already in it, when `inside`), along some of its shelves, out, and down a street.

    She comes and goes by corners near the store, and so spends more than half of a trip in it.
    """
    store, street_m_s = rng.choice(stores), rng.uniform(*WALK_M_S)
    corner = streets.nearest(store.door)
    legs = [] if inside else [Leg((*streets.path(_nearby(streets, corner, rng), corner), store.door), street_m_s)]
    legs += browse(store, rng, from_door=not inside)[rng.randrange(SHELVES_A_VISIT[0]) if inside else 0 :]
    legs.append(Leg((store.door, *streets.path(corner, _nearby(streets, corner, rng))), street_m_s))
    return legs


def _nearby(streets: Net, corner: Spot, rng: Random) -> Spot:
    return min(rng.sample(streets.spots, min(len(streets), CORNERS_CONSIDERED)), key=corner.to)


def browse(store: Store, rng: Random, *, from_door: bool = True) -> list[Leg]:
    """A visit: from the door (or wherever she stands) to some shelves, a pause at each, and back to the door."""
    aisles, speed_m_s = store.plan.aisles, rng.uniform(*BROWSE_M_S)
    wanted = [spot for _, spot in rng.sample(store.products, min(len(store.products), rng.randint(*SHELVES_A_VISIT)))]
    here = aisles.nearest(store.door if from_door else rng.choice(aisles.spots))
    legs = [Leg((store.door, here), speed_m_s, store=store)] if from_door else []
    for spot in wanted:
        there = aisles.nearest(spot)
        legs.append(Leg(tuple(aisles.path(here, there)), speed_m_s, rng.uniform(*PAUSE_S), store))
        here = there
    exit_path = (*aisles.path(here, aisles.nearest(store.door)), store.door)
    return [*legs, Leg(exit_path, speed_m_s, store=store)]
