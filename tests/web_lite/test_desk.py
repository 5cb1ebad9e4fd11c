"""What a shopper asks of the shop beyond its offers, with and without scripts."""

import json
import re

import pytest
from playwright.sync_api import expect

from endcap_lite import words

SUBSCRIPTION = {"endpoint": "https://push.test/abc", "keys": {"p256dh": "p", "auth": "a"}}


@pytest.fixture
def visit(client, shop):
    """A shopper who has said yes, without a browser."""
    client.post("/stream")
    assert shop.shopper
    return client


def test_an_offer_has_a_page_with_its_reason_and_what_there_is_instead(visit, shop):
    shop.alternatives = [{"name": "House roast", "why": "In stock, and not dearer", "section": "Aisle 2"}]
    offer = shop.offer(shop.shopper, sku=9001, store="s1")
    page = visit.get(f"/offer/{offer.id}")
    assert page.status_code == 200
    for text in (offer.title, offer.why, "House roast", "In stock, and not dearer", "Aisle 2", 'value="9001"'):
        assert text in page.text


def test_an_offer_of_somebody_else_is_not_there(visit, clients, lite, shop):
    offer = shop.offer(shop.shopper, store="s1")
    other = clients(lite)
    assert other.get(f"/offer/{offer.id}").status_code == 404
    other.post("/stream")
    answer = other.get(f"/offer/{offer.id}")
    assert answer.status_code == 404
    assert offer.title not in answer.text


def test_without_alternatives_or_a_backend_the_offer_stands_alone(visit, shop):
    offer = shop.offer(shop.shopper, sku=9001, store="s1")
    assert visit.get(f"/offer/{offer.id}").status_code == 200
    shop.away = True
    page = visit.get(f"/offer/{offer.id}")
    assert page.status_code == 200
    assert "Similar" not in page.text


def test_help_is_asked_for_followed_and_called_off(client, shop):
    asked = client.post("/ask", data={"zone": "S1.COFFEE", "text": "  which\nfilter? "}, follow_redirects=True)
    assert "The staff has been told." in asked.text
    (request,) = shop.requests.values()
    assert {key: request[key] for key in ("store", "section", "text")} == {
        "store": "s1",
        "section": "Coffee & tea",
        "text": "which filter?",
    }
    request["state"] = "coming"
    number = request["id"]
    assert "Somebody is coming to you." in client.get(f"/ask/{number}").text
    ended = client.post(f"/ask/{number}/cancel", follow_redirects=True)
    assert "You have called it off." in ended.text
    assert "No longer needed" not in ended.text


def test_who_has_asked_already_is_told_so(client, shop):
    for _ in range(2):
        answer = client.post("/ask", data={"zone": "S1.COFFEE"}, follow_redirects=True)
    assert answer.status_code == 409
    assert "You have asked already." in answer.text
    assert len(shop.requests) == 1


def test_help_needs_a_place(client, shop):
    answer = client.post("/ask", data={"zone": "nowhere"})
    assert answer.status_code == 422
    assert "Please choose where you are." in answer.text
    assert shop.requests == {}


@pytest.mark.parametrize("sku", ["9" * 5000, "-1", "\u0663", "1.5"])
def test_a_number_that_is_no_product_s_is_left_out(client, shop, sku):
    answer = client.post("/ask", data={"store": "s1", "sku": sku}, follow_redirects=True)
    assert answer.status_code == 200
    (request,) = shop.requests.values()
    assert "sku" not in request


def test_of_the_query_only_the_language_goes_on(client):
    answer = client.post("/ask?lang=de&next=x", data={"zone": "S1.COFFEE"})
    assert answer.headers["Location"].endswith("?lang=de")


def test_a_request_of_somebody_else_is_not_there(client, clients, lite):
    number = client.post("/ask", data={"zone": "S1.COFFEE"}).headers["Location"]
    other = clients(lite)
    assert other.get(number).status_code == 404
    other.post("/stream")
    assert other.get(number).status_code == 404


def test_her_orders_say_where_they_are_ready(visit, shop):
    assert "Nothing waits for you here." in visit.get("/orders").text
    shop.orders = [{"id": "A-17", "store": "s1", "state": "ready", "door": "door 2", "items": 3}]
    page = visit.get("/orders").text
    assert "A-17" in page
    assert "Ready for you · at door 2" in page


def test_who_has_no_visit_has_no_orders(client):
    assert client.get("/orders").status_code == 404


def test_a_list_that_was_shared_shows_each_thing_and_its_place(client):
    page = client.get("/list/k7")
    assert page.status_code == 200
    assert re.search(r"Green tea.*2 ×.*Aisle 4", page.text, re.DOTALL)
    assert client.cookies == {}
    assert client.get("/list/other").status_code == 404


def test_a_long_list_waits_once_for_a_backend_that_goes_away(client, shop):
    shop.shared = [{"text": f"Thing {number}", "quantity": 1} for number in range(5)]
    shop.finds = False
    page = client.get("/list/k7")
    assert page.status_code == 200
    assert all(f"Thing {number}" in page.text for number in range(5))
    assert shop.searches == 1


def test_while_the_backend_is_away_a_page_says_so(visit, shop):
    shop.away = True
    for path in ("/orders", "/list/k7"):
        assert visit.get(path).status_code == 503
    answer = visit.post("/ask", data={"zone": "S1.COFFEE"})
    assert answer.status_code == 503
    assert "Nothing is lost" in answer.text


@pytest.mark.parametrize("path", ["/ask", "/orders", "/list/k7"])
def test_the_desk_speaks_the_pseudo_language_and_no_other(visit, path):
    html = visit.get(f"{path}?lang=en-XA").text
    texts = [text.strip() for text in re.findall(r">([^<]+)<", html[html.index("</head>") :]) if text.strip()]
    own = {"Coffee &amp; tea", "Bakery", "Green tea", "2 ×", "Aisle 4", "·"}
    assert [text for text in texts if text.strip("· ") not in own and not re.fullmatch(r"\[.*~+\]", text)] == []


def test_a_subscription_goes_to_the_backend_under_her_session(visit, shop):
    assert visit.post("/push", json=SUBSCRIPTION).status_code == 204
    assert shop.browsers == {shop.shopper: SUBSCRIPTION}


def test_without_a_visit_no_subscription_is_taken(client, shop):
    assert client.post("/push", json=SUBSCRIPTION).status_code == 401
    assert shop.browsers == {}


def test_where_the_shop_sends_none_nobody_is_asked(visit, shop):
    offer = shop.offer(shop.shopper, store="s1")
    assert 'id="push"' not in visit.get(f"/offer/{offer.id}").text


@pytest.mark.browser
def test_from_the_card_to_the_offer_to_somebody_who_comes(lite, shop, walker):
    shop.pushes = True
    walker.context.grant_permissions(["notifications", "geolocation"])
    walker.stand(north_m=3)
    walker.share(lite.url)
    shop.offer(shop.shopper, title="Tea week", store="s1", section="Tea", sku=7)
    walker.page.get_by_role("link", name="Tea week").click()
    expect(walker.page.get_by_role("heading", level=1)).to_have_text("Tea week")
    expect(walker.page.get_by_role("button", name="Tell me when this page is closed")).to_be_visible()
    walker.page.get_by_label("What is it about?").fill("Is it sweet?")
    walker.page.get_by_role("button", name="Ask somebody to come").click()
    expect(walker.page.get_by_role("status")).to_have_text("The staff has been told.")
    (request,) = shop.requests.values()
    assert (request["store"], request["section"], request["sku"], request["text"]) == ("s1", "Tea", 7, "Is it sweet?")
    assert walker.complaints == []


@pytest.mark.browser
def test_a_subscription_to_a_key_that_the_shop_has_no_more_is_made_anew(lite, shop, walker):
    shop.pushes = True
    walker.context.grant_permissions(["notifications", "geolocation"])
    walker.page.add_init_script("""
      let stale = true;
      const unsubscribe = async () => { stale = false; };
      PushManager.prototype.getSubscription = async () => ({ unsubscribe });
      PushManager.prototype.subscribe = async () => {
        if (stale) throw new DOMException('made with another key', 'InvalidStateError');
        return { endpoint: 'https://push.test/new', keys: {} };
      };
    """)
    walker.stand(north_m=3)
    walker.share(lite.url)
    shop.offer(shop.shopper, title="Tea week", store="s1")
    walker.page.get_by_role("link", name="Tea week").click()
    walker.page.get_by_role("button", name="Tell me when this page is closed").click()
    expect(walker.page.locator("#push-status")).to_have_text(words.catalogue("en")["push_on"])
    assert [each["endpoint"] for each in shop.browsers.values()] == ["https://push.test/new"]


@pytest.mark.browser
def test_where_no_worker_could_be_installed_she_is_told_that_there_are_no_notifications(lite, shop, walker):
    shop.pushes = True
    walker.context.grant_permissions(["notifications", "geolocation"])
    walker.page.add_init_script("navigator.serviceWorker.register = () => Promise.reject(new Error('full disk'))")
    walker.stand(north_m=3)
    walker.share(lite.url)
    shop.offer(shop.shopper, title="Tea week", store="s1")
    walker.page.get_by_role("link", name="Tea week").click()
    walker.page.get_by_role("button", name="Tell me when this page is closed").click()
    expect(walker.page.locator("#push-status")).to_have_text(words.catalogue("en")["push_no"])


@pytest.mark.browser
def test_an_order_that_becomes_ready_is_told_on_the_open_page(lite, shop, walker):
    walker.stand(north_m=3)
    walker.share(lite.url)
    expect(walker.cards).to_have_count(1)
    shop.orders = [{"id": "A-17", "store": "s1", "state": "ready", "door": "door 2", "items": 3}]
    shop.publish(shop.shopper, json.dumps({"notice": "pickup", "id": "A-17", "state": "ready", "door": "door 2"}))
    expect(walker.status).to_have_text("A-17: Ready for you · at door 2.")
    expect(walker.cards).to_have_count(1)


@pytest.mark.browser
def test_before_an_offer_is_used_nobody_asks_about_notifications(lite, shop, walker):
    shop.pushes = True
    walker.page.add_init_script("Notification.requestPermission = () => { document.title = 'asked'; }")
    walker.stand(north_m=3)
    walker.share(lite.url)
    expect(walker.cards).to_have_count(1)
    assert walker.page.title() != "asked"
    assert "push" not in walker.page.content()


@pytest.mark.browser
def test_a_notification_is_shown_only_while_no_page_is_seen(lite, shop, walkers):
    walker = walkers()
    walker.context.grant_permissions(["notifications", "geolocation"])
    walker.stand(north_m=3)
    walker.share(lite.url)
    worker = walker.context.service_workers[0] if walker.context.service_workers else None
    worker = worker or walker.context.wait_for_event("serviceworker")
    walker.page.evaluate("navigator.serviceWorker.ready.then(() => 0)")
    told = {"id": "a-1", "kind": "deal", "title": "Tea week", "why": "On your list"}
    push = """async (told) => {
      const event = new PushEvent('push', { data: JSON.stringify(told) });
      const waits = [];
      event.waitUntil = (promise) => waits.push(promise);
      dispatchEvent(event);
      await Promise.all(waits);
      return (await registration.getNotifications()).map(({ title, body, tag, data }) => [title, body, tag, data]);
    }"""
    assert worker.evaluate(push, told) == []
    elsewhere = walker.context.new_page()
    walker.page.goto("about:blank")
    elsewhere.goto("about:blank")
    assert worker.evaluate(push, told) == [["Tea week", "On your list", "a-1", "/offer/a-1"]]
