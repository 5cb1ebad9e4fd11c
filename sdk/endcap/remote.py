"""Remote: the few settings a shop may change from afar, each within its range, and its switch to turn the SDK off."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Self

from endcap.config import Config
from endcap.errors import BadMessage
from endcap.presets import PRESETS

log = logging.getLogger("endcap")

STATE = "remote"
ASK_EVERY_S = 60.0  # so a switch that is turned off is heard within a minute
CHANGEABLE = ("batch_size", "max_accuracy_m", "max_age_s", "max_speed_m_s", "retention_h")  # by their names in Config


@dataclass(frozen=True, slots=True)
class Remote:
    """What `GET /v1/config` says. It can make the SDK do less or otherwise, but never tell more of her."""

    version: int = 0
    enabled: bool = True  # False: no fix is taken and nothing is sent, until it is True again
    preset: str = ""
    changes: Mapping[str, float] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()  # names that are unknown or had no usable value

    @classmethod
    def from_json(cls, value: object) -> Self:
        """Read it; a number out of its range is moved to the end of the range, what can't be used is ignored.

        Raises:
            BadMessage: no JSON object, or without a version.
        """
        if not isinstance(value, Mapping):
            raise BadMessage("", "a remote configuration must be a JSON object")
        version, enabled = value.get("version"), value.get("enabled", True)
        if not isinstance(version, int) or isinstance(version, bool) or version < 0:
            raise BadMessage("version", "must be a whole number from 0 on")
        if not isinstance(enabled, bool):
            raise BadMessage("enabled", "must be true or false")
        named = value.get("preset")
        preset = named if isinstance(named, str) and named in PRESETS else ""
        changes, ignored = {}, []
        for name, wanted in value.items():
            number = _clamped(name, wanted)
            if number is not None:
                changes[name] = number
            elif name not in ("version", "enabled") and not (name == "preset" and preset):
                ignored.append(str(name)[:64])
        return cls(version, enabled, preset, changes, tuple(ignored))

    def to_text(self) -> str:
        preset = {"preset": self.preset} if self.preset else {}
        return json.dumps({"version": self.version, "enabled": self.enabled, **preset, **self.changes})

    def applied(self, config: Config) -> Config:
        """The host's configuration with what the shop changed."""
        kinds = {each.name: each.type for each in fields(Config)}
        changes: dict[str, Any] = {
            name: int(value) if kinds[name] == "int" else value for name, value in self.changes.items()
        }
        if self.preset:
            changes["preset"] = self.preset
        return replace(config, **changes)


def kept(text: str | None) -> Remote:
    """The last good one, as it was kept; the host's own settings when there is none."""
    if text is None:
        return Remote()
    try:
        return Remote.from_json(json.loads(text))
    except ValueError:  # BadMessage is one
        log.warning("the kept remote configuration can't be read; it is ignored")
        return Remote()


def _clamped(name: object, wanted: object) -> float | None:
    ranges = {each.name: each.metadata for each in fields(Config) if each.name in CHANGEABLE}
    if name not in ranges or isinstance(wanted, bool) or not isinstance(wanted, int | float) or wanted != wanted:
        return None
    about = ranges[str(name)]
    return float(min(about["high"], max(about["low"], wanted)))
