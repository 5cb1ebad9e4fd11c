"""How `walk.gpx` was made: a recorded walk, turned and moved as a whole onto the streets of central Helsinki.

Shape, pauses, times and GPS noise stay as they were recorded; only where it happened differs. See README.md beside
this file. Needs shapely, which the tests bring:

    python make_walk.py cerknicko-jezero.gpx helsinki.geojson > walk.gpx
"""
# mypy: disable-error-code="import-not-found, import-untyped"

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime
from math import cos, radians, sin
from xml.etree import ElementTree

import shapely

from endcap.geo import LatLon, local_m, offset

GPX = {"": "http://www.topografix.com/GPX/1/0"}
TRACK = "ACTIVE LOG #2"
WALKED = {"major", "street", "walk", "path"}
CORE_M = 330.0  # the walk's middle stays this close to the map's
STEP_M, STEP_DEG = 15.0, 5

Place = tuple[float, float]


def recorded(path: str) -> list[tuple[datetime, LatLon]]:
    """The fixes of the walk in the file, oldest first."""
    for track in ElementTree.parse(path).getroot().findall("trk", GPX):
        if track.findtext("name", "", GPX) == TRACK:
            points = track.iterfind("trkseg/trkpt", GPX)
            return [(_time(each), LatLon(float(each.attrib["lat"]), float(each.attrib["lon"]))) for each in points]
    raise SystemExit(f"{path} holds no track named {TRACK}")


def _time(point: ElementTree.Element) -> datetime:
    return datetime.fromisoformat(point.findtext("time", "", GPX).replace("Z", "+00:00"))


def best_place(walk: Sequence[Place], streets: shapely.Geometry, stores: shapely.Geometry) -> list[Place]:
    """The walk turned and moved to where it keeps closest to streets, and half of it to shops."""
    shapely.prepare(streets)
    return min(candidates(walk), key=lambda moved: cost(moved, streets, stores))


def candidates(walk: Sequence[Place]) -> Iterator[list[Place]]:
    middle_east = sum(east for east, _ in walk) / len(walk)
    middle_north = sum(north for _, north in walk) / len(walk)
    steps = range(-int(CORE_M / STEP_M), int(CORE_M / STEP_M) + 1)
    for turned_deg in range(0, 360, STEP_DEG):
        c, s = cos(radians(turned_deg)), sin(radians(turned_deg))
        turned = [
            (c * (e - middle_east) - s * (n - middle_north), s * (e - middle_east) + c * (n - middle_north))
            for e, n in walk
        ]
        for east in steps:
            for north in steps:
                yield [(e + east * STEP_M, n + north * STEP_M) for e, n in turned]


def cost(moved: Sequence[Place], streets: shapely.Geometry, stores: shapely.Geometry) -> float:
    points = shapely.points(moved[::4])
    off_street = shapely.distance(streets, points).mean()
    off_shop = sorted(shapely.distance(stores, points))[: len(points) // 2][-1]
    return float(off_street + 0.3 * off_shop)


def write(walk_path: str, map_path: str) -> None:
    with open(map_path) as file:
        city = json.load(file)
    centre = LatLon(*city["centre"])
    shapes: dict[str, list[shapely.Geometry]] = {"street": [], "store": []}
    for feature in city["features"]:
        properties = feature["properties"]
        if properties["layer"] == "store" or properties.get("kind") in WALKED:
            shape = shapely.from_geojson(json.dumps(feature["geometry"]))
            flat = shapely.transform(shape, lambda c: [local_m(centre, LatLon(n, e)) for e, n in c])
            shapes[properties["layer"]].append(flat)
    fixes = recorded(walk_path)
    flat_walk = [local_m(fixes[0][1], point) for _, point in fixes]
    placed = best_place(flat_walk, shapely.union_all(shapes["street"]), shapely.union_all(shapes["store"]))
    points = (offset(centre, east, north) for east, north in placed)
    rows = "\n".join(
        f'<trkpt lat="{point.latitude_deg:.6f}" lon="{point.longitude_deg:.6f}">'
        f"<time>{taken_at:%Y-%m-%dT%H:%M:%SZ}</time></trkpt>"
        for (taken_at, _), point in zip(fixes, points, strict=True)
    )
    sys.stdout.write(HEAD + rows + "\n</trkseg></trk></gpx>\n")


HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<gpx version="1.1" creator="make_walk.py" xmlns="http://www.topografix.com/GPX/1/1">
<metadata>
<desc>A walk recorded beside Lake Cerknica, Slovenia: track "ACTIVE LOG #2" of cerknicko-jezero.gpx in the source
archive of gpxpy 1.6.2 by Tomo Krajina. Turned and moved as a whole onto central Helsinki:
nobody walked it there.</desc>
<copyright author="Tomo Krajina, gpxpy"><license>https://www.apache.org/licenses/LICENSE-2.0</license></copyright>
</metadata>
<trk><name>A recorded walk, moved to Helsinki</name><trkseg>
"""

if __name__ == "__main__":
    write(*sys.argv[1:3])
