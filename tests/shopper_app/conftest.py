"""A small store, a tiny shop and phones that talk to it, and the product's own backend."""

import json
import os
import subprocess
import sys

import httpx
import pytest

from endcap_backend.__main__ import main
from endcap_devkit.ably_server import AblyServer
from endcap_shopper.testing.phone import Phone
from endcap_shopper.testing.store import a_coupon, a_grid, a_plan, a_square, an_item, at
from endcap_shopper.testing.tiny_shop import TinyShop

WAIT_S = 60.0
PASSWORD = "correct horse battery"


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
