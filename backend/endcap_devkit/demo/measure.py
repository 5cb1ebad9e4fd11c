"""The demo's figures: rates, counts, and how long an offer takes from the post of its fix."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from time import monotonic

from endcap.geo import LatLon, distance_ft
from endcap.messages import CustomerAlert

KEPT = 2000  # latencies and seconds of history
HISTORY_S = 60  # drawn as lines
RATE_S = 4  # rates are means over so long: batches come every two
POSTS_KEPT = 40  # fixes of each shopper: more than are under way at once, also in the batches of a large crowd
SAME_FT = 0.11  # an alert's distance has one decimal


@dataclass(frozen=True, slots=True)
class Post:
    """One fix that was posted: where, and when the request began."""

    at_s: float
    point: LatLon


class Posts:
    """The last posts of one shopper, to tell which of them an alert answers."""

    def __init__(self) -> None:
        self._posts: deque[Post] = deque(maxlen=POSTS_KEPT)

    def note(self, points: Iterable[LatLon], at_s: float | None = None) -> None:
        began_s = monotonic() if at_s is None else at_s
        self._posts.extend(Post(began_s, point) for point in points)

    def answered(self, alert: CustomerAlert, shelves: Sequence[LatLon]) -> Post | None:
        """The newest post from which one of `shelves` is as far as the alert says; None when none fits.

        The distance identifies the fix: it was computed from the rounded coordinates that were posted.
        """
        for post in reversed(self._posts):
            for shelf in shelves:
                if alert.distance_ft is not None and abs(distance_ft(post.point, shelf) - alert.distance_ft) < SAME_FT:
                    return post
        return None


class Figures:
    """Counts since the start and rates of the last seconds. One thread: the demo's loop."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = dict.fromkeys(
            (
                "fixes",
                "fixes_sdk",
                "fixes_recorded",
                "refused",
                "failed",
                "offers",
                "offers_ws",
                "offers_sse",
                "offers_sdk",
                "visits",
                "doubled",
                "misdirected",
            ),
            0,
        )
        self.latencies_ms: deque[float] = deque(maxlen=KEPT)
        self._history: dict[str, deque[float]] = {
            "fixes_per_s": deque(maxlen=HISTORY_S),
            "offers_per_s": deque(maxlen=HISTORY_S),
        }
        self._seconds: deque[dict[str, int]] = deque([dict(self.counts)], maxlen=RATE_S + 1)

    def count(self, name: str, by: int = 1) -> None:
        self.counts[name] += by

    def took(self, seconds: float) -> None:
        self.latencies_ms.append(seconds * 1000)

    def tick(self) -> None:
        """A second has gone by."""
        self._seconds.append(dict(self.counts))
        first = self._seconds[0]
        for name, counted in (("fixes_per_s", "fixes"), ("offers_per_s", "offers")):
            rate = (self.counts[counted] - first[counted]) / max(1, len(self._seconds) - 1)
            self._history[name].append(round(rate, 1))

    def told(self) -> dict[str, object]:
        """As the page shows them."""
        return {
            **self.counts,
            **{name: values[-1] if values else 0 for name, values in self._history.items()},
            "p50_ms": percentile(self.latencies_ms, 0.5),
            "p95_ms": percentile(self.latencies_ms, 0.95),
            "history": {name: list(values) for name, values in self._history.items()},
        }


def percentile(values: Iterable[float], share: float) -> float | None:
    """The smallest value that at least `share` of all do not exceed; None of none."""
    ordered = sorted(values)
    if not ordered:
        return None
    rank = max(1, -int(-share * len(ordered) // 1))
    return round(ordered[rank - 1], 2)
