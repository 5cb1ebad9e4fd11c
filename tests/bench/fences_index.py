"""A hundred thousand fences on a device: nearest 19, a check a fix, memory; and whether shapes agree with shapely."""

from __future__ import annotations

import gc
import time
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from math import cos, pi, sin
from random import Random
from statistics import median

import shapely

from endcap.fences import Circle, FenceIndex, Geofence, GeofenceMonitor, Polygon
from endcap.geo import LatLon, distance_m, offset
from endcap.messages import Fix

MORNING = datetime(2026, 11, 24, 8, tzinfo=UTC)
EUROPE = (45.0, 60.0, 5.0, 25.0)  # degrees: south, north, west, east
MALL = LatLon(60.16952, 24.93545)


def run(quick: bool) -> str:
    """Tables of speed, memory and agreement, as Markdown."""
    count, points = (20_000, 100_000) if quick else (100_000, 1_000_000)
    worlds = {
        "in stores of 20, over Europe": in_stores(count),
        "strewn over Europe": strewn(count),
        "a fifth of them in one mall": [*in_stores(count - count // 5), *mall(count // 5)],
    }
    lines = [
        f"## {count:,} fences on a device",
        "",
        "CPU times of pure Python, so that the machine's other load does not count; the check is "
        "`GeofenceMonitor.observe`, filter and all, on a walk by a fence.",
        "",
        "| fences | build | memory | nearest 19: p50 / p99 | against looking at each | check a fix: p50 / p99 |",
        "|---" * 6 + "|",
    ]
    lines += [_row(name, fences, quick) for name, fences in worlds.items()]
    return "\n".join([*lines, "", _agreement(points)])


def in_stores(count: int) -> list[Geofence]:
    random = Random(1)
    south, north, west, east = EUROPE
    fences: list[Geofence] = []
    while len(fences) < count:
        store = LatLon(random.uniform(south, north), random.uniform(west, east))
        for _ in range(min(20, count - len(fences))):
            place = offset(store, random.gauss(0, 150), random.gauss(0, 150))
            fences.append(Geofence(f"store-{len(fences)}", Circle(place, 30.48)))
    return fences


def strewn(count: int) -> list[Geofence]:
    random = Random(2)
    south, north, west, east = EUROPE
    return [
        Geofence(f"place-{n}", Circle(LatLon(random.uniform(south, north), random.uniform(west, east)), 100.0))
        for n in range(count)
    ]


def mall(count: int) -> list[Geofence]:
    """Sections of 5 m in 300 x 300 m."""
    random = Random(3)
    return [
        Geofence(f"mall-{n}", Circle(offset(MALL, random.uniform(-150, 150), random.uniform(-150, 150)), 5.0))
        for n in range(count)
    ]


def _row(name: str, fences: list[Geofence], quick: bool) -> str:
    random = Random(4)
    began = time.thread_time()
    index = FenceIndex(fences)
    build_s = time.thread_time() - began
    looks = 300 if quick else 2000
    places = [
        offset(random.choice(fences[-len(fences) // 5 :]).shape.centre, random.gauss(0, 100), random.gauss(0, 100))
        for _ in range(looks)
    ]
    gc.collect()
    gc.freeze()  # the list of fences is the bench's; on a device nobody else holds them
    nearest = _times(lambda place: index.nearest(place, 19), places)
    each = _times(lambda place: _by_looking_at_each(fences, place), places[: 5 if quick else 20])
    check = _check_times(fences, places[0], looks)
    gc.unfreeze()
    return (
        f"| {name} | {build_s:.2f} s | {_memory_mb(fences):.1f} MB | {_ms(nearest)} "
        f"| {median(each) / median(nearest):,.0f} x | {_us(check)} |"
    )


def _by_looking_at_each(fences: Sequence[Geofence], place: LatLon) -> list[tuple[float, str]]:
    return sorted(
        (max(0.0, distance_m(place, fence.shape.centre) - fence.shape.extent_m), fence.id) for fence in fences
    )[:19]


def _times(call: Callable[[LatLon], object], places: Sequence[LatLon]) -> list[float]:
    found = []
    for place in places:
        began = time.thread_time()
        call(place)
        found.append(time.thread_time() - began)
    return sorted(found)


def _check_times(fences: list[Geofence], start: LatLon, count: int) -> list[float]:
    monitor, found = GeofenceMonitor(fences, install="bench"), []
    for fix in _walk(start, count):
        began = time.thread_time()
        monitor.observe(fix)
        found.append(time.thread_time() - began)
    return sorted(found)


def _walk(start: LatLon, count: int) -> Iterator[Fix]:
    """To and fro through the neighbourhood at a walking pace, 10 m accurate."""
    random = Random(5)
    for second in range(count):
        place = offset(start, 100 * sin(second / 80) + random.gauss(0, 6), 60 * cos(second / 110) + random.gauss(0, 6))
        yield Fix(*place, MORNING + timedelta(seconds=second), 10.0)


def _memory_mb(fences: Sequence[Geofence]) -> float:
    """What the index holds of fences that nobody else holds: ids, columns and tree."""
    tracemalloc.start()
    index = FenceIndex(
        Geofence("".join(fence.id), Circle(LatLon(*fence.shape.centre), fence.shape.extent_m)) for fence in fences
    )
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return held / 1e6 if len(index) else 0.0


def _agreement(points: int) -> str:
    random, differ, asked = Random(6), 0, 0
    while asked < points:
        centre = LatLon(random.uniform(-70, 70), random.uniform(-179, 179))
        polygon = _star(random, centre)
        flip = [[(lon, lat) for lat, lon in ring] for ring in (polygon.outer, *polygon.holes)]
        tried = [offset(centre, random.uniform(-210, 210), random.uniform(-210, 210)) for _ in range(2000)]
        theirs = shapely.covers(shapely.Polygon(flip[0], flip[1:]), shapely.points([(lon, lat) for lat, lon in tried]))
        differ += sum(polygon.contains(point) != bool(said) for point, said in zip(tried, theirs, strict=True))
        asked += len(tried)
    return f"{asked:,} random points, {asked // 2000} random polygons with a hole: shapely says otherwise of {differ}."


def _star(random: Random, centre: LatLon) -> Polygon:
    spikes = random.randint(3, 60)
    reaches = [random.uniform(40, 200) for _ in range(spikes)]
    ring = [offset(centre, m * cos(2 * pi * n / spikes), m * sin(2 * pi * n / spikes)) for n, m in enumerate(reaches)]
    hole = [offset(centre, 12 * cos(turn), 12 * sin(turn)) for turn in (0.1, 1.5, 3.3, 4.6)]
    return Polygon(tuple(ring), holes=(tuple(hole),))


def _ms(times: list[float]) -> str:
    return f"{median(times) * 1e3:.2f} / {times[int(len(times) * 0.99)] * 1e3:.2f} ms"


def _us(times: list[float]) -> str:
    return f"{median(times) * 1e6:.0f} / {times[int(len(times) * 0.99)] * 1e6:.0f} µs"
