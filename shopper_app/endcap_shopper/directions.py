"""Directions: a way through the store as what one would tell a friend, step by step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import atan2, degrees, hypot
from typing import Literal

from endcap.geo import LatLon, local_m
from endcap_shopper.floor import FloorPlan
from endcap_shopper.i18n import Words, later

Turn = Literal["ahead", "left", "right", "back"]

AHEAD_DEG = 35.0  # what turns less is straight on to a person
BACK_DEG = 145.0  # what turns more is the way she came from
SHORT_M = 1.5  # shorter bits are the width of an aisle, not a way
HERE_M = 4.0  # closer, and she stands before it: half of what a phone's fix is off indoors


_SAID: dict[Turn, tuple[str, str]] = {
    "ahead": (later("Straight on for {distance}."), later("Straight on for {distance}, to {goal}.")),
    "left": (later("Turn left, then {distance}."), later("Turn left, then {distance} to {goal}.")),
    "right": (later("Turn right, then {distance}."), later("Turn right, then {distance} to {goal}.")),
    "back": (later("Turn around, then {distance}."), later("Turn around, then {distance} to {goal}.")),
}
_THEN: dict[Turn, str] = {
    "ahead": "",
    "left": later("Then left."),
    "right": later("Then right."),
    "back": later("Then turn around."),
}


@dataclass(frozen=True, slots=True)
class Step:
    """Turn, then walk so far; `section` is where that leads into, when the plan knows its name."""

    turn: Turn
    length_m: float
    section: str = ""


def steps(path: Sequence[LatLon], plan: FloorPlan | None = None, heading_deg: float | None = None) -> tuple[Step, ...]:
    """The way cut where it turns. `heading_deg` is where she faces, clockwise from north; None: along the way."""
    found: list[Step] = []
    facing = heading_deg
    for start, end, length_m in _stretches(path):
        bearing = bearing_deg(start, end)
        turn = "ahead" if facing is None else turn_of(bearing - facing)
        section = plan.section_at(end) if plan is not None else None
        name = "" if section is None else section.name
        if turn == "ahead" and found:
            found[-1] = Step(found[-1].turn, found[-1].length_m + length_m, name or found[-1].section)
        else:
            found.append(Step(turn, length_m, name))
        facing = bearing
    return tuple(found)


def next_step(steps: Sequence[Step], item: str, words: Words) -> str:
    """What to do now, in a sentence or two to read or to say aloud."""
    if sum(step.length_m for step in steps) < HERE_M:
        return words.t("{item} is right here.", item=item)
    step = steps[0]
    goal = item if len(steps) == 1 else step.section
    first = words.t(_SAID[step.turn][bool(goal)], distance=words.distance(step.length_m), goal=goal)
    then = words.t(_THEN[steps[1].turn]) if len(steps) > 1 else ""
    return f"{first} {then}".rstrip()


def bearing_deg(start: LatLon, end: LatLon) -> float:
    """The direction from one point to another, clockwise from north, in [0, 360)."""
    east_m, north_m = local_m(start, end)
    return degrees(atan2(east_m, north_m)) % 360.0


def turn_of(change_deg: float) -> Turn:
    """What a person calls a change of direction, clockwise positive."""
    change = (change_deg + 180.0) % 360.0 - 180.0
    if abs(change) <= AHEAD_DEG:
        return "ahead"
    if abs(change) >= BACK_DEG:
        return "back"
    return "right" if change > 0 else "left"


def _stretches(path: Sequence[LatLon]) -> list[tuple[LatLon, LatLon, float]]:
    found, start = list[tuple[LatLon, LatLon, float]](), path[0]
    for _, end in pairwise(path):
        length_m = hypot(*local_m(start, end))
        if length_m >= SHORT_M or end is path[-1]:
            found.append((start, end, length_m))
            start = end
    return [each for each in found if each[2] > 0.01]
