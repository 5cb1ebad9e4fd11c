"""What a demo is told at its start; every switch of `endcap demo` is a field here."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path

from endcap.errors import BadConfig

PAGE_PORT, BACKEND_PORT, LITE_PORT = 8600, 8700, 8702  # tried first when none is chosen
MAX_SHOPPERS = 2000  # what a browser draws and two cores post
MAX_PHONES = 20
PACES = 0.1, 10.0


@dataclass(frozen=True, slots=True)
class Settings:
    """Ports of 0 take a free one.

    Raises:
        BadConfig: a value out of range.
    """

    host: str = "127.0.0.1"
    port: int = 0
    backend_port: int = 0
    ably_port: int = 0
    lite_port: int = 0
    lite_host: str = ""  # where phones reach the lite page; empty: on this machine alone
    tls: bool = False  # by https, there
    shoppers: int = 150
    phones: int = 4
    pace: float = 2.0
    seed: int = 1
    kafka: bool = False  # through a real broker of its own
    data: Path | None = None  # None: a temporary folder, gone at the end

    def __post_init__(self) -> None:
        for name, low, high in (("shoppers", 0, MAX_SHOPPERS), ("phones", 0, MAX_PHONES), ("pace", *PACES)):
            if not low <= getattr(self, name) <= high:
                raise BadConfig(f"--{name}", f"must be from {low:g} to {high:g}")
        for name in ("port", "backend_port", "ably_port", "lite_port"):
            if not 0 <= getattr(self, name) <= 65535:
                raise BadConfig(switch(name), "must be from 0 to 65535")
        if self.tls and not self.lite_host:
            raise BadConfig("--tls", "goes with --host; on this machine browsers need none")

    def preferred_backend_port(self) -> int:
        """The chosen one, else the backend's usual one when it is free and not chosen for another part, else 0."""
        if self.backend_port or BACKEND_PORT in (self.port, self.ably_port, self.lite_port):
            return self.backend_port
        return BACKEND_PORT if is_free(self.host, BACKEND_PORT) else 0

    def preferred_door_port(self) -> int:
        """The chosen one, else the lite page's usual one when it is free and not chosen for another part, else 0."""
        if self.lite_port or LITE_PORT in (self.port, self.backend_port, self.ably_port):
            return self.lite_port
        return LITE_PORT if is_free(self.lite_host, LITE_PORT) else 0

    def check_ports(self) -> None:
        """Fail early, and with the switch's name, when a chosen port is taken or chosen twice.

        Raises:
            BadConfig: names the switch and the port.
        """
        chosen = {name: getattr(self, name) for name in ("port", "backend_port", "ably_port", "lite_port")}
        for name, port in chosen.items():
            if name == "lite_port" and self.lite_host:
                continue  # the door for phones is opened before all else, and says so itself
            if port and not is_free(self.host, port):
                act = f"choose another with {switch(name)}, or 0 for a free one"
                raise BadConfig(switch(name).lstrip("-"), f"port {port} of {self.host} is in use; {act}")
            if port and list(chosen.values()).count(port) > 1:
                raise BadConfig(switch(name), f"port {port} is chosen twice")


def is_free(host: str, port: int) -> bool:
    try:
        socket.create_server((host, port)).close()
    except (OSError, ValueError):  # the latter: it is no name of a host, which is said where it is listened on
        return False
    return True


def switch(name: str) -> str:
    return "--" + name.replace("_", "-")
