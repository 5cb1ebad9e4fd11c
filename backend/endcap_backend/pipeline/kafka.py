"""Kafka: its settings, each an `ENDCAP_KAFKA_…` variable, and a producer that knows what arrived."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import confluent_kafka

from endcap.errors import BadConfig, Unreachable
from endcap_backend.pipeline.clientlog import client_log
from endcap_backend.settings import read_settings, setting

log = client_log("endcap.kafka")

CONTACT_TIMEOUT_S = 10.0  # for the first answer of a broker
FLUSH_TIMEOUT_S = 60.0  # for the acknowledgement of all that is under way
QUEUE_WAIT_S = 0.1  # librdkafka's queue is full: let it send
PARTITIONER = "murmur2_random"  # Java's and ksqlDB's: a key's records lie in partitions of one number in all topics


@dataclass(frozen=True, slots=True)
class KafkaSettings:
    """How to reach the brokers. The password is never logged nor shown.

    Raises:
        BadConfig: no bootstrap servers, half of a login, or a setting out of its choices.
    """

    kafka_bootstrap_servers: str = setting("host:port of Kafka's brokers, comma between several", "")
    kafka_sasl_username: str = setting("on Confluent Cloud the API key", "")
    kafka_sasl_password: str = setting("on Confluent Cloud the API key's secret", "", secret=True)
    kafka_sasl_mechanism: str = setting(
        "how the login is sent", "PLAIN", choices=("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
    )
    kafka_security_protocol: str = setting(
        "empty: SASL_SSL with a username, else PLAINTEXT",
        "",
        choices=("", "PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"),
    )
    kafka_ca_file: str = setting("the certificate authority to trust, PEM; empty: the system's", "")

    def __post_init__(self) -> None:
        if not self.kafka_bootstrap_servers:
            raise BadConfig("kafka_bootstrap_servers", "is not set; set ENDCAP_KAFKA_BOOTSTRAP_SERVERS to a host:port")
        if bool(self.kafka_sasl_username) != bool(self.kafka_sasl_password):
            missing = "kafka_sasl_password" if self.kafka_sasl_username else "kafka_sasl_username"
            raise BadConfig(missing, "is not set, but the other half of the login is")

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None, bootstrap_servers: str = "") -> KafkaSettings:
        """The settings of the environment; an argument given stands above its variable.

        Raises:
            BadConfig: a setting that can't work, or a password file that can't be read.
        """
        given = Namespace(kafka_bootstrap_servers=bootstrap_servers or None)
        return read_settings(cls, given, os.environ if environ is None else environ)

    def client_config(self) -> dict[str, Any]:
        """librdkafka's own names for these settings."""
        config: dict[str, Any] = {
            "bootstrap.servers": self.kafka_bootstrap_servers,
            "security.protocol": self.kafka_security_protocol
            or ("SASL_SSL" if self.kafka_sasl_username else "PLAINTEXT"),
        }
        if self.kafka_sasl_username:
            config |= {
                "sasl.mechanisms": self.kafka_sasl_mechanism,
                "sasl.username": self.kafka_sasl_username,
                "sasl.password": self.kafka_sasl_password,
            }
        if self.kafka_ca_file:
            config["ssl.ca.location"] = self.kafka_ca_file
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
        config = (
            settings.client_config()
            | {
                "enable.idempotence": True,
                "linger.ms": 0,
                "partitioner": PARTITIONER,
                "logger": log,
            }
            | overrides
        )
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
        waiting = self._producer.flush(timeout_s)
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
        raise Unreachable(f"no Kafka broker answers at {settings.kafka_bootstrap_servers}: {error.str()}") from None
