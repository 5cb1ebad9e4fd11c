"""The local Ably as a thing to start and stop."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import ssl
import threading
from collections.abc import Coroutine, Sequence
from types import TracebackType
from typing import Any, Final, Self

from aiohttp import web

from endcap.clock import Clock
from endcap.errors import BadConfig
from endcap_devkit.ably_server.accounts import Key
from endcap_devkit.ably_server.app import create_app
from endcap_devkit.ably_server.capability import Capability
from endcap_devkit.ably_server.certificates import make_certificates
from endcap_devkit.ably_server.rules import Rule, Webhook
from endcap_devkit.ably_server.serials import random_word
from endcap_devkit.ably_server.settings import Settings
from endcap_devkit.ably_server.state import LocalAbly

HOST: Final = "127.0.0.1"
SWEEP_S: Final = 1.0


class AblyServer:
    """A strict local Ably on 127.0.0.1, on a thread and an event loop of its own.

        with AblyServer() as ably:
            client = AblyRealtime(key=ably.key, endpoint=f"localhost:{ably.port}/", tls=False)

    `port=0` takes a free one; `tls_port` opens a second port with TLS, whose CA is in `ca_pem`. `key` (`app.id:secret`)
    makes an app with that key of full capability; without it one is made up. `rules` carry that app's messages to URLs.
    The methods may be called from any thread.
    """

    def __init__(
        self,
        port: int = 0,
        key: str | None = None,
        *,
        tls_port: int | None = None,
        rules: Sequence[Rule] = (),
        settings: Settings | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.settings = settings or Settings()
        self._ably = LocalAbly(self.settings, clock)
        self._key = add_default_key(self._ably, key)
        self._asked_port, self._asked_tls_port = port, tls_port
        self._certificates = make_certificates() if tls_port is not None else None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="local-ably", daemon=True)
        self._runner: web.AppRunner | None = None
        self._rules = rules
        self._tasks: list[asyncio.Task[None]] = []
        self.port = 0
        self.tls_port: int | None = None

    @property
    def key(self) -> str:
        """The whole API key, `app.id:secret`."""
        return self._key.text

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def tls_url(self) -> str | None:
        return None if self.tls_port is None else f"https://localhost:{self.tls_port}"

    @property
    def ca_pem(self) -> bytes | None:
        """The CA that clients of the TLS port must trust, as PEM."""
        return self._certificates.ca_pem if self._certificates else None

    def start(self) -> Self:
        """Listen; returns when clients can connect.

        Raises:
            BadConfig: a port is taken, or can't be one.
        """
        self._thread.start()
        try:
            self._call(self._listen())
        except BadConfig:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Cut every client and end the thread. A second call does nothing."""
        if self._loop.is_closed():
            return
        if self._thread.is_alive():
            self._call(self._close())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
        self._loop.close()

    def fault(self, name: str, **options: Any) -> dict[str, Any]:
        """Throw a fault switch, as `POST /local/faults/<name>` does.

        Raises:
            AblyError: there is no such fault, or an option is out of range.
        """

        async def throw() -> dict[str, Any]:
            return self._ably.faults.set(name, options)

        answer: dict[str, Any] = self._call(throw())
        return answer

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def _call(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Do something on the server's loop and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _listen(self) -> None:
        self._runner = web.AppRunner(
            create_app(self._ably),
            access_log=None,
            handler_cancellation=True,
            auto_decompress=False,
            shutdown_timeout=0.1,
        )
        await self._runner.setup()
        self.port = await self._open("port", self._asked_port)
        if self._certificates is not None:
            self.tls_port = await self._open("tls-port", self._asked_tls_port or 0, self._certificates.context)
        self._tasks.append(asyncio.create_task(self._sweep()))
        self._carry_out_rules()

    async def _open(self, switch: str, port: int, context: ssl.SSLContext | None = None) -> int:
        assert self._runner is not None
        try:
            listener = socket.create_server((HOST, port), backlog=512)
        except (OSError, OverflowError) as fault:  # the latter: beyond 65535
            number = fault.errno if isinstance(fault, OSError) else None  # the fault's own words repeat the address
            why = "ports go from 0 to 65535" if number is None else os.strerror(number)
            act = f"choose another with --{switch}, or 0 for a free one"
            raise BadConfig(switch, f"can't listen on {HOST}:{port} ({why}): {act}") from None
        await web.SockSite(self._runner, listener, ssl_context=context).start()
        return int(listener.getsockname()[1])

    async def _close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for connection in self._ably.connections:
            if connection.socket is not None:
                connection.socket.abort()
            self._ably.connections.close(connection)
        if self._runner is not None:
            await self._runner.cleanup()

    def _carry_out_rules(self) -> None:
        app = self._ably.accounts.app_of(self._key.name)
        for rule in self._rules:
            hook = Webhook(rule, app, self._key)
            self._ably.webhooks.append(hook)
            self._ably.watchers.append(hook.watch)
            self._tasks.append(asyncio.create_task(hook.carry()))

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_S)
            self._ably.sweep()


def add_default_key(ably: LocalAbly, text: str | None) -> Key:
    """The app and key a server starts with.

    Raises:
        BadConfig: `key` is not `app.id:secret`.
    """
    made = f"{random_word(6)}.{random_word(6)}:{secrets.token_urlsafe(32)}"
    app_id, key_id, secret = read_key(text or made, "key")
    return ably.new_app(app_id).add_key(key_id, secret, Capability.everything())


def read_key(text: str, setting: str) -> tuple[str, str, str]:
    """App, id and secret of a key.

    Raises:
        BadConfig: it is not `app.id:secret`; names the setting.
    """
    name, _, secret = text.partition(":")
    app_id, _, key_id = name.partition(".")
    if not (app_id and key_id and secret):
        raise BadConfig(setting, "must read app.id:secret, for example local.dev:a-secret-of-your-own")
    return app_id, key_id, secret
