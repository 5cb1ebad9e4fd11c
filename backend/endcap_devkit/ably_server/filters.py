"""Filtered channels: `[filter=<base64 of a JMESPath expression>]name` hears the messages for which it holds."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError

from endcap_devkit.ably_server.errors import BAD_CHANNEL_NAME, AblyError
from endcap_devkit.ably_server.messages import Message


class Filter:
    """One expression over a message's `name`, `clientId` and `headers` (its `extras.headers`)."""

    def __init__(self, encoded: str) -> None:
        """Raises AblyError 40010: no base64, or no expression."""
        try:
            self._expression = jmespath.compile(base64.b64decode(encoded, validate=True).decode())
        except (binascii.Error, ValueError, JMESPathError):
            raise AblyError(BAD_CHANNEL_NAME, "the channel's filter is no JMESPath expression in base64") from None

    def select(self, messages: Sequence[Message]) -> list[Message]:
        return [message for message in messages if self._holds(message)]

    def _holds(self, message: Message) -> bool:
        headers = (message.extras or {}).get("headers")
        try:
            found: Any = self._expression.search(
                {"name": message.name, "clientId": message.client_id, "headers": headers if headers is not None else {}}
            )
        except (JMESPathError, TypeError):  # compared what can't be compared
            return False
        return bool(found)
