"""The name a shopper bears in Kafka's raw topics: another one each day, which only who has the day's secret can undo.

Her lasting uid is 128 random bits. Her name of a day is these bits under a permutation of 128-bit numbers that the
day's secret chooses (AES-256 of one block), after the day itself: `20261124.8d6c…`. Without the secret, the names of
two days have no more to do with each other than two random numbers; with it, a name leads back to her uid, so that no
table says who was who, and nothing of hers has to be erased with her. When a day's secret is destroyed, its names are
names of nobody.
"""

from __future__ import annotations

import hmac
import re
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import NamedTuple

from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB

from endcap.clock import Clock
from endcap_backend.retail.day_secrets import Day, DaySecrets, Secret

UID = re.compile("[0-9a-f]{32}")  # as a session gives it; one of another form is nobody's, and keeps it
NAME = re.compile(r"(\d{8})\.([0-9a-f]{32})")
CACHED = 100_000  # names of a day, 20 MB
NUMBERS = 10**19  # a fix's number has up to 19 digits


class Gone(NamedTuple):
    """What a name leads to whose day's secret is destroyed, or was made by another shop's database."""

    day: str


class Count(NamedTuple):
    """What stands for an install in the ids of its fixes, and what is added to their numbers, modulo `NUMBERS`.

    The tag is told, the shift is not. So a day's numbers begin anywhere, and tell no more than how many fixes lie
    between two of that day: tag and numbers of the next have no more to do with them than random ones.
    """

    tag: str
    shift: int


class _Key:
    """One day's secret at work: each way of the permutation, and the key of what else is blinded."""

    def __init__(self, secret: Secret) -> None:
        # one block of random bits each: ECB is then the bare permutation, and a context serves any number of blocks
        cipher = Cipher(AES(secret.value), ECB())
        self.encryptor: CipherContext = cipher.encryptor()
        self.decryptor: CipherContext = cipher.decryptor()
        # copied for each id: to begin anew with the key takes three times as long
        self.blinding = blake2b(key=hmac.digest(secret.value, b"endcap blinding", "sha256"), digest_size=16)
        self.counting = blake2b(key=hmac.digest(secret.value, b"endcap counting", "sha256"), digest_size=32)
        self.dies_at = secret.dies_at


class DayNames:
    """The names of one day. One owner thread, and not for longer than the day's secret lives."""

    def __init__(self, day: Day, key: _Key) -> None:
        self.day = day
        self._key = key
        self._names: dict[str, str] = {}

    def of(self, uid: str) -> str:
        """Her name; a uid of another form than sessions give is its own name."""
        found = self._names.get(uid)
        if found is None:
            if len(self._names) >= CACHED:
                self._names.clear()
            found = self._names[uid] = _named(uid, self.day.name, self._key)
        return found

    def count(self, uid: str, install: str) -> Count:
        """How the fixes that an install sent for her are numbered: the same all day."""
        counting = self._key.counting.copy()
        counting.update(f"{uid} {install}".encode())
        digest = counting.digest()
        return Count(digest[:16].hex(), int.from_bytes(digest[16:], "big") % NUMBERS)

    def blind(self, text: str) -> str:
        """32 hexadecimal digits for an id that would tell of her beyond the day: the same all day for the same text."""
        blinded = self._key.blinding.copy()
        blinded.update(text.encode())
        return blinded.hexdigest()


class Pseudonyms:
    """Translates uids and names of the day. One owner thread.

    A secret stays in memory until its time is over, and then until the next call.

    Raises, where the secret of a day is not known yet:
        Unreachable: the shop's database does not answer.
    """

    def __init__(self, secrets: DaySecrets, clock: Clock) -> None:
        self._secrets = secrets
        self._clock = clock
        self._day: Day | None = None
        self._today: DayNames | None = None
        self._keys: dict[str, _Key] = {}
        self._none: set[str] = set()  # days that have no secret (any more)

    def today(self) -> DayNames:
        """The names that shoppers leave under now."""
        return self._on(self._clock.now())

    def outward(self, uid: str, at: datetime | None = None) -> str:
        """The name of `uid` on the day of `at`, by default now; a uid of another form is its own name."""
        return self._on(at or self._clock.now()).of(uid)

    def inward(self, name: str) -> str | Gone:
        """The uid behind a name; what is no name of a day is a uid already, as Ably's own rule writes it to Kafka."""
        match = NAME.fullmatch(name)
        if match is None:
            return name
        day, hidden = match.groups()
        key = self._key_of(day)
        return Gone(day) if key is None else key.decryptor.update(bytes.fromhex(hidden)).hex()

    def names(self, uid: str) -> list[str]:
        """Every name of hers that still leads to her, oldest first."""
        living = self._secrets.living(self._clock.now())
        return list(dict.fromkeys(_named(uid, day, _Key(secret)) for day, secret in living.items())) or [uid]

    def is_turning(self, day: str, within: timedelta) -> bool:
        """Whether a name's day began less than so long ago, or is about to begin by our clock; in our own time zone."""
        now = self._clock.now()
        today = self._day_at(now)
        if day == today.name:
            return now - today.began_at < within
        return day > today.name and today.ends_at - now < within

    def forget_old(self) -> None:
        """Drop the secrets whose time is over; whoever may be idle for hours calls it now and then.

        One that a backend further west makes live longer is read again when a name asks for it.
        """
        now = self._clock.now()
        for day in [day for day, key in self._keys.items() if key.dies_at <= now]:
            del self._keys[day]
            if self._today is not None and self._today.day.name == day:
                self._today = None

    def _day_at(self, at: datetime) -> Day:
        if self._day is None or not self._day.began_at <= at < self._day.ends_at:
            self._day = self._secrets.day_of(at)
        return self._day

    def _on(self, at: datetime) -> DayNames:
        self.forget_old()
        day = self._day_at(at)
        if self._today is None or self._today.day != day:
            key = self._keys[day.name] = _Key(self._secrets.made(day))
            self._none.discard(day.name)
            self._today = DayNames(day, key)
        return self._today

    def _key_of(self, day: str) -> _Key | None:
        """The key of a day that others named; None when its secret is destroyed."""
        self.forget_old()
        if day not in self._keys and day not in self._none:
            for each, secret in self._secrets.living(self._clock.now()).items():
                self._keys[each] = _Key(secret)
            if day not in self._keys:
                self._none.add(day)
        return self._keys.get(day)


def is_name(text: str) -> bool:
    """Whether this is a name of a day, and no lasting uid."""
    return NAME.fullmatch(text) is not None


def day_of(name: str) -> str:
    """The day of a name, such as `20261124`; a later day's is greater."""
    return name.partition(".")[0]


def _named(uid: str, day: str, key: _Key) -> str:
    return f"{day}.{key.encryptor.update(bytes.fromhex(uid)).hex()}" if UID.fullmatch(uid) else uid
