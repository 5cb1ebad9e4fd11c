import base64
import json
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from uuid import uuid4

import httpx
import jwt
import pytest
from flask import Flask, jsonify, request
from playwright.sync_api import expect, sync_playwright
from waitress.server import create_server
from waitress.wasyncore import close_all

from endcap.geo import LatLon, distance_ft, offset
from endcap.messages import CustomerAlert, promotions_channel
from endcap_devkit.ably_server import AblyServer
from endcap_lite.app import create_app
from endcap_lite.services import build
from endcap_lite.settings import Settings

COFFEE = LatLon(60.16952, 24.93545)
ZONES = """store,zone,name,latitude,longitude
s1,COFFEE,Coffee & tea,60.16952,24.93545
s1,BAKERY,Bakery,60.17052,24.93545
"""
PUSH_KEY = "BEl62iUYgUivxIkv69yViEuiBIa-Ib9-SkvMeAtA3LFgDzkrxZJjSgSnfckjBJuBkr3qBUYIHBQFLXYp5Nksh8U"
CHROMIUM = "/usr/bin/chromium"
expect.set_options(timeout=30_000)  # milliseconds; a busy machine is no fault of the page
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP *.test 127.0.0.1",
]


@contextmanager
def serving(app, threads=8):
    """A WSGI app under waitress on a free port and a thread of its own; gives its URL."""
    sockets = {}
    server = create_server(app, map=sockets, host="127.0.0.1", port=0, threads=threads)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.effective_port}"
    finally:
        server.task_dispatcher.shutdown()
        with suppress(OSError):  # woken by a request that ended, its thread may have closed the trigger already
            server.trigger.pull_trigger(lambda: close_all(sockets, ignore_all=True))  # on the server's own thread
        thread.join(5)
        assert not thread.is_alive()


class Shop:
    """The backend's `/v1` as far as the lite server calls it, over the real local Ably.

    It offers coffee to whoever comes within 100 ft of it, keeps fixes by id, and can be away.
    """

    def __init__(self, ably):
        self.ably = ably
        self.url = ""
        self.away = False
        self.token_lifetime_s = 300
        self.fixes = {}  # id -> location as posted
        self.times = {}  # id -> how often it came
        self.shoppers = []
        self.erased = []
        self.erases = True
        self.asked_to_erase = 0
        self.lets_in = threading.Event()  # cleared, a session waits for it
        self.lets_in.set()
        self.impatient = set()  # uids that are asked to wait
        self.text = {"title": "20 % off dark roast", "why": "You are close to it"}
        self.alternatives = []
        self.shared = [{"text": "Green tea", "quantity": 2}]  # the list k7
        self.searches = 0
        self.finds = True  # whether searches are answered
        self.requests = {}  # for help, by id
        self.orders = []
        self.pushes = False  # whether it sends notifications
        self.browsers = {}  # uid -> push subscription
        self.changed = threading.Condition()
        self._numbers = count(1)
        self._offered = set()
        self._key_name, self._key_secret = ably.key.split(":")

    def app(self):
        app = Flask("shop")

        @app.before_request
        def be_away():
            if self.away:
                return jsonify(title="away"), 503, {"Retry-After": "1"}
            return None

        app.post("/v1/sessions")(self._post_session)
        app.post("/v1/ably-token")(self._post_token)
        app.post("/v1/locations")(self._post_locations)
        app.delete("/v1/me")(self._delete_me)
        app.get("/v1/products/<int:sku>/alternatives")(self._get_alternatives)
        app.get("/v1/products")(self._get_products)
        app.get("/v1/shared/<code>")(self._get_shared)
        app.post("/v1/help")(self._post_help)
        app.get("/v1/help/<number>")(self._get_help)
        app.patch("/v1/help/<number>")(self._patch_help)
        app.get("/v1/pickups")(self._get_pickups)
        app.get("/v1/push/key")(self._get_push_key)
        app.put("/v1/push")(self._put_push)
        return app

    def offer(self, uid, **changes):
        """Publish an alert on her channel, as the backend's delivery does; it comes back."""
        alert = CustomerAlert(
            id=f"a{next(self._numbers)}",
            uid=uid,
            kind="deal",
            expires_at=datetime.now(UTC) + timedelta(hours=1),
            distance_ft=12.0,
            section="coffee",
            **self.text,
        )
        alert = replace(alert, **changes)
        self.publish(uid, alert.to_text())
        return alert

    def publish(self, uid, data, form="text"):
        body = {"name": "alert", "data": json.loads(data) if form == "object" else data}
        if form == "bytes":
            body |= {"data": base64.b64encode(data.encode()).decode(), "encoding": "base64"}
        url = f"{self.ably.url}/channels/{promotions_channel(uid)}/messages"
        auth = (self._key_name, self._key_secret)
        httpx.post(url, json=body, auth=auth).raise_for_status()

    @property
    def shopper(self):
        """The uid of the one shopper, once she has a session."""
        assert self.until(lambda: self.shoppers)
        return self.shoppers[-1]

    def until(self, true, timeout_s=30.0):
        """Block until `true()` holds; False when it doesn't in time."""
        with self.changed:
            return self.changed.wait_for(true, timeout_s)

    def _post_session(self):
        uid = request.json.get("refresh_token", "").removeprefix("refresh-of-") or uuid4().hex
        with self.changed:
            if uid not in self.shoppers:
                self.shoppers.append(uid)
            self.changed.notify_all()
        assert self.lets_in.wait(30)
        now = datetime.now(UTC)
        return jsonify(
            uid=uid,
            token=f"token-of-{uid}",
            expires_at=(now + timedelta(hours=1)).isoformat(),
            refresh_token=f"refresh-of-{uid}",
            refresh_expires_at=(now + timedelta(days=90)).isoformat(),
        ), 201

    def _post_token(self):
        uid, now = self._uid(), int(time.time())
        channel = promotions_channel(uid)
        rights = ["subscribe"] if request.json["for"] == "page" else ["subscribe", "history"]
        claims = {
            "iat": now,
            "exp": now + self.token_lifetime_s,
            "x-ably-capability": json.dumps({channel: rights}),
            "x-ably-clientId": uid,
        }
        token = jwt.encode(claims, self._key_secret, "HS256", headers={"kid": self._key_name})
        return jsonify(
            token=token,
            client_id=uid,
            expires_at=datetime.fromtimestamp(claims["exp"], UTC).isoformat(),
            capability={channel: rights},
            channels={"location": f"location:{uid}", "promotions": channel},
            endpoint=self.ably.url,
        )

    def _post_locations(self):
        uid, results = self._uid(), []
        if uid in self.impatient:
            return jsonify(title="slower"), 429
        for index, fix in enumerate(request.json["locations"]):
            with self.changed:
                seen = self.times[fix["id"]] = self.times.get(fix["id"], 0) + 1
                self.fixes.setdefault(fix["id"], fix)
                self.changed.notify_all()
            results.append({"index": index, "status": "accepted" if seen == 1 else "duplicate"})
            near = distance_ft(LatLon(fix["latitude"], fix["longitude"]), COFFEE) <= 100
            if near and uid not in self._offered:
                self._offered.add(uid)
                self.offer(uid)
        return jsonify(accepted=len(results), duplicates=0, rejected=0, results=results), 202

    def _delete_me(self):
        with self.changed:
            self.asked_to_erase += 1
            if self.erases:
                self.erased.append(self._uid())
            self.changed.notify_all()
        return ("", 204) if self.erases else (jsonify(title="not found"), 404)

    def _get_alternatives(self, sku):
        return jsonify(sku=sku, alternatives=self.alternatives)

    def _get_products(self):
        self.searches += 1
        if not self.finds:
            return jsonify(title="away"), 503, {"Retry-After": "1"}
        return jsonify(products=[{"name": request.args["q"], "section": "Aisle 4"}])

    def _get_shared(self, code):
        if code != "k7":
            return jsonify(title="not found"), 404
        return jsonify(items=self.shared)

    def _post_help(self):
        uid = self._uid()
        if any(each["uid"] == uid and each["state"] == "queued" for each in self.requests.values()):
            return jsonify(title="conflict"), 409
        number = f"h{len(self.requests) + 1}"
        self.requests[number] = {"id": number, "uid": uid, "state": "queued", **request.json}
        return jsonify(self.requests[number]), 201

    def _get_help(self, number):
        found = self.requests.get(number)
        return jsonify(found) if found and found["uid"] == self._uid() else (jsonify(title="not found"), 404)

    def _patch_help(self, number):
        self.requests[number] |= request.json
        return jsonify(self.requests[number])

    def _get_pickups(self):
        return jsonify(orders=self.orders)

    def _get_push_key(self):
        return jsonify(key=PUSH_KEY) if self.pushes else (jsonify(title="not found"), 404)

    def _put_push(self):
        with self.changed:
            self.browsers[self._uid()] = request.json
            self.changed.notify_all()
        return "", 204

    def _uid(self):
        return request.headers["Authorization"].removeprefix("Bearer token-of-")


class Lite:
    """A running lite server with its parts at hand."""

    def __init__(self, services, url):
        self.services = services
        self.url = url
        self.posts = []  # paths posted to


@pytest.fixture(scope="session")
def ably():
    with AblyServer() as server:
        yield server


@pytest.fixture
def shop(ably):
    shop = Shop(ably)
    with serving(shop.app()) as url:
        shop.url = url
        yield shop


@pytest.fixture
def lites(tmp_path, shop, ably):
    """Starts lite servers; each call may change the settings."""
    zones = tmp_path / "zones.csv"
    zones.write_text(ZONES)
    with ExitStack() as running:

        def start(clock=None, **changes):
            settings = Settings(
                backend_url=shop.url,
                data_dir=tmp_path / "lite",
                ably_endpoint=ably.url,
                store_name="Riverside store",
                zones_file=zones,
            )
            services = build(replace(settings, **changes), clock)
            app = create_app(services)
            lite = Lite(services, "")

            @app.before_request
            def note():
                if request.method == "POST":
                    lite.posts.append(request.path)

            services.start()
            running.callback(services.stop)
            lite.url = running.enter_context(serving(app))
            return lite

        yield start


@pytest.fixture
def lite(lites):
    return lites()


@pytest.fixture
def clients():
    """Opens HTTP clients, each with its own cookies, that are closed when the test ends."""
    with ExitStack() as opened:
        yield lambda lite: opened.enter_context(httpx.Client(base_url=lite.url))


@pytest.fixture
def client(clients, lite):
    return clients(lite)


@pytest.fixture(scope="module")  # while it runs, no other test of the process can have an event loop of its own
def chromium():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


class Walker:
    """One shopper's browser: a page that collects what went wrong on it, and her position."""

    def __init__(self, context):
        self.context = context
        self.page = context.new_page()
        self.complaints = []  # console messages and uncaught errors
        self.requests = []  # (method, url)
        self.page.set_default_timeout(30_000)
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda fault: self.complaints.append(str(fault)))
        self.page.on("request", lambda request: self.requests.append((request.method, request.url)))

    def stand(self, east_m=0.0, north_m=0.0, accuracy_m=8.0):
        """Move her so many metres from the coffee."""
        point = offset(COFFEE, east_m, north_m)
        self.context.set_geolocation(
            {"latitude": point.latitude_deg, "longitude": point.longitude_deg, "accuracy": accuracy_m}
        )

    @property
    def status(self):
        """The line that says how things stand."""
        return self.page.get_by_role("status")

    @property
    def cards(self):
        """Her offers."""
        return self.page.get_by_role("list").get_by_role("listitem")

    def share(self, url):
        """Open the page and tap."""
        self.page.goto(url)
        self.page.get_by_role("button", name="Use my location").click()


@pytest.fixture
def walkers(chromium):
    """Opens browsers of shoppers; each call may change the context's options."""
    with ExitStack() as opened:

        def walk(allowed=True, **options):
            options.setdefault("viewport", {"width": 390, "height": 844})
            if allowed:
                options["permissions"] = ["geolocation"]
            context = chromium.new_context(**options)
            opened.callback(context.close)
            return Walker(context)

        yield walk


@pytest.fixture
def walker(walkers):
    return walkers()
