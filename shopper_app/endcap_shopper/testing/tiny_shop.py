"""TinyShop: a real HTTP server with the endpoints the app calls, which can be cut off."""

from __future__ import annotations

import gzip
import json
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl
from zlib import crc32

from endcap_shopper.testing.tiny_answers import TinyAnswers


class TinyShop(TinyAnswers):
    """Notes what arrives and can be cut off.

    Whatever changes something is in `heard`, in order, each time it came in; `held` is what it amounts to. A client
    that repeats itself is heard twice and changes nothing the second time, as with the product's backend.
    """

    def __init__(self) -> None:
        super().__init__()
        self.patience_s = 1
        self.lose_answers = 0  # so many answers never reach the app
        self.lose_those_of: str | tuple[str, ...] = ""  # only to requests of a path that begins so
        self.held_up: threading.Event | None = None  # every answer waits for it
        self.answered: list[tuple[str, str, int]] = []  # method, path and status, as they went out
        self.port = 0
        self._server: ThreadingHTTPServer | None = None
        self._open: list[socket.socket] = []
        self._changed = threading.Condition()
        self.go_online()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def go_online(self) -> None:
        shop = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                shop._handle(self)

            do_GET = do_PUT = do_PATCH = do_DELETE = do_POST

            def log_message(self, *args: object) -> None:
                """Nobody reads it."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False

            def process_request(self, request: Any, client_address: Any) -> None:
                shop._open.append(request)
                super().process_request(request, client_address)

            def handle_error(self, request: Any, client_address: Any) -> None:
                """A client that was cut off is what its tests are about."""

        self._server = Server(("127.0.0.1", self.port), Handler)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def go_offline(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._open.clear()

    def until(self, satisfied: Callable[[Self], object], timeout_s: float = 20.0) -> bool:
        with self._changed:
            return bool(self._changed.wait_for(lambda: satisfied(self), timeout_s))

    def _handle(self, handler: BaseHTTPRequestHandler) -> None:
        content = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        packed = handler.headers.get("Content-Encoding") == "gzip"
        body = json.loads(gzip.decompress(content) if packed else content) if content else {}
        if self.held_up is not None:
            self.held_up.wait(30)
        path, _, query = handler.path.removeprefix("/v1").partition("?")
        with self._changed:
            if handler.headers.get("Authorization", "").removeprefix("Bearer ") in self.gone:
                status, answer = 401, {"title": "nobody here has this token"}
            else:
                status, answer = self.answer(handler.command, path, dict(parse_qsl(query)), body)
            told = handler.command != "GET" and not path.startswith("/sessions")
            lost = told and self.lose_answers > 0 and path.startswith(self.lose_those_of)
            self.lose_answers -= lost
            self._changed.notify_all()
        if lost:
            handler.connection.shutdown(socket.SHUT_RDWR)
            return
        sent = json.dumps(answer).encode()
        etag = f'"{crc32(sent):x}"'
        if handler.command == "GET" and status == 200 and handler.headers.get("If-None-Match") == etag:
            status, sent = 304, b""
        self.answered.append((handler.command, path, status))
        handler.send_response(status)
        if handler.command == "GET":
            handler.send_header("ETag", etag)
        handler.send_header("Content-Type", "application/json")
        if status == 429:
            handler.send_header("Retry-After", str(self.patience_s))
        handler.send_header("Content-Length", str(len(sent)))
        handler.end_headers()
        handler.wfile.write(sent)
