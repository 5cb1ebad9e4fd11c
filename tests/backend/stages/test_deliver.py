"""The bridge from Kafka to a local Ably that refuses, is busy, hangs up and goes away: each alert once, in order."""

import asyncio
import json
import threading
from collections import defaultdict
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from endcap.clock import SystemClock
from endcap.messages import CUSTOMERS_ALERTS, CustomerAlert
from endcap.testing import an_alert
from endcap_backend.api.tokens import AblyTokens
from endcap_backend.pipeline.push import CAPABILITY, AblyPush
from endcap_backend.pipeline.stages.deliver import BridgeStage
from endcap_devkit.ably_server import AblyServer
from endcap_devkit.ports import free_port

pytestmark = pytest.mark.kafka
SHOPPERS, EACH = 6, 12


class Unreliable:
    """Stands before an Ably: passes requests on, but answers some itself, or hangs up before or after it asked."""

    def __init__(self, ably):
        self.url = ""
        self.trouble = []  # what befalls the next requests
        self.requests = 0
        self._ably = ably
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self):
        self._thread.start()
        self._server = self._do(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    def __exit__(self, *_):
        self._do(self._shut())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _shut(self):
        self._server.close()
        serving = asyncio.all_tasks() - {asyncio.current_task()}
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)

    def _do(self, work):
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _serve(self, reader, writer):
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                lines = head.decode().split("\r\n")
                pairs = (line.split(": ", 1) for line in lines[1:] if ": " in line)
                headers = {name.lower(): value for name, value in pairs}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                self.requests += 1
                trouble = self.trouble.pop(0) if self.trouble else None
                if trouble == "reset":
                    break
                answer = await self._answer(lines[0], headers, body, trouble)
                if trouble == "reset after":
                    break
                writer.write(answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client hung up
        finally:
            writer.transport.abort()

    async def _answer(self, line, headers, body, trouble):
        if isinstance(trouble, int):
            error = {"error": {"code": trouble * 100, "statusCode": trouble, "message": "by the test"}}
            return answer(trouble, json.dumps(error).encode())
        method, path, _ = line.split(" ")
        kept = {k: v for k, v in headers.items() if k not in ("host", "content-length", "connection")}
        asked = await asyncio.to_thread(
            httpx.request, method, self._ably.url + path, headers=kept | {"accept-encoding": "identity"}, content=body
        )
        return answer(asked.status_code, asked.content, asked.headers["content-type"])


def answer(status, body, kind="application/json"):
    return f"HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body


@pytest.fixture
def bridge(cluster, running):
    """Starts the bridge to an Ably at an address."""

    def start(url, key):
        tokens = AblyTokens(key, SystemClock())
        push = AblyPush(url, lambda: tokens.issue(CAPABILITY, 3600)[0])
        return running(BridgeStage(cluster.settings, push))

    return start


def some_alerts(first=0, count=EACH):
    expires_at = datetime.now(UTC) + timedelta(minutes=15)
    return [
        an_alert(id=f"u{uid}-{n:03}", uid=f"u{uid}", sku=n, expires_at=expires_at)
        for n in range(first, first + count)
        for uid in range(SHOPPERS)
    ]


def heard(ably):
    """What stands in each shopper's channel, oldest first."""
    found = defaultdict(list)
    for uid in range(SHOPPERS):
        history = httpx.get(
            f"{ably.url}/channels/promotions:u{uid}/history?direction=forwards&limit=1000",
            auth=tuple(ably.key.split(":")), headers={"accept": "application/json"},
        ).raise_for_status()  # fmt: skip
        found[f"u{uid}"] = [CustomerAlert.from_text(each["data"]).id for each in history.json()]
    return found


def expected(count=EACH):
    return {f"u{uid}": [f"u{uid}-{n:03}" for n in range(count)] for uid in range(SHOPPERS)}


# None: one that passes, so that pauses stay short
FAULTS = [401, None, "reset", None, 429, 500, None, "reset after", None, 503, None, 401, "reset after", None, 429]


def test_whatever_ably_does_each_alert_arrives_once_and_in_order(cluster, bridge, until, ably_server):
    with Unreliable(ably_server) as ably:
        ably.trouble = list(FAULTS)
        bridge(ably.url, ably_server.key)
        for first in range(0, EACH, 4):
            cluster.put(*some_alerts(first, 4))
        until(lambda: heard(ably_server) == expected() and not ably.trouble)
    assert heard(ably_server) == expected()
    assert ably.requests > len(FAULTS)


def test_alerts_of_the_time_when_ably_was_away_arrive_when_it_is_back(cluster, bridge, until):
    with AblyServer() as gone:
        port, key = free_port(), gone.key
    stage = bridge(f"http://127.0.0.1:{port}", key)
    cluster.put(*some_alerts())
    until(lambda: stage.stats().get("failures in a row", 0) > 1)
    with AblyServer(port, key) as back:
        until(lambda: stage.stats()["pushed"] == SHOPPERS * EACH)
        assert heard(back) == expected()


def test_a_bridge_that_is_killed_leaves_no_gap_and_no_repeat(cluster, worker, until, ably_server):
    words = {"ably_endpoint": ably_server.url, "ably_key": ably_server.key}
    for count in (EACH, 2 * EACH):
        doomed = worker("deliver", **words).ready()
        cluster.put(*some_alerts(count - EACH, EACH))
        until(lambda doomed=doomed: doomed.figures().get("delivery pushed", 0) > 0)
        doomed.kill()
    worker("deliver", **words).ready()
    until(lambda: heard(ably_server) == expected(2 * EACH))


def test_an_alert_that_is_none_is_put_aside_and_its_neighbours_pass(cluster, bridge, until, ably_server):
    bridge(ably_server.url, ably_server.key)
    cluster.write(CUSTOMERS_ALERTS, "u0", "no JSON")
    cluster.put(*some_alerts())
    until(lambda: heard(ably_server) == expected())
    (letter,) = cluster.until(f"{CUSTOMERS_ALERTS}_dlq", lambda found: len(found) == 1)
    assert json.loads(letter.value())["where"] == "delivery"
