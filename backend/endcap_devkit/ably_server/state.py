"""Everything one local Ably knows, in one place; owned by the server's loop."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

from aiohttp import web

from endcap.clock import Clock, SystemClock
from endcap.wire import epoch_ms
from endcap_devkit.ably_server.accounts import Accounts, App
from endcap_devkit.ably_server.auth import Authenticator
from endcap_devkit.ably_server.channels import Channel, Channels
from endcap_devkit.ably_server.connections import Connections
from endcap_devkit.ably_server.faults import Faults
from endcap_devkit.ably_server.journal import Journal
from endcap_devkit.ably_server.log import Entry
from endcap_devkit.ably_server.rules import Webhook
from endcap_devkit.ably_server.serials import random_word
from endcap_devkit.ably_server.settings import Settings
from endcap_devkit.ably_server.tokens import Tokens

logger = logging.getLogger(__name__)

Watcher = Callable[[App, Channel, Entry], None]


class LocalAbly:
    """Apps, tokens, connections and whoever watches what is published."""

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self.settings = settings
        self.clock = clock or SystemClock()
        self.started_ms = epoch_ms(self.clock.now())
        self.server_id = f"local.{random_word(6)}"
        self.accounts = Accounts()
        self.tokens = Tokens(self.accounts)
        self.auth = Authenticator(self.accounts, self.tokens)
        self.connections = Connections(self)
        self.faults = Faults(self)
        self.journal = Journal()
        self.webhooks: list[Webhook] = []
        self.watchers: list[Watcher] = [self.journal.watch]

    def now_ms(self) -> int:
        return epoch_ms(self.clock.now())

    def new_app(self, id: str | None = None, max_members: int | None = None) -> App:
        """An app with a given or random id and no keys yet; `max_members` of one channel, when not the usual number.

        Raises:
            AblyError: 40000, too many apps.
        """

        def observe(channel: Channel, entry: Entry) -> None:
            for watch in self.watchers:
                watch(app, channel, entry)

        settings = self.settings if max_members is None else replace(self.settings, max_members=max_members)
        app = App(id or random_word(6), Channels(settings, observe))
        return self.accounts.add(app)

    def remove_app(self, app: App) -> None:
        """Close its connections and forget all of it."""
        for connection in self.connections:
            if connection.identity.app is app:
                if connection.socket:
                    connection.socket.abort()
                self.connections.close(connection)
        del self.accounts.apps[app.id]

    def sweep(self) -> None:
        """Forget what is too old."""
        now_ms = self.now_ms()
        for app in self.accounts.apps.values():
            app.channels.sweep(now_ms)


STATE: web.AppKey[LocalAbly] = web.AppKey("ably", LocalAbly)
