"""Ably's Kafka sink, configured so that alerts reach the shopper they are for: as text, by her key, committed ones.

What else can be set, and why it is not so: a JSON converter without schemas publishes Java's text of a map and drops
the key; a channel from the value needs a schema; without a dead-letter topic a refused batch is lost in silence.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from endcap.errors import BadConfig
from endcap.messages import CUSTOMERS_ALERTS, promotions_channel
from endcap_backend.pipeline.cluster.topics import letters_of

NAME = "endcap-ably-sink"
SINK_CLASS = "com.ably.kafka.connect.ChannelSinkConnector"
STRING = "org.apache.kafka.connect.storage.StringConverter"
ISOLATION = "consumer.override.isolation.level"
READ_COMMITTED = "read_committed"
HIDDEN = "********"

Config = Mapping[str, str]


def ably_sink(name: str = NAME) -> dict[str, str]:
    """The configuration without the Ably key, the same as backend/infra/connect/ably-sink.json."""
    return {
        "connector.class": SINK_CLASS,
        "tasks.max": "1",
        "topics": CUSTOMERS_ALERTS,
        "key.converter": STRING,
        "value.converter": STRING,
        ISOLATION: READ_COMMITTED,
        "channel": promotions_channel("#{key}"),
        "message.name": "alert",
        "client.id": name,
        "onFailedRecordMapping": "dlq",
        "errors.tolerance": "all",
        "errors.deadletterqueue.topic.name": letters_of(CUSTOMERS_ALERTS),
        "errors.deadletterqueue.context.headers.enable": "true",
        "errors.deadletterqueue.topic.replication.factor": "3",
        "errors.log.enable": "true",
        "errors.log.include.messages": "false",
    }


def endpoint_options(url: str) -> dict[str, str]:
    """The sink's options for an Ably of one's own; none for Ably's cloud.

    Raises:
        BadConfig: it is no URL of http or https.
    """
    if not url:
        return {}
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadConfig("ably_endpoint", f"{url!r} is no URL, such as http://localhost:8801")
    secure = parts.scheme == "https"
    port = str(parts.port or (443 if secure else 80))
    return {
        "client.tls": str(secure).lower(),
        "client.rest.host": parts.hostname,
        "client.tls.port" if secure else "client.port": port,
    }


def without_secrets(config: Config) -> dict[str, str]:
    """A configuration as it may be shown; what names a secret kept elsewhere (`${…}`) stays."""
    return {
        name: HIDDEN if _secret(name) and not value.startswith("${") else value
        for name, value in sorted(config.items())
    }


def _secret(name: str) -> bool:
    return name.endswith((".key", ".secret", ".password")) or "jaas" in name
