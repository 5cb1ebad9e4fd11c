"""A store from above, with her list, her dot and the way."""

from __future__ import annotations

from dataclasses import dataclass

from endcap.geo import LatLon
from endcap_shopper.floor import FloorPlan
from endcap_shopper.views.choice import Choice


@dataclass(frozen=True, slots=True)
class Pin:
    """Something of her list on the map, numbered in the order of the route."""

    id: str
    point: LatLon
    number: int
    text: str
    deal: bool = False


@dataclass(frozen=True, slots=True)
class Dot:
    """Where she is, as well as her phone knows. `stale`: older than 10 s, and drawn grey."""

    point: LatLon
    accuracy_m: float
    heading_deg: float | None = None  # clockwise from north; None: unknown
    stale: bool = False


@dataclass(frozen=True, slots=True)
class StoreMap:
    """A store's plan with her list, her dot and the way. `way` is the route's points from her on, all legs in a row."""

    plan: FloorPlan | None = None
    stores: tuple[Choice, ...] = ()
    pins: tuple[Pin, ...] = ()
    dot: Dot | None = None
    way: tuple[LatLon, ...] = ()
    next_leg: int = 0  # how many points of `way` lead to the next stop
    highlighted: str = ""  # the section of the next stop
    step: str = ""  # the next step, in words
    stop: str = ""  # "Oat milk · stop 1 of 3"
    stop_id: str = ""  # the next stop's item; "" when there is no route
    can_speak: bool = False
    can_walk: bool = False  # on a desktop a click on the map is a step
    empty_why: str = ""
