"""The whole product as processes: `endcap-backend serve`, `endcap-lite serve`, a real local Ably, a real Chromium."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, closing, contextmanager
from queue import Empty, Queue

import httpx
import pytest
from playwright.sync_api import expect

from endcap_backend.__main__ import main as backend_main
from endcap_backend.log import LogReader
from endcap_lite.__main__ import main as lite_main

pytestmark = pytest.mark.browser

WAIT_S = 30.0
SHELVES = """SKU,segment,latitude,longitude,store,section,name
1,coffee,60.16952,24.93545,S1,Coffee,Dark roast 500 g
2,bread,60.17052,24.93545,S1,Bakery,Sourdough
"""
OFFERS = """pid,segment,SKU,title,discount
p1,coffee,1,20 % off dark roast,20
p2,bread,2,Sourdough half price,50
"""


@contextmanager
def process(tmp_path, module, *switches):
    """A server of ours, ready; it is asked to end and must."""
    with (tmp_path / f"{module}.err").open("a+") as errors:
        command = [sys.executable, "-m", module, "serve", *switches]
        running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
        try:
            yield running, json.loads(first_line(running, errors))["http"]
        finally:
            running.send_signal(signal.SIGTERM)
            assert running.wait(WAIT_S) in (0, -signal.SIGKILL)
            running.stdout.close()


def first_line(running, errors):
    lines = Queue()
    threading.Thread(target=lambda: lines.put(running.stdout.readline()), daemon=True).start()
    try:
        line = lines.get(timeout=WAIT_S)
    except Empty:
        line = ""
    errors.seek(0)
    assert line, errors.read()[-4000:]
    return line


class Store:
    """A backend process that can be killed and started again on its port and data, and a lite process before it."""

    def __init__(self, tmp_path, ably, started):
        self._tmp_path, self._ably, self._started = tmp_path, ably, started
        self._data = tmp_path / "data"
        for name, text in (("shelves", SHELVES), ("offers", OFFERS)):
            (tmp_path / f"{name}.csv").write_text(text)
        shelves, offers = (str(tmp_path / f"{name}.csv") for name in ("shelves", "offers"))
        assert backend_main(["load", "--placements", shelves, "--promotions", offers, "--data", str(self._data)]) == 0
        self._port = "0"
        self.open()
        switches = ["--backend-url", self.backend_url, "--ably-endpoint", ably.url, "--port", "0"]
        self.lite, self.url = started(process(tmp_path, "endcap_lite", "--data", str(tmp_path / "lite"), *switches))

    def open(self):
        switches = ["--port", self._port, "--data", str(self._data), "--ably-endpoint", self._ably.url]
        os.environ["ENDCAP_ABLY_KEY"] = self._ably.key
        try:
            self.backend, self.backend_url = self._started(process(self._tmp_path, "endcap_backend", *switches))
        finally:
            del os.environ["ENDCAP_ABLY_KEY"]
        self._port = self.backend_url.rpartition(":")[2]

    def kill(self):
        self.backend.kill()
        self.backend.wait(WAIT_S)

    def until(self, true):
        """Wait until `true()` holds, looking again whenever the log has grown."""
        deadline = time.monotonic() + WAIT_S
        with closing(LogReader(self._data / "log.db")) as log:
            while not true():
                assert time.monotonic() < deadline
                log.wait(log.end(), 0.1)

    def said_by_lite(self):
        return (self._tmp_path / "endcap_lite.err").read_text()

    def records(self, topic):
        with closing(LogReader(self._data / "log.db")) as reader:
            return [json.loads(record.value) for record in reader.read(0, 10_000, (topic,)) if record.value]


@pytest.fixture
def store(tmp_path, ably):
    with ExitStack() as running:
        yield Store(tmp_path, ably, running.enter_context)


def test_walking_up_to_a_shelf_brings_its_offer_from_the_real_match(store, walker):
    walker.stand(north_m=55)
    walker.share(store.url)
    expect(walker.status).to_contain_text("Found you")
    walker.stand(north_m=5)
    expect(walker.cards.get_by_role("heading")).to_have_text("20 % off dark roast")
    walker.stand(north_m=108)
    expect(walker.cards.get_by_role("heading").first).to_have_text("Sourdough half price")
    assert walker.complaints == []


def test_stop_has_the_backend_erase_her(store, walker):
    walker.stand(north_m=5)
    walker.share(store.url)
    expect(walker.cards).to_have_count(1)
    with walker.page.expect_response("**/stop"):
        walker.page.get_by_role("button", name="Stop and erase").click()
    store.until(lambda: store.records("customers_locations") == store.records("customers_alerts") == [])


def test_the_log_names_no_shopper_no_place_and_no_token(store, walker):
    walker.stand(north_m=5)
    walker.share(store.url)
    expect(walker.cards).to_have_count(1)
    (uid,) = {fix["uid"] for fix in store.records("customers_locations")}
    walker.page.reload()
    expect(walker.cards).to_have_count(1)
    with walker.page.expect_response("**/stop"):
        walker.page.get_by_role("button", name="Stop and erase").click()
    store.lite.send_signal(signal.SIGTERM)
    assert store.lite.wait(10) == 0
    said = store.said_by_lite()
    assert "stopped" in said
    assert not [secret for secret in (uid, "60.16", "24.93", "eyJ", "accessToken") if secret in said]


def test_while_the_backend_is_killed_no_fix_is_lost_and_no_offer_doubled(store, walker):
    walker.stand(north_m=5)
    walker.share(store.url)
    expect(walker.cards).to_have_count(1)
    store.kill()
    for metres in (60, 107, 109):
        with walker.page.expect_response("**/fix") as answer:
            walker.stand(north_m=metres)
        assert answer.value.status == 202
    store.open()
    expect(walker.cards).to_have_count(2)
    assert [card.get_by_role("heading").text_content() for card in walker.cards.all()] == [
        "Sourdough half price",
        "20 % off dark roast",
    ]
    fixes = store.records("customers_locations")
    assert len({fix["id"] for fix in fixes}) == len(fixes) >= 4


def test_a_sign_printed_from_the_backends_sections_brings_the_offer_of_its_shelf(store, walkers, tmp_path):
    sheet = str(tmp_path / "signs.svg")
    where = ["--data", str(tmp_path / "lite"), "--backend-url", store.backend_url, "--public-url", store.url]
    assert lite_main(["signs", *where, "--out", sheet]) == 0
    code = re.search(r">Bakery<.*?>(\w{3}) (\w{3})<", (tmp_path / "signs-1.svg").read_text(), re.DOTALL)
    walker = walkers(allowed=False)
    walker.page.goto(store.url)
    walker.page.get_by_label("Six characters on the sign").fill("".join(code.groups()).lower())
    walker.page.get_by_role("button", name="Show offers here").click()
    expect(walker.cards.get_by_role("heading")).to_have_text("Sourdough half price")


def test_without_scripts_a_place_from_the_list_brings_its_offer(store, walkers):
    walker = walkers(java_script_enabled=False)
    walker.page.goto(store.url)
    walker.page.get_by_label("Or where you are").select_option("Bakery")
    walker.page.get_by_role("button", name="Show offers here").click()
    expect(walker.cards.get_by_role("heading")).to_have_text("Sourdough half price")


def test_a_lite_server_asked_to_end_does_so_and_keeps_what_it_took(store, walker):
    store.kill()
    walker.stand()
    with walker.page.expect_response("**/fix") as answer:
        walker.share(store.url)
    assert answer.value.status == 202
    store.lite.send_signal(signal.SIGTERM)
    assert store.lite.wait(10) == 0
    with pytest.raises(httpx.TransportError):
        httpx.get(store.url)


def test_help_asked_for_on_an_offer_s_page_reaches_the_staff(store, walker):
    walker.stand(north_m=5)
    walker.share(store.url)
    walker.page.get_by_role("link", name="20 % off dark roast").click()
    walker.page.get_by_label("What is it about?").fill("Is it ground?")
    walker.page.get_by_role("button", name="Ask somebody to come").click()
    expect(walker.page.get_by_role("status")).to_have_text("The staff has been told.")
    store.until(lambda: [event["kind"] for event in store.records("customers_events")] == ["help"])
    walker.page.get_by_role("button", name="No longer needed").click()
    expect(walker.page.get_by_role("status")).to_have_text("You have called it off.")
    assert walker.complaints == []


def test_a_list_shared_from_an_app_shows_where_each_thing_stands(store):
    consent = {"consent": {"purposes": ["promotions"], "text_version": "1"}}
    item = {"id": "w1", "text": "dark roast", "quantity": 2, "position": 1, "changed_at": "2026-11-24T10:00:00Z"}
    with httpx.Client(base_url=store.backend_url) as client:
        bearer = {"Authorization": f"Bearer {client.post('/v1/sessions', json=consent).json()['token']}"}
        kept = client.put("/v1/wishlist", json={"items": [item]}, headers=bearer)
        assert kept.status_code == 200, kept.text
        code = client.post("/v1/wishlist/share", headers=bearer).json()["code"]
    page = httpx.get(f"{store.url}/list/{code}").text
    assert re.search(r"dark roast.*2 ×.*Coffee", page, re.DOTALL)
