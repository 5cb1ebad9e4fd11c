"""Networks, servers and phones that misbehave: nothing is lost, nothing is shown twice, she is told in words."""

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

# A phone whose location does what the test says: `phone.asked` counts, `phone.fix()` and `phone.fail()` answer.
PHONE = """
window.phone = { one: null, watch: null, asked: 0, watched: 0, cleared: 0,
  fix(accuracy = 8) {
    const coords = { latitude: 60.16952, longitude: 24.93545, accuracy };
    (phone.one || phone.watch)[0]({ coords, timestamp: Date.now() });
  },
  fail(code) { (phone.one || phone.watch)[1]({ code }); },
};
Object.defineProperty(navigator, 'geolocation', { value: {
  getCurrentPosition(took, failed) {
    const once = (act) => (what) => { phone.one = null; act(what); };
    phone.asked++; phone.one = [once(took), once(failed)];
  },
  watchPosition(took, failed) { phone.watched++; phone.watch = [took, failed]; return phone.watched; },
  clearWatch(id) { if (id) phone.cleared++; phone.watch = null; },
} });
"""


def status(walker):
    return walker.page.get_by_role("status")


def cards(walker):
    return walker.page.get_by_role("list").get_by_role("listitem")


def share(walker, url):
    walker.page.goto(url)
    walker.page.get_by_role("button", name="Use my location").click()


@pytest.fixture
def phone(walker):
    """A walker whose phone is scripted and whose page's time is the test's."""
    walker.page.clock.install()
    walker.page.add_init_script(PHONE)
    return walker


def test_a_prompt_that_is_never_answered_points_to_the_sign_after_ten_seconds(lite, phone):
    share(phone, lite.url)
    phone.page.clock.fast_forward(9_000)
    expect(status(phone)).to_contain_text("Choose “Allow”")
    phone.page.clock.fast_forward(2_000)
    expect(status(phone)).to_contain_text("a sign is faster")
    phone.page.evaluate("phone.fix()")
    expect(status(phone)).to_contain_text("Found you")


def test_a_watch_that_falls_silent_is_started_anew_with_growing_patience(lite, phone):
    share(phone, lite.url)
    phone.page.evaluate("phone.fix()")
    starts = [phone.page.evaluate("phone.watched")]
    for seconds in (29, 2, 33, 2, 43, 2, 88, 2, 88, 2):
        phone.page.clock.run_for(seconds * 1000)
        starts.append(phone.page.evaluate("phone.watched"))
    assert starts == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6]
    phone.page.evaluate("phone.fix()")
    phone.page.clock.run_for(31_000)
    assert phone.page.evaluate("phone.watched") == 7
    assert phone.page.evaluate("phone.cleared") == 6  # never two at once


def test_a_storm_of_errors_3_changes_nothing(lite, phone):
    share(phone, lite.url)
    phone.page.evaluate("phone.fail(3)")
    phone.page.evaluate("() => { for (let i = 0; i < 500; i++) phone.fail(3); }")
    phone.page.evaluate("phone.fix()")
    expect(status(phone)).to_contain_text("Found you")
    assert phone.page.evaluate("phone.watched") == 1


def test_a_phone_with_a_clock_seven_hours_off_still_gets_offers(lite, shop, phone):
    phone.page.clock.set_system_time("2026-11-23T02:00:00Z")
    share(phone, lite.url)
    phone.page.evaluate("phone.fix()")
    expect(cards(phone)).to_have_count(1)
    (fix,) = shop.fixes.values()
    assert not fix["taken_at"].startswith("2026-11-23T02")


def test_a_token_that_ends_in_mid_walk_is_renewed_with_no_offer_lost_or_doubled(lite, shop, walker):
    shop.token_lifetime_s = 2
    walker.stand(north_m=100)
    share(walker, lite.url)
    expect(status(walker)).to_contain_text("Found you")
    for number in range(3):
        assert shop.until(lambda number=number: lite.posts.count("/stream") > number)
        shop.offer(shop.shopper, title=f"offer {number}")
        with walker.page.expect_response("**/stream"):
            pass
    expect(cards(walker)).to_have_count(3)
    assert cards(walker).get_by_role("heading").all_text_contents() == ["offer 2", "offer 1", "offer 0"]
    assert walker.complaints == []


def test_a_token_that_dies_unnoticed_is_replaced(lite, shop, walker):
    shop.token_lifetime_s = 1

    def overstate(route):
        answer = route.fetch()
        route.fulfill(response=answer, json={**answer.json(), "seconds": 300})

    walker.page.route("**/stream", overstate)
    walker.stand(north_m=100)
    share(walker, lite.url)
    expect(status(walker)).to_contain_text("Found you")
    with walker.page.expect_response("**/stream"):
        pass
    shop.token_lifetime_s = 300
    shop.offer(shop.shopper)
    expect(cards(walker)).to_have_count(1)


def test_an_offer_sent_while_the_phone_was_offline_comes_once_when_it_is_back(lite, shop, walker):
    walker.stand(north_m=100)
    share(walker, lite.url)
    expect(status(walker)).to_contain_text("Found you")
    shop.offer(shop.shopper, title="before")
    expect(cards(walker)).to_have_count(1)
    walker.context.set_offline(True)
    expect(status(walker)).to_contain_text("No network. Your last offers")
    shop.offer(shop.shopper, title="meanwhile")
    walker.context.set_offline(False)
    expect(cards(walker)).to_have_count(2)


def test_fixes_taken_offline_are_sent_when_the_network_is_back(lite, shop, phone):
    share(phone, lite.url)
    phone.page.evaluate("phone.fix()")
    expect(cards(phone)).to_have_count(1)
    phone.context.set_offline(True)
    for _ in range(3):
        phone.page.clock.run_for(1000)
        phone.page.evaluate("phone.fix()")
    phone.context.set_offline(False)
    phone.page.clock.run_for(16_000)
    assert shop.until(lambda: len(shop.fixes) == 4)
    assert set(shop.times.values()) == {1}


def test_while_the_backend_is_away_she_is_told_and_nothing_is_lost(lite, shop, walker):
    shop.away = True
    walker.stand()
    share(walker, lite.url)
    expect(status(walker)).to_contain_text("does not answer")
    assert lite.services.relay.waiting() >= 1
    shop.away = False
    expect(cards(walker)).to_have_count(1)
    assert set(shop.times.values()) == {1}


def test_where_no_stream_comes_through_offers_come_by_polling(lite, shop, walker):
    walker.page.clock.install()
    walker.page.route("**/sse*", lambda route: route.abort())
    walker.stand()
    share(walker, lite.url)
    assert shop.until(lambda: shop.fixes)
    for _ in range(3):
        with walker.page.expect_response("**/stream"):
            walker.page.clock.run_for(16_000)
    expect(cards(walker)).to_have_count(1)


def test_a_browser_without_storage_or_cookies_gets_offers_by_the_form(lite, walkers):
    walker = walkers(java_script_enabled=False)
    walker.page.route("**/*", lambda route: route.continue_(headers={**route.request.headers, "cookie": ""}))
    walker.page.goto(lite.url)
    walker.page.get_by_label("Or where you are").select_option("Coffee & tea")
    walker.page.get_by_role("button", name="Show offers here").click()
    expect(cards(walker)).to_have_count(1)


def test_a_browser_with_scripts_but_without_storage_gets_offers_by_stream(lite, walker):
    walker.page.add_init_script(
        "Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('no', 'SecurityError'); } })"
    )
    walker.stand()
    share(walker, lite.url)
    expect(cards(walker)).to_have_count(1)
    walker.page.get_by_role("button", name="Stop and erase").click()
    expect(status(walker)).to_contain_text("Stopped")
    assert walker.complaints == []


def test_offline_a_reload_shows_the_last_offers_and_how_old_they_are(lite, walker):
    walker.stand()
    share(walker, lite.url)
    expect(cards(walker)).to_have_count(1)
    walker.page.evaluate("() => navigator.serviceWorker.ready.then(() => 1)")
    walker.context.set_offline(True)
    walker.page.reload()
    expect(status(walker)).to_contain_text("Your last offers, from")
    expect(cards(walker).get_by_role("heading")).to_have_text("20 % off dark roast")


def test_a_sign_chosen_offline_is_claimed_when_the_network_is_back(lite, walker):
    walker.page.goto(lite.url)
    walker.context.set_offline(True)
    walker.page.get_by_label("Or where you are").select_option("Coffee & tea")
    walker.page.get_by_role("button", name="Show offers here").click()
    expect(status(walker)).to_contain_text("No network")
    walker.context.set_offline(False)
    expect(cards(walker)).to_have_count(1)


def test_a_stop_that_the_server_did_not_hear_is_told_again_on_the_next_visit(lite, shop, walker):
    walker.stand()
    share(walker, lite.url)
    expect(cards(walker)).to_have_count(1)
    walker.page.route("**/stop", lambda route: route.abort())
    walker.page.get_by_role("button", name="Stop and erase").click()
    expect(status(walker)).to_contain_text("Stopped")
    walker.page.unroute("**/stop")
    with walker.page.expect_response("**/stop"):
        walker.page.reload()
    assert shop.until(lambda: shop.erased == shop.shoppers)
    expect(cards(walker)).to_have_count(0)


def test_a_browser_with_scripts_but_without_cookies_gets_offers_by_a_key_of_its_own(lite, shop, walker):
    strip = {"cookie": ""}
    walker.page.route("**/*", lambda route: route.continue_(headers={**route.request.headers, **strip}))
    walker.stand()
    share(walker, lite.url)
    expect(cards(walker)).to_have_count(1)
    walker.page.get_by_role("button", name="Stop and erase").click()
    assert shop.until(lambda: lite.services.visits.owed() == [] and len(shop.erased) == 1)
