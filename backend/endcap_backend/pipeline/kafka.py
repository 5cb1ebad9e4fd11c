"""Kafka: its settings from the environment, and a producer that knows what arrived.

| variable | meaning |
|---|---|
| `ENDCAP_KAFKA_BOOTSTRAP_SERVERS` | host:port, comma between several |
| `ENDCAP_KAFKA_SASL_USERNAME`, `ENDCAP_KAFKA_SASL_PASSWORD` | on Confluent Cloud the API key and its secret |
| `ENDCAP_KAFKA_SASL_PASSWORD_FILE` | the file that holds the password, instead of the variable |
| `ENDCAP_KAFKA_SASL_MECHANISM` | PLAIN (default), SCRAM-SHA-256 or SCRAM-SHA-512 |
| `ENDCAP_KAFKA_SECURITY_PROTOCOL` | default SASL_SSL with a username, else PLAINTEXT |
| `ENDCAP_KAFKA_CA_FILE` | the certificate authority to trust, PEM; default: the system's |
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import confluent_kafka

from endcap.errors import BadConfig, Unreachable

log = logging.getLogger("endcap.kafka")

CONTACT_TIMEOUT_S = 10.0  # for the first answer of a broker
FLUSH_TIMEOUT_S = 60.0  # for the acknowledgement of all that is under way
QUEUE_WAIT_S = 0.1  # librdkafka's queue is full: let it send


@dataclass(frozen=True, slots=True)
class KafkaSettings:
    """How to reach the brokers. `password` is never logged nor shown."""

    bootstrap_servers: str
    username: str = ""
    password: str = ""
    mechanism: str = "PLAIN"
    protocol: str = ""
    ca_file: str = ""

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None, bootstrap_servers: str = "") -> KafkaSettings:
        """The settings of the environment; an argument given stands above its variable.

        Raises:
            BadConfig: no bootstrap servers, half of a login, or a password file that can't be read.
        """
        env = os.environ if environ is None else environ
        found = cls(
            bootstrap_servers=bootstrap_servers or env.get("ENDCAP_KAFKA_BOOTSTRAP_SERVERS", ""),
            username=env.get("ENDCAP_KAFKA_SASL_USERNAME", ""),
            password=_secret(env, "ENDCAP_KAFKA_SASL_PASSWORD"),
            mechanism=env.get("ENDCAP_KAFKA_SASL_MECHANISM", "PLAIN"),
            protocol=env.get("ENDCAP_KAFKA_SECURITY_PROTOCOL", ""),
            ca_file=env.get("ENDCAP_KAFKA_CA_FILE", ""),
        )
        if not found.bootstrap_servers:
            raise BadConfig("ENDCAP_KAFKA_BOOTSTRAP_SERVERS", "is not set; give host:port of a broker")
        if bool(found.username) != bool(found.password):
            missing = "ENDCAP_KAFKA_SASL_PASSWORD" if found.username else "ENDCAP_KAFKA_SASL_USERNAME"
            raise BadConfig(missing, "is not set, but the other half of the login is")
        return found

    def client_config(self) -> dict[str, Any]:
        """librdkafka's own names for these settings."""
        config: dict[str, Any] = {
            "bootstrap.servers": self.bootstrap_servers,
            "security.protocol": self.protocol or ("SASL_SSL" if self.username else "PLAINTEXT"),
        }
        if self.username:
            config |= {
                "sasl.mechanisms": self.mechanism,
                "sasl.username": self.username,
                "sasl.password": self.password,
            }
        if self.ca_file:
            config["ssl.ca.location"] = self.ca_file
        return config


class KafkaProducer:
    """Sends records and counts what the brokers acknowledged. One thread at a time.

    Idempotent, so that librdkafka's own retries neither double nor reorder; linger 0, because a wait here is a wait
    of every offer.
    """

    def __init__(self, settings: KafkaSettings, **overrides: Any) -> None:
        """Connect.

        Raises:
            BadConfig: librdkafka refuses a setting.
            Unreachable: no broker answers within ten seconds.
        """
        self.acknowledged = 0
        self.refused: dict[str, int] = {}
        config = settings.client_config() | {"enable.idempotence": True, "linger.ms": 0, "logger": log} | overrides
        try:
            self._producer = confluent_kafka.Producer(config)
            self._producer.list_topics(timeout=CONTACT_TIMEOUT_S)
        except confluent_kafka.KafkaException as fault:
            self._raise(fault, settings)

    def produce(self, topic: str, records: Iterable[tuple[str | None, str]]) -> None:
        """Hand over (key, value) pairs; `flush` tells when they are safe."""
        for key, value in records:
            while not self._taken(topic, key, value):
                self._producer.poll(QUEUE_WAIT_S)
            self._producer.poll(0)

    def flush(self, timeout_s: float = FLUSH_TIMEOUT_S) -> None:
        """Wait until each record was acknowledged or refused.

        Raises:
            Unreachable: some are still under way after `timeout_s`, or were refused.
        """
        deadline_s = monotonic() + timeout_s
        waiting = self._producer.flush(max(0.0, deadline_s - monotonic()))
        if waiting:
            raise Unreachable(f"{waiting} records were not acknowledged within {timeout_s:g} s; is the broker up?")
        if self.refused:
            reasons = ", ".join(f"{count} × {reason}" for reason, count in self.refused.items())
            raise Unreachable(f"Kafka refused records: {reasons}")

    def _taken(self, topic: str, key: str | None, value: str) -> bool:
        try:
            self._producer.produce(topic, value=value, key=key, on_delivery=self._delivered)
        except BufferError:
            return False
        return True

    def _delivered(self, error: confluent_kafka.KafkaError | None, _: confluent_kafka.Message) -> None:
        if error is None:
            self.acknowledged += 1
        else:
            self.refused[error.str()] = self.refused.get(error.str(), 0) + 1

    def _raise(self, fault: confluent_kafka.KafkaException, settings: KafkaSettings) -> None:
        error = fault.args[0]
        if error.code() == confluent_kafka.KafkaError._INVALID_ARG:
            raise BadConfig("Kafka", error.str()) from None
        raise Unreachable(f"no Kafka broker answers at {settings.bootstrap_servers}: {error.str()}") from None


def _secret(env: Mapping[str, str], name: str) -> str:
    path = env.get(f"{name}_FILE", "")
    if not path:
        return env.get(name, "")
    try:
        return Path(path).read_text().strip()
    except OSError as fault:
        raise BadConfig(f"{name}_FILE", f"can't be read: {fault.strerror}") from None
