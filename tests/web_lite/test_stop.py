"""Stop holds whatever is under way: nothing is shown afterwards, and the shop erases her however late it hears."""

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


def test_stop_ends_it_at_once_and_leaves_nothing(lite, shop, walker):
    walker.stand()
    walker.share(lite.url)
    expect(walker.cards).to_have_count(1)
    with walker.page.expect_response("**/stop"):
        walker.page.get_by_role("button", name="Stop and erase").click()
    expect(walker.cards).to_have_count(0)
    posts = len(lite.posts)
    for metres in range(1, 6):
        walker.stand(north_m=metres * 10)
        walker.page.evaluate("() => new Promise(requestAnimationFrame)")
    assert len(lite.posts) == posts
    assert walker.context.cookies() == []
    assert walker.page.evaluate("Object.values(localStorage).join('')").strip("0") == ""
    assert shop.until(lambda: shop.erased == shop.shoppers)
    expect(walker.status).to_contain_text("Stopped")


def test_an_offer_that_comes_after_stop_is_not_shown(lite, shop, walker):
    walker.stand(north_m=100)
    walker.share(lite.url)
    expect(walker.status).to_contain_text("Found you")
    walker.page.get_by_role("button", name="Stop and erase").click()
    shop.offer(shop.shopper)
    expect(walker.status).to_contain_text("Stopped")
    expect(walker.cards).to_have_count(0)


def test_on_plain_http_stop_erases_too(lite, shop, walker):
    walker.page.goto(lite.url.replace("127.0.0.1", "store.test"))
    walker.page.get_by_label("Or where you are").select_option("Coffee & tea")
    walker.page.get_by_role("button", name="Show offers here").click()
    expect(walker.cards).to_have_count(1)
    walker.page.get_by_role("button", name="Stop and erase").click()
    expect(walker.status).to_contain_text("Stopped")
    expect(walker.cards).to_have_count(0)
    assert shop.until(lambda: shop.erased == shop.shoppers)
    assert walker.complaints == []


def test_a_stop_that_the_server_did_not_hear_is_told_again_on_the_next_visit(lite, shop, walker):
    walker.stand()
    walker.share(lite.url)
    expect(walker.cards).to_have_count(1)
    walker.page.route("**/stop", lambda route: route.abort())
    walker.page.get_by_role("button", name="Stop and erase").click()
    expect(walker.status).to_contain_text("Stopped")
    walker.page.unroute("**/stop")
    with walker.page.expect_response("**/stop"):
        walker.page.reload()
    assert shop.until(lambda: shop.erased == shop.shoppers)
    expect(walker.cards).to_have_count(0)


def test_a_stop_while_her_yes_is_on_its_way_ends_the_visit_that_it_opens(lite, shop, walker):
    shop.lets_in.clear()
    walker.stand()
    walker.share(lite.url)
    assert shop.shopper
    walker.page.get_by_role("button", name="Stop and erase").click()
    expect(walker.status).to_contain_text("Stopped")
    shop.lets_in.set()
    assert shop.until(lambda: shop.erased == shop.shoppers)
    assert shop.fixes == {}


def test_a_stop_is_owed_until_also_the_visit_that_was_being_opened_is_ended(lite, shop, walker):
    stops = []

    def hear_the_first(route):
        stops.append(route)
        route.continue_() if len(stops) == 1 else route.abort()

    walker.page.route("**/stop", hear_the_first)
    shop.lets_in.clear()
    walker.stand()
    walker.share(lite.url)
    assert shop.shopper
    with walker.page.expect_response("**/stop"):
        walker.page.get_by_role("button", name="Stop and erase").click()
    with walker.page.expect_event("requestfailed", lambda request: request.url.endswith("/stop")):
        shop.lets_in.set()
    walker.page.evaluate("() => new Promise((go) => setTimeout(go))")
    assert walker.page.evaluate("localStorage.owed") == "1"
    walker.page.unroute("**/stop")
    walker.page.reload()
    assert shop.until(lambda: shop.erased == shop.shoppers)


def test_a_claim_under_way_when_she_stops_says_nothing_more(lite, walker):
    held = []
    walker.page.route("**/sign*", lambda route: held.append(route))
    walker.page.goto(lite.url)
    walker.page.get_by_label("Or where you are").select_option("Coffee & tea")
    with walker.page.expect_request("**/sign*"):
        walker.page.get_by_role("button", name="Show offers here").click()
    walker.page.get_by_role("button", name="Stop and erase").click()
    expect(walker.status).to_contain_text("Stopped")
    with walker.page.expect_request_finished(lambda request: "/sign" in request.url):
        held[0].fulfill(json={"say": "claimed", "zone": "Coffee & tea"})
    walker.page.evaluate("() => new Promise((go) => setTimeout(go))")
    expect(walker.status).to_contain_text("Stopped")
    assert walker.page.locator("html").get_attribute("data-state") == "first"


def test_offers_asked_for_before_she_stops_are_not_shown_after(lite, shop, walker):
    held = []
    walker.page.clock.install()
    walker.page.route("**/sse*", lambda route: route.abort())
    walker.page.route("**/offers", lambda route: held.append(route))
    walker.stand()
    walker.share(lite.url)
    assert shop.until(lambda: shop.fixes)
    for _ in range(2):
        with walker.page.expect_response("**/stream"):
            walker.page.clock.fast_forward(16_000)
    with walker.page.expect_request("**/offers"):
        walker.page.clock.fast_forward(16_000)
    walker.page.get_by_role("button", name="Stop and erase").click()
    expect(walker.status).to_contain_text("Stopped")
    offer = {"id": "a1", "kind": "deal", "title": "Roast", "why": "Near", "expires_at": "2999-01-01T00:00:00Z"}
    with walker.page.expect_request_finished(lambda request: "/offers" in request.url):
        held[0].fulfill(json={"offers": [offer]})
    walker.page.evaluate("() => fetch('/healthz').then(() => 1)")
    expect(walker.cards).to_have_count(0)


def test_after_a_reload_that_may_not_look_she_can_still_stop(lite, shop, walker):
    walker.stand()
    walker.share(lite.url)
    expect(walker.cards).to_have_count(1)
    walker.context.clear_permissions()
    walker.page.reload()
    expect(walker.cards).to_have_count(1)
    expect(walker.page.get_by_role("button", name="Use my location")).to_be_visible()
    with walker.page.expect_response("**/stop"):
        walker.page.get_by_role("button", name="Stop and erase").click()
    expect(walker.cards).to_have_count(0)
    expect(walker.page.get_by_role("button", name="Stop and erase")).to_be_hidden()
    assert shop.until(lambda: shop.erased == shop.shoppers)
