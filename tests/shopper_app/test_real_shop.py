"""The app against the product's own backend and a local Ably, each a real server: from the first run to the till."""

import threading
import time
from datetime import UTC, datetime
from datetime import time as clock_time

import httpx
import pytest

from endcap.testing import ScriptedSource, a_fix
from endcap_shopper.frame_queue import FrameQueue
from endcap_shopper.platform.fake import fake
from endcap_shopper.shopper import Shopper

WAIT_S = 60.0


class App:
    """The app on the machine's own clock."""

    def __init__(self, url, folder):
        self._something = threading.Event()
        self.queue = FrameQueue(self._something.set)
        self.source, self.platform = ScriptedSource(), fake()
        self.shopper = Shopper(url, folder, self.source, self.platform, self.queue.post, zone=UTC)

    def until(self, satisfied, why, timeout_s=WAIT_S):
        """Draw frames and tick until something is so."""
        deadline, ticked = time.monotonic() + timeout_s, time.monotonic()
        while not satisfied():
            self._something.clear()
            self.queue.drain()
            if time.monotonic() - ticked > 1:
                ticked = time.monotonic()
                self.shopper.tick()
            assert time.monotonic() < deadline, why()
            if not len(self.queue):
                self._something.wait(0.05)

    def see(self, page, satisfied):
        """Open a page and wait until it shows something."""
        self.shopper.entered(page)
        view = getattr(self.shopper, {"near": "near_you", "map": "store_map"}.get(page, page))
        self.until(lambda: satisfied(view()), view)
        return view()

    def stand(self, point):
        self.source.emit(a_fix(latitude_deg=point[0], longitude_deg=point[1], taken_at=datetime.now(UTC)))


@pytest.fixture
def an_app(served, tmp_path):
    made = []

    def make(name="phone", *purposes):
        app = App(served.url, tmp_path / name)
        made.append(app)
        for purpose in purposes:
            app.shopper.set_purpose(purpose, True)
        app.shopper.set_quiet_hours(False, clock_time(22), clock_time(8))  # or at night no offer came
        app.shopper.finish_first_run()
        app.shopper.start()
        return app

    yield make
    for app in made:
        app.queue.close()
        app.shopper.close()


def test_from_the_first_run_to_a_redeemed_coupon(an_app, served, build):
    app = an_app("phone", "location", "promotions", "analytics")
    app.see("map", lambda view: view.stores and view.stores[0].text)
    app.until(lambda: app.source.running, lambda: app.shopper.chrome())
    app.until(lambda: app.shopper.parts.client.state.receiver == "listening", lambda: app.shopper.parts.client.state)
    app.stand(build.at(10, 0))

    near = app.see("near", lambda view: view.deals)
    assert near.place == "You're in Riverside"
    assert near.deals[0].title == "A fifth off dark roast"
    assert near.deals[0].why

    app.see("coupons", lambda view: len(view.available) == 2)
    app.shopper.clip("coffee-2")
    app.until(lambda: app.shopper.state.book.get("coffee-2").state == "clipped", app.shopper.coupons)

    app.shopper.suggest("dark")
    app.until(lambda: app.shopper.wishlist().suggestions, app.shopper.wishlist)
    app.shopper.add_wish("", 9001)
    app.shopper.add_wish("Green tea")
    plan = app.see("map", lambda view: len(view.pins) == 2 and view.step)
    assert [pin.text for pin in plan.pins] == ["Dark roast", "Green tea"]
    best = app.see("coupons", lambda view: view.best is not None).best
    assert [row.id for row in best.applied] == ["coffee-2"]

    card = app.see("card", lambda view: view.code is not None and view.bars is not None)
    assert card.carries == "Card and 1 coupon"
    basket = [{"sku": 9001, "quantity": 1, "price": 6.9}]
    sale = {"id": "till-1.1", "code": card.code.text, "store": "s1", "basket": basket}
    url = f"{served.url}/v1/redemptions"
    redeemed = httpx.post(url, json=sale, headers=served.staff("till-1"), timeout=WAIT_S)
    assert redeemed.status_code == 201, redeemed.text
    assert [each["coupon"] for each in redeemed.json()["applied"]] == ["coffee-2"]

    app.shopper.parts.again()
    assert app.see("coupons", lambda view: view.history).history[0].state == "redeemed"
    app.shopper.parts.again()
    points = app.see("points", lambda view: view.ledger)
    assert points.balance == str(redeemed.json()["balance"])


def test_a_shared_list_is_read_by_who_has_no_app(an_app, served):
    app = an_app("phone", "promotions")
    app.shopper.add_wish("Oat milk")
    app.until(lambda: not app.shopper.parts.ground.wallet.waiting(), app.shopper.chrome)
    app.shopper.share_wishlist()
    app.until(lambda: app.shopper.wishlist().share.link, app.shopper.wishlist)
    code = app.shopper.state.share.code
    shared = httpx.get(f"{served.url}/v1/shared/{code}", timeout=WAIT_S)
    assert [item["text"] for item in shared.json()["items"]] == ["Oat milk"]


def test_alternatives_say_why(an_app):
    app = an_app("phone", "promotions")
    app.shopper.choose_store("s1")
    app.until(lambda: app.shopper.state.known, app.shopper.chrome)
    app.shopper.suggest("dark")
    app.until(lambda: app.shopper.wishlist().suggestions, app.shopper.wishlist)
    app.shopper.show_alternatives(9001)
    app.until(lambda: app.shopper.alternatives().rows, app.shopper.alternatives)
    (row,) = app.shopper.alternatives().rows
    assert row.title == "Medium roast"
    assert row.why.startswith("Also coffee")


def test_an_open_list_shows_what_was_sold_and_is_sent_only_when_it_has_changed(an_app, served, monkeypatch):
    app = an_app("phone", "promotions")
    app.shopper.choose_store("s1")
    app.until(lambda: app.shopper.state.known, app.shopper.chrome)
    answers, ask = [], app.shopper.parts.shop.listed

    def listed(path, etag=""):
        answers.append(ask(path, etag))
        return answers[-1]

    monkeypatch.setattr(app.shopper.parts.shop, "listed", listed)
    app.shopper.show_alternatives(9001)
    app.shopper.entered("alternatives")
    app.until(lambda: app.shopper.alternatives().rows, app.shopper.alternatives)
    app.shopper.parts.catalogue.follow("alternatives")
    app.until(lambda: len(answers) > 1, lambda: answers)
    assert answers[1] is None
    stock = {"stock": [{"sku": 9002, "store": "s1", "stock": 3}]}
    headers = served.staff("aino")
    assert httpx.put(f"{served.url}/v1/stock", json=stock, headers=headers, timeout=WAIT_S).status_code == 200
    app.until(lambda: "3 in stock" in app.shopper.alternatives().rows[0].why, app.shopper.alternatives)


def test_a_call_for_help_is_answered_by_the_staff(an_app, served, build):
    app, aino = an_app("phone", "location", "promotions"), served.staff("aino")
    app.see("map", lambda view: view.plan is not None)
    app.until(lambda: app.source.running, lambda: app.shopper.chrome())
    app.stand(build.at(10, 3))
    app.until(lambda: app.shopper.help().place == "Riverside · Coffee", app.shopper.help)
    app.shopper.ask_help(text="Which is decaf?")
    app.until(lambda: app.shopper.help().state == "queued", app.shopper.help)
    app.until(lambda: app.shopper.parts.client.state.receiver == "listening", lambda: app.shopper.parts.client.state)
    app.until(lambda: app.shopper.until_idle() and app.shopper.state.listening, app.shopper.help)
    app.shopper.parts.shop.help = lambda id: pytest.fail("the shop was asked, though it tells her on her channel")
    (call,) = httpx.get(f"{served.url}/v1/help?store=s1", headers=aino, timeout=WAIT_S).json()["requests"]
    assert (call["text"], call["section"]) == ("Which is decaf?", "Coffee")
    for state, headline in (
        ("accepted", "Somebody has seen your call"),
        ("coming", "Somebody is on the way"),
        ("done", "Done"),
    ):
        moved = httpx.patch(f"{served.url}/v1/help/{call['id']}", json={"state": state}, headers=aino, timeout=WAIT_S)
        assert moved.status_code == 200, moved.text
        app.until(lambda headline=headline: app.shopper.help().headline == headline, app.shopper.help)
    assert app.shopper.help().can_ask


def test_she_is_erased_with_a_receipt(an_app, served):
    app = an_app("phone", "promotions")
    app.see("points", lambda view: view.balance)
    app.shopper.delete_data()
    app.until(lambda: app.shopper.privacy().result, app.shopper.privacy)
    assert "Receipt" in app.shopper.privacy().result
    assert app.shopper.state.granted == frozenset()
    assert app.shopper.points().balance == ""
