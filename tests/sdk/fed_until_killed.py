"""A shopper's phone as a process of its own, for the test that kills it.

Reads `feed FIRST LAST` or `drain` from standard input, and runs each in a child, which is the process to be killed. The
child says `pid N`, then the number of each fix the SDK has taken, then `end`. Fix N is taken at second N; every 400
seconds she walks into the shop for 60, and all the time she walks to and fro: while she stands, fewer fixes are sent.
"""

import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx  # noqa: F401  # so that no child spends its life on importing it

import endcap
from endcap.clock import ScaledClock
from endcap.session import Sessions  # noqa: F401
from endcap.transports.http import HttpTransport  # noqa: F401

START = datetime(2026, 11, 24, tzinfo=UTC)
SHOP = endcap.LatLon(60.16952, 24.93545)


class WalkClock(ScaledClock):
    """The wall clock of the walk; pauses are real time."""

    second = 0

    def now(self):
        return START + timedelta(seconds=self.second)


def fix(number):
    away_deg = 0.0 if number % 400 < 60 else 0.003
    to_and_fro_deg = 2e-4 if number % 20 < 10 else -2e-4
    return endcap.Fix(
        SHOP.latitude_deg + away_deg + to_and_fro_deg,
        SHOP.longitude_deg,
        START + timedelta(seconds=number),
        accuracy_m=5.0,
    )


def live(url, folder, words):
    clock = WalkClock(100)
    config = endcap.Config(
        backend_url=url,
        storage_dir=Path(folder),
        max_speed_m_s=400,
        batch_size=50,
        remote_config=False,
        shop_fences=False,
    )
    client = endcap.Endcap(config, dispatcher=endcap.inline, clock=clock)
    client.register(endcap.Geofence("shop", endcap.Circle(SHOP, radius_m=60)))
    if not client.consent.granted:
        client.consent.grant(endcap.Purpose.LOCATION, text_version="1")
    say(f"pid {os.getpid()}")
    if words[0] == "drain":
        clock.second = int(words[1])
        client.start()
        if not client.flush(60):
            say(f"stuck {client.diagnostics()}")
    else:
        clock.second = int(words[1])
        client.start()
        for number in range(int(words[1]), int(words[2])):
            clock.second = number
            if client.feed(fix(number)):
                say(str(number))
    client.close()
    say("end")


def say(text):
    os.write(1, f"{text}\n".encode())


def main():
    url, folder = sys.argv[1:]
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            try:
                live(url, folder, line.split())
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        say("gone")


if __name__ == "__main__":
    main()
