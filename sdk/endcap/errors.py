"""Everything Endcap raises.

EndcapError
├── BadMessage            a field is missing, of the wrong type or out of range (names the field)
├── OutOfRange            a coordinate that is not on Earth
├── BadConfig             a setting that can't work (names the setting)
├── NotPermitted          the OS or the shopper refused location
├── NotAuthorised         the token was refused; carries the channel
└── TransportError        nothing was delivered
    ├── Unreachable       try again later (the publisher does)
    └── Refused           trying again won't help; carries status and body
"""

from __future__ import annotations


class EndcapError(Exception):
    """The root of the tree; catch it to catch everything of ours."""


class BadMessage(EndcapError, ValueError):
    """A message can't be read: one field of it is missing, of the wrong type or out of range.

    `field` is the wire name ("latitude"), or "" when the message as a whole is at fault; `reason` says what was wrong
    and what is expected, without repeating the value.
    """

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}" if field else reason)
        self.field = field
        self.reason = reason


class OutOfRange(EndcapError, ValueError):
    """A latitude beyond ±90° or a longitude beyond ±180°, or one that is no finite number."""


class BadConfig(EndcapError, ValueError):
    """A setting is missing or can't work; `setting` names it."""

    def __init__(self, setting: str, reason: str) -> None:
        super().__init__(f"{setting}: {reason}")
        self.setting = setting
        self.reason = reason


class NotPermitted(EndcapError, PermissionError):
    """The operating system, or the shopper herself, refused location."""


class NotAuthorised(EndcapError):
    """A token was refused. `channel` is the Ably channel it was used on, or "" for our own HTTP API."""

    def __init__(self, message: str, channel: str = "") -> None:
        super().__init__(message)
        self.channel = channel


class TransportError(EndcapError):
    """Nothing was delivered."""


class Unreachable(TransportError):
    """The other side did not answer, or asked for patience; trying later may help.

    `retry_after_s` is what it asked for in seconds, None when it said nothing; `status` is the HTTP status it answered,
    None when there was no answer.
    """

    def __init__(self, message: str, retry_after_s: float | None = None, status: int | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        self.status = status

    @property
    def asks_for_patience(self) -> bool:
        """The other side is well and we are too quick: 429 with a time to come back."""
        return self.status == 429 and self.retry_after_s is not None


class Refused(TransportError):
    """The other side read it and said no; the same again won't help."""

    def __init__(self, message: str, status: int, body: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.body = body
