"""Reading what the shop's backend answers: one bad item never hides its neighbours."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeVar

from endcap.errors import BadMessage, OutOfRange

log = logging.getLogger("endcap.shopper")

T = TypeVar("T")


def each_of(values: object, read: Callable[[Any], T], what: str) -> tuple[T, ...]:
    """Each value that can be read; the others are left out, and the log says of what and why."""
    found = list[T]()
    for value in values if isinstance(values, list) else ():
        try:
            found.append(read(value))
        except BadMessage as fault:
            log.warning("%s is left out: %s", what, fault)
        except (OutOfRange, KeyError, TypeError, ValueError, AttributeError) as fault:
            log.warning("%s is left out: it can't be read (%s)", what, type(fault).__name__)
    return tuple(found)
