"""What one local Ably is set to: its times, bounds and limits. The defaults are Ably's published ones."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settings:
    """Times in seconds, sizes in bytes. Tests shorten the times; nothing else should need to."""

    connection_state_ttl_s: float = 120.0  # how long a dropped connection can be resumed
    max_idle_interval_s: float = 15.0  # the longest silence before a heartbeat
    presence_grace_s: float = 15.0  # between an abrupt drop and the synthesised leave
    auth_nudge_s: float = 30.0  # how long before a token's expiry AUTH asks for a new one
    accept_s: float = 0.01  # the least a connect takes; over a network none is instant, and clients' code must bear it
    echo_s: float = 0.001  # the least a heartbeat's echo takes; clients count whole ms, and none reads as no answer
    keepalive_s: float = 15.0  # between two comments on a silent event stream
    retention_s: float = 120.0  # history of an ordinary channel
    persisted_retention_s: float = 86_400.0  # history of a channel in a persisted namespace
    retained_messages: int = 1_000  # a channel's history, whatever its age
    retained_bytes: int = 8 * 2**20  # and its weight
    idempotency_s: float = 120.0  # how long a message id is remembered
    max_message_bytes: int = 65_536  # name + data + clientId + extras of one publish
    max_frame_bytes: int = 524_288  # one WebSocket frame
    max_body_bytes: int = (
        4 * 2**20
    )  # one REST request: a batch of a hundred full messages does not fit a cloud call either
    max_outbox_bytes: int = 16 * 2**20  # unsent to one client; a slower reader is cut off and resumes
    max_connections: int = 20_000  # live ones and those that can still be resumed
    max_members: int = 200  # presence members of one channel
    max_channels: int = 200  # channels of one connection, when limits are on
    max_rate_per_s: int = 50  # messages a second of one channel and one connection, when limits are on
    limits: bool = False  # reject what exceeds the rates and channels above
