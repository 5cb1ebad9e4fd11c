"""What the local Ably refuses, in Ably's own codes.

A code is an HTTP status times a hundred plus a detail; clients branch on the code (4014x: renew the token, retry once).
"""

from __future__ import annotations

from typing import Any, Final

from endcap.errors import EndcapError

BAD_REQUEST: Final = 40000
BAD_PARAMETER: Final = 40003
BAD_CONNECTION_KEY_FIELD: Final = 40006
TOO_BIG: Final = 40009
BAD_CHANNEL_NAME: Final = 40010
BAD_CLIENT_ID: Final = 40012
BAD_DATA: Final = 40013
BAD_MESSAGE_IDS: Final = 40031
BATCH_FAILED: Final = 40020
FORCED_NACK: Final = 40099
NO_CREDENTIALS: Final = 40101
MISMATCHED_CREDENTIALS: Final = 40102
BAD_TIMESTAMP: Final = 40104
NONCE_REPLAYED: Final = 40105
UNKNOWN_TOKEN: Final = 40140
TOKEN_REVOKED: Final = 40141
TOKEN_EXPIRED: Final = 40142
BAD_JWT: Final = 40144
NOT_CAPABLE: Final = 40160
NEEDS_KEY: Final = 40162
FORBIDDEN: Final = 40300
NOT_FOUND: Final = 40400
RATE: Final = 42910
CONNECTION_RATE: Final = 42911
CHANNEL_RATE: Final = 42913
INTERNAL: Final = 50000
CONNECTION_DROPPED: Final = 80003
CONNECTION_LOST: Final = 80008
BAD_CONNECTION_KEY: Final = 80018
CHANNEL_LIMIT: Final = 90010
PRESENCE_NOT_ATTACHED: Final = 91001
PRESENCE_FULL: Final = 91003

_STATUS = {TOO_BIG: 413}  # where the code's first three digits are not the status


class AblyError(EndcapError):
    """A request, frame or message is refused; carries Ably's code and the HTTP status that goes with it."""

    def __init__(self, code: int, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status or status_of(code)

    def to_wire(self) -> dict[str, Any]:
        """The `ErrorInfo` object that clients read."""
        return {
            "code": self.code,
            "statusCode": self.status,
            "message": self.message,
            "href": f"https://help.ably.io/error/{self.code}",
        }


def status_of(code: int) -> int:
    """The HTTP status that belongs to a code; 400 for the connection (8xxxx) and channel (9xxxx) families."""
    return _STATUS.get(code) or (code // 100 if code < 60000 else 400)
