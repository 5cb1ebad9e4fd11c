import re
from contextlib import closing
from html import unescape

import pytest

from endcap.testing import a_product
from endcap_backend.api.roles import Role
from endcap_backend.retail.catalogue import put_placements
from endcap_backend.retail.database import Database
from endcap_backend.retail.staff import Staff

PASSWORD = "correct horse battery"


class Visitor:
    """A browser of somebody of the shop."""

    def __init__(self, api):
        self.api = api
        self.client = api.app.test_client()

    def get(self, path):
        return self.client.get(path)

    def post(self, path, **form):
        """Post a form as its page has it, with the secret that stands in it."""
        page = self.client.get("/console").text
        secret = re.search(r'name="secret" value="(\w+)"', page)
        return self.client.post(path, data={"secret": secret[1] if secret else "", **form})

    def form(self, path, action):
        """What the form of a page, by the beginning of its action, would send as it stands."""
        form = self.get(path).text.split(f'class="card" method="post" action="{action}')[1].split("</form>")[0]
        inputs = re.findall(r'name="(\w+)"(?: type="[\w-]+")? value="([^"]*)"', form)
        areas = re.findall(r'<textarea id="(\w+)"[^>]*>\n(.*?)</textarea>', form, re.DOTALL)
        chosen = re.findall(r'<select id="(\w+)".*?<option selected>(\w+)<', form, re.DOTALL)
        ticked = [(name, "on") for name in re.findall(r'name="(\w+)" type="checkbox" checked', form)]
        found = {name: unescape(value) for name, value in [*inputs, *areas, *chosen, *ticked]}
        return {name: value for name, value in found.items() if name not in ("secret", "store")}


def shelf(sku, section, name, latitude, longitude, **more):
    return a_product(
        sku=sku, store="s1", section=section, name=name, latitude_deg=latitude, longitude_deg=longitude, **more
    )


@pytest.fixture
def shop(make_api, tmp_path):
    """A shop with one store of four shelves."""
    shelves = [
        shelf(1, "Coffee", "Dark roast", 60.1695, 24.9354, stock=3),
        shelf(2, "Coffee", "Light roast", 60.1696, 24.9354, stock=0),
        shelf(3, "Tea", "Green tea", 60.1695, 24.9358, segment="tea"),
        shelf(4, "Tea", "Mint tea", 60.1697, 24.9358, segment="tea"),
    ]
    with closing(Database(f"sqlite:///{tmp_path}/retail.db")) as database:
        with database.writing() as connection:
            put_placements(connection, shelves, 0)
        yield make_api(database=database)


@pytest.fixture
def enter(shop):
    """Signs somebody in, in a role."""

    def enter(role="manager", name=""):
        name = name or f"{role}-1"
        Staff(shop.database, shop.clock).add(name, Role(role), PASSWORD)
        visitor = Visitor(shop)
        answer = visitor.client.post("/console/sign-in", data={"name": name, "password": PASSWORD})
        assert answer.status_code == 303, answer.text
        return visitor

    return enter


@pytest.fixture
def walk(shop, a_location):
    """A new shopper who stands at a place."""

    def walk(latitude, longitude, number=1):
        shopper = shop.enter("location", "promotions", "analytics")
        sent = a_location(latitude=latitude, longitude=longitude, id=f"i{number}:{number}")
        del sent["taken_at"]
        assert shop.post("/v1/locations", {"locations": [sent]}).status_code == 202
        return shopper["uid"]

    return walk
