"""The page at `/`: static files, the scene, and a WebSocket that says what happens.

A visitor is told everything once ("hello"), then: five times a second a binary frame of places (`People.frame`), and
JSON for who comes and goes, each alert, and once a second the figures. Nothing is asked of her browser but to draw.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from aiohttp import WSCloseCode, WSMsgType, web

STATIC = Path(__file__).with_name("static")
ALERTS_KEPT = 60  # shown to whoever comes later
BACKLOG_MAX = 64  # messages waiting for a slow browser; then frames are skipped for her
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; style-src 'self'; connect-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


class Page:
    """What visitors see. One thread: the loop it is served on.

    `links` are the addresses shown beside the map; `scene` is what `endcap_devkit.demo.scene` made.
    """

    def __init__(self, scene: Mapping[str, Any], links: Mapping[str, str], qr_svg: str) -> None:
        self._scene = json.dumps(scene, ensure_ascii=False, separators=(",", ":")).encode()
        self._links, self._qr = links, qr_svg
        self._visitors: set[asyncio.Queue[str | bytes]] = set()
        self._people: dict[int, list[object]] = {}
        self._alerts: deque[dict[str, object]] = deque(maxlen=ALERTS_KEPT)
        self._figures: Mapping[str, Any] = {}

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/", self._index)
        app.router.add_get("/scene.json", self._serve_scene)
        app.router.add_get("/lite.svg", self._serve_qr)
        app.router.add_get("/live", self._live)
        app.router.add_get("/healthz", self._health)
        app.router.add_static("/static/", STATIC)
        app.on_response_prepare.append(_add_headers)
        return app

    @property
    def visitors(self) -> int:
        return len(self._visitors)

    def alerts(self) -> list[dict[str, object]]:
        """What whoever comes now is shown, oldest first."""
        return list(self._alerts)

    def came(self, label: list[object]) -> None:
        self._people[int(str(label[0]))] = label
        self._tell({"came": [label]})

    def left(self, number: int) -> None:
        self._people.pop(number, None)
        self._tell({"left": [number]})

    def alert(self, alert: dict[str, object]) -> None:
        self._alerts.append(alert)
        self._tell({"alert": alert})

    def visit(self, visit: Mapping[str, Any]) -> None:
        self._tell({"visit": visit})

    def figures(self, figures: Mapping[str, Any]) -> None:
        self._figures = figures
        self._tell({"figures": figures})

    def frame(self, frame: bytes) -> None:
        for waiting in self._visitors:
            if waiting.qsize() < BACKLOG_MAX:
                waiting.put_nowait(frame)

    def _tell(self, message: Mapping[str, Any]) -> None:
        text = json.dumps(message, ensure_ascii=False)
        for waiting in self._visitors:
            waiting.put_nowait(text)

    def _hello(self) -> str:
        return json.dumps(
            {
                "links": self._links,
                "people": list(self._people.values()),
                "alerts": list(self._alerts),
                "figures": self._figures,
            },
            ensure_ascii=False,
        )

    async def _index(self, _: web.Request) -> web.FileResponse:
        return web.FileResponse(STATIC / "index.html")

    async def _serve_scene(self, _: web.Request) -> web.Response:
        response = web.Response(body=self._scene, content_type="application/json")
        response.enable_compression()
        return response

    async def _serve_qr(self, _: web.Request) -> web.Response:
        return web.Response(text=self._qr, content_type="image/svg+xml")

    async def _health(self, _: web.Request) -> web.Response:
        return web.json_response({"status": "ok", "visitors": self.visitors, **self._figures})

    async def _live(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(heartbeat=20, compress=False)
        await socket.prepare(request)
        waiting: asyncio.Queue[str | bytes] = asyncio.Queue()
        waiting.put_nowait(self._hello())
        self._visitors.add(waiting)
        writer = asyncio.create_task(_write(socket, waiting))
        try:
            async for message in socket:
                if message.type is WSMsgType.ERROR:
                    break
        finally:
            self._visitors.discard(waiting)
            writer.cancel()
            with suppress(asyncio.CancelledError):
                await writer
        return socket


async def _write(socket: web.WebSocketResponse, waiting: asyncio.Queue[str | bytes]) -> None:
    """Send what waits, until the browser leaves or is too slow to keep."""
    with suppress(ConnectionError):
        while True:
            message = await waiting.get()
            if waiting.qsize() > 4 * BACKLOG_MAX:
                await socket.close(code=WSCloseCode.TRY_AGAIN_LATER, message=b"too slow")
                return
            if isinstance(message, bytes):
                await socket.send_bytes(message)
            else:
                await socket.send_str(message)


async def _add_headers(_: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(HEADERS)
