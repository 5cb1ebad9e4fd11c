"""The product form against `MatchEngine`'s product mode: the same records to both, their rows as multisets.

All cases go through one job, in step: the shop's records of a turn, then the fixes of that turn. Each case has SKUs,
segments, promotions, shoppers and a latitude of its own. A sentinel behind each part tells when it has
been taken in.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from endcap.messages import CustomerLocation, NearbyPromotion, ProductPromotion, StoreProduct
from endcap_backend.match.engine import MatchEngine, Record
from endcap_backend.match.rows import Row as MatchRow

START = datetime(2026, 3, 1, tzinfo=UTC)
TURN_S = 40  # between two turns, by the records' time
STANDING_S = 300  # as `ProductMatch` has it
ASIDE_DEG = 0.0004  # 146 ft at the equator
APART = {"latitude_deg": -40.0, "longitude_deg": 0.0, "country": "FIN"}
Message = StoreProduct | ProductPromotion | CustomerLocation
Sent = tuple[str, str | None, bytes | None, int]


def at(turn: int) -> datetime:
    return START + timedelta(seconds=turn * TURN_S)


@dataclass
class Case:
    """What one case publishes and who walks by, turn by turn."""

    number: int
    latitude_deg: float = 0.0
    longitude_deg: float = 20.0
    turns: dict[int, list[Message]] = field(default_factory=dict)

    def add(self, turn: int, message: Message) -> None:
        self.turns.setdefault(turn, []).append(message)

    def shelf(self, turn: int, sku: int = 1, east: float = 0.0, segment: str = "tea", **more: Any) -> None:
        """A record of a product, so many degrees east of the middle."""
        place = {"latitude_deg": self.latitude_deg, "longitude_deg": self.longitude(east), "country": "FIN"}
        known = {"store": "s1", "name": "Tea", "price": 2.5, "stock": 9}
        self.add(turn, StoreProduct(sku=self.sku(sku), segment=self.own(segment), **place, **(known | more)))

    def promote(self, turn: int, pid: str = "p", segment: str = "tea", sku: int | None = None, **more: Any) -> None:
        named = None if sku is None else self.sku(sku)
        self.add(turn, ProductPromotion(pid=self.own(pid), segment=self.own(segment), sku=named, **more))

    def walk(self, turn: int, uid: str = "u", east: float = 0.0) -> None:
        place = {"latitude_deg": self.latitude_deg, "longitude_deg": self.longitude(east), "country": "FIN"}
        self.add(turn, CustomerLocation(uid=self.own(uid), id=f"{self.own(uid)}:{turn}", **place))

    def sku(self, sku: int) -> int:
        return self.number * 1000 + sku

    def own(self, name: str) -> str:
        return f"{self.number}-{name}"

    def longitude(self, east: float) -> float:
        return round((self.longitude_deg + east + 180) % 360 - 180, 5)


CASES: list[Callable[[Case], None]] = []


def case(tell: Callable[[Case], None]) -> Callable[[Case], None]:
    CASES.append(tell)
    return tell


@case
def a_promotion_of_a_sku_is_for_that_one(c: Case) -> None:
    c.shelf(0, 1)
    c.shelf(0, 2)
    c.promote(0, sku=1, title="only this", discount=0.25)
    c.walk(0)


@case
def a_promotion_of_a_segment_is_for_all_of_it(c: Case) -> None:
    c.shelf(0, 1, variant="green", section="A")
    c.shelf(0, 2, store=None, name=None, price=None, stock=None)
    c.shelf(0, 3, segment="coffee")
    c.promote(0)
    c.walk(0)


@case
def each_shopper_hears_of_it_once(c: Case) -> None:
    c.shelf(0)
    c.promote(0)
    for turn in range(4):
        c.walk(turn, "u")
        c.walk(turn, "v", 0.0001)


@case
def a_product_that_moved_is_found_where_it_is_and_told_anew(c: Case) -> None:
    c.shelf(0)
    c.promote(0)
    c.walk(0)
    c.shelf(1, east=ASIDE_DEG)
    c.walk(1, "v")
    c.walk(1, "u", ASIDE_DEG)


@case
def a_product_that_came_back_is_told_anew(c: Case) -> None:
    c.shelf(0)
    c.promote(0)
    c.walk(0)
    c.shelf(1, east=ASIDE_DEG)
    c.shelf(2)
    c.walk(2)


@case
def a_changed_promotion_replaces_the_one_before_and_is_told_anew(c: Case) -> None:
    c.shelf(0)
    c.promote(0, title="5 %")
    c.walk(0)
    c.promote(1, title="10 %")
    c.walk(1)
    c.promote(2, title="5 %")
    c.walk(2)
    c.walk(2, "v")


@case
def a_promotion_repeated_as_it_is_changes_nothing(c: Case) -> None:
    c.shelf(0)
    c.promote(0, title="5 %", ends_at=at(90))
    c.walk(0)
    c.promote(1, title="5 %", ends_at=at(90))
    c.walk(1)


@case
def a_promotion_that_is_taken_back_is_told_no_more(c: Case) -> None:
    c.shelf(0)
    c.promote(0)
    c.walk(0)
    c.promote(1, ends_at=at(1))
    c.walk(1, "v")


@case
def a_promotion_ends_by_itself(c: Case) -> None:
    c.shelf(0)
    c.promote(0, ends_at=at(2))
    c.walk(1)
    c.walk(2, "v")


@case
def a_promotion_begins_when_it_says(c: Case) -> None:
    c.shelf(0)
    c.promote(0, starts_at=at(2))
    c.walk(1)
    c.walk(2)


@case
def a_promotion_goes_over_to_other_goods(c: Case) -> None:
    c.shelf(0, 1)
    c.shelf(0, 2)
    c.shelf(0, 3, segment="coffee")
    c.promote(0, sku=1)
    c.walk(0)
    c.promote(1, sku=2)
    c.walk(1, "v")
    c.promote(2, segment="coffee")
    c.walk(2, "w")


@case
def a_product_of_another_segment_has_that_segment_s_promotions(c: Case) -> None:
    c.shelf(0)
    c.promote(0, "p", "tea")
    c.promote(0, "q", "coffee")
    c.walk(0)
    c.shelf(1, segment="coffee")
    c.walk(1)
    c.walk(1, "v")


@case
def what_is_sold_out_is_not_offered_until_it_is_there_again(c: Case) -> None:
    c.shelf(0, stock=0)
    c.promote(0)
    c.walk(0)
    c.shelf(1, stock=3)
    c.walk(1)
    c.shelf(2, stock=0)
    c.walk(2, "v")
    c.shelf(3, stock=2)
    c.walk(3, "w")


@case
def a_changed_price_is_told_to_who_has_not_heard_yet(c: Case) -> None:
    c.shelf(0, price=2.5, section="A")
    c.promote(0)
    c.walk(0)
    c.shelf(1, price=2.25, section="B", stock=4, name="Tea, green", variant="green")
    c.walk(1)
    c.walk(1, "v")
    c.shelf(2, price=None, section=None, stock=None, name=None)
    c.walk(2, "w")


@case
def one_product_in_two_stores_is_two_shelves(c: Case) -> None:
    c.shelf(0, store="north")
    c.shelf(0, store="south", east=0.00005)
    c.promote(0, sku=1)
    c.walk(0)
    c.shelf(1, store="south", east=ASIDE_DEG)
    c.walk(1, "v")


@case
def who_stands_there_hears_of_an_offer_that_comes(c: Case) -> None:
    c.shelf(0)
    c.walk(0)
    c.walk(0, "v", ASIDE_DEG)
    c.promote(1)
    c.walk(2)


@case
def who_has_gone_does_not_hear_of_it(c: Case) -> None:
    c.shelf(0)
    c.walk(0)
    c.walk(1, "u", ASIDE_DEG)
    c.promote(2)


@case
def who_has_not_been_heard_of_for_five_minutes_has_gone(c: Case) -> None:
    c.shelf(0)
    c.walk(0, "u")
    c.walk(4, "v")
    c.promote(STANDING_S // TURN_S + 1)


@case
def who_stands_there_hears_of_a_product_that_comes_to_her(c: Case) -> None:
    c.shelf(0, east=ASIDE_DEG)
    c.promote(0)
    c.walk(0)
    c.shelf(1)
    c.shelf(2, stock=0)
    c.walk(2, "v")
    c.shelf(3, stock=1)


@case
def the_antimeridian_is_no_edge(c: Case) -> None:
    c.longitude_deg = 180.0
    c.shelf(0, 1, east=-0.00005)
    c.shelf(0, 2, east=0.00005)
    c.promote(0)
    c.walk(0, "u", -0.0001)
    c.walk(0, "v", 0.0001)


@case
def nor_are_the_poles(c: Case) -> None:
    c.latitude_deg = 89.9999
    c.shelf(0)
    c.promote(0)
    c.walk(0, "u", 170)
    c.walk(0, "v", 12)


@case
def a_hundred_feet_are_the_edge(c: Case) -> None:
    c.shelf(0)
    c.promote(0)
    for metre in range(25, 36):
        c.walk(0, f"u{metre}", metre / 111_194.9)


def at_random(seed: int) -> Callable[[Case], None]:
    def tell(c: Case) -> None:
        dice = Random(seed)
        for turn in range(8):
            # one record a turn: of two at once, who stands there may hear of what lay between, or not
            if dice.random() < 0.5:
                place = dice.choice((0.0, 0.0002, ASIDE_DEG))
                c.shelf(turn, dice.randrange(2), place, dice.choice(("tea", "coffee")), stock=dice.choice((0, 5, 6)),
                        store=dice.choice(("s1", "s1", "s2")), price=float(dice.randrange(1, 4)))  # fmt: skip
            else:
                ends = dice.choice((None, None, at(turn), at(turn + 2)))
                c.promote(turn, dice.choice("pq"), dice.choice(("tea", "coffee")), dice.choice((None, None, 0, 1)),
                          title=dice.choice("ab"), ends_at=ends)  # fmt: skip
            for uid in dice.sample("uvw", dice.randrange(4)):
                c.walk(turn, uid, dice.choice((0.0, 0.0001, 0.0003, ASIDE_DEG)))

    tell.__name__ = f"at_random_{seed}"
    return tell


CASES += [at_random(seed) for seed in range(30)]
NAMES = [tell.__name__ for tell in CASES]


def told_cases() -> list[Case]:
    cases = []
    for number, tell in enumerate(CASES, 1):
        made = Case(number, latitude_deg=10 + number / 10)
        tell(made)
        cases.append(made)
    return cases


def in_turns(cases: list[Case]) -> Iterator[tuple[list[Sent], list[Sent]]]:
    """What the shops say in each turn, and the fixes that follow; a record a millisecond."""
    for turn in range(1 + max(max(each.turns) for each in cases)):
        messages = [message for each in cases for message in each.turns.get(turn, [])]
        messages.sort(key=lambda message: isinstance(message, CustomerLocation))  # stable: the shops' first
        records = [record(message, turn, number) for number, message in enumerate(messages)]
        shops = sum(not isinstance(message, CustomerLocation) for message in messages)
        yield records[:shops], records[shops:]


def record(message: Message, turn: int, number: int) -> Sent:
    moment_ms = int(at(turn).timestamp() * 1000) + number
    return message.TOPIC, None, message.to_text().encode(), moment_ms


class Sentinels:
    """A shelf and promotion apart, of which each shopper is told: so one learns how far the job has read."""

    def __init__(self, match: Any) -> None:
        self._match = match
        self._price = 0
        self._passed = 0
        self._tell(ProductPromotion(pid="end", segment="end"))

    def pass_by(self) -> None:
        """Return once all that was sent before has been taken in: a shopper has been told the shelf's newest price."""
        self._price += 1
        self._tell(StoreProduct(sku=1, segment="end", price=self._price, **APART))
        told: list[Any] = []
        while not any(row.value["PRICE"] == self._price for row in told):
            self._passed += 1
            self._tell(CustomerLocation(uid=f"end-{self._passed}", **APART))
            told = self._match.rows(self.all_passed, isolation="read_uncommitted")

    def all_passed(self, rows: list[Any]) -> bool:
        return any(row.key == f"end-{self._passed}" for row in rows)

    def _tell(self, message: Message) -> None:
        self._match.send(
            [(message.TOPIC, None, message.to_text().encode(), int(at(1000).timestamp() * 1000) + self._passed)]
        )


def by_case(rows: Iterable[tuple[str, Any, int]]) -> dict[int, Counter[str]]:
    """Each case's rows as a multiset: message, time, and the distance to 1e-6 ft."""
    found: dict[int, Counter[str]] = {number: Counter() for number in range(1, len(CASES) + 1)}
    for uid, value, timestamp_ms in rows:
        if not uid.startswith("end-"):
            message = NearbyPromotion.from_text(json.dumps(value, default=float))
            plain = json.loads(message.to_text())
            plain["DIST_FT"] = round(plain["DIST_FT"], 6)
            found[int(uid.partition("-")[0])][json.dumps([plain, timestamp_ms], sort_keys=True)] += 1
    return found


@pytest.fixture(scope="module")
def found(start: Any, cancel: Any) -> dict[int, Counter[str]]:
    match = start("product", flink_form="product")
    sentinels = Sentinels(match)
    for shops, fixes in in_turns(told_cases()):
        for part in (shops, fixes):
            if part:
                match.send(part)
                sentinels.pass_by()
    rows = match.rows(sentinels.all_passed)
    cancel(match)
    return by_case((row.key, row.value, row.timestamp_ms) for row in rows)


@pytest.fixture(scope="module")
def expected() -> dict[int, Counter[str]]:
    engine = MatchEngine("product")
    rows: list[tuple[str, Any, int]] = []
    for parts in in_turns(told_cases()):
        for part in parts:
            for told in engine.process_many([Record(*each) for each in part]):
                for row in told:
                    assert isinstance(row, MatchRow), row
                    rows.append((str(row.key), json.loads(row.value), row.timestamp_ms))
    return by_case(rows)


@pytest.mark.parametrize("number", range(1, len(CASES) + 1), ids=NAMES)
def test_the_product_form_tells_what_the_product_match_tells(number: int, found: Any, expected: Any) -> None:
    assert found[number] == expected[number]


def test_most_cases_tell_something(expected: dict[int, Counter[str]]) -> None:
    silent = {NAMES[number - 1] for number, rows in expected.items() if not rows}
    assert "who_has_gone_does_not_hear_of_it" in silent
    assert len(silent) < 12
    assert sum(rows.total() for rows in expected.values()) > 150
