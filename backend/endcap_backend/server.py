"""The HTTP server: waitress on its own thread, with an end that leaves no answer unsent."""

from __future__ import annotations

import logging
import socket
import time
from contextlib import suppress
from threading import Event, Thread
from typing import Any

from flask import Flask
from waitress import wasyncore
from waitress.channel import HTTPChannel
from waitress.server import create_server
from waitress.task import WSGITask

from endcap.errors import BadConfig
from endcap_backend.api.edge import OVERLOADED
from endcap_backend.api.integrations import MAX_BYTES
from endcap_backend.config import Settings

log = logging.getLogger("endcap.serve")

DRAIN_S = 6.0  # answers under way get so long; the whole stop has 10 s
IDLE_S = 30.0  # a connection without a word for so long is closed: slow ones can't pile up
BACKLOG = 1024  # connections the kernel holds for us
_LOOK_S = 0.05


class _Task(WSGITask):  # type: ignore[misc]
    """An answer whose head leaves together with the first part of its body: each send costs as much as the parsing."""

    wrote_header: bool

    def write(self, data: bytes) -> None:
        if not self.wrote_header and self.complete and self.has_body and len(data) <= (self.content_length or 0):
            head: bytes = self.build_response_header()
            self.wrote_header = True
            self.content_bytes_written += len(data)
            self.channel.write_soon(head + data)
        else:
            super().write(data)


class _Channel(HTTPChannel):  # type: ignore[misc]
    task_class = _Task


class HttpServer:
    """Listens from construction; answers from `start` to `stop`.

    Raises:
        BadConfig: the address can't be listened on.
    """

    def __init__(self, app: Flask, settings: Settings) -> None:
        self._listening = _listen(settings.host, settings.port)
        host, port = self._listening.getsockname()[:2]
        self.url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        self._connections: dict[int, Any] = {}
        logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # a short queue is what threads are for
        self._server = create_server(
            app,
            map=self._connections,
            sockets=[self._listening],
            threads=settings.threads,
            connection_limit=settings.connections,
            asyncore_use_poll=True,  # select() ends at 1024
            channel_timeout=int(IDLE_S),
            cleanup_interval=5,
            backlog=BACKLOG,
            max_request_body_size=MAX_BYTES,
            max_request_header_size=16 * 1024,
            ident=None,
            **_proxy(settings.trusted_proxy),
        )
        self._server.channel_class = _Channel
        app.extensions[OVERLOADED] = lambda: self.waiting() > settings.waiting
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="endcap-http", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def waiting(self) -> int:
        """Requests that have come and wait for a thread."""
        return len(self._server.task_dispatcher.queue)

    def stop(self) -> None:
        """Take no more connections, finish what has begun, close. Idempotent."""
        if not self._stopping.is_set():
            self._stopping.set()
            with suppress(OSError):  # its thread may have seen the flag first, and closed the trigger
                self._server.pull_trigger()
        if self._thread.is_alive():
            self._thread.join()
        elif self._connections:
            self._close()  # it never started

    def _run(self) -> None:
        while not self._stopping.is_set():
            wasyncore.loop(timeout=1.0, map=self._connections, use_poll=True, count=1)
        self._server.del_channel()
        self._listening.close()
        deadline = time.monotonic() + DRAIN_S
        while self._busy() and time.monotonic() < deadline:
            wasyncore.loop(timeout=_LOOK_S, map=self._connections, use_poll=True, count=1)
        self._close()

    def _close(self) -> None:
        self._server.task_dispatcher.shutdown(timeout=1)
        wasyncore.close_all(self._connections, ignore_all=True)

    def _busy(self) -> bool:
        return any(
            channel.requests or channel.request is not None or channel.total_outbufs_len
            for channel in list(self._server.active_channels.values())
        )


def _listen(host: str, port: int) -> socket.socket:
    listening = None
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind, protocol)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(BACKLOG)
    except OSError as fault:
        if listening is not None:
            listening.close()
        raise BadConfig(
            "port", f"{host}:{port} can't be listened on ({fault}): choose another, or 0 for a free one"
        ) from None
    return listening


def _proxy(address: str) -> dict[str, Any]:
    if not address:
        return {"clear_untrusted_proxy_headers": True}
    trusted = {"x-forwarded-for", "x-forwarded-proto", "x-forwarded-host"}
    return {"trusted_proxy": address, "trusted_proxy_headers": trusted, "clear_untrusted_proxy_headers": True}
