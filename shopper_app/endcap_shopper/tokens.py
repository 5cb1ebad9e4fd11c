"""Tokens: her session where the machine keeps secrets."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from hashlib import sha256

from endcap.session import STATE
from endcap_shopper.platform.ports import Secrets

log = logging.getLogger("endcap.shopper")


class Tokens:
    """What the SDK asks of a place for her session. Any thread.

    A machine that refuses to keep it is no reason to stop: the session then lasts as long as the process, and she gets
    another one afterwards. `on_whose` hears whose session it is, as a mark that tells one pseudonym from another and
    names none, each time one is kept; on the thread that keeps it.
    """

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets
        self.on_whose: Callable[[str], None] = lambda mark: None
        self._unkept: dict[str, str | None] = {}

    def get(self, name: str) -> str | None:
        return self._unkept[name] if name in self._unkept else self._secrets.get(name)

    def set(self, name: str, value: str | None) -> None:
        try:
            self._secrets.set(name, value)
            self._unkept.pop(name, None)
        except OSError as fault:
            log.warning("her session can't be kept and ends with the app: %s", fault)
            self._unkept[name] = value
        if name == STATE and value is not None:
            self.on_whose(_mark(value))


def _mark(session: str) -> str:
    return sha256(str(json.loads(session)["uid"]).encode()).hexdigest()[:16]
