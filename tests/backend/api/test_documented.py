"""docs/api.md and docs/operating.md are held to the code: every route, example, switch, metric and problem."""

import json
import re
from pathlib import Path

import pytest

from endcap.testing import SHOP, a_product
from endcap_backend.api.problems import KINDS
from endcap_backend.config import Settings
from endcap_backend.retail.catalogue import put_placements
from endcap_backend.retail.database import Database
from endcap_backend.settings import settings_of

DOCS = Path(__file__).parents[3] / "docs"
API = (DOCS / "api.md").read_text()
OPERATING = (DOCS / "operating.md").read_text()
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
    operating = {("GET", path) for path in re.findall(r"`GET (/\w+(?:\.json)?)`", API)}
    paths = api.get("/openapi.json", token="").get_json()["paths"]
    routes = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    assert operating | {(method, path) for method, path, _ in SECTIONS} == routes


@pytest.fixture
def shop(make_api, tmp_path):
    """The shop of the examples: two shelves of coffee, and a shopper with one fix."""
    database = Database(f"sqlite:///{tmp_path}/retail.db")
    shelves = [a_product(sku=1, country="FIN"), a_product(sku=2, country="FIN", latitude_deg=SHOP[0] + 1e-4)]
    with database.writing() as connection:
        put_placements(connection, shelves, 0)
    api = make_api(database=database, push_contact="mailto:shop@example.org")
    api.tokens = {
        "staff": api.work_as("manager", "aino")["token"],
        "session": api.enter("location", "promotions")["token"],
    }
    api.post("/v1/locations", {"locations": [{"latitude": 60.16952, "longitude": 24.93545, "id": "a1:1"}]})
    yield api
    database.close()


@pytest.mark.parametrize(
    ("method", "path", "section"),
    [each for each in SECTIONS if "Answer `" in each[2] and "integrations" not in each[1]],
    ids=lambda each: each[:30],
)
def test_the_example_works_as_documented(shop, method, path, section):
    status = int(re.search(r"Answer `(\d+)`", section)[1])
    security = shop.get("/openapi.json").get_json()["paths"][path][method.lower()].get("security", [{}])
    token = shop.tokens[next(iter(security[0]), "session")]
    answer = shop.call(method, path, example(section, "Request:"), token=token)
    assert answer.status_code == status, answer.text
    assert shape(answer.get_json()) == shape(example(section, rf"Answer `{status}`:"))


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
