"""What tells where she is beside a position: a scanned sign, the Wi-Fi, a beacon, the OS's geofence, her own word."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from math import exp, isfinite, log
from typing import Literal, NamedTuple, get_args

from endcap.errors import BadMessage
from endcap.geo import LatLon, check

EvidenceKind = Literal["sign", "manual", "beacon", "wifi", "os_fence"]


@dataclass(frozen=True, slots=True)
class Evidence:
    """Something that says that she is at a fence, or that she is no longer.

    `point` is where the sign, beacon or access point stands, when that is known: it then tells her position as well.

    Raises:
        BadMessage: names the field.
        OutOfRange: a point that is not on Earth.
    """

    kind: EvidenceKind
    fence_id: str
    at: datetime  # aware
    inside: bool = True
    floor: int | None = None  # where it stands
    point: LatLon | None = None
    accuracy_m: float | None = None  # 68 % radius around `point`; None: what is usual for the kind

    def __post_init__(self) -> None:
        if self.kind not in get_args(EvidenceKind):
            raise BadMessage("kind", f"must be one of {', '.join(get_args(EvidenceKind))}")
        if self.at.tzinfo is None:
            raise BadMessage("at", "must have a time zone")
        if self.accuracy_m is not None and not (isfinite(self.accuracy_m) and self.accuracy_m > 0):
            raise BadMessage("accuracy_m", "must be over 0")
        if self.point is not None:
            check(LatLon(*self.point))


class Weight(NamedTuple):
    """What a kind of evidence is worth, in natural log-odds, when it is new; the half-life is how fast it ages."""

    inside: float
    outside: float
    half_life_s: float
    gone_half_life_s: float  # "no longer there" stays true for longer
    accuracy_m: float  # of its point
    certain: bool  # decides without a hold


WEIGHTS: Mapping[EvidenceKind, Weight] = {
    "sign": Weight(log(10_000), -log(10_000), 60, 600, 5, certain=True),  # she stands before it with the phone out
    "manual": Weight(log(10_000), -log(10_000), 600, 600, 10, certain=True),  # she or her app says so
    "beacon": Weight(log(50), -3.5, 20, 600, 8, certain=False),  # ten metres; the phone beside it may miss a scan
    "wifi": Weight(log(20), -3.5, 120, 600, 40, certain=False),  # heard outside the door too
    "os_fence": Weight(log(4.5), -3.5, 60, 600, 150, certain=False),  # right four times of five
}
SILENT = 0.05  # log-odds; evidence that has aged below it is forgotten
P_FLOOR = 0.001  # neither a position nor its absence is surer than this when other evidence speaks

Heard = tuple[bool, int]  # (inside, at in milliseconds since 1970): the last of a kind about one fence


def odds_of(heard: Mapping[str, Heard], at_ms: int) -> float:
    """The sum of what has been heard, aged to `at_ms`, in log-odds for inside."""
    return sum(_aged(kind, inside, at_ms - heard_ms) for kind, (inside, heard_ms) in heard.items())


def audible(heard: Mapping[str, Heard], at_ms: int) -> dict[str, Heard]:
    """What still counts."""
    return {
        kind: (inside, heard_ms)
        for kind, (inside, heard_ms) in heard.items()
        if abs(_aged(kind, inside, at_ms - heard_ms)) >= SILENT
    }


def _aged(kind: str, inside: bool, age_ms: int) -> float:
    weight = WEIGHTS[kind]  # type: ignore[index]  # only known kinds are kept
    half_life_s = weight.half_life_s if inside else weight.gone_half_life_s
    return float((weight.inside if inside else weight.outside) * 0.5 ** (max(0, age_ms) / 1000 / half_life_s))


def joined(p: float, log_odds: float) -> float:
    """A probability after more evidence; without any it is left as it is."""
    if log_odds == 0:
        return p
    p = min(1 - P_FLOOR, max(P_FLOOR, p))
    return 1 / (1 + exp(-log(p / (1 - p)) - log_odds))
