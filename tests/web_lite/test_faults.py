"""Networks, servers and phones that misbehave: nothing is lost, nothing is shown twice, she is told in words."""

import socket
import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta

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


@pytest.fixture
def phone(walker):
    """A walker whose phone is scripted and whose page's time is the test's."""
    walker.page.clock.install()
    walker.page.add_init_script(PHONE)
    return walker


def test_a_prompt_that_is_never_answered_points_to_the_sign_after_ten_seconds(lite, phone):
    phone.share(lite.url)
    phone.page.clock.fast_forward(9_000)
    expect(phone.status).to_contain_text("Choose “Allow”")
    phone.page.clock.fast_forward(2_000)
    expect(phone.status).to_contain_text("a sign is faster")
    phone.page.evaluate("phone.fix()")
    expect(phone.status).to_contain_text("Found you")


def test_a_watch_that_falls_silent_is_started_anew_with_growing_patience(lite, phone):
    phone.share(lite.url)
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
    phone.share(lite.url)
    phone.page.evaluate("phone.fail(3)")
    phone.page.evaluate("() => { for (let i = 0; i < 500; i++) phone.fail(3); }")
    phone.page.evaluate("phone.fix()")
    expect(phone.status).to_contain_text("Found you")
    assert phone.page.evaluate("phone.watched") == 1


def test_a_sign_claimed_in_a_visit_that_she_stopped_is_not_sent_in_the_next_one(lite, shop, phone):
    signs = []
    phone.page.on("request", lambda request: "/sign" in request.url and signs.append(request.url))
    shop.lets_in.clear()
    phone.page.goto(lite.url)
    phone.page.get_by_label("Or where you are").select_option("Coffee & tea")
    phone.page.get_by_role("button", name="Show offers here").click()
    assert shop.shopper
    phone.page.get_by_role("button", name="Stop and erase").click()
    phone.page.get_by_role("button", name="Use my location").click()
    with phone.page.expect_response("**/sse*"):
        shop.lets_in.set()
    assert "network" not in phone.status.inner_text()
    phone.page.clock.run_for(3_000)
    with phone.page.expect_response("**/fix"):
        phone.page.evaluate("phone.fix()")
    assert signs == []


@pytest.mark.parametrize("hours", [-7, 7])
def test_a_phone_with_a_clock_seven_hours_off_still_gets_offers(lite, shop, phone, hours):
    phone.page.clock.set_system_time(datetime.now(UTC) + timedelta(hours=hours))
    phone.share(lite.url)
    phone.page.evaluate("phone.fix()")
    expect(phone.cards).to_have_count(1)
    (fix,) = shop.fixes.values()
    assert abs(datetime.fromisoformat(fix["taken_at"]) - datetime.now(UTC)) < timedelta(minutes=5)


def test_stop_lets_the_phone_stop_looking(lite, phone):
    phone.share(lite.url)
    phone.page.evaluate("phone.fix()")
    phone.page.get_by_role("button", name="Stop and erase").click()
    assert phone.page.evaluate("phone.watch") is None
    phone.page.clock.fast_forward(300_000)
    assert phone.page.evaluate("phone.watched") == 1


def test_a_fix_that_waited_when_she_stopped_is_not_sent_when_she_begins_anew_at_once(lite, shop, phone):
    posted = []
    phone.page.on("request", lambda request: request.url.endswith("/fix") and posted.append(request.post_data_json))
    shop.lets_in.clear()
    phone.share(lite.url)
    assert shop.shopper
    phone.page.evaluate("phone.fix()")
    phone.page.clock.run_for(1_000)
    phone.page.get_by_role("button", name="Stop and erase").click()
    phone.page.get_by_role("button", name="Use my location").click()
    began = phone.page.evaluate("Date.now()")
    shop.lets_in.set()
    assert shop.until(lambda: len(shop.shoppers) == 2)
    with phone.page.expect_response("**/fix"):
        phone.page.evaluate("phone.fix()")
        phone.page.clock.run_for(20_000)
    assert [fix["at"] >= began for body in posted for fix in body["fixes"]] == [True]
    assert shop.until(lambda: len(shop.erased) == 1)


def test_a_fix_taken_while_another_is_on_its_way_is_sent_after_it(lite, shop, phone):
    held = []
    phone.page.route("**/fix", lambda route: held.append(route), times=1)
    phone.share(lite.url)
    with phone.page.expect_request("**/fix"):
        phone.page.evaluate("phone.fix()")
    phone.page.clock.run_for(10)
    phone.page.evaluate("phone.fix()")
    held[0].continue_()
    phone.page.clock.run_for(1500)
    assert shop.until(lambda: len(shop.fixes) == 2)


def test_a_token_is_replaced_before_it_ends_with_no_offer_lost_or_doubled(lite, shop, phone):
    with phone.page.expect_response("**/sse*"):
        phone.share(lite.url)
    phone.page.evaluate("phone.fix(9000)")
    for number in range(3):
        shop.offer(shop.shopper, title=f"offer {number}")
        with phone.page.expect_response("**/sse*"):
            phone.page.clock.fast_forward(241_000)  # four fifths of five minutes
    expect(phone.cards).to_have_count(3)
    assert phone.cards.get_by_role("heading").all_text_contents() == ["offer 2", "offer 1", "offer 0"]
    assert lite.posts.count("/stream") == 4
    assert not [url for _, url in phone.requests if url.endswith("/offers")]  # no stream broke: each was replaced
    assert phone.complaints == []


def test_a_token_that_dies_unnoticed_is_replaced(lite, shop, walker):
    shop.token_lifetime_s = 1

    def overstate(route):
        answer = route.fetch()
        route.fulfill(response=answer, json={**answer.json(), "seconds": 300})

    walker.page.route("**/stream", overstate)
    walker.stand(north_m=100)
    walker.share(lite.url)
    expect(walker.status).to_contain_text("Found you")
    with walker.page.expect_response("**/stream"):
        pass
    shop.token_lifetime_s = 300
    shop.offer(shop.shopper)
    expect(walker.cards).to_have_count(1)


class Cable:
    """A TCP line to the local Ably that can be cut, with all that runs over it, and mended."""

    def __init__(self, port):
        self._port = port
        self._ends = []
        self.whole = True
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://localhost:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self):
        self.whole = False
        while self._ends:
            with suppress(OSError):
                self._ends.pop().shutdown(socket.SHUT_RDWR)

    def close(self):
        self.cut()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self):
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                if not self.whole:
                    near.close()
                    continue
                far = socket.create_connection(("127.0.0.1", self._port))
                self._ends += [near, far]
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    def _pump(self, source, sink):
        with suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        source.close()


@pytest.fixture
def cable(ably):
    cable = Cable(ably.port)
    yield cable
    cable.close()


def test_an_offer_sent_while_the_stream_was_cut_comes_once_when_it_is_back(lites, shop, cable, walker):
    lite = lites(ably_endpoint=cable.url)
    walker.page.route("**/offers", lambda route: route.abort())  # the stream itself makes up for it
    walker.stand(north_m=100)
    walker.share(lite.url)
    expect(walker.status).to_contain_text("Found you")
    shop.offer(shop.shopper, title="before")
    expect(walker.cards).to_have_count(1)
    cable.cut()
    shop.offer(shop.shopper, title="meanwhile")
    cable.whole = True
    expect(walker.cards).to_have_count(2)
    streams = [url for _, url in walker.requests if "/sse?" in url]
    assert "rewind=" in streams[0]
    assert "lastEvent=" in streams[-1]


def test_an_offer_sent_while_the_phone_was_offline_comes_once_when_it_is_back(lite, shop, walker):
    walker.stand(north_m=100)
    walker.share(lite.url)
    expect(walker.status).to_contain_text("Found you")
    shop.offer(shop.shopper, title="before")
    expect(walker.cards).to_have_count(1)
    walker.context.set_offline(True)
    expect(walker.status).to_contain_text("No network. Your last offers")
    shop.offer(shop.shopper, title="meanwhile")
    walker.context.set_offline(False)
    expect(walker.cards).to_have_count(2)


def test_fixes_taken_offline_are_sent_when_the_network_is_back(lite, shop, phone):
    phone.share(lite.url)
    phone.page.evaluate("phone.fix()")
    expect(phone.cards).to_have_count(1)
    phone.context.set_offline(True)
    for _ in range(3):
        phone.page.clock.run_for(1000)
        phone.page.evaluate("phone.fix()")
    phone.context.set_offline(False)
    phone.page.clock.fast_forward(16_000)
    assert shop.until(lambda: len(shop.fixes) == 4)
    assert set(shop.times.values()) == {1}


def test_while_the_backend_is_away_she_is_told_and_nothing_is_lost(lite, shop, walker):
    shop.away = True
    walker.stand()
    with walker.page.expect_response("**/fix"):
        walker.share(lite.url)
    expect(walker.status).to_contain_text("does not answer")
    assert lite.services.relay.waiting() >= 1
    shop.away = False
    expect(walker.cards).to_have_count(1)
    assert set(shop.times.values()) == {1}


def test_where_no_stream_comes_through_offers_come_by_polling(lite, shop, walker):
    walker.page.clock.install()
    walker.page.route("**/sse*", lambda route: route.abort())
    walker.stand()
    walker.share(lite.url)
    assert shop.until(lambda: shop.fixes)
    for _ in range(3):
        with walker.page.expect_response("**/stream"):
            walker.page.clock.fast_forward(16_000)
    expect(walker.cards).to_have_count(1)


def test_a_browser_without_storage_or_cookies_gets_offers_by_the_form(lite, walkers):
    walker = walkers(java_script_enabled=False)
    walker.page.route("**/*", lambda route: route.continue_(headers={**route.request.headers, "cookie": ""}))
    walker.page.goto(lite.url)
    walker.page.get_by_label("Or where you are").select_option("Coffee & tea")
    walker.page.get_by_role("button", name="Show offers here").click()
    expect(walker.cards).to_have_count(1)


def test_a_browser_with_scripts_but_without_storage_gets_offers_by_stream(lite, walker):
    walker.page.add_init_script(
        "Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('no', 'SecurityError'); } })"
    )
    walker.stand()
    walker.share(lite.url)
    expect(walker.cards).to_have_count(1)
    walker.page.get_by_role("button", name="Stop and erase").click()
    expect(walker.status).to_contain_text("Stopped")
    assert walker.complaints == []


def test_offline_a_reload_shows_the_last_offers_and_how_old_they_are(lite, walker):
    walker.stand()
    walker.share(lite.url)
    expect(walker.cards).to_have_count(1)
    walker.page.evaluate("() => navigator.serviceWorker.ready.then(() => 1)")
    walker.context.set_offline(True)
    walker.page.reload()
    expect(walker.status).to_contain_text("Your last offers, from")
    expect(walker.cards.get_by_role("heading")).to_have_text("20 % off dark roast")


def test_a_sign_chosen_offline_is_claimed_when_the_network_is_back(lite, walker):
    walker.page.goto(lite.url)
    walker.context.set_offline(True)
    walker.page.get_by_label("Or where you are").select_option("Coffee & tea")
    walker.page.get_by_role("button", name="Show offers here").click()
    expect(walker.status).to_contain_text("No network")
    walker.context.set_offline(False)
    expect(walker.cards).to_have_count(1)


def test_a_claim_that_the_server_could_not_take_is_made_again_when_it_asks_for_it(lite, shop, walker):
    refused = []

    def be_away_once(route):
        refused.append(route)
        route.fulfill(status=503, headers={"Retry-After": "40"}) if len(refused) == 1 else route.continue_()

    walker.page.clock.install()
    walker.page.route("**/sign*", be_away_once)
    walker.page.goto(lite.url)
    walker.page.get_by_label("Or where you are").select_option("Coffee & tea")
    walker.page.get_by_role("button", name="Show offers here").click()
    expect(walker.status).to_contain_text("does not answer")
    walker.page.clock.fast_forward(39_000)
    walker.page.evaluate("() => fetch('/healthz').then(() => 1)")
    assert len(refused) == 1
    walker.page.clock.fast_forward(2_000)
    expect(walker.cards).to_have_count(1)
    assert len(refused) == 2


def test_a_browser_with_scripts_but_without_cookies_gets_offers_by_a_key_of_its_own(lite, shop, walker):
    strip = {"cookie": ""}
    walker.page.route("**/*", lambda route: route.continue_(headers={**route.request.headers, **strip}))
    walker.stand()
    walker.share(lite.url)
    expect(walker.cards).to_have_count(1)
    walker.page.get_by_role("button", name="Stop and erase").click()
    assert shop.until(lambda: len(shop.erased) == 1)


def test_what_is_wrong_stays_said_while_fixes_go_on(lite, shop, phone):
    phone.share(lite.url)
    phone.page.evaluate("phone.fix()")
    expect(phone.cards).to_have_count(1)
    phone.context.set_offline(True)
    expect(phone.status).to_contain_text("No network")
    phone.page.clock.run_for(1000)
    phone.page.evaluate("phone.fix()")
    expect(phone.status).to_contain_text("No network")
    phone.context.set_offline(False)
    phone.page.clock.run_for(1000)
    phone.page.evaluate("phone.fix()")
    expect(phone.status).to_contain_text("Found you")


def test_when_the_backend_is_back_the_page_says_where_she_is_again(lite, shop, phone):
    shop.away = True
    phone.share(lite.url)
    phone.page.evaluate("phone.fix()")
    expect(phone.status).to_contain_text("does not answer")
    phone.page.clock.run_for(1000)
    phone.page.evaluate("phone.fix()")
    expect(phone.status).to_contain_text("does not answer")
    shop.away = False
    with phone.page.expect_response("**/sse*"):
        phone.page.clock.fast_forward(20_000)
    expect(phone.cards).to_have_count(1)
    phone.page.evaluate("phone.fix()")
    assert set(shop.times.values()) == {1}
