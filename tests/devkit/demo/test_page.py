"""The demo's page: shoppers move, offers arrive, nothing is wider than the screen."""

import pytest

LIMIT_MS = 90_000
MOVED = """before => [...endcap.crowd.people.values()].filter(p => {
  const [x, y] = before[p.number] ?? [p.x, p.y];
  return Math.hypot(p.x - x, p.y - y) > 5;
}).length > 10"""
FOLLOW_ONE = """() => {
  const person = [...endcap.crowd.people.values()].find(p => p.seen);
  endcap.follow(person.number);
  return person.number;
}"""
COUNT_FRAMES = """() => {
  const draw = endcap.crowd.draw;
  endcap.frames = 0;
  endcap.crowd.draw = function (...all) { draw.apply(this, all); endcap.frames += 1; };
}"""


@pytest.mark.browser
def test_shoppers_move_on_the_page(visit, until):
    page = visit()
    until(page, "[...endcap.crowd.people.values()].filter(p => p.seen).length > 20")
    before = page.evaluate("Object.fromEntries([...endcap.crowd.people].map(([n, p]) => [n, [p.x, p.y]]))")
    until(page, MOVED, before)


@pytest.mark.browser
def test_offers_arrive_as_cards_with_how_long_they_took(visit, until, wait_for):
    page = visit()
    card = page.locator(".card").first
    card.wait_for(timeout=LIMIT_MS)
    assert card.locator(".title").inner_text()
    until(page, "/after [\\d.]+ m?s/.test(document.getElementById('feed').innerText)")


@pytest.mark.browser
def test_an_offer_newer_than_the_frame_it_is_drawn_in_stops_nothing(visit, until):
    page = visit()
    until(page, "[...endcap.crowd.people.values()].some(p => p.seen)")
    page.evaluate(COUNT_FRAMES)
    page.evaluate("""() => {
      const person = [...endcap.crowd.people.values()].find(p => p.seen);
      endcap.crowd.pulses.push({ number: person.number, start: performance.now() + 60000 });
    }""")
    until(page, "endcap.frames > 20")


@pytest.mark.browser
def test_a_fault_while_drawing_costs_one_frame(browser, demo, until):
    context = browser.new_context()
    page = context.new_page()
    faults = []
    page.on("pageerror", lambda fault: faults.append(str(fault)))
    page.goto(demo.links["Map"])
    until(page, "window.endcap && endcap.crowd.people.size > 20")
    page.evaluate(COUNT_FRAMES)
    page.evaluate("""() => {
      endcap.crowd.drawPerson = () => { delete endcap.crowd.drawPerson; throw Error('one fault'); };
    }""")
    until(page, "!Object.hasOwn(endcap.crowd, 'drawPerson')")
    drawn = page.evaluate("endcap.frames")
    until(page, "drawn => endcap.frames > drawn + 20", drawn)
    context.close()
    assert faults == ["one fault"]


@pytest.mark.browser
@pytest.mark.parametrize("width", [1400, 1024, 800, 360])
def test_large_figures_fit_in_the_panel(visit, width):
    page = visit(width)
    page.evaluate("""() => {
      const texts = { offers: '12,051', matches: 'of 150K matches', in_stores: '1,999 in stores' };
      for (const [name, text] of Object.entries(texts)) {
        const place = document.querySelector(`[data-figure=${name}]`);
        Object.defineProperty(place, 'textContent', { set() {} });
        place.innerText = text;
      }
    }""")
    assert (
        page.evaluate("""() => [...document.querySelectorAll('.figures dd')]
      .filter(each => each.scrollWidth > each.clientWidth).map(each => each.innerText)""")
        == []
    )


@pytest.mark.browser
def test_a_shopper_is_followed_and_let_go_by_escape(visit, until):
    page = visit()
    until(page, "[...endcap.crowd.people.values()].some(p => p.seen)")
    number = page.evaluate(FOLLOW_ONE)
    assert page.locator("#her").is_visible()
    assert page.evaluate("endcap.crowd.followed") == number
    until(page, "document.querySelector('#her .place').textContent.startsWith('She ')")
    page.locator("#live").press("Escape")
    assert page.locator("#her").is_hidden()


@pytest.mark.browser
def test_a_click_on_a_store_shows_its_floor_plan(visit, until):
    page = visit()
    near = page.evaluate("endcap.camera.pixelsPerMetre")
    spot = page.evaluate(
        """() => { const store = endcap.ground.stores.find(s => s.id === 'stockmann');
             endcap.crowd.people.clear();
             return [endcap.camera.across(store.label[0]), endcap.camera.down(store.label[1])] }"""
    )
    page.mouse.click(*spot)
    until(page, "near => endcap.camera.pixelsPerMetre > 2 * near && !endcap.camera.target", near)


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone_nothing_is_wider_than_the_screen(visit, scheme, wait_for):
    page = visit(360, 740, color_scheme=scheme, has_touch=True, is_mobile=True)
    page.locator(".card").first.wait_for(timeout=LIMIT_MS)
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    assert page.locator("#nearer").bounding_box()["width"] >= 44


@pytest.mark.browser
def test_the_page_asks_nothing_of_other_servers(browser, demo, until):
    asked = []
    context = browser.new_context()
    page = context.new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.goto(demo.links["Map"])
    until(page, "window.endcap && endcap.crowd.people.size > 0")
    context.close()
    own = demo.links["Map"].split("//")[1]
    assert [url for url in asked if not url.split("//")[1].startswith(own) and not url.startswith("data:")] == []
