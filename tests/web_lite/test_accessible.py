"""Everybody can use it: axe finds nothing, a keyboard is enough, nothing is cut off."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

AXE = Path(__file__).parents[2] / ".cache/node/node_modules/axe-core/axe.min.js"  # `make node` puts it there
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


@pytest.fixture
def violations():
    source = AXE.read_text()

    def run(walker):
        walker.page.evaluate(source + "; 0")
        found = walker.page.evaluate(
            "(tags) => axe.run({ runOnly: tags }).then(({ violations }) => "
            "violations.map(({ id, nodes }) => id + ': ' + nodes[0].html))",
            TAGS,
        )
        assert walker.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        return found

    return run


STILL = {"reduced_motion": "reduce"}  # a colour in mid-fade is not the one she reads


def test_axe_finds_fault_with_a_bad_page(walkers, violations, lite):
    walker = walkers(**STILL)
    walker.page.goto(lite.url)
    walker.page.evaluate("() => document.querySelector('label').remove()")
    assert any(found.startswith("label") for found in violations(walker))


@pytest.mark.parametrize(
    ("language", "theme"),
    [(language, theme) for language in ("en", "de", "ar") for theme in ("light", "dark")] + [("en-XA", "light")],
)
def test_each_language_and_theme_is_sound_at_first_sight_and_with_offers(
    lite, shop, walkers, violations, language, theme
):
    walker = walkers(color_scheme=theme, locale=language, viewport={"width": 320, "height": 640}, **STILL)
    walker.stand()
    walker.page.goto(f"{lite.url}/?lang={language}")
    assert violations(walker) == []
    walker.page.locator("#go").click()
    expect(walker.cards).to_have_count(1)
    shop.offer(shop.shopper, kind="wanted", title="A" * 128, why="w" * 256)
    shop.offer(shop.shopper, kind="alternative")
    shop.offer(shop.shopper, kind="help", distance_ft=None, section=None)
    expect(walker.cards).to_have_count(4)
    assert violations(walker) == []


@pytest.mark.parametrize(("language", "theme"), [("en", "light"), ("de", "dark"), ("ar", "light")])
def test_each_page_of_the_desk_is_sound(lite, shop, walkers, violations, language, theme):
    walker = walkers(color_scheme=theme, locale=language, viewport={"width": 320, "height": 640}, **STILL)
    shop.alternatives = [{"name": "House roast", "why": "w" * 200, "section": "Aisle 2"}]
    shop.orders = [{"id": "A-17", "store": "s1", "state": "ready", "door": "door 2", "items": 3}]
    walker.stand()
    walker.page.goto(f"{lite.url}/?lang={language}")
    walker.page.locator("#go").click()
    expect(walker.cards).to_have_count(1)
    offer = shop.offer(shop.shopper, title="A" * 128, sku=9001, store="s1")
    for path in (f"/offer/{offer.id}", "/ask", "/orders", "/list/k7", "/offer/gone"):
        walker.page.goto(f"{lite.url}{path}?lang={language}")
        assert violations(walker) == [], path
    walker.page.goto(f"{lite.url}/ask?lang={language}")
    walker.page.locator("select").select_option("S1.COFFEE")
    walker.page.locator("form button").click()
    expect(walker.page.get_by_role("status")).not_to_be_empty()
    assert violations(walker) == []
    assert walker.page.locator("html").get_attribute("lang") == language


@pytest.fixture
def states(lite, shop, walkers):
    """Leads a walker into each state of the page."""
    refusing, walking = walkers(allowed=False, **STILL), walkers(**STILL)

    def asking():
        walking.page.add_init_script("navigator.geolocation.getCurrentPosition = () => {}")
        walking.share(lite.url)
        expect(walking.status).to_contain_text("Choose “Allow”")
        return walking

    def sharing():
        walking.stand(north_m=100)
        walking.share(lite.url)
        expect(walking.status).to_contain_text("Found you")
        return walking

    def vague():
        walking.stand(accuracy_m=500)
        walking.share(lite.url)
        expect(walking.status).to_contain_text("knows the place only to 500 m")
        return walking

    def refused():
        refusing.share(lite.url)
        expect(refusing.page.locator("#help-text")).not_to_be_empty()
        return refusing

    def away():
        shop.away = True
        walking.share(lite.url)
        expect(walking.status).to_contain_text("does not answer")
        return walking

    def offline():
        sharing()
        walking.context.set_offline(True)
        expect(walking.status).to_contain_text("No network")
        return walking

    def stopped():
        sharing()
        walking.page.locator("#stop").click()
        expect(walking.status).to_contain_text("Stopped")
        return walking

    def wrong_code():
        refusing.page.goto(lite.url)
        refusing.page.get_by_label("Six characters").fill("222222")
        refusing.page.get_by_role("button", name="Show offers here").click()
        expect(refusing.status).to_contain_text("No sign has that code")
        return refusing

    def signed():
        keyring = lite.services.keyring
        zone = lite.services.zones.get("S1.COFFEE")
        refusing.page.goto(f"{lite.url}/Z/{keyring.text(keyring.add(1), zone)}")
        return refusing

    return locals()


@pytest.mark.parametrize(
    "state", ["asking", "sharing", "vague", "refused", "away", "offline", "stopped", "wrong_code", "signed"]
)
def test_each_state_is_sound(states, violations, state):
    assert violations(states[state]()) == []


def test_a_keyboard_is_enough(lite, walker):
    walker.stand()
    walker.page.goto(lite.url)
    reached = []
    for _ in range(7):
        walker.page.keyboard.press("Tab")
        reached.append(walker.page.evaluate("document.activeElement.textContent.trim() || document.activeElement.id"))
        outline = walker.page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline == "solid", reached
    assert reached[:2] == ["I am at a sign", "Use my location"]
    assert reached[2] == "code"
    walker.page.get_by_role("button", name="Use my location").focus()
    walker.page.keyboard.press("Enter")
    expect(walker.cards).to_have_count(1)
    walker.page.get_by_role("button", name="Stop and erase").focus()
    walker.page.keyboard.press("Space")
    expect(walker.status).to_contain_text("Stopped")


def test_text_twice_as_large_is_not_cut_off(lite, walkers):
    walker = walkers(viewport={"width": 320, "height": 640})
    walker.page.goto(lite.url)
    walker.page.evaluate("() => { document.documentElement.style.fontSize = '200%'; }")
    assert walker.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    cut = walker.page.evaluate(
        "() => [...document.querySelectorAll('h1,h2,p,dd,button,a')]"
        ".filter((each) => each.scrollWidth > each.clientWidth + 1 && each.clientWidth).map((each) => each.textContent)"
    )
    assert cut == []


def test_what_can_be_pressed_is_44_pixels_high(lite, walker):
    walker.page.goto(lite.url)
    heights = walker.page.evaluate(
        "() => [...document.querySelectorAll('button,a,input,select')].filter((each) => each.offsetHeight)"
        ".map((each) => each.getBoundingClientRect().height)"
    )
    assert len(heights) >= 6
    assert min(heights) >= 44
