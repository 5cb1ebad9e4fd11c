import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import datetime
from pathlib import Path

import pytest

PHONE = Path(__file__).with_name("fed_until_killed.py")
KILLS = 200
SEED = 20261124


class Phone:
    def __init__(self, backend, folder):
        command = [sys.executable, str(PHONE), backend.url, str(folder)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        self.taken = []

    def feed(self, first, *, kill_after, delay_s):
        """Feed from fix `first` on, and kill the process so long after it has taken `kill_after` fixes."""
        pid = self._begin(f"feed {first} {first + 2000}")
        killed = False
        while (line := self._line()) != "gone":
            if line.isdecimal():
                self.taken.append(int(line))
            kill_after -= 1
            if kill_after <= 0 and not killed:
                until = time.perf_counter() + delay_s
                while time.perf_counter() < until:
                    pass
                os.kill(pid, signal.SIGKILL)
                killed = True

    def drain(self, now):
        self._begin(f"drain {now}")
        return list(iter(self._line, "gone"))

    def close(self):
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(10)

    def _begin(self, command):
        print(command, file=self._process.stdin, flush=True)
        return int(self._line().removeprefix("pid "))

    def _line(self):
        return self._process.stdout.readline().strip()


@pytest.fixture
def phone(backend, tmp_path):
    phone = Phone(backend, tmp_path / "phone")
    yield phone
    phone.close()


@pytest.mark.slow
def test_a_phone_killed_at_200_random_points_loses_nothing_and_doubles_nothing(phone, backend):
    chance = random.Random(SEED)
    for _ in range(KILLS):
        first = phone.taken[-1] + 1 if phone.taken else 0
        phone.feed(first, kill_after=chance.randint(1, 80), delay_s=chance.random() * 0.004)
    assert phone.drain(phone.taken[-1]) == ["end"]

    bodies = list(backend.bodies().values())
    arrived = Counter(body["taken_at"] for body in bodies if "taken_at" in body)
    seconds = {
        round((datetime.fromisoformat(at) - datetime.fromisoformat("2026-11-24T00:00:00Z")).total_seconds())
        for at in arrived
    }
    assert set(phone.taken) <= seconds
    assert set(arrived.values()) == {1}
    assert backend.impostors == []
    visits = [body["kind"] for body in sorted((b for b in bodies if "kind" in b), key=lambda body: body["occurred_at"])]
    assert len(visits) > 10
    assert visits == ["enter", "exit"] * (len(visits) // 2) + ["enter"] * (len(visits) % 2)
