"""Integration rules: what is published on some channels is posted to a URL, as Ably's outgoing webhooks are."""

from __future__ import annotations

import asyncio
import base64
import hmac
import logging
from collections import deque
from dataclasses import dataclass
from typing import Any, Final, Self

from aiohttp import ClientError, ClientSession, ClientTimeout

from endcap.errors import BadConfig
from endcap_devkit.ably_server.accounts import App, Key
from endcap_devkit.ably_server.capability import matches
from endcap_devkit.ably_server.channels import Channel
from endcap_devkit.ably_server.formats import Format
from endcap_devkit.ably_server.log import Entry
from endcap_devkit.ably_server.serials import random_word

logger = logging.getLogger(__name__)

MAX_WAITING: Final = 10_000  # items; then the oldest goes, and is counted
MAX_BATCH: Final = 100  # items of one post
MAX_BATCH_BYTES: Final = 2**20
FIRST_PAUSE_S: Final = 0.25  # before the first retry; doubles
LONGEST_PAUSE_S: Final = 15.0
TIMEOUT: Final = ClientTimeout(total=30)
WIRE_VERSION: Final = 1.2  # of the messages inside, as Ably's webhooks carry them


@dataclass(frozen=True, slots=True)
class Rule:
    """Channels that match `pattern` go to `url`."""

    pattern: str
    url: str

    @classmethod
    def read(cls, text: str) -> Self:
        """From `location:*=http://127.0.0.1:8700/v1/integrations/ably`.

        Raises:
            BadConfig: not of that form.
        """
        pattern, equals, url = text.partition("=")
        if not (pattern and equals and url.startswith(("http://", "https://"))):
            raise BadConfig("--rule", f"{text!r} must read CHANNELS=URL, such as location:*=http://127.0.0.1:8700/hook")
        return cls(pattern, url)


class Webhook:
    """Carries one app's messages to one URL, in order, and tries again while the other side is away."""

    def __init__(self, rule: Rule, app: App, key: Key) -> None:
        self.rule, self._app, self._key = rule, app, key
        self._id = random_word(6)
        self._waiting: deque[bytes] = deque()
        self._stirred = asyncio.Event()
        self.delivered = 0
        self.lost = 0

    def to_wire(self) -> dict[str, Any]:
        counts = {"delivered": self.delivered, "waiting": len(self._waiting), "lost": self.lost}
        return {"channels": self.rule.pattern, "url": self.rule.url, **counts}

    def watch(self, app: App, channel: Channel, entry: Entry) -> None:
        """Queue an entry of a channel that the rule covers; a Watcher."""
        if app is not self._app or not entry.messages or not matches(self.rule.pattern, channel.name):
            return
        self._waiting.append(self._item(channel, entry))
        if len(self._waiting) > MAX_WAITING:
            self._waiting.popleft()
            self.lost += 1
        self._stirred.set()

    async def carry(self) -> None:
        """Post what waits, for ever. Run as a task."""
        async with ClientSession(timeout=TIMEOUT) as session:
            while True:
                self._stirred.clear()
                while self._waiting:
                    await self._post_batch(session)
                await self._stirred.wait()

    async def _post_batch(self, session: ClientSession) -> None:
        items = [self._waiting.popleft()]
        weight = len(items[0])
        while self._waiting and len(items) < MAX_BATCH and weight + len(self._waiting[0]) < MAX_BATCH_BYTES:
            items.append(self._waiting.popleft())
            weight += len(items[-1])
        body = b'{"items":[' + b",".join(items) + b"]}"
        pause_s = FIRST_PAUSE_S
        while (answer := await self._post(session, body)) is None:
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
        if answer:
            self.delivered += len(items)
        else:
            self.lost += len(items)

    async def _post(self, session: ClientSession, body: bytes) -> bool | None:
        """True: taken; False: refused for good; None: try again."""
        try:
            async with session.post(self.rule.url, data=body, headers=self._headers(body)) as reply:
                if reply.status < 300:
                    return True
                logger.warning("the rule for %s: %s answered %d", self.rule.pattern, self.rule.url, reply.status)
                return None if reply.status >= 500 or reply.status in (408, 429) else False
        except (ClientError, TimeoutError) as fault:
            logger.warning(
                "the rule for %s: %s can't be reached: %s", self.rule.pattern, self.rule.url, type(fault).__name__
            )
            return None

    def _headers(self, body: bytes) -> dict[str, str]:
        signature = base64.b64encode(hmac.digest(self._key.secret.encode(), body, "sha256")).decode()
        return {
            "Content-Type": Format.JSON.content_type,
            "X-Ably-Version": str(WIRE_VERSION),
            "X-Ably-Key": self._key.name,
            "X-Ably-Signature": signature,
        }

    def _item(self, channel: Channel, entry: Entry) -> bytes:
        messages = [message.to_wire(Format.JSON, WIRE_VERSION) for message in entry.messages]
        item = {
            "webhookId": self._id,
            "source": "channel.message",
            "name": "channel.message",
            "serial": entry.serial,
            "timestamp": entry.timestamp,
            "data": {"channelId": channel.name, "site": "local", "messages": messages},
        }
        return Format.JSON.encode(item)
