"""A small store, and builders for what its shoppers have."""

import gzip
import json
import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl

import httpx
import pytest

from endcap.fences import Polygon
from endcap.geo import LatLon, offset
from endcap.testing import NOON, SHOP, ManualClock, ScriptedSource, a_fix
from endcap_backend.__main__ import main
from endcap_devkit.ably_server import AblyServer
from endcap_shopper.aisles import Aisles
from endcap_shopper.coupons import Coupon
from endcap_shopper.floor import Door, FloorPlan, Section
from endcap_shopper.frame_queue import FrameQueue
from endcap_shopper.platform.fake import fake
from endcap_shopper.shopper import Shopper
from endcap_shopper.wishlist import Item

CORNER = LatLon(*SHOP)
WAIT_S = 60.0
PASSWORD = "correct horse battery"


def at(east_m, north_m):
    """A point of the store, metres from its south-west corner."""
    return offset(CORNER, east_m, north_m)


def a_square(east_m, north_m, size_m=10.0):
    corners = ((0, 0), (size_m, 0), (size_m, size_m), (0, size_m))
    return Polygon(tuple(at(east_m + x, north_m + y) for x, y in corners))


def a_grid(columns=3, rows=3, apart_m=10.0):
    """Aisles every ten metres, both ways; places are named by column and row."""
    nodes = {f"{c}-{r}": at(c * apart_m, r * apart_m) for c in range(columns) for r in range(rows)}
    across = [(f"{c}-{r}", f"{c + 1}-{r}") for c in range(columns - 1) for r in range(rows)]
    along = [(f"{c}-{r}", f"{c}-{r + 1}") for c in range(columns) for r in range(rows - 1)]
    return Aisles(nodes, tuple(across + along))


def a_plan(**changes):
    """Twenty metres square: tea in the south-west, coffee in the north-east, a door in the corner."""
    plan = FloorPlan(
        store="s1",
        name="Riverside",
        sections=(
            Section("tea", "Tea", a_square(0, 0), ("tea",), frozenset({7})),
            Section("coffee", "Coffee", a_square(10, 10), ("coffee",), frozenset({9001})),
        ),
        aisles=a_grid(),
        doors=(Door("main", "Main door", at(0, 0)),),
    )
    return replace(plan, **changes)


def a_coupon(**changes):
    coupon = Coupon(
        id="c1",
        title="20 % off coffee",
        kind="percent",
        state="available",
        value=20.0,
        segment="coffee",
        sku=9001,
        ends_at=NOON + timedelta(days=3),
    )
    return replace(coupon, **changes)


def an_item(**changes):
    return replace(Item(id="i1", text="Dark roast", changed_at=NOON, sku=9001, position=1.0), **changes)


class Build:
    """What the tests build with."""

    at = staticmethod(at)
    square = staticmethod(a_square)
    grid = staticmethod(a_grid)
    plan = staticmethod(a_plan)
    coupon = staticmethod(a_coupon)
    item = staticmethod(an_item)


@pytest.fixture(scope="session")
def build():
    return Build


def aware(text):
    return datetime.fromisoformat(text)


class TinyShop:
    """A real HTTP server with the endpoints the app calls, which notes what arrives and can be cut off.

    Whatever changes something is in `heard`, in order, each time it came in; `held` is what it amounts to. A client
    that repeats itself is heard twice and changes nothing the second time, as with the product's backend.
    """

    def __init__(self):
        self.heard = []
        self.coupons = {each["id"]: each for each in (coupon("c1"), coupon("c2", sku=7))}
        self.wishes = {}
        self.calls = {}
        self.products = [product(9001, "Dark roast", "coffee", at(15, 15)), product(7, "Green tea", "tea", at(5, 4))]
        self.positions = []
        self.refuse = {}  # path -> (status, title)
        self.patience_s = 1
        self.orders = []
        self.unwanted = set()  # ids of items it will not have
        self.lose_answers = 0  # so many answers never reach the app
        self.lose_those_of = ""  # only to requests of a path that begins so
        self.held_up = None  # an Event: every answer waits for it
        self.erased = False
        self.port = 0
        self._server = None
        self._open = []
        self._changed = threading.Condition()
        self.go_online()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def go_online(self):
        shop = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                shop._handle(self)

            do_GET = do_PUT = do_PATCH = do_DELETE = do_POST

            def log_message(self, *args):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False

            def process_request(self, request, client_address):
                shop._open.append(request)
                super().process_request(request, client_address)

            def handle_error(self, request, client_address):
                pass  # a client that was cut off is what these tests are about

        self._server = Server(("127.0.0.1", self.port), Handler)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def go_offline(self):
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._open.clear()

    def until(self, satisfied, timeout_s=20):
        with self._changed:
            return self._changed.wait_for(lambda: satisfied(self), timeout_s)

    def _handle(self, handler):
        content = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        packed = handler.headers.get("Content-Encoding") == "gzip"
        body = json.loads(gzip.decompress(content) if packed else content) if content else {}
        if self.held_up is not None:
            self.held_up.wait(30)
        path, _, query = handler.path.removeprefix("/v1").partition("?")
        with self._changed:
            status, answer = self._answer(handler.command, path, dict(parse_qsl(query)), body)
            told = handler.command != "GET" and not path.startswith("/sessions")
            lost = told and self.lose_answers > 0 and path.startswith(self.lose_those_of)
            self.lose_answers -= lost
            self._changed.notify_all()
        if lost:
            handler.connection.shutdown(socket.SHUT_RDWR)
            return
        sent = json.dumps(answer).encode()
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json")
        if status == 429:
            handler.send_header("Retry-After", str(self.patience_s))
        handler.send_header("Content-Length", str(len(sent)))
        handler.end_headers()
        handler.wfile.write(sent)

    def _answer(self, method, path, query, body):
        if path in self.refuse:
            status, title = self.refuse[path]
            return status, {"type": "about:blank", "title": title, "status": status, "detail": title}
        parts = path.strip("/").split("/")
        found = getattr(self, f"_{method.lower()}_{parts[0].replace('-', '_')}", None)
        answer = None if found is None else found(parts[1:], query, body)
        return (404, {"title": "no such thing"}) if answer is None else answer

    def _post_sessions(self, rest, query, body):
        later = datetime.now(UTC) + timedelta(days=365)
        times = {"expires_at": later.isoformat(), "refresh_expires_at": later.isoformat()}
        return 201, {"uid": "u1", "token": "t1", "refresh_token": "r1", **times}

    def _put_me(self, rest, query, body):
        return 200, body

    def _get_me(self, rest, query, body):
        return 200, {"uid": "u1", "shop": {"wishlist": list(self.wishes.values())}}

    def _delete_me(self, rest, query, body):
        self.erased = True
        return 200, {"receipt": "E-1"}

    def _post_ably_token(self, rest, query, body):
        return 503, {"title": "no Ably here"}

    def _post_locations(self, rest, query, body):
        return self._take(body["locations"], self.positions.append)

    def _post_events(self, rest, query, body):
        return self._take(body["events"], lambda event: self.heard.append((event["kind"], event.get("alert", ""))))

    def _take(self, items, keep):
        for item in items:
            keep(item)
        results = [{"index": index, "status": "accepted"} for index, _ in enumerate(items)]
        return 202, {"accepted": len(items), "duplicates": 0, "rejected": 0, "results": results}

    def _get_stores(self, rest, query, body):
        if rest:
            return 200, PLAN
        middle = {"latitude": at(10, 10).latitude_deg, "longitude": at(10, 10).longitude_deg}
        return 200, {"stores": [{"id": "s1", "name": "Riverside", "radius_m": 15.0, "placements": 2, **middle}]}

    def _get_products(self, rest, query, body):
        if rest:
            instead = product(9002, "Medium roast", "coffee", at(16, 15), price=5.9, why="0.10 cheaper, the same kind")
            return 200, {"sku": int(rest[0]), "alternatives": [instead]}
        words = query.get("q", "").casefold()
        named = [each for each in self.products if words in each["name"].casefold() or str(each["sku"]) == words]
        return 200, {"products": named}

    def _get_coupons(self, rest, query, body):
        return 200, {"coupons": list(self.coupons.values())}

    def _post_coupons(self, rest, query, body):
        if rest == ["best"]:
            total = sum(line["price"] * line["quantity"] for line in body["basket"])
            applied = [{"coupon": "c1", "off": 1.0, "why": "20 % off coffee"}]
            refused = [{"coupon": "c2", "reason": "Nothing it is for is in the basket."}]
            return 200, {"total": total - 1.0, "off": 1.0, "applied": applied, "refused": refused}
        return self._clip(rest[0], "clip", {"state": "clipped", "clipped_at": "2026-11-24T12:00:00.000Z"})

    def _delete_coupons(self, rest, query, body):
        return self._clip(rest[0], "unclip", {"state": "available", "clipped_at": None})

    def _clip(self, id, what, changes):
        if id not in self.coupons:
            return None
        self.heard.append((what, id))
        self.coupons[id] = {**self.coupons[id], **changes}
        return 200, self.coupons[id]

    def _get_loyalty(self, rest, query, body):
        line = {"id": 1, "at": "2026-11-20T10:00:00.000Z", "points": 120, "reason": "purchase", "store": "s1"}
        tier = {"id": "silver", "name": "Silver", "points": 300, "next": {"id": "gold", "name": "Gold", "at": 400}}
        return 200, {
            "card": {"number": "2012345678903"},
            "balance": 120,
            "tier": tier,
            "expiring": [],
            "ledger": [line],
        }

    def _post_loyalty(self, rest, query, body):
        ends = datetime.now(UTC) + timedelta(seconds=60)
        return 200, {"code": "E1.CODE", "expires_at": ends.isoformat(), "card": "2012345678903", "coupons": []}

    def _get_wishlist(self, rest, query, body):
        return 200, {"version": len(self.wishes), "items": list(self.wishes.values())}

    def _put_wishlist(self, rest, query, body):
        if self.unwanted & {item["id"] for item in body["items"]}:
            return 422, {"title": "an item can't be kept"}
        for item in body["items"]:
            self.heard.append(("wish", item["id"], item["changed_at"]))
            known = self.wishes.get(item["id"])
            if known is None or aware(known["changed_at"]) < aware(item["changed_at"]):
                self.wishes[item["id"]] = item
        return self._get_wishlist(rest, query, body)

    def _post_wishlist(self, rest, query, body):
        return 201, {"code": "L1", "path": "/l/L1", "expires_at": "2026-12-01T12:00:00.000Z"}

    def _get_pickups(self, rest, query, body):
        return 200, {"orders": self.orders}

    def _post_help(self, rest, query, body):
        self.heard.append(("help", body.get("text", "")))
        if body["id"] in self.calls:
            return 200, self.calls[body["id"]]
        self.calls[body["id"]] = call = {"state": "queued", **body}
        return 201, call

    def _get_help(self, rest, query, body):
        return (200, self.calls[rest[0]]) if rest and rest[0] in self.calls else None

    def _patch_help(self, rest, query, body):
        if rest[0] not in self.calls:
            return None
        self.heard.append(("cancel_help", rest[0]))
        self.calls[rest[0]] = {**self.calls[rest[0]], **body}
        return 200, self.calls[rest[0]]


def coupon(id, **changes):
    plain = {"id": id, "title": f"Coupon {id}", "kind": "percent", "value": 20, "state": "available", "sku": 9001}
    return {**plain, "members_only": False, "auto_clip": False, "limit_left": 1, **changes}


def product(sku, name, segment, point, **changes):
    where = {"latitude": point.latitude_deg, "longitude": point.longitude_deg, "store": "s1", "section": segment}
    return {"sku": sku, "name": name, "segment": segment, "price": 6.0, "stock": 4, **where, **changes}


def corners(shape):
    return [[point.latitude_deg, point.longitude_deg] for point in shape.outer]


PLAN = {
    "store": "s1",
    "name": "Riverside",
    "derived": False,
    "sections": [
        {"id": each.id, "name": each.name, "polygon": corners(each.outline), "categories": [each.id], "skus": []}
        for each in a_plan().sections
    ],
    "aisles": {
        "nodes": [
            {"id": id, "latitude": point.latitude_deg, "longitude": point.longitude_deg}
            for id, point in a_grid().nodes.items()
        ],
        "edges": [list(edge) for edge in a_grid().edges],
    },
    "doors": [{"id": "main", "name": "Main door", "latitude": CORNER.latitude_deg, "longitude": CORNER.longitude_deg}],
}


class Phone:
    """The app as its window runs it: one queue, drained here, a clock that the test advances."""

    def __init__(self, url, folder, **more):
        self.clock = ManualClock(datetime.now(UTC))
        self.source = ScriptedSource()
        self.platform = fake()
        self.pages = []
        self._something = threading.Event()
        self.queue = FrameQueue(self._something.set)
        self.app = Shopper(url, folder, self.source, self.platform, self.queue.post, clock=self.clock, zone=UTC, **more)
        self.app.watch(self.pages.append)

    def agree(self, *purposes):
        """The first run, from its first screen to its end."""
        for purpose in purposes:
            self.app.set_purpose(purpose, True)
        self.app.finish_first_run()
        self.settle()
        return self

    def until(self, satisfied, timeout_s=20.0):
        """Draw frames until something is so; False when it was not in time."""
        deadline = time.monotonic() + timeout_s
        while not satisfied():
            self._something.clear()
            self.queue.drain()
            if satisfied():
                break
            if time.monotonic() > deadline:
                return False
            if not len(self.queue):
                self._something.wait(min(0.05, timeout_s))
        return True

    def settle(self):
        """Draw frames until nothing is under way."""
        for _ in range(5):
            assert self.app.until_idle(20)
            self.queue.drain()

    def all_told(self):
        """True when the shop has heard of everything she did."""
        return self.app.parts.ground.wallet.waiting() == 0

    def tick(self, seconds=1.0):
        self.clock.advance(seconds)
        self.app.tick()
        self.settle()

    def stand(self, point, **more):
        """A fix from there, and a frame."""
        self.source.emit(a_fix(latitude_deg=point[0], longitude_deg=point[1], taken_at=self.clock.now(), **more))
        self.queue.drain()
        self.settle()


@pytest.fixture
def shop():
    shop = TinyShop()
    yield shop
    shop.go_offline()


@pytest.fixture
def a_phone(shop, tmp_path):
    """Makes phones that talk to the shop; each has a folder of its own, unless told otherwise."""
    made = []

    def make(folder="phone", *, start=True, **more):
        phone = Phone(shop.url, tmp_path / folder, **more)
        made.append(phone)
        if start:
            phone.app.start()
            phone.settle()
        return phone

    yield make
    for phone in made:
        phone.queue.close()
        phone.app.close()


# The product's own backend


def lon_lat(point):
    return [round(point.longitude_deg, 7), round(point.latitude_deg, 7)]


def feature(kind, geometry, **properties):
    return {"type": "Feature", "geometry": geometry, "properties": {"kind": kind, "store": "s1", **properties}}


def a_store_plan():
    """Two sections beside one aisle, a door, and a name."""

    def square(east_m):
        corners = [(east_m, 1), (east_m + 10, 1), (east_m + 10, 6), (east_m, 6), (east_m, 1)]
        return {"type": "Polygon", "coordinates": [[lon_lat(at(*corner)) for corner in corners]]}

    aisle = {"type": "LineString", "coordinates": [lon_lat(at(0, 0)), lon_lat(at(100, 0))]}
    return {
        "type": "FeatureCollection",
        "features": [
            feature("store", None, name="Riverside"),
            feature("section", square(5), id="coffee", name="Coffee", categories=["coffee"]),
            feature("section", square(85), id="tea", name="Tea", categories=["tea"]),
            feature("aisle", aisle),
            feature("door", {"type": "Point", "coordinates": lon_lat(at(0, 0))}, id="main", name="Main door"),
        ],
    }


def write_shop(folder):
    coffee, tea = at(10, 1), at(90, 1)
    (folder / "shelves.csv").write_text(
        "SKU,segment,latitude,longitude,store,section,name,price,stock\n"
        f"9001,coffee,{coffee[0]:.5f},{coffee[1]:.5f},s1,coffee,Dark roast,6.90,12\n"
        f"9002,coffee,{coffee[0]:.5f},{coffee[1]:.5f},s1,coffee,Medium roast,5.90,8\n"
        f"7,tea,{tea[0]:.5f},{tea[1]:.5f},s1,tea,Green tea,3.20,5\n"
    )
    (folder / "offers.csv").write_text("pid,segment,SKU,title,discount\np1,coffee,9001,A fifth off dark roast,20\n")
    (folder / "coupons.csv").write_text(
        "id,title,kind,value,sku,ends_at\n"
        "coffee-2,Two euros off dark roast,amount,2.00,9001,2099-01-01T00:00:00Z\n"
        "tea-10,A tenth off tea,percent,10,7,2099-01-01T00:00:00Z\n"
    )
    (folder / "floors.geojson").write_text(json.dumps(a_store_plan()))
    names = {
        "placements": "shelves.csv",
        "promotions": "offers.csv",
        "coupons": "coupons.csv",
        "plans": "floors.geojson",
    }
    return [part for kind, name in names.items() for part in (f"--{kind}", str(folder / name))]


class Served:
    """`endcap-backend serve` as a process of its own, with a shop and a till's account."""

    def __init__(self, folder, ably, password):
        data = folder / "data"
        assert main(["load", *write_shop(folder), "--data", str(data)]) == 0
        command = [sys.executable, "-m", "endcap_backend"]
        adding = [*command, "staff", "add", "till-1", "--role", "till", "--data", str(data)]
        subprocess.run(adding, input=f"{password}\n", text=True, check=True, capture_output=True)
        adding[5:8] = ["aino", "--role", "staff"]
        subprocess.run(adding, input=f"{password}\n", text=True, check=True, capture_output=True)
        env = os.environ | {"ENDCAP_ABLY_KEY": ably.key, "ENDCAP_ABLY_ENDPOINT": ably.url}
        serving = [*command, "serve", "--port", "0", "--data", str(data)]
        self._process = subprocess.Popen(serving, stdout=subprocess.PIPE, env=env, text=True)
        self.url = json.loads(self._process.stdout.readline())["http"]

    def staff(self, name):
        body = {"name": name, "password": PASSWORD}
        answer = httpx.post(f"{self.url}/v1/staff/sessions", json=body, timeout=WAIT_S)
        assert answer.status_code == 201, answer.text
        return {"Authorization": f"Bearer {answer.json()['token']}"}

    def close(self):
        self._process.terminate()
        self._process.wait(WAIT_S)
        self._process.stdout.close()


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with AblyServer() as ably:
        served = Served(tmp_path_factory.mktemp("backend"), ably, PASSWORD)
        yield served
        served.close()
