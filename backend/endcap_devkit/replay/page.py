"""The drawing: one HTML page with the walk, the fences, the visits over time and the reasons; it loads nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from html import escape
from importlib.resources import files

from endcap.fences import Circle, Geofence, GeofenceEvent
from endcap.geo import LatLon, local_m
from endcap.messages import Fix
from endcap.sim import Run
from endcap.tracks import Track

WIDTH, HEIGHT, MARGIN = 900.0, 600.0, 40.0  # of the map, in its own units
MOST_DOTS = 1500  # beyond it every nth fix gets one; the line has them all
BARS = (5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000)  # metres
FAR_M = 2000.0  # a fence farther from the walk than this is left out of the picture
GLYPHS = {"enter": "▲", "exit": "▼", "dwell": "◆", "approach": "◦", "cross": "✕"}
STYLE = files("endcap_devkit.replay").joinpath("page.css").read_text(encoding="utf-8")


def draw(track: Track, fences: Sequence[Geofence], run: Run) -> str:
    """The whole page."""
    plane = _Plane(track.fixes, fences)
    title = escape(track.name or "A walk")
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><style>{STYLE}</style></head>
<body><h1>{title}</h1><p>{_summary(track, run)}</p>
<main><div>
<section><h2>The walk</h2>{_map(plane, track, fences, run)}</section>
<section><h2>Visits</h2>{_timeline(fences, run)}</section>
</div><div>
<section><h2>What was told</h2>{_events(run)}</section>
<section><h2>Why, fence by fence</h2>{_reasons(fences, run)}</section>
<section><h2>What it cost</h2>{_cost(run)}</section>
</div></main></body></html>
"""


class _Plane:
    """Metres around the walk's middle, fitted into the map."""

    def __init__(self, fixes: Sequence[Fix], fences: Sequence[Geofence]) -> None:
        self._middle = fixes[len(fixes) // 2].point
        spots = [local_m(self._middle, fix.point) for fix in fixes]
        for fence in fences:
            east, north = local_m(self._middle, fence.shape.centre)
            reach = fence.shape.extent_m
            if any(abs(east - x) + abs(north - y) < FAR_M + reach for x, y in spots[:: len(spots) // 50 + 1]):
                spots += [(east - reach, north - reach), (east + reach, north + reach)]
        self._west, self._south = min(x for x, _ in spots), min(y for _, y in spots)
        wide, high = max(x for x, _ in spots) - self._west, max(y for _, y in spots) - self._south
        self.scale = min((WIDTH - 2 * MARGIN) / max(wide, 1.0), (HEIGHT - 2 * MARGIN) / max(high, 1.0))
        self._left, self._down = (WIDTH - wide * self.scale) / 2, (HEIGHT - high * self.scale) / 2

    def at(self, point: LatLon) -> tuple[float, float]:
        east, north = local_m(self._middle, point)
        return self._left + (east - self._west) * self.scale, HEIGHT - self._down - (north - self._south) * self.scale


def _summary(track: Track, run: Run) -> str:
    first, last = track.fixes[0].taken_at, track.fixes[-1].taken_at
    dropped = sum(run.dropped.values())
    return (
        f"{first:%Y-%m-%d %H:%M} to {last:%H:%M} UTC · {len(track.fixes):,} fixes recorded, {len(run.fixes):,} used, "
        f"{dropped:,} dropped · {len(run.events)} events"
    )


def _map(plane: _Plane, track: Track, fences: Sequence[Geofence], run: Run) -> str:
    visited = {event.fence_id for event in run.events if event.kind == "enter"}
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in (plane.at(fix.point) for fix in track.fixes))
    step = len(run.fixes) // MOST_DOTS + 1
    dots = "".join(
        f'<circle class="fix" cx="{x:.1f}" cy="{y:.1f}" r="1.8"/>'
        for x, y in (plane.at(fix.point) for fix in run.fixes[::step])
    )
    shapes = "".join(_fence(plane, fence, fence.id in visited) for fence in fences)
    marks = "".join(_mark(plane, event, run) for event in run.events)
    return (
        f'<svg viewBox="0 0 {WIDTH:.0f} {HEIGHT:.0f}" role="img" aria-label="The walk and the fences">{shapes}'
        f'<polyline class="track" points="{line}"/>{dots}{marks}{_bar(plane)}</svg>'
    )


def _fence(plane: _Plane, fence: Geofence, visited: bool) -> str:
    kind = "fence visited" if visited else "fence"
    x, y = plane.at(fence.shape.centre)
    above = y - fence.shape.extent_m * plane.scale - 6
    name = f'<text class="soft" x="{x:.1f}" y="{above:.1f}" text-anchor="middle">{escape(fence.id)}</text>'
    if isinstance(fence.shape, Circle):
        return f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="{fence.shape.radius_m * plane.scale:.1f}"/>{name}'
    rings = [fence.shape.outer, *fence.shape.holes]
    path = " ".join("M" + "L".join(f"{px:.1f} {py:.1f}" for px, py in map(plane.at, ring)) + "Z" for ring in rings)
    return f'<path class="{kind}" fill-rule="evenodd" d="{path}"/>{name}'


def _mark(plane: _Plane, event: GeofenceEvent, run: Run) -> str:
    fix = min(run.fixes, key=lambda fix: abs((fix.taken_at - event.occurred_at).total_seconds()))
    x, y = plane.at(fix.point)
    told = escape(f"{event.kind} {event.fence_id} {event.occurred_at:%H:%M:%S}, p {event.p_inside:.2f}")
    glyph = f"{GLYPHS[event.kind]}<title>{told}</title>"
    return f'<text class="mark {event.kind}" x="{x:.1f}" y="{y + 5:.1f}">{glyph}</text>'


def _bar(plane: _Plane) -> str:
    metres = max((each for each in BARS if each * plane.scale <= WIDTH / 4), default=BARS[0])
    length, y = metres * plane.scale, HEIGHT - 14
    return (
        f'<path class="bar" d="M{MARGIN} {y} h{length:.1f}"/>'
        f'<text x="{MARGIN + length + 8:.1f}" y="{y + 4}">{metres:,} m</text>'
    )


def _timeline(fences: Sequence[Geofence], run: Run) -> str:
    """A line a fence that was visited, a bar a visit."""
    seen = [fence.id for fence in fences if run.of(fence.id)]
    if not seen or not run.fixes:
        return "<p>None.</p>"
    first, last = run.fixes[0].taken_at, run.fixes[-1].taken_at
    span_s = max(1.0, (last - first).total_seconds())

    def x(moment: datetime) -> float:
        return 140 + (WIDTH - 160) * min(1.0, max(0.0, (moment - first).total_seconds() / span_s))

    rows = []
    for row, fence_id in enumerate(seen):
        y = row * 26 + 8
        rows.append(f'<path class="axis" d="M140 {y + 7} H{WIDTH - 20}"/>')
        rows.append(f'<text x="0" y="{y + 12}">{escape(fence_id[:20])}</text>')
        for begin, end in _visits(run.of(fence_id), last):
            wide = max(2.0, x(end) - x(begin))
            rows.append(f'<rect class="visit" x="{x(begin):.1f}" y="{y}" width="{wide:.1f}" height="14" rx="3"/>')
    high = len(seen) * 26 + 24
    ends = f'<text class="soft" x="140" y="{high - 4}">{first:%H:%M:%S}</text>'
    ends += f'<text class="soft" x="{WIDTH - 20}" y="{high - 4}" text-anchor="end">{last:%H:%M:%S}</text>'
    return f'<svg viewBox="0 0 {WIDTH:.0f} {high}" role="img" aria-label="Visits over time">{"".join(rows)}{ends}</svg>'


def _visits(events: Sequence[GeofenceEvent], last: datetime) -> list[tuple[datetime, datetime]]:
    begun = {event.visit_id: event.occurred_at for event in events if event.kind == "enter"}
    ended = {event.visit_id: event.occurred_at for event in events if event.kind == "exit"}
    return [(at, ended.get(visit, last)) for visit, at in begun.items()]


def _events(run: Run) -> str:
    if not run.events:
        return "<p>Nothing. Below, each fence says why.</p>"
    rows = "".join(
        f'<tr><td>{event.occurred_at:%H:%M:%S}</td><td class="{event.kind}">{GLYPHS[event.kind]} {event.kind}</td>'
        f"<td>{escape(event.fence_id)}</td><td>{event.p_inside:.2f}</td>"
        f"<td>{(event.decided_at - event.occurred_at).total_seconds():.0f} s</td></tr>"
        for event in run.events
    )
    return f"<table><tr><th>at</th><th>what</th><th>fence</th><th>p</th><th>told after</th></tr>{rows}</table>"


def _reasons(fences: Sequence[Geofence], run: Run) -> str:
    told = []
    for fence in fences:
        why = escape(str(run.explain(fence.id, moment_of(run, fence))))
        told.append(f"<details><summary>{escape(fence.id)}</summary><pre>{why}</pre></details>")
    return "".join(told) or "<p>No fences: give some by --fences or --fence.</p>"


def moment_of(run: Run, fence: Geofence) -> datetime | None:
    """What there is to explain of a fence: when it last fired, else when she was nearest to it."""
    events = run.of(fence.id)
    if events:
        return events[-1].decided_at
    nearest = min(run.fixes, key=lambda fix: fence.shape.boundary_m(fix.point), default=None)
    return None if nearest is None else nearest.taken_at


def _cost(run: Run) -> str:
    budget = run.budget
    rows = [
        ("fixes an hour", f"{budget.fixes_an_hour:.0f}"),
        ("GPS seconds an hour", f"{budget.gps_s_an_hour:.0f}"),
        ("uploads an hour", f"{budget.uploads_an_hour:.0f}"),
        *((f"dropped: {reason}", f"{count:,}") for reason, count in run.dropped.most_common()),
    ]
    return "<table>" + "".join(f"<tr><td>{escape(name)}</td><td>{value}</td></tr>" for name, value in rows) + "</table>"
