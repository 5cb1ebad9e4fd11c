"""A strict local Ably for the unmodified official clients: REST, WebSocket and event streams on one local port."""

from endcap_devkit.ably_server.rules import Rule
from endcap_devkit.ably_server.server import AblyServer
from endcap_devkit.ably_server.settings import Settings

__all__ = ["AblyServer", "Rule", "Settings"]
