"""Settings: what she chose, kept in the wallet; each with a default that disturbs and tells the least."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime, time, timedelta
from typing import Any

from endcap.messages import ALERT_KINDS
from endcap_shopper.alert_policy import AlertRules, QuietHours
from endcap_shopper.i18n import LANGUAGES, PSEUDO
from endcap_shopper.views import TEXT_SCALES, Theme

log = logging.getLogger("endcap.shopper")

THEMES: tuple[Theme, ...] = ("system", "light", "dark", "contrast")
TEXT_VERSION = "2026-11"  # of the words she reads before she agrees


@dataclass(frozen=True, slots=True)
class AppSettings:
    """Everything she can set. `kinds_off` are alerts she does not want, `declined` coupons she let go of herself.

    Times are aware, except those of the quiet hours, which are on her wall clock.
    """

    language: str = ""  # "": as the machine is set, else English
    theme: Theme = "system"
    text_scale: float = 1.0
    reduced_motion: bool = False
    feet: bool = False
    quiet_on: bool = True
    quiet_from: time = time(22)
    quiet_until: time = time(8)
    kinds_off: frozenset[str] = frozenset()
    muted_until: datetime | None = None  # no alerts
    paused_until: datetime | None = None  # no location
    auto_clip: bool = False
    declined: frozenset[str] = frozenset()
    by_aisle: bool = False
    first_run_done: bool = False
    store: str = ""  # the one she looks at, when it is not the one she is in
    unknown: Mapping[str, Any] = field(default_factory=dict, compare=False)  # of a newer version: kept as it is

    @property
    def rules(self) -> AlertRules:
        """What the alert policy goes by."""
        quiet = QuietHours(self.quiet_from, self.quiet_until) if self.quiet_on else None
        return AlertRules({kind: kind not in self.kinds_off for kind in ALERT_KINDS}, quiet, self.muted_until)

    def to_json(self) -> dict[str, Any]:
        plain = {name: _plain(value) for name, value in asdict(self).items() if name != "unknown"}
        return {**self.unknown, **plain}

    @classmethod
    def from_json(cls, value: object) -> AppSettings:
        """Read what was kept; what can't be read is as it was at first, and its neighbours stay."""
        known = {each.name for each in fields(cls)} - {"unknown"}
        found: dict[str, Any] = {}
        for name, raw in value.items() if isinstance(value, Mapping) else ():
            if name in known:
                try:
                    found[name] = _READ[name](raw)
                except (KeyError, TypeError, ValueError):
                    log.warning("the setting %s can't be read and is as it was at first", name)
        unknown = {n: raw for n, raw in value.items() if n not in known} if isinstance(value, Mapping) else {}
        return cls(**found, unknown=unknown)


def tomorrow(now: datetime) -> datetime:
    """The beginning of the next day where she is: until when "today" lasts. `now` is aware, in her zone."""
    return (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)


def _plain(value: Any) -> Any:
    if isinstance(value, frozenset):
        return sorted(value)
    return value.isoformat() if isinstance(value, time | datetime) else value


def _one_of(*choices: Any) -> Any:
    def read(value: Any) -> Any:
        if value not in choices:
            raise ValueError(value)
        return value

    return read


def _scale(value: Any) -> float:
    """The nearest of today's sizes: the app had others before."""
    if isinstance(value, bool) or not 0.5 <= value <= 4.0:
        raise ValueError(value)
    return min(TEXT_SCALES, key=lambda scale: abs(scale - value))


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(value)
    return value


def _moment(value: Any) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value)


def _texts(value: Any) -> frozenset[str]:
    return frozenset(map(str, value))


_READ: dict[str, Any] = {
    "language": _one_of("", *LANGUAGES, PSEUDO),
    "theme": _one_of(*THEMES),
    "text_scale": _scale,
    "quiet_from": time.fromisoformat,
    "quiet_until": time.fromisoformat,
    "kinds_off": _texts,
    "declined": _texts,
    "muted_until": _moment,
    "paused_until": _moment,
    "store": str,
    **dict.fromkeys(("reduced_motion", "feet", "quiet_on", "auto_clip", "by_aisle", "first_run_done"), _flag),
}
