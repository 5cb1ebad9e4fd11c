"""The stream as a picture: topics on the left, the stages that read them, what they fill, and what carries it on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from endcap.messages import (
    CUSTOMERS_ALERTS,
    CUSTOMERS_EVENTS,
    CUSTOMERS_LOCATIONS,
    PRODUCTS_PROMOTIONS,
    STORES_PRODUCTS,
)
from endcap_backend.console.lineage import Stage, Topic

READ_FIRST = (STORES_PRODUCTS, PRODUCTS_PROMOTIONS, CUSTOMERS_LOCATIONS, CUSTOMERS_EVENTS)
MAKING = ("match",)  # the stage that reads what comes in
THROUGH = ("forward", "match", "decide", "return")  # with Kafka: from the forwarder through the cluster and back
CARRYING = ("delivery", "webpush")  # stages that read alerts
WIDE, HIGH, COLUMN, ROW = 210, 58, 250, 76


@dataclass(frozen=True, slots=True)
class Box:
    """A topic or a stage, with a line on how it stands."""

    kind: str
    name: str
    told: str
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class Flow:
    """What is drawn, in a picture 960 wide. `links` are SVG paths."""

    boxes: tuple[Box, ...]
    links: tuple[str, ...]
    height: int


def flow(topics: Sequence[Topic], stages: Sequence[Stage]) -> Flow:
    """The picture of a pipeline as it stands now; a stage that does not run is left out."""
    by_topic = {each.name: each for each in topics}
    by_stage = {each.name: each for each in stages}
    reading = _column([_topic(name, by_topic) for name in READ_FIRST], 0)
    path = THROUGH if "forward" in by_stage else MAKING
    middle = _column([_stage(by_stage[name]) for name in path if name in by_stage], 1)
    making, telling = middle[:1], [box for box in middle[-1:] if box.name != "forward"]
    carrying = _column([_stage(by_stage[name]) for name in CARRYING if name in by_stage], 3)
    made = _column([_topic(CUSTOMERS_ALERTS, by_topic)] if telling or CUSTOMERS_ALERTS in by_topic else [], 2)
    through = [_down(a, b) for a, b in pairwise(middle)]
    links = (*_links(reading, making), *through, *_links(telling, made), *_links(made, carrying))
    return Flow((*reading, *middle, *made, *carrying), links, len(READ_FIRST) * ROW)


def _topic(name: str, known: dict[str, Topic]) -> tuple[str, str, str]:
    found = known.get(name)
    return "topic", name, f"{found.records:,} kept · {found.per_s:.1f} a second" if found else "nothing yet"


def _stage(stage: Stage) -> tuple[str, str, str]:
    up = stage.figures.get("up", 1.0) > 0
    return "stage", stage.name, f"behind by {stage.lag:,}" if up else "stopped: see the log"


def _column(told: Sequence[tuple[str, str, str]], number: int) -> tuple[Box, ...]:
    top = (len(READ_FIRST) - len(told)) * ROW // 2
    return tuple(Box(*each, x=number * COLUMN, y=top + row * ROW) for row, each in enumerate(told))


def _links(left: Sequence[Box], right: Sequence[Box]) -> tuple[str, ...]:
    return tuple(_path(a, b) for a in left for b in right)


def _down(a: Box, b: Box) -> str:
    return f"M{a.x + WIDE // 2} {a.y + HIGH}V{b.y}"


def _path(a: Box, b: Box) -> str:
    x1, y1, x2, y2 = a.x + WIDE, a.y + HIGH // 2, b.x, b.y + HIGH // 2
    middle = (x1 + x2) // 2
    return f"M{x1} {y1}C{middle} {y1} {middle} {y2} {x2} {y2}"
