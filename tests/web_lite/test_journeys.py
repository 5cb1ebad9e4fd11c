"""What a shopper lives through, in a real Chromium, against a real local Ably."""

import json

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

REFUSE = "Location is off for this page"


def test_one_tap_and_a_walk_bring_an_offer(lite, walker):
    walker.stand(north_m=100)
    walker.share(lite.url)
    expect(walker.status).to_contain_text("Found you")
    expect(walker.cards).to_have_count(0)
    walker.stand(north_m=3)
    expect(walker.cards.get_by_role("heading")).to_have_text("20 % off dark roast")
    expect(walker.cards).to_contain_text("You are close to it")
    expect(walker.cards).to_contain_text("4 m · coffee · until")
    expect(walker.status).to_have_text("New offer: 20 % off dark roast")
    assert walker.complaints == []


def test_before_the_tap_nothing_is_asked_posted_or_kept(lite, walker):
    walker.page.goto(lite.url)
    expect(walker.page.get_by_role("button", name="Use my location")).to_be_visible()
    assert lite.posts == []
    assert walker.context.cookies() == []
    assert walker.page.evaluate("localStorage.length") == 0


def test_after_a_refusal_the_sign_form_brings_the_offer(lite, walkers):
    walker = walkers(allowed=False)
    walker.share(lite.url)
    expect(walker.status).to_contain_text(REFUSE)
    expect(walker.page.locator("#help-text")).to_contain_text("click the icon before the address")
    walker.page.get_by_label("Or where you are").select_option("Coffee & tea")
    walker.page.get_by_role("button", name="Show offers here").click()
    expect(walker.cards).to_have_count(1)


def test_who_says_yes_again_while_her_first_is_on_its_way_has_one_visit(lite, shop, walkers):
    shop.lets_in.clear()
    walker = walkers(allowed=False)
    walker.share(lite.url)
    expect(walker.status).to_contain_text(REFUSE)
    walker.page.get_by_label("Or where you are").select_option("Coffee & tea")
    walker.page.get_by_role("button", name="Show offers here").click()
    shop.lets_in.set()
    expect(walker.cards).to_have_count(1)
    assert len(shop.shoppers) == 1


def test_a_storm_of_errors_2_does_not_end_the_watch(lite, walker):
    walker.stand(north_m=100)
    walker.share(lite.url)
    expect(walker.status).to_contain_text("Found you")
    devtools = walker.context.new_cdp_session(walker.page)
    for _ in range(20):
        devtools.send("Emulation.setGeolocationOverride")  # without a place: position unavailable
    walker.stand(north_m=3)
    expect(walker.cards).to_have_count(1)


def test_permission_taken_away_in_mid_walk_ends_the_watch(lite, walker):
    walker.stand(north_m=100)
    walker.share(lite.url)
    expect(walker.status).to_contain_text("Found you")
    walker.context.clear_permissions()
    walker.page.evaluate("() => document.onvisibilitychange()")  # the next look meets the refusal
    expect(walker.status).to_contain_text(REFUSE)
    assert walker.page.evaluate("localStorage.consented") == "0"


def test_a_fix_too_vague_for_a_shelf_is_not_sent_and_a_sign_is_named(lite, walker):
    walker.stand(accuracy_m=120)
    walker.share(lite.url)
    expect(walker.status).to_contain_text("only to 120 m")
    assert "/fix" not in lite.posts


def test_without_scripts_the_form_brings_the_same_offer(lite, walkers):
    walker = walkers(java_script_enabled=False)
    walker.page.goto(lite.url)
    expect(walker.page.get_by_role("button", name="Use my location")).to_be_hidden()
    walker.page.get_by_label("Or where you are").select_option("Coffee & tea")
    walker.page.get_by_role("button", name="Show offers here").click()
    expect(walker.status).to_have_text("Offers at Coffee & tea")
    expect(walker.cards.get_by_role("heading")).to_have_text("20 % off dark roast")
    walker.page.get_by_label("Or where you are").select_option("Bakery")
    walker.page.get_by_role("button", name="Show offers here").click()
    expect(walker.status).to_have_text("Nothing new at Bakery right now.")
    expect(walker.cards).to_have_count(1)  # what she was offered before still holds


def test_on_plain_http_there_is_the_sign_form_and_no_error(lite, walker):
    walker.page.goto(lite.url.replace("127.0.0.1", "store.test"))
    expect(walker.status).to_contain_text("A sign works as well")
    expect(walker.page.get_by_role("button", name="Use my location")).to_be_hidden()
    walker.page.get_by_label("Or where you are").select_option("Coffee & tea")
    walker.page.get_by_role("button", name="Show offers here").click()
    expect(walker.cards).to_have_count(1)
    assert walker.complaints == []


HOSTILE = [
    "<script>document.title='pwned'</script>",
    "<img src=x onerror=\"document.title='pwned'\">",
    "'\"><svg onload=document.title='pwned'>",
    "javascript:document.title='pwned'",
    "{{7*7}}{% raise %}",
    "\u202eright to left",
]


@pytest.mark.parametrize("scripts", [True, False])
def test_hostile_offers_are_text_and_nothing_else(lite, shop, walkers, caplog, scripts):
    shop.text = {"title": HOSTILE[0], "why": HOSTILE[1]}
    walker = walkers(java_script_enabled=scripts)
    walker.page.goto(lite.url)
    walker.page.get_by_label("Or where you are").select_option("Coffee & tea")
    walker.page.get_by_role("button", name="Show offers here").click()
    expect(walker.cards).to_have_count(1)
    for text in HOSTILE[2:]:
        shop.offer(shop.shopper, title=text, why=text, section=text)
    if not scripts:
        walker.page.get_by_label("Or where you are").select_option("Coffee & tea")
        walker.page.get_by_role("button", name="Show offers here").click()
    expect(walker.cards).to_have_count(len(HOSTILE) - 1)
    assert set(HOSTILE) - {HOSTILE[1]} == set(walker.cards.get_by_role("heading").all_text_contents())
    assert walker.page.title() == "Offers near you · Riverside store"
    assert walker.page.locator("ol script, ol img, ol a:not([href^='/offer/'])").count() == 0
    assert "/csp" not in lite.posts
    assert walker.complaints == []


@pytest.mark.parametrize("data", ["no JSON", "null", "[]", '"text"', '{"id": "x"}', '{"id":"x","expires_at":"soon"}'])
def test_a_message_that_is_no_offer_is_passed_over(lite, shop, walker, data):
    walker.stand(north_m=100)
    walker.share(lite.url)
    expect(walker.status).to_contain_text("Found you")
    shop.publish(shop.shopper, data)
    shop.offer(shop.shopper)
    expect(walker.cards).to_have_count(1)
    assert walker.complaints == []


@pytest.mark.parametrize("form", ["text", "object", "bytes"])
def test_an_offer_is_read_as_text_as_object_and_as_bytes(lite, shop, walker, form):
    walker.stand(north_m=100)
    walker.share(lite.url)
    expect(walker.status).to_contain_text("Found you")
    offer = shop.offer("nobody")
    shop.publish(shop.shopper, offer.to_text(), form)
    expect(walker.cards).to_have_count(1)


def test_an_offer_goes_when_it_ends_and_never_shows_when_it_has_ended(lite, shop, walker):
    walker.page.clock.install()
    walker.stand(north_m=100)
    walker.share(lite.url)
    expect(walker.status).to_contain_text("Found you")
    shop.offer(shop.shopper)
    expect(walker.cards).to_have_count(1)
    walker.page.clock.fast_forward("59:50")
    expect(walker.cards).to_have_count(1)
    walker.page.clock.fast_forward("00:20")
    expect(walker.cards).to_have_count(0)


def test_the_same_offer_twice_is_one_card(lite, shop, walker):
    walker.stand(north_m=100)
    walker.share(lite.url)
    expect(walker.status).to_contain_text("Found you")
    offer = shop.offer(shop.shopper)
    shop.publish(shop.shopper, offer.to_text())
    shop.offer(shop.shopper, title="another")
    expect(walker.cards).to_have_count(2)


def test_a_reload_shows_the_last_offers_and_goes_on_by_itself(lite, shop, walker):
    walker.stand()
    walker.share(lite.url)
    expect(walker.cards).to_have_count(1)
    posts = len(lite.posts)
    walker.page.reload()
    expect(walker.cards).to_have_count(1)
    expect(walker.page.get_by_role("button", name="Stop and erase")).to_be_visible()
    assert len(shop.shoppers) == 1
    assert json.loads(walker.page.evaluate("localStorage.consented")) == 1
    assert len(lite.posts) >= posts
