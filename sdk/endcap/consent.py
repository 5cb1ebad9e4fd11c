"""Consent: nothing is stored or sent, and no id is made, before it is given; its proof is kept."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from threading import Lock, RLock
from typing import Any, Literal

from endcap.clock import Clock, SystemClock
from endcap.errors import BadConfig
from endcap.storefile import sync_folder
from endcap.wire import write_instant

log = logging.getLogger("endcap")

MAX_PROOF_CHARS = 4096  # a proof is a note, not an archive


class Purpose(StrEnum):
    """What she may say yes to, each on its own."""

    LOCATION = "location"  # fixes and visits are kept and sent
    PROMOTIONS = "promotions"  # offers are received
    ANALYTICS = "analytics"  # what became of an offer (shown, opened) is reported


@dataclass(frozen=True, slots=True)
class ConsentRecord:
    """One act of hers. `text_version` names the wording she saw; `proof` is whatever the host noted about it."""

    action: Literal["grant", "revoke"]
    purposes: frozenset[Purpose]
    at: datetime
    text_version: str = ""
    proof: str = ""

    def to_json(self) -> dict[str, Any]:
        """What the file and an export hold."""
        return {
            "action": self.action,
            "purposes": sorted(self.purposes),
            "at": write_instant(self.at),
            "text_version": self.text_version,
            "proof": self.proof,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> ConsentRecord:
        """Read what `to_json` wrote; raises ValueError, KeyError or TypeError when it is none."""
        if value["action"] not in ("grant", "revoke"):
            raise ValueError(f"action {value['action']!r}")
        purposes = frozenset(Purpose(each) for each in value["purposes"])
        at = datetime.fromisoformat(value["at"])
        return cls(value["action"], purposes, at, value["text_version"], value["proof"])


Watcher = Callable[[frozenset[Purpose]], None]


class Consent:
    """What she has agreed to, by purpose; all off until `grant`.

    Kept as a log in one file, which first comes to be with the first grant. Safe from any thread; a watcher is called
    on the thread that granted or revoked, before that call returns.
    """

    def __init__(self, path: Path, clock: Clock | None = None) -> None:
        self._path = path
        self._clock = clock or SystemClock()
        self._writing = RLock()
        self._lock = Lock()
        self._watchers: list[Watcher] = []
        self._log = self._read()
        self._granted = _granted(self._log)

    def allows(self, purpose: Purpose) -> bool:
        """True while `purpose` is granted. Cheap: asked for every fix."""
        return purpose in self._granted

    @property
    def granted(self) -> frozenset[Purpose]:
        """The purposes she agrees to now; any thread."""
        return self._granted

    @property
    def text_version(self) -> str:
        """The wording she last agreed to; empty when she has agreed to none."""
        grants = [record.text_version for record in self._log if record.action == "grant"]
        return grants[-1] if grants and self._granted else ""

    @property
    def records(self) -> tuple[ConsentRecord, ...]:
        """Every grant and revocation, oldest first: the proof."""
        return tuple(self._log)

    def grant(self, *purposes: Purpose, text_version: str, proof: str = "") -> None:
        """She agrees to `purposes`, having read the text of that version.

        `proof` is the host's own note on how (a screen, a button, a signature). Raises OSError when it can't be kept:
        then nothing is granted.

        Raises:
            BadConfig: no purpose, no version of the text, or a proof of more than 4096 characters.
        """
        if not purposes:
            raise BadConfig("purposes", "is empty; name what she agreed to, such as Purpose.LOCATION")
        if not text_version:
            raise BadConfig("text_version", "is empty; name the version of the consent text she read")
        if len(proof) > MAX_PROOF_CHARS:
            raise BadConfig("proof", f"has {len(proof)} characters; at most {MAX_PROOF_CHARS} are kept")
        wanted = frozenset(Purpose(each) for each in purposes)
        with self._writing:
            record = ConsentRecord("grant", wanted, self._clock.now(), text_version, proof)
            self._write([*self._log, record])
            self._become([*self._log, record])

    def revoke(self, *purposes: Purpose) -> None:
        """She takes back `purposes`, or everything when none is named. Holds at once, even if the disk fails."""
        with self._writing:
            taken = frozenset(Purpose(each) for each in purposes) or frozenset(Purpose)
            record = ConsentRecord("revoke", taken, self._clock.now())
            if not taken & self._granted:
                return
            grown = [*self._log, record]
            self._granted = _granted(grown)  # first of all, stop
            self._keep_revocation(grown)
            self._become(grown)

    def watch(self, watcher: Watcher) -> None:
        """Call `watcher` with what is granted after each change."""
        with self._lock:
            self._watchers.append(watcher)

    def _become(self, records: list[ConsentRecord]) -> None:
        self._log = records
        self._granted = _granted(records)
        with self._lock:
            watchers = list(self._watchers)
        for watcher in watchers:
            watcher(self._granted)

    def _keep_revocation(self, records: list[ConsentRecord]) -> None:
        try:
            self._write(records)
        except OSError:
            log.warning("the revocation can't be written; removing the consent instead", exc_info=True)
            self._path.unlink(missing_ok=True)  # works on a full disk, and no file means no consent

    def _write(self, records: list[ConsentRecord]) -> None:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        text = json.dumps({"version": 1, "log": [record.to_json() for record in records]}, indent=1)
        draft = self._path.with_suffix(".new")
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._path)
        with suppress(OSError):  # some file systems can't: what is written there holds all the same
            sync_folder(self._path.parent)  # else a machine that dies now may wake with the consent she has revoked

    def _read(self) -> list[ConsentRecord]:
        try:
            value = json.loads(self._path.read_bytes())
            return [ConsentRecord.from_json(each) for each in value["log"]]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, KeyError, TypeError):
            log.warning(
                "the consent kept in %s can't be read; nothing is allowed until it is given anew", self._path.name
            )
            return []


def _granted(records: list[ConsentRecord]) -> frozenset[Purpose]:
    granted: frozenset[Purpose] = frozenset()
    for record in records:
        granted = granted | record.purposes if record.action == "grant" else granted - record.purposes
    return granted
