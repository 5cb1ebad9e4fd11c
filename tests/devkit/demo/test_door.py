"""The door by which phones in the network come to the lite page: one address, and nothing else behind it."""

import asyncio
import re
import socket
import subprocess
import sys

import aiohttp
import pytest
from aiohttp import web

from endcap.errors import BadConfig
from endcap_devkit.demo.door import Behind, Door, own_address
from endcap_devkit.demo.settings import Settings

HOST = "127.0.0.2"  # another address of this machine, as its address in a network is


class Parts:
    """A lite page that repeats what it is asked, and an Ably whose stream goes on until the test lets it end."""

    def __init__(self) -> None:
        self.asked: list[web.Request] = []
        self.go_on = asyncio.Event()

    async def start(self) -> Behind:
        return Behind(await self._serve(self._lite), await self._serve(self._ably))

    async def stop(self) -> None:
        for runner in self._runners:
            await runner.cleanup()

    async def _serve(self, handler) -> str:
        self._runners = getattr(self, "_runners", [])
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", handler)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self._runners.append(runner)
        return f"http://127.0.0.1:{runner.addresses[0][1]}"

    async def _lite(self, request):
        self.asked.append(request)
        if request.path == "/stream":
            return web.json_response({"url": f"{self.behind.ably}/sse?channels=c", "seconds": 300})
        if request.path == "/gone":
            return web.Response(status=303, headers={"Location": "/", "Set-Cookie": "visit=x; HttpOnly"})
        return web.Response(body=await request.read(), status=202)

    async def _ably(self, request):
        self.asked.append(request)
        out = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await out.prepare(request)
        await out.write(b"data: 1\n\n")
        await self.go_on.wait()
        await out.write(b"data: 2\n\n")
        return out


def through_the_door(scenario, *, tls=False):
    """Runs `scenario(http, address, parts)` with a door that leads to made-up parts."""

    async def run():
        parts, door = Parts(), Door(HOST, tls=tls)
        try:
            parts.behind = await parts.start()
            address = await door.open(0)
            async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as http:
                before = await http.get(f"{address}/", ssl=False)
                assert before.status == 503
                door.lead_to(parts.behind)
                await scenario(http, address, parts)
        finally:
            await door.close()
            await parts.stop()

    asyncio.run(run())


def test_what_a_phone_asks_reaches_the_lite_page_with_the_phones_own_address():
    async def scenario(http, address, parts):
        headers = {"Cookie": "visit=x", "X-Forwarded-For": "10.0.0.1"}
        answer = await http.post(f"{address}/fix?a=%C3%A4", data=b"{}", headers=headers)
        assert (answer.status, await answer.read()) == (202, b"{}")
        (asked,) = parts.asked
        assert (asked.method, asked.raw_path, asked.headers["Cookie"]) == ("POST", "/fix?a=%C3%A4", "visit=x")
        assert f"http://{asked.headers['Host']}" == address
        assert asked.headers.getall("X-Forwarded-For") == ["127.0.0.1"]

    through_the_door(scenario)


def test_redirections_and_cookies_pass_as_they_are():
    async def scenario(http, address, parts):
        answer = await http.get(f"{address}/gone", allow_redirects=False)
        assert (answer.status, answer.headers["Location"]) == (303, "/")
        assert answer.headers["Set-Cookie"] == "visit=x; HttpOnly"

    through_the_door(scenario)


@pytest.mark.parametrize("tls", [False, True])
def test_her_stream_is_at_the_same_address_and_comes_event_by_event(tls):
    async def scenario(http, address, parts):
        assert address.startswith("https:" if tls else "http:")
        told = await (await http.post(f"{address}/stream", ssl=False)).json()
        assert told == {"url": f"{address}/sse?channels=c", "seconds": 300}
        async with http.get(told["url"], ssl=False) as events:
            assert await events.content.readuntil(b"\n\n") == b"data: 1\n\n"
            parts.go_on.set()
            assert await events.content.read() == b"data: 2\n\n"

    through_the_door(scenario, tls=tls)


def test_of_the_local_ably_nothing_else_is_reached():
    async def scenario(http, address, parts):
        for path in ("/channels/c/messages", "/time", "/sse/../time"):
            await http.post(address + path, data=b"x")
        assert {request.headers["Host"] for request in parts.asked} == {address.split("//")[1]}  # the lite page's all
        assert (await http.post(f"{address}/sse")).status == 202  # the lite page's, too

    through_the_door(scenario)


def test_a_target_that_is_no_path_of_the_door_is_refused():
    async def scenario(http, address, parts):
        reader, writer = await asyncio.open_connection(HOST, int(address.rsplit(":", 1)[1]))
        writer.write(f"GET {parts.behind.ably}/time HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n".encode())
        assert (await asyncio.wait_for(reader.readline(), 30)).startswith(b"HTTP/1.1 400 ")
        writer.close()
        await writer.wait_closed()
        assert parts.asked == []

    through_the_door(scenario)


def test_a_lite_page_that_is_away_is_said():
    async def scenario(http, address, parts):
        await parts.stop()
        assert (await http.get(f"{address}/")).status == 502
        assert (await http.get(f"{address}/sse")).status == 502

    through_the_door(scenario)


def test_an_address_that_is_not_this_machines_is_said():
    with pytest.raises(BadConfig, match=r"^--host.*203\.0\.113\.9:0 can't be listened on .* or 0\.0\.0\.0 for all"):
        asyncio.run(Door("203.0.113.9", tls=False).open(0))


def test_a_port_that_is_taken_is_said_and_another_asked_for():
    with socket.create_server((HOST, 0)) as held:
        port = held.getsockname()[1]
        with pytest.raises(BadConfig) as refused:
            asyncio.run(Door(HOST, tls=False).open(port))
    act = "choose another with --lite-port, or 0 for a free one"
    assert str(refused.value) == f"lite-port: port {port} of {HOST} is in use; {act}"


@pytest.mark.parametrize(("name", "tls"), [("my_host", True), ("bad host", True), ("shop..test", False)])
def test_what_is_no_name_of_a_host_is_said(name, tls):
    with pytest.raises(BadConfig, match=rf"^--host: {name}.*; name an address of this machine, or 0\.0\.0\.0"):
        asyncio.run(Door(name, tls=tls).open(0))


def test_a_demo_for_phones_ends_with_a_sentence_when_its_host_is_none(tmp_path):
    ran = subprocess.run(
        [sys.executable, "-m", "endcap_devkit", "demo", "--host", "shop..test", "--tls", "--data", str(tmp_path)],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert (ran.returncode, ran.stdout.count("\n")) == (2, 1)
    assert "--host: shop..test" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_the_address_to_type_is_the_one_that_was_named():
    assert own_address(HOST) == HOST


def test_tls_without_a_host_is_refused():
    with pytest.raises(BadConfig, match="--tls"):
        Settings(tls=True)


@pytest.mark.browser
def test_a_phone_is_told_of_offers_through_the_door(tmp_path, start_demo, browser, until):
    demo = start_demo(tmp_path, "--host", HOST, "--tls", "--shoppers", "1", "--phones", "0")
    door = demo.links["On a phone"]
    assert re.fullmatch(rf"https://{re.escape(HOST)}:\d+/", door)
    context = browser.new_context(ignore_https_errors=True, has_touch=True, viewport={"width": 390, "height": 780})
    page = context.new_page()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(door)
    assert page.evaluate("isSecureContext")
    place = page.locator("select option[value]:not([value=''])").first.get_attribute("value")
    page.locator("select").first.select_option(place)
    page.get_by_role("button", name="Show offers here").click()
    until(page, "document.querySelectorAll('#offers li').length > 0")
    assert any("/sse?" in url for url in asked)
    assert [url for url in asked if not url.startswith((door, "data:"))] == []
    cookie = context.cookies()[0]
    assert (cookie["name"], cookie["secure"]) == ("__Host-visit", True)
    context.close()
