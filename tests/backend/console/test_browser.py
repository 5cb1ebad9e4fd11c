"""The console in a real Chromium, over a real backend."""

from contextlib import closing
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect, sync_playwright

from endcap.clock import SystemClock
from endcap.testing import a_product
from endcap_backend.api.roles import Role
from endcap_backend.config import Settings
from endcap_backend.retail.catalogue import put_placements
from endcap_backend.retail.database import Database, database_url
from endcap_backend.retail.staff import Staff
from endcap_backend.serve import create_backend

pytestmark = pytest.mark.browser

AXE = Path(__file__).parents[3] / ".cache/node/node_modules/axe-core/axe.min.js"  # `make node` puts it there
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
PASSWORD = "correct horse battery"
PAGES = ("", "/help", "/stream", "/promotions", "/shelves", "/funnel", "/trail")
VIOLATIONS = """(tags) => axe.run({ runOnly: tags }).then(({ violations }) =>
  violations.map(({ id, nodes }) => id + ': ' + nodes[0].html))"""


@pytest.fixture
def backend(tmp_path):
    settings = Settings(port=0, data=tmp_path / "data")
    backend = create_backend(settings)
    with closing(Database(database_url(settings.data))) as database:
        places = [(60.1695 + n * 5e-5, 24.9354 + n % 2 * 2e-4) for n in range(6)]
        shelves = [
            a_product(sku=n, store="s1", section="Tea", latitude_deg=latitude, longitude_deg=longitude)
            for n, (latitude, longitude) in enumerate(places)
        ]
        with database.writing() as connection:
            put_placements(connection, shelves, 0)
        Staff(database, SystemClock()).add("aino", Role.MANAGER, PASSWORD)
    backend.start()
    yield backend
    backend.stop()


@pytest.fixture(scope="module")
def chromium():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


@pytest.fixture
def page(chromium, backend):
    """A manager's browser, signed in; whatever it complains of fails the test."""
    context = chromium.new_context(reduced_motion="reduce")
    page = context.new_page()
    page.set_default_timeout(10_000)
    complaints = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda fault: complaints.append(str(fault)))
    page.goto(f"{backend.url}/console")
    page.get_by_label("Name").fill("aino")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Live map")).to_be_visible()
    yield page
    context.close()
    assert complaints == []


def as_shopper(backend, path, body):
    """What a new shopper sends."""
    with httpx.Client(base_url=backend.url) as client:
        consent = {"consent": {"purposes": ["location"], "text_version": "1"}}
        bearer = {"Authorization": f"Bearer {client.post('/v1/sessions', json=consent).json()['token']}"}
        client.post(path, json=body, headers=bearer).raise_for_status()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_no_fault_with_any_page(page, backend, theme):
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    for path in PAGES:
        page.goto(f"{backend.url}/console{path}")
        page.evaluate(AXE.read_text() + "; 0")
        assert page.evaluate(VIOLATIONS, TAGS) == [], path


def test_a_shopper_appears_on_the_map_while_one_looks(page, backend):
    expect(page.locator("#people")).to_have_text("0")
    fix = {"id": "i1:1", "latitude": 60.1696, "longitude": 24.9355}
    as_shopper(backend, "/v1/locations", {"locations": [fix]})
    expect(page.locator("#people")).to_have_text("1")
    expect(page.locator("#dots circle")).to_have_count(1)


def test_the_board_follows_while_the_keyboard_stays_where_it_is(page, backend):
    as_shopper(backend, "/v1/help", {"store": "s1", "section": "Tea"})
    page.goto(f"{backend.url}/console/help?store=s1")
    take = page.get_by_role("button", name="I take it")
    take.focus()
    for section in ("Coffee", "Bread"):
        as_shopper(backend, "/v1/help", {"store": "s1", "section": section})
        expect(page.get_by_role("cell", name=section)).to_be_visible()
        expect(take.first).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("row", name="Tea")).to_contain_text("accepted by aino")


def test_a_click_on_the_plan_fills_in_the_form_and_the_product_stands_there(page, backend):
    page.get_by_role("link", name="Shelves").click()
    page.get_by_label("Product").fill("77")
    page.get_by_label("Segment").fill("tea")
    page.get_by_label("Name").fill("Rooibos")
    middle = page.locator("#plan").bounding_box()
    page.mouse.click(middle["x"] + middle["width"] / 2, middle["y"] + middle["height"] / 2)
    expect(page.get_by_label("Latitude")).not_to_have_value("")
    expect(page.get_by_label("Section")).to_have_value("Tea")
    page.get_by_role("button", name="Put there").click()
    expect(page.get_by_role("status")).to_have_text("Rooibos stands there now.")
    expect(page.get_by_role("cell", name="Rooibos")).to_be_visible()
