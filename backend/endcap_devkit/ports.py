"""A free port for a program that can't say itself which one it got."""

from __future__ import annotations

import random
import socket

# Below 32768, where Linux takes ports for outgoing connections and for whoever asks for any: those can't take one of
# these between the look at it and its use.
FIRST, LAST = 20_000, 30_000
TRIES = 100


def free_port() -> int:
    """A loopback port nobody listens on now.

    Raises:
        OSError: none of a hundred is free.
    """
    for port in random.sample(range(FIRST, LAST), TRIES):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError(f"no port between {FIRST} and {LAST} is free")
