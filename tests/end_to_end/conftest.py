"""A real backend process, a real local Ably, the official client, and a checker over the history of it all."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from contextlib import closing
from queue import Empty, Queue

import httpx
import pytest
from ably import AblyRealtime
from ably.types.tokendetails import TokenDetails

from endcap.messages import CUSTOMERS_ALERTS, CUSTOMERS_LOCATIONS, CustomerAlert, promotions_channel
from endcap.transports.ably_endpoint import prepare
from endcap.wire import write_instant
from endcap_backend.__main__ import main
from endcap_backend.log import LogReader
from endcap_devkit.ably_server import AblyServer

WAIT_S = 60.0
SHOP = (60.17, 24.94)
STEP_DEG = 0.001  # 111 m: what stands at one step is not near at the next


class Backend:
    """`endcap-backend serve` as a process of its own, on one port from start to start."""

    def __init__(self, data, ably, *, port=0, **settings):
        self.data, self.url = data, ""
        self._port = port
        self._settings = {"ably_endpoint": ably.url, "ably_key": ably.key, **settings}
        self._process = None

    def start(self):
        env = os.environ | {f"ENDCAP_{name.upper()}": str(value) for name, value in self._settings.items()}
        command = [sys.executable, "-m", "endcap_backend", "serve", "--data", str(self.data), "--port", str(self._port)]
        with (self.data.parent / "backend.err").open("ab") as errors:
            self._process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=errors, text=True)
        self.url = json.loads(self._first_line())["http"]
        self._port = int(self.url.rpartition(":")[2])
        return self

    def kill(self):
        self._process.kill()
        self._end()

    def stop(self):
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            self._end()

    def _end(self):
        self._process.wait(WAIT_S)
        self._process.stdout.close()

    def _first_line(self):
        lines = Queue()
        threading.Thread(target=lambda: lines.put(self._process.stdout.readline()), daemon=True).start()
        try:
            line = lines.get(timeout=WAIT_S)
        except Empty:
            line = ""
        if not line:
            self._process.kill()
            raise AssertionError((self.data.parent / "backend.err").read_text()[-4000:])
        return line


class Shopper:
    """Somebody with an app: a session, fixes to post, and tokens for her channel."""

    def __init__(self, backend):
        self._backend = backend
        body = {"consent": {"purposes": ["location", "promotions"], "text_version": "2026-11"}}
        answer = httpx.post(f"{backend.url}/v1/sessions", json=body, timeout=WAIT_S)
        assert answer.status_code == 201, answer.text
        self.uid, self.bearer = answer.json()["uid"], {"Authorization": f"Bearer {answer.json()['token']}"}

    def fix(self, number, step=0, accuracy_m=5.0):
        return {
            "id": f"{self.uid[:16]}:{number}",
            "latitude": round(SHOP[0] + step * STEP_DEG, 5),
            "longitude": SHOP[1],
            "accuracy_m": accuracy_m,
            "taken_at": now(),
        }

    def post(self, *fixes, client=httpx):
        url = f"{self._backend.url}/v1/locations"
        return client.post(url, json={"locations": fixes}, headers=self.bearer, timeout=WAIT_S)

    def ably_token(self, kind="phone"):
        url = f"{self._backend.url}/v1/ably-token"
        answer = httpx.post(url, json={"for": kind}, headers=self.bearer, timeout=WAIT_S)
        assert answer.status_code == 200, answer.text
        return answer.json()


class Ear:
    """Official ably clients on a thread and loop of their own; `heard` holds (channel's uid, alert) in order."""

    def __init__(self, ably):
        self._ably = ably
        self.heard = []
        self._grown = threading.Condition()
        self._clients = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def listen(self, uid, token):
        """Hear one channel with a token; returns when attached."""
        self._do(self._listen(uid, token))

    def listen_to_all(self, uids):
        """Hear many channels on one connection, with the key."""
        self._do(self._listen_to_all(uids))

    def until(self, satisfied, timeout_s=WAIT_S):
        with self._grown:
            return self._grown.wait_for(lambda: satisfied(self.heard), timeout_s)

    def close(self):
        self._do(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(WAIT_S)
        self._loop.close()

    def _do(self, work):
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(WAIT_S)

    async def _listen(self, uid, token):
        async def details(_params):
            return TokenDetails(token=token["token"], client_id=token["client_id"])

        await self._attach(self._client(auth_callback=details), uid)

    async def _listen_to_all(self, uids):
        client = self._client(key=self._ably.key)
        for uid in uids:
            await self._attach(client, uid)

    def _client(self, **options):
        prepare()
        client = AblyRealtime(
            endpoint=f"localhost:{self._ably.port}/",
            tls=False,
            transport_params={"heartbeats": "true"},
            use_binary_protocol=False,
            **options,
        )
        self._clients.append(client)
        return client

    async def _attach(self, client, uid):
        await client.channels.get(promotions_channel(uid)).subscribe(lambda message: self._hear(uid, message.data))

    def _hear(self, uid, data):
        alert = CustomerAlert.from_text(data)
        with self._grown:
            self.heard.append((uid, alert))
            self._grown.notify_all()

    async def _close(self):
        for client in self._clients:
            await client.close()


def check_history(acknowledged, heard, records):
    """What is wrong with a history; nothing when it is as promised.

    `acknowledged`: ids of the fixes that got a 202. `heard`: (channel's uid, alert). `records`: the log's.
    """
    problems = []
    stored = Counter(each.id for each in records if each.topic == CUSTOMERS_LOCATIONS)
    problems += [
        f"fix {id} was acknowledged and is in the log {stored[id]} times" for id in acknowledged if stored[id] != 1
    ]
    decided = Counter(each.id for each in records if each.topic == CUSTOMERS_ALERTS)
    problems += [f"alert {id} is in the log {count} times" for id, count in decided.items() if count != 1]
    arrived = Counter(alert.id for _, alert in heard)
    problems += [f"alert {id} arrived {count} times" for id, count in arrived.items() if count > 1]
    problems += [f"alert {id} never arrived" for id in decided if not arrived[id]]
    problems += [f"alert {id} arrived and is not in the log" for id in arrived if not decided[id]]
    problems += [f"{uid} heard an alert of {alert.uid}" for uid, alert in heard if uid != alert.uid]
    order = defaultdict(list)
    for uid, alert in heard:
        order[uid].append(alert.id)
    logged = defaultdict(list)
    for each in records:
        if each.topic == CUSTOMERS_ALERTS:
            logged[each.key].append(each.id)
    problems += [f"{uid} heard her alerts out of order" for uid, ids in order.items() if ids != logged[uid][: len(ids)]]
    return problems


def now():
    from datetime import UTC, datetime

    return write_instant(datetime.now(UTC))


@pytest.fixture
def history_problems():
    return check_history


@pytest.fixture(scope="module")
def ably():
    with AblyServer() as server:
        yield server


@pytest.fixture
def an_ear():
    """Makes ears at some Ably."""
    made = []

    def make(ably):
        made.append(Ear(ably))
        return made[-1]

    yield make
    for ear in made:
        ear.close()


@pytest.fixture
def ear(ably, an_ear):
    return an_ear(ably)


@pytest.fixture
def a_shopper():
    return Shopper


@pytest.fixture
def a_shop(tmp_path):
    """Writes a shop's files: a promoted product every 111 m to the north, numbered from 0."""

    def write(count=1):
        shelves, offers = tmp_path / "shelves.csv", tmp_path / "offers.csv"
        shelves.write_text(
            "SKU,segment,latitude,longitude,store,section,name\n"
            + "".join(f"{n},tea,{SHOP[0] + n * STEP_DEG:.5f},{SHOP[1]},s1,Tea,Tea {n}\n" for n in range(count))
        )
        offers.write_text(
            "pid,segment,SKU,title,discount\n" + "".join(f"p{n},tea,{n},Offer {n},20\n" for n in range(count))
        )
        return ["--placements", str(shelves), "--promotions", str(offers)]

    return write


@pytest.fixture
def serve(tmp_path, ably, a_shop):
    """Starts a backend on a shop of so many products; it is ready when this returns, and ended with the test."""
    running = []

    def start(products=1, **settings):
        data = tmp_path / "data"
        assert main(["load", *a_shop(products), "--data", str(data)]) == 0
        backend = Backend(data, ably, **settings)
        running.append(backend)
        backend.start()
        until_fed(backend, products)
        return backend

    yield start
    for backend in running:
        backend.stop()


@pytest.fixture
def serve_with(tmp_path, ably):
    """Starts a backend without a shop, with these settings; it is ended with the test."""
    running = []

    def start(**settings):
        running.append(Backend(tmp_path / "data", ably, **settings))
        return running[-1].start()

    yield start
    for backend in running:
        backend.stop()


def until_fed(backend, products):
    """Wait until the match knows the shop."""
    until_handled(backend, lambda log: len(log.read(0, 100_000, ("stores_products",))) >= products)


def until_handled(backend, satisfied, timeout_s=WAIT_S):
    """Wait until the log satisfies a condition and the match has read all of it."""
    deadline = time.monotonic() + timeout_s
    with closing(LogReader(backend.data / "log.db")) as log:
        while not (satisfied(log) and log.committed("match") >= log.end()):
            assert time.monotonic() < deadline, (log.positions(), log.end())
            log.wait(log.end(), 0.05)


@pytest.fixture
def handled():
    return until_handled


@pytest.fixture
def log_of():
    """All records of a backend's log."""

    def read(backend):
        with closing(LogReader(backend.data / "log.db")) as log:
            return log.read(0, 1_000_000)

    return read
