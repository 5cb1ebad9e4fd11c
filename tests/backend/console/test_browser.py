"""The console in a real Chromium, over a real backend."""

from contextlib import closing
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect, sync_playwright

from endcap.clock import SystemClock
from endcap.testing import a_product, a_promotion
from endcap_backend.api.roles import Role
from endcap_backend.config import Settings
from endcap_backend.retail.catalogue import put_placements, put_promotions
from endcap_backend.retail.database import Database, database_url
from endcap_backend.retail.staff import Staff
from endcap_backend.serve import create_backend

pytestmark = pytest.mark.browser
expect.set_options(timeout=30_000)  # milliseconds; a busy machine is no fault of the page

AXE = Path(__file__).parents[3] / ".cache/node/node_modules/axe-core/axe.min.js"  # `make node` puts it there
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
PASSWORD = "correct horse battery"
PAGES = (
    "", "/help", "/stream", "/promotions", "/promotions?pid=p1", "/promotions?archived",
    "/promotions?section=Tea", "/promotions?sku=1", "/shelves",
    "/shelves?store=s1&sku=1", "/plan", "/plan?section=Tea", "/plan?door=", "/funnel", "/trail",
)  # fmt: skip
REFUSED = "the server responded with a status of 4"  # which the page says in words
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
            put_promotions(connection, [a_promotion(title="Tea week")], 0)
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


@pytest.fixture(params=[True])
def page(request, chromium, backend):
    """A manager's browser, with scripts or without, signed in; whatever it complains of fails the test."""
    context = chromium.new_context(reduced_motion="reduce", java_script_enabled=request.param)
    page = context.new_page()
    page.set_default_timeout(10_000)
    complaints = []
    page.on("console", lambda message: complaints.append(message.text) if REFUSED not in message.text else None)
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


CUT_OFF = """() => [...document.querySelectorAll('.card button')].filter((button) => {
  const card = button.closest('.card').getBoundingClientRect(), at = button.getBoundingClientRect();
  return at.left < card.left || at.right > card.right;
}).map((button) => button.textContent)"""
LINES = "() => new Set([...document.querySelectorAll('header a')].map((link) => link.offsetTop)).size"


@pytest.mark.parametrize("path", ["/promotions", "/help?store=s1"])
def test_on_a_phone_the_menu_is_short_and_no_button_is_cut_off(page, backend, path):
    page.set_viewport_size({"width": 390, "height": 844})
    as_shopper(backend, "/v1/help", {"store": "s1", "section": "Tea"})
    page.goto(f"{backend.url}/console{path}")
    page.evaluate(AXE.read_text() + "; 0")
    assert page.locator("table button").count() > 0
    assert page.evaluate(CUT_OFF) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate(LINES) <= 2
    assert page.evaluate(VIOLATIONS, TAGS) == []
    assert page.get_by_role("row").count() > 1  # a table still, for who hears the page


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


WITHOUT_SCRIPTS = pytest.mark.parametrize("page", [False], indirect=True, ids=["no scripts"])


def plan_of(backend):
    return {each["id"]: each for each in httpx.get(f"{backend.url}/v1/stores/s1/plan").json()["sections"]}


def place(page, right, down):
    """Where a part of the drawn plan is on the screen."""
    box = page.locator("#plan").bounding_box()
    return box["x"] + box["width"] * right, box["y"] + box["height"] * down


def test_a_section_is_drawn_by_mouse_and_moved_by_keyboard(page, backend):
    page.goto(f"{backend.url}/console/plan?store=s1&section=")
    page.get_by_label("Id", exact=True).fill("bread")
    page.get_by_label("Name").fill("Bread")
    for right, down in ((0.3, 0.3), (0.6, 0.3), (0.6, 0.6)):
        page.mouse.click(*place(page, right, down))
    expect(page.locator("#drawn")).to_contain_text("Corner 3 added: 3 corners")
    page.mouse.click(*place(page, 0.3, 0.6))  # into the side that is nearest
    outline = page.get_by_label("Outline")
    expect(page.locator(".corner")).to_have_count(4)
    before = outline.input_value().split("\n")
    page.get_by_role("button", name="Corner 1 of 4").focus()
    page.keyboard.press("Shift+ArrowDown")
    south = outline.input_value().split("\n")
    assert float(before[0].split(",")[0]) - float(south[0].split(",")[0]) == pytest.approx(5 / 111_195, abs=2e-7)
    assert before[1:] == south[1:]
    page.keyboard.press("Insert")
    expect(page.get_by_role("button", name="Corner 2 of 5")).to_be_focused()
    page.keyboard.press("Delete")
    expect(page.locator(".corner")).to_have_count(4)
    page.get_by_role("button", name="The section as a whole").focus()
    page.keyboard.press("ArrowRight")
    east = [float(each.split(",")[1]) for each in outline.input_value().split("\n")]
    assert all(new > float(old.split(",")[1]) for new, old in zip(east, south, strict=True))
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status").first).to_have_text("Bread is on the plan.")
    assert [each[1] for each in plan_of(backend)["bread"]["polygon"]] == east


def test_a_corner_is_dragged_and_the_section_with_it(page, backend):
    page.goto(f"{backend.url}/console/plan?store=s1&section=Tea")
    outline = page.get_by_label("Outline")
    before = outline.input_value()
    corner = page.locator(".corner").first.bounding_box()
    page.mouse.move(corner["x"] + corner["width"] / 2, corner["y"] + corner["height"] / 2)
    page.mouse.down()
    page.mouse.move(corner["x"] + 30, corner["y"] + 10, steps=3)
    page.mouse.up()
    dragged = outline.input_value().split("\n")
    assert [new != old for new, old in zip(dragged, before.split("\n"), strict=True)] == [True] + [False] * (
        len(dragged) - 1
    )
    middle = page.locator(".draft").bounding_box()
    page.mouse.move(middle["x"] + middle["width"] / 2, middle["y"] + middle["height"] / 2)
    page.mouse.down()
    page.mouse.move(middle["x"] + middle["width"] / 2 + 20, middle["y"] + middle["height"] / 2, steps=3)
    page.mouse.up()
    moved = outline.input_value().split("\n")
    assert len(moved) == len(dragged)
    assert all(float(new.split(",")[1]) > float(old.split(",")[1]) for new, old in zip(moved, dragged, strict=True))


def test_what_is_typed_is_drawn_and_a_refusal_is_read_out(page, backend):
    page.goto(f"{backend.url}/console/plan?store=s1&section=Tea")
    page.get_by_label("Outline").fill("60.1695, 24.9354\n60.1697, 24.9356\n60.1697, 24.9354\n60.1694, 24.9357")
    expect(page.locator(".corner")).to_have_count(4)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status").first).to_contain_text("Not changed: outline crosses itself")
    expect(page.get_by_label("Outline")).to_have_attribute("aria-describedby", "said")
    page.evaluate(AXE.read_text() + "; 0")
    assert page.evaluate(VIOLATIONS, TAGS) == []


@WITHOUT_SCRIPTS
def test_without_scripts_a_section_is_typed_and_a_door_too(page, backend):
    page.goto(f"{backend.url}/console/plan?store=s1&section=")
    expect(page.get_by_text("Type the corners of a section into its form")).to_be_visible()
    expect(page.get_by_role("button", name="Add a corner")).to_be_hidden()
    page.get_by_label("Id", exact=True).fill("bread")
    page.get_by_label("Name").fill("Bread")
    page.get_by_label("Outline").fill("60.1695, 24.9354\n60.1697, 24.9354\n60.1697, 24.9356")
    page.get_by_role("button", name="Save").click()
    assert len(plan_of(backend)["bread"]["polygon"]) == 3
    page.get_by_role("link", name="New door").click()
    page.get_by_label("Id", exact=True).fill("north")
    page.get_by_label("Name").fill("North")
    page.get_by_label("Latitude").fill("60.1697")
    page.get_by_label("Longitude").fill("24.9354")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("link", name="North")).to_be_visible()


@WITHOUT_SCRIPTS
def test_without_scripts_a_promotion_is_deleted_after_a_question(page, backend):
    page.goto(f"{backend.url}/console/promotions?pid=p1")
    delete = page.get_by_role("button", name="Delete it")
    expect(delete).to_be_hidden()
    page.get_by_text("Delete p1…").click()
    delete.click()
    expect(page.get_by_role("status")).to_have_text("p1 has ended and is deleted.")


def test_two_tabs_on_one_shelf_lose_nothing(page, backend):
    path = f"{backend.url}/console/shelves?store=s1&sku=1"
    page.goto(path)
    other = page.context.new_page()
    other.goto(path)
    other.get_by_label("Left on the shelf").fill("2")
    other.get_by_role("button", name="Put there").click()
    expect(other.get_by_role("status")).to_be_visible()
    page.get_by_label("Price").fill("5.50")
    page.get_by_role("button", name="Put there").click()
    expect(page.get_by_role("status")).to_contain_text("somebody else has changed it")
    page.evaluate(AXE.read_text() + "; 0")
    assert page.evaluate(VIOLATIONS, TAGS) == []
    expect(page.get_by_label("Left on the shelf")).to_have_value("2")
    expect(page.get_by_label("Price")).to_have_value("5.50")


def test_a_section_is_picked_with_the_keyboard_and_a_product_of_it_promoted(page, backend):
    page.goto(f"{backend.url}/console/promotions?store=s1")
    page.locator("#plan").get_by_role("link", name="Tea").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="On offer in Tea")).to_be_visible()
    page.get_by_role("cell", name="Dark roast").get_by_role("link").nth(2).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="New promotion for")).to_be_visible()
    expect(page.get_by_label("Product, if only one")).to_have_value("2")
    page.get_by_label("Id", exact=True).fill("p2")
    page.get_by_label("What she reads").fill("Second shelf")
    page.get_by_label("Per cent off").fill("5")
    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_role("status")).to_have_text("Second shelf is published.")
    expect(page.locator(".shelf.meant")).to_have_count(1)
    page.get_by_role("row", name="Second shelf").get_by_role("button", name="End now").click()
    expect(page.get_by_role("status")).to_have_text("p2 has ended.")
    expect(page.locator("tr.over")).to_contain_text("Second shelf")


@WITHOUT_SCRIPTS
def test_without_scripts_a_click_on_a_square_picks_its_product(page, backend):
    page.goto(f"{backend.url}/console/promotions?store=s1")
    page.locator("#plan .shelf").nth(3).click()
    expect(page.get_by_role("heading", name="New promotion for")).to_be_visible()
    expect(page.get_by_label("Product, if only one")).to_have_value("3")
    page.get_by_role("link", name="Its shelf").click()
    expect(page.get_by_role("heading", name="Change product 3")).to_be_visible()


def test_a_click_on_a_square_opens_its_product_unless_something_is_typed(page, backend):
    page.goto(f"{backend.url}/console/shelves?store=s1")
    page.locator("#plan .shelf").nth(3).click()
    expect(page.get_by_role("heading", name="Change product 3")).to_be_visible()
    price = page.get_by_label("Price")
    price.fill("5.50")
    before = page.get_by_label("Latitude").input_value()
    page.locator("#plan .shelf").nth(5).click()
    expect(page.get_by_label("Latitude")).not_to_have_value(before)
    expect(price).to_have_value("5.50")
    expect(page.get_by_role("heading", name="Change product 3")).to_be_visible()
