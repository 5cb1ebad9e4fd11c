"""The match against the SQL's own join, shapely and Redis, in stores and in the street; and what a placement weighs.

Contenders take turns in one run on the same fixes; each figure is the median of its rounds. What runs in this process
is measured in CPU time, so that a busy machine disturbs it less; Redis in wall time. What counts are the ratios.
"""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import islice
from statistics import median

from tests.bench.match_rivals import JoinByCountry, Redis, Tree, a_redis, redis_is_there
from tests.bench.match_world import Fix, World

from endcap_backend.match.index import SpatialIndex
from endcap_backend.match.product import ProductMatch

SHOPPERS = 500
BATCH = 4096
VISIT_S = 20 * 60  # half of what a visit to a supermarket lasts
SIZES = (100_000, 1_000_000)


@dataclass
class Contender:
    """One way to answer fixes, of which it takes the first `most` of a round."""

    name: str
    answer: Callable[[Sequence[Fix]], int]  # how many rows it gave
    most: int = 2 * BATCH
    clock: Callable[[], float] = time.process_time
    rates: list[float] = field(default_factory=list)
    rows: int = 0
    fixes: int = 0

    def anew(self) -> Contender:
        return Contender(self.name, self.answer, self.most, self.clock)

    def take(self, fixes: Sequence[Fix]) -> None:
        fixes = fixes[: self.most]
        began = self.clock()
        self.rows += self.answer(fixes)
        self.rates.append(len(fixes) / (self.clock() - began))
        self.fixes += len(fixes)


class Rivals:
    """Who answers with every pair, each time."""

    def __init__(self, world: World, redis: Redis | None) -> None:
        self.join = JoinByCountry(world.products)
        self.tree = Tree(world.products)
        self.redis = redis
        self.index = SpatialIndex()
        for number, product in enumerate(world.products):
            self.index.put(number, product.point)

    def contenders(self) -> list[Contender]:
        return [
            Contender("join by country, as the SQL has it: all pairs", self._join, 40),
            Contender("shapely's STRtree, then the haversine: all pairs", self._tree, 400),
            Contender("our index alone: the ids of all pairs", self._index),
        ]

    def servers(self) -> list[Contender]:
        if self.redis is None:
            return []
        return [
            Contender("Redis GEOSEARCH, one fix at a time: all pairs", self._redis, 400, time.perf_counter),
            Contender("Redis GEOSEARCH, pipelined: all pairs", self._redis_pipelined, 400, time.perf_counter),
        ]

    def _join(self, fixes: Sequence[Fix]) -> int:
        return sum(len(self.join.near(location)) for location, _ in fixes)

    def _tree(self, fixes: Sequence[Fix]) -> int:
        return sum(len(self.tree.near(location)) for location, _ in fixes)

    def _index(self, fixes: Sequence[Fix]) -> int:
        return sum(len(self.index.within_reach(location.point)) for location, _ in fixes)

    def _redis(self, fixes: Sequence[Fix]) -> int:
        assert self.redis is not None
        return sum(len(self.redis.near(location)) for location, _ in fixes)

    def _redis_pipelined(self, fixes: Sequence[Fix]) -> int:
        assert self.redis is not None
        return sum(map(len, self.redis.near_many([location for location, _ in fixes])))


class Product:
    """A filled `ProductMatch`, which tells each thing once."""

    def __init__(self, world: World, most_shelves: int | None = None, vectorised: bool | None = None) -> None:
        self._match = ProductMatch(most_shelves=most_shelves, vectorised=vectorised)
        for promotion in world.promotions:
            self._match.promote(promotion, 0)
        for product in world.products:
            self._match.place(product, 0)

    def one_by_one(self, fixes: Sequence[Fix]) -> int:
        return sum(len(self._match.locate(*fix)) for fix in fixes)

    def in_batches(self, fixes: Sequence[Fix]) -> int:
        batches = (fixes[at : at + BATCH] for at in range(0, len(fixes), BATCH))
        return sum(len(rows) for batch in batches for rows in self._match.locate_many(batch))


def run(quick: bool) -> str:
    """All tables, as Markdown."""
    sizes = (20_000,) if quick else SIZES
    parts = ["## The match\n"]
    parts += [_rates(count, visit_s=300 if quick else VISIT_S, rounds=3 if quick else 7) for count in sizes]
    parts.append(_memory(sizes))
    return "\n".join(parts)


def _rates(count: int, visit_s: int, rounds: int) -> str:
    world = World(count)
    with ExitStack() as stack:
        rivals = Rivals(world, stack.enter_context(a_redis(world.products)) if redis_is_there() else None)
        news, batches, three, pure = Product(world), Product(world), Product(world, 3), Product(world, vectorised=False)
        products = [
            Contender("product mode, one fix at a time: what is new", news.one_by_one),
            Contender("product mode, one fix at a time: the 3 nearest new", three.one_by_one),
            Contender("product mode without numpy: what is new", pure.one_by_one),
            Contender(f"product mode, batches of {BATCH:,}: what is new", batches.in_batches),
        ]
        gc.freeze()  # the world is the bench's, not the match's: the collector need not walk it
        walk = world.in_stores(SHOPPERS, visit_s)
        for _ in range(0, SHOPPERS * visit_s, BATCH):  # until some know all, some nothing, and most are in between
            fixes = list(islice(walk, BATCH))
            for product in (news, batches, three, pure):
                product.in_batches(fixes)
        tables = []
        for where, fixes in (("in a store", walk), ("in the street", world.in_streets())):
            contenders = [*rivals.contenders(), *(each.anew() for each in products), *rivals.servers()]
            tables.append(_table(f"{count:,} live placements, {where}", contenders, fixes, rounds))
    if not redis_is_there():
        tables.append("Redis is not here (`apt-get install redis-server`), so it was not measured.\n")
    return "\n".join(tables)


def _table(title: str, contenders: Sequence[Contender], fixes: Iterator[Fix], rounds: int) -> str:
    for _ in range(rounds):
        chunk = list(islice(fixes, 2 * BATCH))
        for contender in contenders:
            contender.take(chunk)
    base = median(contenders[0].rates)
    lines = [f"### {title}\n", "| | times the join | fixes/s | rows a fix |", "|---|---:|---:|---:|"]
    for each in contenders:
        rate = median(each.rates)
        lines.append(f"| {each.name} | {rate / base:,.3g} | {rate:,.0f} | {each.rows / each.fixes:,.2f} |")
    return "\n".join(lines) + "\n"


def _memory(sizes: Sequence[int]) -> str:
    lines = ["### Memory\n", "| live placements | bytes each, weighed | as `stats` counts |", "|---:|---:|---:|"]
    for count in sizes:
        command = [sys.executable, "-m", "tests.bench.match_memory", str(count)]
        weighed = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
        lines.append(f"| {count:,} | {weighed['weighed']:.0f} | {weighed['counted']:.0f} |")
    return "\n".join(lines) + "\n"
