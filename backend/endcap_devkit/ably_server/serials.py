"""Serials: the order of a channel, in text that sorts lexically."""

from __future__ import annotations

import re
import secrets
import string
from typing import Final

_SERIAL = re.compile(r"(\d{14}-\d{3}@([A-Za-z0-9]+))(?::\d{3})?")
_ALPHABET: Final = string.ascii_letters + string.digits
_COUNTS: Final = 1_000  # serials of one millisecond


class Serials:
    """Issues a channel's serials: `<14-digit ms>-<3-digit counter>@<series>`.

    The series is random for each channel instance, so that a serial from an earlier run is known as foreign.
    """

    def __init__(self, now_ms: int) -> None:
        self.series = random_word(11)
        self._ms, self._count = now_ms, 0

    @property
    def head(self) -> str:
        """The last serial issued; before the first, one that is older than all."""
        return f"{self._ms:014d}-{self._count:03d}@{self.series}"

    def issue(self, now_ms: int) -> str:
        """The next serial; greater than every one before, also when the clock stands still or runs back."""
        if now_ms > self._ms:
            self._ms, self._count = now_ms, 0
        else:
            self._count += 1
            if self._count == _COUNTS:
                self._ms, self._count = self._ms + 1, 0
        return self.head

    def owns(self, serial: str) -> bool:
        """Whether `serial` (of a publish or of a message) was issued by this channel instance."""
        found = _SERIAL.fullmatch(serial)
        return found is not None and found[2] == self.series


def message_serial(serial: str, index: int) -> str:
    """The serial of one message of a publish; sorts after the publish's own serial and before the next publish's."""
    return f"{serial}:{index:03d}"


def publish_serial(serial: str) -> str:
    """The serial of the publish that a message's serial belongs to; any other text as it is."""
    found = _SERIAL.fullmatch(serial)
    return found[1] if found else serial


def just_before(serial: str) -> str:
    """A position between a message's serial and the one before it, whether or not there is such a message."""
    ms, count, index = int(serial[:14]), int(serial[15:18]), int(serial[-3:])
    series = serial[19:-4]
    if index == 0:
        index = _COUNTS
        count -= 1
    if count < 0:
        ms, count = ms - 1, _COUNTS - 1
    return message_serial(f"{ms:014d}-{count:03d}@{series}", index - 1)


def random_word(length: int) -> str:
    """Letters and digits for ids; about 6 bits each."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))
