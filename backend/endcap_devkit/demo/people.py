"""The people on the map: who they are, where they stand, what their phones said, what they heard."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Literal

from endcap_devkit.simulate.shapes import Spot

# How her fixes travel: batched HTTP, the SDK, a recorded walk through the SDK, or by whatever a guest of the demo uses.
Way = Literal["http", "sdk", "recorded", "guest"]
NAMED = ("sdk", "recorded")  # of these the page always shows the name: fewer than there are NAMES
GUEST = "You?"

NAMES = (
    "Aada", "Aino", "Anni", "Eerika", "Eevi", "Ella", "Elsa", "Emilia", "Enni", "Hanna", "Helmi", "Hilja", "Iida",
    "Inka", "Isla", "Jenni", "Kerttu", "Lempi", "Lilja", "Linnea", "Lotta", "Maija", "Meri", "Milla", "Minttu",
    "Neea", "Nelli", "Oona", "Pihla", "Pinja", "Ronja", "Saara", "Saimi", "Sanni", "Seela", "Senja", "Siiri", "Sini",
    "Sofia", "Sohvi", "Suvi", "Taimi", "Tuuli", "Tyyne", "Unna", "Varpu", "Veera", "Vieno", "Viivi", "Vilja",
)  # fmt: skip

_RECORD = struct.Struct("<HhhhhBB")  # number, east, north, heard east, heard north in decimetres, accuracy, flags
IN_STORE, PAUSING = 1, 2  # flags
MAX_NUMBER = 0xFFFF


@dataclass(slots=True)
class Person:
    """One shopper as the page shows her. Her name is the demo's; the product knows her by a pseudonym only."""

    number: int
    name: str
    way: Way
    spot: Spot
    heard: Spot  # where her phone last said she is
    accuracy_m: float = 0.0
    store: str | None = None
    pausing: bool = False
    uid: str | None = None

    def label(self) -> list[object]:
        """What the page is told once: number, name, way."""
        return [self.number, self.name, self.way]

    def record(self) -> bytes:
        """Where she is, as 12 bytes of a frame."""
        return _RECORD.pack(
            self.number,
            *_decimetres(self.spot),
            *_decimetres(self.heard),
            min(255, round(self.accuracy_m)),
            (IN_STORE if self.store else 0) | (PAUSING if self.pausing else 0),
        )


class People:
    """Who is here now. One thread: the demo's loop."""

    def __init__(self) -> None:
        self._here: dict[int, Person] = {}
        self._by_uid: dict[str, Person] = {}
        self._numbers = count(1)

    def __len__(self) -> int:
        return len(self._here)

    def __iter__(self) -> Iterator[Person]:
        return iter(self._here.values())

    def welcome(self, way: Way, spot: Spot) -> Person:
        number = next(self._numbers) % MAX_NUMBER
        person = Person(number, GUEST if way == "guest" else self._name(number, way), way, spot, spot)
        self._here[number] = person
        return person

    def _name(self, number: int, way: Way) -> str:
        """One that few bear here, and none whose name stands on the map when hers will."""
        borne = Counter(person.name for person in self)
        shown = {person.name for person in self if person.way in NAMED} if way in NAMED else set()
        first = number * 17 % len(NAMES)
        return min(NAMES[first:] + NAMES[:first], key=lambda name: (name in shown, borne[name]))

    def known_as(self, person: Person, uid: str) -> None:
        """Her pseudonym, once she has one."""
        person.uid = uid
        self._by_uid[uid] = person

    def leave(self, person: Person) -> None:
        self._here.pop(person.number, None)
        if person.uid is not None:
            self._by_uid.pop(person.uid, None)

    def of_uid(self, uid: str) -> Person | None:
        return self._by_uid.get(uid)

    def frame(self, now_ms: int) -> bytes:
        """Everybody's place: the time in 8 bytes, then 12 bytes each."""
        return struct.pack("<d", now_ms) + b"".join(person.record() for person in self._here.values())


def _decimetres(spot: Spot) -> tuple[int, int]:
    east, north = (max(-32768, min(32767, round(metres * 10))) for metres in spot)
    return east, north
