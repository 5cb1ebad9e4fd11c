"""The local Ably in Debian's Chromium: the official client and EventSource from another origin, and its own page."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from endcap_devkit.ably_server import AblyServer

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[2]
CLIENT = ROOT / ".cache/node/node_modules/ably/build/ably.min.js"
PAGE = Path(__file__).parent / "js/other_origin.html"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
WAIT_MS = 30_000

Signed = Callable[..., str]


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Nothing on standard error."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A web server of another origin, with the official client and the test's page."""
    folder = tmp_path_factory.mktemp("origin")
    shutil.copy(CLIENT, folder / "ably.min.js")
    shutil.copy(PAGE, folder / "index.html")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page()
    page.set_default_timeout(WAIT_MS)
    faults: list[str] = []
    page.on("pageerror", lambda fault: faults.append(str(fault)))
    yield page
    page.close()
    assert faults == []


def publish(http: httpx.Client, *data: str) -> None:
    assert http.post("/channels/stream/messages", json=[{"data": each} for each in data]).status_code == 201


def test_the_official_client_works_from_another_origin(
    page: Page, origin: str, ably_server: AblyServer, signed: Signed
) -> None:
    token = signed({"chat": ["publish", "subscribe", "history"]}, client_id="u1")
    page.goto(origin)
    seen = page.evaluate("([url, token]) => throughTheClient(url, token)", [ably_server.url, token])
    assert seen["heard"] == ["one", {"two": 2}]
    assert (seen["newest"], seen["more"]) == ({"two": 2}, True)
    assert seen["codes"] == [40160, 40160]


def test_event_source_reads_on_from_its_last_event_wherever_the_link_is_cut(
    page: Page, origin: str, ably_server: AblyServer, http: httpx.Client, signed: Signed
) -> None:
    numbers = [str(number) for number in range(30)]
    publish(http, *numbers)
    ably_server.fault("cut", count=5, channel="stream")
    page.goto(origin)
    seen = page.evaluate(
        "([url, token]) => throughEventSource(url, token, 30, '30')",
        [ably_server.url, signed({"stream": ["subscribe"]})],
    )
    assert seen["told"] == numbers
    assert seen["opened"] == 6


def test_event_source_left_alone_comes_back_with_the_header_it_sends(
    page: Page, origin: str, ably_server: AblyServer, http: httpx.Client, signed: Signed
) -> None:
    publish(http, "0")
    page.goto(origin)
    page.evaluate(
        "([url, token]) => { window.pending = leftAlone(url, token, 4); }",
        [ably_server.url, signed({"stream": ["subscribe"]})],
    )
    page.wait_for_function("window.told.length === 1")
    ably_server.fault("cut", count=1, channel="stream")
    publish(http, "1", "2", "3")
    assert page.evaluate("window.pending") == ["0", "1", "2", "3"]


def test_event_source_is_told_when_its_token_ends(
    page: Page, origin: str, ably_server: AblyServer, signed: Signed
) -> None:
    page.goto(origin)
    token = signed({"stream": ["subscribe"]}, ttl_s=1.0)
    assert page.evaluate("([url, token]) => untilTheTokenEnds(url, token)", [ably_server.url, token]) == 40142


def test_its_page_shows_channels_members_links_and_messages(
    page: Page, ably_server: AblyServer, http: httpx.Client, raw: Callable[..., Any]
) -> None:
    member = raw(clientId="shopper-1").open()
    member.attach("help:s1")
    member.presence("help:s1", 2, data="aisle 3")
    page.goto(ably_server.url)
    http.post("/channels/chat/messages", json={"name": "said", "data": "<b>hello</b>", "clientId": "u1"})
    page.get_by_text("<b>hello</b>").wait_for()  # as text: what clients send is not markup
    page.locator("tr.choice", has_text="help:s1").get_by_text("shopper-1 · aisle 3").wait_for()
    page.get_by_role("button", name=f"Drop {member.id}").click()
    page.get_by_text("away, can resume").wait_for()


def test_a_link_with_many_channels_is_two_lines_high_and_its_buttons_are_in_sight(
    page: Page, ably_server: AblyServer, raw: Callable[..., Any]
) -> None:
    link = raw(clientId="a" * 32).open()
    for number in range(40):
        link.attach(f"promotions:{number:032x}")
    page.set_viewport_size({"width": 1280, "height": 800})
    page.goto(ably_server.url)
    button = page.get_by_role("button", name=f"Drop {link.id}")
    page.get_by_text("and 39 more").wait_for()
    seen = button.evaluate(
        "it => [it.closest('tr').offsetHeight, it.closest('.scroll').getBoundingClientRect().right"
        " - it.getBoundingClientRect().right, it.closest('.scroll').scrollWidth - it.closest('.scroll').clientWidth]"
    )
    assert seen[0] <= 60
    assert seen[1] > 0
    assert seen[2] == 0


def test_its_page_narrows_to_a_channel_and_to_words(page: Page, ably_server: AblyServer, http: httpx.Client) -> None:
    for channel, data in (("a", "apple"), ("b", "bean"), ("b", "beet")):
        http.post(f"/channels/{channel}/messages", json={"data": data})
    page.goto(ably_server.url)
    page.get_by_text("apple").wait_for()
    page.locator("tr.choice", has_text="b").click()
    page.get_by_text("apple").wait_for(state="detached")
    page.get_by_label("only with").fill("beet")
    page.get_by_text("bean").wait_for(state="detached")
    page.get_by_text("beet").wait_for()


def test_its_page_throws_the_switches(page: Page, ably_server: AblyServer, http: httpx.Client) -> None:
    page.goto(ably_server.url)
    page.get_by_role("button", name="Refuse").click()
    page.get_by_text("armed: nack 1").wait_for()
    assert http.post("/channels/chat/messages", json={}).status_code == 429
    page.get_by_role("button", name="Delay").click()
    page.get_by_text("armed: delay 1").wait_for()
    page.get_by_role("button", name="Switch all off").click()
    page.locator("#armed", has_text="delay").wait_for(state="detached")
