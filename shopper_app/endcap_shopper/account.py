"""Account: what she agrees to, pauses, takes along and has erased; all of it the SDK's, on a thread of its own."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from endcap import Endcap, Purpose
from endcap.errors import EndcapError, NotPermitted
from endcap.wire import write_instant
from endcap_shopper.ground import Ground
from endcap_shopper.lane import Lane
from endcap_shopper.settings import TEXT_VERSION, tomorrow
from endcap_shopper.views import Pause

log = logging.getLogger("endcap.shopper")

FIXES = "fixes"  # how the log of what left the phone calls positions and visits


class Account:
    """The SDK behind the screens. Called on the window's thread, and returns at once; a lane does what may block."""

    def __init__(self, ground: Ground, client: Endcap, folder: Path, changed: Callable[[], None]) -> None:
        self._ground, self._client, self._folder = ground, client, folder
        self._changed = changed
        self._lane = Lane("endcap-account", self._failed)
        self._sent = 0
        self.running = False  # the SDK has begun, all of it
        ground.state.granted = frozenset(map(str, client.consent.granted))

    def start(self) -> None:
        """Begin what she has agreed to."""
        self._do("start", self._start)

    def close(self) -> None:
        """End the SDK; what it has not sent stays with it."""
        self._lane.do("note", self._note)
        self._lane.do("close", self._client.close)
        self._lane.close(5.0, finish=True)

    def until_idle(self, timeout_s: float = 10.0) -> bool:
        """Block, in real time, until all is done; for tests."""
        return self._lane.until_idle(timeout_s)

    def agree(self, purposes: frozenset[str], screen: str) -> None:
        """She agrees to exactly these from now on."""
        self._ground.state.granted = purposes
        self._ground.tell(None)
        self._do("agree", lambda: self._agree(purposes, screen))

    def pause(self, how_long: Pause) -> None:
        """No location for an hour, or until midnight."""
        now = self._ground.now()
        until = now + timedelta(hours=1) if how_long == "hour" else tomorrow(now)
        self._ground.set(paused_until=until)
        self._ground.state.here = None
        self._do("mode", self._match_mode)
        self._ground.tell(None)

    def resume(self) -> None:
        self._ground.set(paused_until=None)
        self._do("mode", self._match_mode)
        self._ground.tell(None)

    def note_sent(self) -> None:
        """Bring the log of what left the phone up to date."""
        self._lane.do("note", self._note)

    def export(self, more: dict[str, Any]) -> None:
        """Write all that is known of her, here and at the shop, and `more`, to a file."""
        self._busy(True)
        self._do("export", lambda: self._export(more))

    def delete(self) -> None:
        """Have the shop erase her, then this phone forget whom the shop knew."""
        self._ground.state.granted, self._ground.state.known = frozenset(), False  # what still comes in is nobody's
        self._busy(True)
        self._do("delete", self._delete)

    def network_back(self) -> None:
        self._lane.do("resume", self._client.resume)

    def _start(self) -> None:
        self._match_mode()
        try:
            self._client.start()
        except NotPermitted as fault:
            log.info("the machine does not let the app locate: %s", fault)
        self.running = True
        self._ground.post(self._changed)

    def _match_mode(self) -> None:
        until = self._ground.state.settings.paused_until
        paused = until is not None and self._ground.now() < until
        wanted = "off" if paused else self._client.config.privacy
        if self._client.privacy != wanted:
            try:
                self._client.privacy = wanted
            except NotPermitted as fault:
                log.info("the machine does not let the app locate: %s", fault)

    def _agree(self, purposes: frozenset[str], screen: str) -> None:
        consent = self._client.consent
        wanted = frozenset(map(Purpose, purposes))
        taken, given = consent.granted - wanted, wanted - consent.granted
        if taken:
            consent.revoke(*taken)
        if given:
            try:
                consent.grant(*given, text_version=TEXT_VERSION, proof=screen)
            except NotPermitted as fault:
                log.info("the machine does not let the app locate: %s", fault)
        granted = frozenset(map(str, consent.granted))
        self._ground.post(lambda: self._agreed(granted))

    def _agreed(self, granted: frozenset[str]) -> None:
        self._ground.state.granted = granted
        if "location" not in granted:
            self._ground.state.here = None
        self._changed()
        self._ground.tell(None)

    def _note(self) -> None:
        sent = int(self._client.diagnostics()["publisher"]["sent"])
        more = sent - self._sent if sent >= self._sent else sent  # it counts anew when the SDK began anew
        self._sent = sent
        if more:
            self._ground.wallet.log_sent(FIXES, more, self._ground.now())
            self._ground.post(lambda: self._ground.tell("privacy"))

    def _export(self, more: dict[str, Any]) -> None:
        found = self._client.export() | more
        stamp = self._ground.now().strftime("%Y-%m-%d-%H%M%S")
        path = self._folder / f"endcap-{stamp}.json"
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            json.dump(found, file, ensure_ascii=False, indent=1)
        lacking = bool(found.get("backend_fault")) and bool(self._client.consent.granted)
        self._ground.post(lambda: self._exported(path, lacking))

    def _exported(self, path: Path, lacking: bool) -> None:
        t = self._ground.state.words.t
        said = t("Written to {path}.", path=path)
        if lacking:
            said += " " + t("The shop could not be asked; what it holds is not in it.")
        self._done(said)

    def _delete(self) -> None:
        receipt = self._client.delete_my_data()
        self._ground.wallet.forget()
        number = str(receipt.answer.get("receipt") or receipt.answer.get("id") or "")
        self._ground.post(lambda: self._deleted(write_instant(receipt.at), number))

    def _deleted(self, at: str, number: str) -> None:
        t = self._ground.state.words.t
        said = t("You are erased at the shop, and here. Receipt: {number}", number=number or at)
        self._ground.state.granted = frozenset()
        self._changed()
        self._done(said)

    def _done(self, result: str) -> None:
        self._ground.state.result = result
        self._busy(False)

    def _busy(self, busy: bool) -> None:
        self._ground.state.busy = busy
        self._ground.tell("privacy")

    def _do(self, key: str, call: Callable[[], None]) -> None:
        self._lane.do(key, call)

    def _failed(self, key: str, fault: Exception) -> None:
        self._ground.post(lambda: self._say(key, fault))

    def _say(self, key: str, fault: Exception) -> None:
        t, state = self._ground.state.words.t, self._ground.state
        state.granted = frozenset(map(str, self._client.consent.granted))
        if key == "delete":
            state.result = t("Nothing was erased: the shop can't be reached. Try again with a network.")
            self._changed()
        elif key == "export":
            state.result = t("The file can't be written.")
        elif isinstance(fault, EndcapError | OSError):
            state.fault = t("That did not work: {fault}", fault=fault)
        state.busy = False
        self._ground.tell(None)
