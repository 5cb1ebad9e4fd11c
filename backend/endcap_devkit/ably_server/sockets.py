"""The outgoing half of one WebSocket: a bounded queue and the task that writes it."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

from aiohttp import ClientConnectionResetError, web

from endcap_devkit.ably_server.errors import AblyError
from endcap_devkit.ably_server.formats import Format
from endcap_devkit.ably_server.wire import Action, Frame, frame


class Socket:
    """Frames leave in the order they were sent. A reader with more than `max_bytes` unsent is cut; it can resume."""

    def __init__(
        self,
        ws: web.WebSocketResponse,
        transport: asyncio.Transport | None,
        format: Format,
        version: float,
        heartbeats: bool,
        max_bytes: int,
    ) -> None:
        self.format, self.version, self._heartbeats = format, version, heartbeats
        self._ws, self._transport = ws, transport
        self._frames: deque[Frame] = deque()
        self._bytes, self._max_bytes = 0, max_bytes
        self._stirred = asyncio.Event()
        self.closing = False
        self.sent = 0  # frames, for the heartbeat to see that there was no silence

    def send(self, message: dict[str, Any]) -> None:
        self.send_frame(frame(message, self.format))

    def send_frame(self, frame: Frame) -> None:
        if self.closing:
            return
        self._frames.append(frame)
        self._bytes += len(frame)
        self._stirred.set()
        if self._bytes > self._max_bytes:
            self.abort()

    def close(self) -> None:
        """Close when all that was sent has left."""
        self.closing = True
        self._stirred.set()

    def disconnect(self, fault: AblyError) -> None:
        """Close, saying why; the client may come back and resume."""
        self.send({"action": Action.DISCONNECTED, "error": fault.to_wire()})
        self.close()

    def abort(self) -> None:
        """Cut the link at once, as a lost network does."""
        self.closing = True
        self._frames.clear()
        self._stirred.set()
        if self._transport is not None:
            self._transport.abort()

    async def write(self) -> None:
        """Write until closed or cut. Run as a task, one a socket."""
        try:
            while True:
                while self._frames:
                    await self._write_one(self._frames.popleft())
                if self.closing:
                    await self._ws.close()
                    return
                self._stirred.clear()
                await self._stirred.wait()
        except ClientConnectionResetError:
            self.abort()  # the reader sees the same and ends the session

    async def pulse(self, interval_s: float) -> None:
        """Send a heartbeat after each silent interval: a protocol message, or a ping when the client asked for none."""
        seen = self.sent
        while not self.closing:
            await asyncio.sleep(interval_s)
            if self.sent == seen:
                await self._beat()
            seen = self.sent

    async def _beat(self) -> None:
        if self._heartbeats:
            self.send({"action": Action.HEARTBEAT})
            return
        try:
            await self._ws.ping()
        except ClientConnectionResetError:
            self.abort()

    async def _write_one(self, frame: Frame) -> None:
        self._bytes -= len(frame)
        self.sent += 1
        if isinstance(frame, str):
            await self._ws.send_str(frame)
        else:
            await self._ws.send_bytes(frame)
