"""What the match is measured against: the SQL's own join, shapely's STRtree, and Redis. Each answers one fix at a time.

All find every placement within 100 ft by the same haversine, but for Redis, which has its own radius and a 52-bit
geohash, and so differs at the edge.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import asin, cos, radians, sin, sqrt
from pathlib import Path
from types import TracebackType
from typing import Self

from shapely import STRtree, box, points

from endcap.geo import EARTH_RADIUS_KM, FEET_PER_KM, METRES_PER_DEGREE, NEAR_FT, NEAR_M, haversine_km
from endcap.messages import CustomerLocation, StoreProduct

Pairs = list[tuple[str, int, float]]  # pid, SKU, distance in feet


def pid_of(product: StoreProduct) -> str:
    return "p" + product.segment.removeprefix("segment ")


class JoinByCountry:
    """NEARBY_CUSTOMERS to the letter: every valid promotion of the fix's country is measured, then filtered."""

    def __init__(self, products: Sequence[StoreProduct]) -> None:
        self._rows: defaultdict[str | None, list[tuple[float, float, str, int]]] = defaultdict(list)
        for product in products:
            self._rows[product.country].append((*product.point, pid_of(product), product.sku))

    def near(self, location: CustomerLocation) -> Pairs:
        latitude, longitude = location.latitude_deg, location.longitude_deg
        shrink = cos(radians(latitude))
        found = []
        for row_latitude, row_longitude, pid, sku in self._rows[location.country]:
            a = sin(radians(row_latitude - latitude) / 2) ** 2 + (
                sin(radians(row_longitude - longitude) / 2) ** 2 * shrink * cos(radians(row_latitude))
            )
            distance_ft = 2 * EARTH_RADIUS_KM * asin(sqrt(a)) * FEET_PER_KM
            if distance_ft <= NEAR_FT:
                found.append((pid, sku, distance_ft))
        return found


class Tree:
    """Shapely's STRtree over all points: a box, then the haversine. It can't be changed once it is built."""

    def __init__(self, products: Sequence[StoreProduct]) -> None:
        self._products = products
        self._tree = STRtree(points([(each.longitude_deg, each.latitude_deg) for each in products]))

    def near(self, location: CustomerLocation) -> Pairs:
        north = NEAR_M / METRES_PER_DEGREE * 1.0001
        latitude, longitude = location.latitude_deg, location.longitude_deg
        east = north / cos(radians(latitude))
        found = []
        for at in self._tree.query(box(longitude - east, latitude - north, longitude + east, latitude + north)):
            product = self._products[at]
            distance_ft = haversine_km(latitude, longitude, *product.point) * FEET_PER_KM
            if distance_ft <= NEAR_FT:
                found.append((pid_of(product), product.sku, distance_ft))
        return found


def redis_is_there() -> bool:
    return shutil.which("redis-server") is not None


@contextmanager
def a_redis(products: Sequence[StoreProduct]) -> Iterator[Redis]:
    """A Redis of our own on a socket in a temporary folder, filled; it is gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "redis.sock"
        command = ["redis-server", "--port", "0", "--unixsocket", str(path), "--save", "", "--dir", folder]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            while "ready to accept connections" not in server.stdout.readline().lower():
                if server.poll() is not None:
                    raise RuntimeError(f"redis-server ended with {server.returncode}")
            try:
                with Redis(path) as redis:
                    redis.fill(products)
                    yield redis
            finally:
                server.terminate()


class Redis:
    """GEOSEARCH by its own protocol on a Unix socket."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(os.fspath(path))
        self._answers = self._socket.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._answers.close()
        self._socket.close()

    def fill(self, products: Sequence[StoreProduct]) -> None:
        for first in range(0, len(products), 1000):
            few = products[first : first + 1000]
            flat = [
                str(part) for at, each in enumerate(few, first) for part in (each.longitude_deg, each.latitude_deg, at)
            ]
            self._socket.sendall(_command("GEOADD", "placements", *flat))
            self._answer()

    def near(self, location: CustomerLocation) -> list[bytes]:
        return self.near_many([location])[0]

    def near_many(self, locations: Sequence[CustomerLocation]) -> list[list[bytes]]:
        """Pipelined: all questions, then all answers."""
        self._socket.sendall(b"".join(_search(location) for location in locations))
        return [self._answer() for _ in locations]

    def _answer(self) -> list[bytes]:
        head = self._answers.readline()
        if head[:1] != b"*":
            if head[:1] == b"-":
                raise RuntimeError(head.decode())
            return []
        return [self._answers.read(int(self._answers.readline()[1:]) + 2)[:-2] for _ in range(int(head[1:]))]


def _search(location: CustomerLocation) -> bytes:
    place = (str(location.longitude_deg), str(location.latitude_deg))
    return _command("GEOSEARCH", "placements", "FROMLONLAT", *place, "BYRADIUS", str(NEAR_M), "m")


def _command(*words: str) -> bytes:
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(word), word.encode()) for word in words)
