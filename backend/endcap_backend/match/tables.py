"""Two small tables that spare memory: a hash table of bare numbers, and words that stand once."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Word = TypeVar("Word", bound=Hashable)


class NumberTable:
    """A hash table of numbers, 4 B a slot: keys are not held but asked for. A dict of ints takes 100 B an entry."""

    def __init__(self, hash_of: Callable[[int], int]) -> None:
        self._hash_of = hash_of
        self._slots = array("I", [0]) * 64  # number + 1; 0 is empty
        self._used = 0

    def find(self, key_hash: int, matches: Callable[[int], bool]) -> int | None:
        mask = len(self._slots) - 1
        at = _spread(key_hash) & mask
        while held := self._slots[at]:
            if matches(held - 1):
                return held - 1
            at = (at + 1) & mask
        return None

    def add(self, key_hash: int, number: int) -> None:
        if 3 * self._used >= 2 * len(self._slots):
            self._grow()
        self._used += 1
        self._insert(key_hash, number)

    def nbytes(self) -> int:
        return 4 * len(self._slots)

    def _insert(self, key_hash: int, number: int) -> None:
        mask = len(self._slots) - 1
        at = _spread(key_hash) & mask
        while self._slots[at]:
            at = (at + 1) & mask
        self._slots[at] = number + 1

    def _grow(self) -> None:
        held = [slot - 1 for slot in self._slots if slot]
        self._slots = array("I", [0]) * (2 * len(self._slots))
        for number in held:
            self._insert(self._hash_of(number), number)


class Words(Generic[Word]):
    """Each word once; its number is its index in `words`."""

    def __init__(self) -> None:
        self.words: list[Word] = []
        self._numbers: dict[Word, int] = {}

    def number(self, word: Word) -> int:
        number = self._numbers.setdefault(word, len(self.words))
        if number == len(self.words):
            self.words.append(word)
        return number

    def nbytes(self) -> int:
        """About: 300 B a word with its texts and its dict entry."""
        return 300 * len(self.words)


def _spread(key_hash: int) -> int:
    """Python's hash of an int is the int; neighbours must not crowd."""
    return key_hash * 0x9E37_79B9_7F4A_7C15 >> 20
