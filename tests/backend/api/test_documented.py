"""docs/api.md and docs/operating.md are held to the code: every route, example, switch, metric and problem."""

import json
import re
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from endcap.testing import NOON, SHOP, a_product, a_promotion
from endcap_backend.api.problems import KINDS
from endcap_backend.config import Settings
from endcap_backend.retail.catalogue import put_placements, put_promotions
from endcap_backend.retail.coupons import put_coupons
from endcap_backend.retail.database import Database
from endcap_backend.retail.terms import CouponTerms
from endcap_backend.retail.till_tables import Clip
from endcap_backend.settings import settings_of

DOCS = Path(__file__).parents[3] / "docs"
API = (DOCS / "api.md").read_text()
OPERATING = (DOCS / "operating.md").read_text()
IN_PATH = {"pid": "p1", "id": "o1", "sku": "1", "store": "s1", "receipt": "0"}  # what the examples are about
SECTIONS = re.findall(r"^### ([A-Z]+) (\S+)\n(.*?)(?=^##|\Z)", API, re.MULTILINE | re.DOTALL)


def rows(text, heading):
    """The cells of the table under a heading of a page, without its head."""
    table = text.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in table.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip("|"))] for line in lines[1:]]


def example(section, label):
    found = re.search(rf"^{label}\n\n```json\n(.*?)```", section, re.MULTILINE | re.DOTALL)
    return json.loads(found[1]) if found else None


def shape(value):
    """The names in a JSON value, however long its arrays and whatever it says."""
    if isinstance(value, dict):
        return {re.sub(r"[0-9a-f]{32}", "uid", name): shape(each) for name, each in value.items()}
    return [shape(value[0])] if isinstance(value, list) and value else None


def test_every_setting_is_documented_as_it_is():
    expected = [
        [f"`{each.switch}`", f"`{each.variable}`", f"`{each.shown}`" if each.shown else "–", each.help]
        for each in settings_of(Settings)
    ]
    assert rows(OPERATING, "Settings") == expected


def test_every_metric_is_documented_as_it_is(api):
    api.log.commit("match", 0)
    page = api.get("/metrics", token="").text
    kinds = dict(re.findall(r"^# TYPE (\S+) (\S+)$", page, re.MULTILINE))
    told = dict(re.findall(r"^# HELP (\S+) (.*)$", page, re.MULTILINE))
    documented = rows(OPERATING, "Metrics")
    assert {row[0].strip("`"): (row[1], row[3]) for row in documented} == {
        name: (kind, told[name]) for name, kind in kinds.items()
    }


def test_the_labels_of_each_metric_are_documented(api, a_location):
    api.post("/v1/locations", {"locations": [a_location(latitude=91)]})
    api.get("/v1/me/consent", token="bad")
    api.log.commit("match", 0)
    page = api.get("/metrics", token="").text
    for name, kind, documented, _ in rows(OPERATING, "Metrics"):
        sample = name.strip("`") + ("_count" if kind == "histogram" else "")
        labels = re.search(rf"^{sample}({{.*}})? ", page, re.MULTILINE)[1] or ""
        assert set(re.findall(r"(\w+)=\"", labels)) == set(re.findall(r"`(\w+)`", documented)), name


def test_every_route_is_documented_and_every_documented_one_is_there(api):
    operating = {("GET", path) for path in re.findall(r"`GET (/(?:\w+(?:\.json)?)?)`", API)}
    paths = api.get("/openapi.json", token="").get_json()["paths"]
    routes = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    assert operating | {(method, path) for method, path, _ in SECTIONS} == routes


@pytest.fixture
def shop(make_api, tmp_path):
    """The shop of the examples: two shelves of coffee, and a shopper with one fix."""
    database = Database(f"sqlite:///{tmp_path}/retail.db")
    shelves = [a_product(sku=1, country="FIN"), a_product(sku=2, country="FIN", latitude_deg=SHOP[0] + 1e-4)]
    coupon = CouponTerms(
        "coffee-20", "20 % off coffee", "percent", value=20.0, segment="coffee", ends_at=NOON + timedelta(days=6),
        auto_clip=True,
    )  # fmt: skip
    with database.writing() as connection:
        put_placements(connection, shelves, 0)
        put_promotions(connection, [a_promotion(segment="tea", sku=None)], 0)
        put_coupons(connection, [coupon])
    api = make_api(database=database, push_contact="mailto:shop@example.org")
    api.tokens = {
        "staff": api.work_as("manager", "aino")["token"],
        "session": api.enter("location", "promotions")["token"],
    }
    api.post("/v1/locations", {"locations": [{"latitude": 60.16952, "longitude": 24.93545, "id": "a1:1"}]})
    api.post("/v1/redemptions", _purchase(api), token=api.tokens["staff"])
    with database.writing() as connection:
        connection.execute(update(Clip).values(redeemed=0, redeemed_at=None))  # for the examples of one who has it
    yield api
    database.close()


def _purchase(api):
    code = api.post("/v1/loyalty/code").get_json()["code"]
    basket = [{"sku": 1, "quantity": 2, "price": 6.9}]
    return {"id": "till-4.1093", "code": code, "store": "s1", "basket": basket}


def test_a_redemption_is_answered_as_documented(shop):
    (section,) = [each[2] for each in SECTIONS if each[:2] == ("POST", "/v1/redemptions")]
    sent = {**_purchase(shop), "id": "till-4.1094"}
    answer = shop.post("/v1/redemptions", sent, token=shop.tokens["staff"])
    assert shape(sent) == shape(example(section, "Request:"))
    assert (answer.status_code, shape(answer.get_json())) == (201, shape(example(section, "Answered with `201`:")))


@pytest.mark.parametrize(
    ("method", "path", "section"),
    [each for each in SECTIONS if "Answer `" in each[2] and "integrations" not in each[1]],
    ids=lambda each: each[:30],
)
def test_the_example_works_as_documented(shop, method, path, section):
    status = int(re.search(r"Answer `(\d+)`", section)[1])
    security = shop.get("/openapi.json").get_json()["paths"][path][method.lower()].get("security", [{}])
    token = shop.tokens[next(iter(security[0]), "session")]
    path = re.sub(r"{(\w+)}", lambda found: IN_PATH[found[1]], path)
    answer = shop.call(method, path, example(section, "Request:"), token=token)
    assert answer.status_code == status, answer.text
    documented = example(section, rf"Answer `{status}`:")
    assert shape(_of_the_tables_shown(answer.get_json(), documented)) == shape(documented)


def _of_the_tables_shown(found, documented):
    """An export without those of the shop's tables that the example leaves out."""
    if isinstance(found, dict) and "shop" in documented:
        found["shop"] = {name: rows for name, rows in found["shop"].items() if name in documented["shop"]}
    return found


def test_every_problem_is_documented():
    documented = {row[0].strip("`"): int(row[1]) for row in rows(API, "Problems")}
    assert documented == {kind: status for kind, (status, _) in KINDS.items()}


def test_the_limits_in_the_prose_are_the_defaults():
    settings = Settings()
    for number, what in (
        (settings.user_requests_burst, "requests at once"),
        (settings.user_requests_per_s, "a second in the long run"),
        (settings.sessions_burst, "sessions at once"),
    ):
        assert f"{number:,g} {what}" in API
    assert f"{settings.user_fixes_burst:,} fixes and events at\nonce and {settings.user_fixes_per_s:g} a second" in API
