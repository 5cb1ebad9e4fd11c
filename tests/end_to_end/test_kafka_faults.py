"""What was acknowledged is in Kafka once, whatever dies, hangs or fills up: a real backend, a real broker, a checker.

With ENDCAP_LONG_FAULTS=1 at full length: 16,000 posts with five kills, a broker that is away for 90 s, frozen for 20 s.
"""

import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import threading
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from endcap.clock import SystemClock
from endcap.messages import CUSTOMERS_LOCATIONS
from endcap.wire import write_instant
from endcap_backend.pipeline.kafka import KafkaSettings
from endcap_backend.pipeline.marks import make_marks_topic
from endcap_backend.pipeline.stages.reading import ends_of, places_of, read_between
from endcap_backend.pipeline.stages.topics import ensure_topics

pytestmark = pytest.mark.kafka
LONG = bool(os.environ.get("ENDCAP_LONG_FAULTS"))
POSTS, OUTAGE_S, FREEZE_S = (16_000, 90.0, 20.0) if LONG else (700, 4.0, 3.0)
KILLS = 5
THREADS = 6
WAIT_S = 180.0
FORWARDED = ("customers_locations", "stores_products", "products_promotions", "customers_events")
CONSENT = {"consent": {"purposes": ["location"], "text_version": "2026-11"}}
UNLIMITED = {
    "user_requests_per_s": 1e6, "user_requests_burst": 10**6, "user_fixes_per_s": 1e6, "user_fixes_burst": 10**6,
}  # fmt: skip


class Backend:
    """`endcap-backend serve --pipeline kafka` as a process of its own, on one port from start to start."""

    def __init__(self, folder, kafka, disk=None, **settings):
        self.url, self._port = "", 0
        self._folder = folder
        self._before = disk.command(folder / "data") if disk else []
        given = {"pipeline": "kafka", "kafka_bootstrap_servers": kafka, "min_free_mb": 0, **UNLIMITED, **settings}
        given["raw_names"] = "lasting"  # the checker knows fixes by their ids, which names of the day would hide
        self._env = os.environ | {f"ENDCAP_{name.upper()}": str(value) for name, value in given.items()}

    def start(self):
        command = [*self._before, sys.executable, "-m", "endcap_backend", "serve", "--data", str(self._folder / "data")]
        with (self._folder / "backend.err").open("ab") as errors:
            self._process = subprocess.Popen(
                [*command, "--port", str(self._port)], env=self._env, stdout=subprocess.PIPE, stderr=errors, text=True
            )
        line = self._process.stdout.readline()
        assert line, (self._folder / "backend.err").read_text()[-3000:]
        self.url = json.loads(line)["http"]
        self._port = int(self.url.rpartition(":")[2])
        return self

    @property
    def pid(self):
        return self._process.pid

    def kill(self):
        self._process.kill()
        self._end()

    def stop(self):
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            self._end()

    def token(self):
        return httpx.post(f"{self.url}/v1/sessions", json=CONSENT, timeout=WAIT_S).raise_for_status().json()["token"]

    def figure(self, name):
        text = httpx.get(f"{self.url}/metrics", timeout=WAIT_S).text
        return float(re.search(rf'endcap_pipeline{{stat="{name}"}} (\S+)', text)[1])

    def _end(self):
        self._process.wait(WAIT_S)
        self._process.stdout.close()


class Burst:
    """Fixes posted one by one from several threads, each again and again until it is answered with 202.

    `goes_on` says whether number n is to be posted. What was acknowledged is in `acknowledged`, by id.
    """

    def __init__(self, backend, goes_on, *, insists=True):
        self.acknowledged, self.refused, self.surprises = [], Counter(), []
        self._backend, self._goes_on, self._insists = backend, goes_on, insists
        self._token = backend.token()
        self._grown = threading.Condition()
        self._next = iter(range(10**9))
        self._threads = [threading.Thread(target=self._post_all, daemon=True) for _ in range(THREADS)]
        for thread in self._threads:
            thread.start()

    def until(self, count, refused=0):
        def holds():
            return len(self.acknowledged) >= count and self.refused.total() >= refused

        with self._grown:
            assert self._grown.wait_for(holds, WAIT_S), (len(self.acknowledged), self.refused.total())

    def join(self):
        for thread in self._threads:
            thread.join(WAIT_S)
            assert not thread.is_alive()
        assert self.surprises == []

    def _post_all(self):
        with httpx.Client(timeout=WAIT_S, headers={"Authorization": f"Bearer {self._token}"}) as client:
            while self._goes_on(number := self._number()):
                self._post(client, f"install:{number}")

    def _number(self):
        with self._grown:
            return next(self._next)

    def _post(self, client, id):
        fix = {"id": id, "latitude": 60.17, "longitude": 24.94, "taken_at": write_instant(datetime.now(UTC))}
        while True:
            try:
                answer = client.post(f"{self._backend.url}/v1/locations", json={"locations": [fix]})
            except httpx.TransportError:
                continue  # unknown: it may or may not have been taken
            with self._grown:
                if answer.status_code == 503 and not self._insists:
                    self.refused[id] += 1
                    self._grown.notify_all()
                    return
                (self.acknowledged if answer.status_code == 202 else self.surprises).append(id)
                self._grown.notify_all()
            return


def forwarding_problems(acknowledged, ids):
    """What is wrong with what came of acknowledged posts in Kafka; nothing when each is there once."""
    found = Counter(ids)
    lost = [f"{id} was acknowledged and is not in Kafka" for id in acknowledged if not found[id]]
    return lost + [f"{id} is in Kafka {count} times" for id, count in found.items() if count > 1]


def in_kafka(kafka):
    """The ids of all committed fixes."""
    places = places_of(kafka, (CUSTOMERS_LOCATIONS,))
    spans = {place: (0, end) for place, end in ends_of(kafka, places, settled=True).items()}
    return [json.loads(record.value)["id"] for record in read_between(kafka, spans)]


def until(holds):
    clock = SystemClock()
    deadline_s = clock.monotonic() + WAIT_S
    while not holds():
        assert clock.monotonic() < deadline_s, "it did not happen in time"
        signal.sigtimedwait([], 0.05)


@pytest.fixture
def kafka(kafka_emptied):
    settings = KafkaSettings(kafka_emptied.bootstrap)
    make_marks_topic(
        settings
    )  # not last: in the newest topic a broker killed at once has left a transaction without end
    ensure_topics(settings, FORWARDED)
    return settings


@pytest.fixture
def backend(kafka, tmp_path):
    """Makes a backend that forwards to the broker, and ends it with the test."""
    made = []

    def start(**options):
        made.append(Backend(tmp_path, kafka.kafka_bootstrap_servers, **options).start())
        return made[-1]

    yield start
    for each in made:
        each.stop()


def test_a_backend_killed_five_times_in_a_burst_and_then_the_broker_lose_and_double_nothing(
    backend, kafka, kafka_emptied
):
    running = backend()
    burst = Burst(running, lambda number: number < POSTS)
    for kill in range(1, KILLS + 1):
        burst.until(kill * POSTS // (KILLS + 2))
        running.kill()
        running.start()
    burst.until((KILLS + 1) * POSTS // (KILLS + 2))
    kafka_emptied.kill()
    kafka_emptied.start()
    burst.join()
    until(lambda: running.figure("forward lag") == 0)
    assert len(burst.acknowledged) == POSTS
    assert forwarding_problems(burst.acknowledged, in_kafka(kafka)) == []


def posting_for(seconds):
    """Says yes to every number for so long."""
    clock = SystemClock()
    end_s = clock.monotonic() + seconds
    return lambda number: clock.monotonic() < end_s


def test_while_the_broker_is_away_every_post_is_taken_and_arrives_later(backend, kafka, kafka_emptied):
    running = backend()
    until(lambda: running.figure("forward up") == 1)
    kafka_emptied.kill()
    burst = Burst(running, posting_for(OUTAGE_S))
    burst.join()
    assert len(burst.acknowledged) > 10
    assert running.figure("forward up") == 0
    health = httpx.get(f"{running.url}/readyz", timeout=WAIT_S)
    assert (health.status_code, health.json()["degraded"]) == (200, True)
    kafka_emptied.start()
    until(lambda: running.figure("forward lag") == 0)
    assert forwarding_problems(burst.acknowledged, in_kafka(kafka)) == []


def test_a_broker_that_freezes_in_a_burst_costs_nothing(backend, kafka, kafka_emptied):
    running = backend()
    until(lambda: running.figure("forward up") == 1)
    burst = Burst(running, posting_for(FREEZE_S + 2))
    burst.until(20)
    kafka_emptied.freeze()
    try:
        taken = len(burst.acknowledged)
        burst.until(taken + 20)  # while nobody answers
        burst.join()
    finally:
        kafka_emptied.thaw()
    until(lambda: running.figure("forward lag") == 0)
    assert forwarding_problems(burst.acknowledged, in_kafka(kafka)) == []


ROOM = 1000  # records


def test_a_full_spool_says_503_and_never_a_false_202(backend, kafka, kafka_emptied):
    running = backend(max_records=ROOM)
    kafka_emptied.kill()
    burst = Burst(running, lambda number: number < ROOM + 100, insists=False)
    burst.join()
    kafka_emptied.start()
    until(lambda: running.figure("forward lag") == 0)
    assert len(burst.acknowledged) <= ROOM + THREADS  # those that came together with the last that fitted
    assert len(burst.refused) == ROOM + 100 - len(burst.acknowledged)
    ids = in_kafka(kafka)
    assert forwarding_problems(burst.acknowledged, ids) == []
    assert not set(ids) & set(burst.refused)


class MountedDisk:
    """A file system of 48 MB in memory, which one process has as its disk, and which a file fills to the last byte."""

    def command(self, folder):
        """What comes before the process's own command."""
        folder.mkdir()
        self._filler = folder / "filler"
        return [*UNSHARED, "sh", "-c", 'mount -t tmpfs -o size=48m none "$0" && exec "$@"', str(folder)]

    def fill(self, pid):
        with self._seen_by(pid).open("wb", buffering=0) as filler, suppress(OSError):
            while True:
                filler.write(bytes(65_536))
        assert os.statvfs(self._seen_by(pid)).f_bavail == 0

    def free(self, pid):
        self._seen_by(pid).unlink()

    def _seen_by(self, pid):
        return Path(f"/proc/{pid}/root{self._filler}")


class LimitedDisk:
    """Where nothing can be mounted: no file of the process can be longer than the longest is now."""

    def command(self, folder):
        self._folder = folder
        return []

    def fill(self, pid):
        longest = max(each.stat().st_size for each in self._folder.rglob("*") if each.is_file())
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (longest, resource.RLIM_INFINITY))

    def free(self, pid):
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


UNSHARED = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-rm"]


def a_small_disk():
    probe = [*UNSHARED, "mount", "-t", "tmpfs", "none", "/mnt"]
    allowed = shutil.which("unshare") and subprocess.run(probe, check=False, capture_output=True).returncode == 0
    return MountedDisk() if allowed else LimitedDisk()


def test_a_disk_full_to_the_last_byte_says_503_and_goes_on_by_itself_when_there_is_room(backend, kafka):
    disk = a_small_disk()
    running = backend(disk=disk)
    until(lambda: running.figure("forward up") == 1)
    over = threading.Event()
    burst = Burst(running, lambda number: not over.is_set(), insists=False)
    burst.until(50)
    disk.fill(running.pid)
    burst.until(50, refused=50)
    disk.free(running.pid)
    burst.until(len(burst.acknowledged) + 100)
    over.set()
    burst.join()
    until(lambda: running.figure("forward lag") == 0)
    ids = in_kafka(kafka)
    assert forwarding_problems(burst.acknowledged, ids) == []
    assert not set(ids) & set(burst.refused)


def test_the_checker_finds_what_is_lost_and_what_is_doubled():
    assert forwarding_problems(["a", "b"], ["b", "a", "c"]) == []
    assert forwarding_problems(["a", "b"], ["b"]) == ["a was acknowledged and is not in Kafka"]
    assert forwarding_problems(["a"], ["a", "a"]) == ["a is in Kafka 2 times"]
