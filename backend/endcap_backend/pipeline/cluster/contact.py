"""Can the brokers be reached, and do they let us in? In words, within seconds.

librdkafka retries all of this for ever and tells of it only through its error callback; a record would fail after
minutes, with "timed out". So the callback is listened to, and what it says is put into an operator's words.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator

from confluent_kafka import KafkaError, KafkaException, Producer

from endcap.clock import Clock
from endcap.errors import BadConfig
from endcap_backend.pipeline.cluster.deadline import Deadline
from endcap_backend.pipeline.cluster.findings import Finding, ok, unknown, wrong
from endcap_backend.pipeline.kafka import KafkaSettings

log = logging.getLogger("endcap.kafka")

CONNECT_S = 3.0  # to one address; a firewall that drops packets answers nothing
LISTEN_S = 0.2
SILENT_S = 3.0  # "all brokers down" without a reason: none will follow
TELLING = {KafkaError._AUTHENTICATION, KafkaError._SSL, KafkaError._TRANSPORT}


def reach(settings: KafkaSettings, deadline: Deadline) -> list[Finding]:
    """Whether each bootstrap server's name resolves and its port is open; wrong only when none is."""
    found = {server: _unreachable(server, deadline) for server in _servers(settings)}
    dead = {server: why for server, why in found.items() if why}
    if len(dead) < len(found):
        note = [
            unknown("reach", f"{server}: {why}", "the others answer; mend it or leave it out")
            for server, why in dead.items()
        ]
        return [ok("reach", f"{', '.join(server for server in found if server not in dead)} answers"), *note]
    return [
        wrong("reach", f"{server}: {why}", "check ENDCAP_KAFKA_BOOTSTRAP_SERVERS, the broker and the firewall between")
        for server, why in dead.items()
    ]


def log_in(settings: KafkaSettings, deadline: Deadline, clock: Clock) -> tuple[list[Finding], dict[int, str]]:
    """Whether TLS and login work and a broker answers; and the brokers it names, by id.

    Raises:
        BadConfig: librdkafka refuses a setting, such as a CA file that is none.
    """
    heard: list[KafkaError] = []
    silence = Deadline(clock, SILENT_S)
    config = settings.client_config() | {"error_cb": heard.append, "logger": log, "log_level": 0}
    try:
        producer = Producer(config)
    except KafkaException as fault:
        raise BadConfig("Kafka", fault.args[0].str()) from None
    while deadline:
        producer.poll(deadline.left_s(LISTEN_S))
        telling = next((error for error in heard if _tells(error)), None)
        if telling is not None:
            return [_in_words(telling, settings)], {}
        if heard and not silence:
            break
        try:
            brokers = producer.list_topics(timeout=deadline.left_s(1.0)).brokers
        except KafkaException:
            continue
        how = config["security.protocol"]
        who = f" as {settings.kafka_sasl_username}" if settings.kafka_sasl_username else ""
        return [ok("login", f"{how}{who}: accepted")], {n: f"{each.host}:{each.port}" for n, each in brokers.items()}
    return [_silent(heard, settings)], {}


def advertised(brokers: dict[int, str], deadline: Deadline) -> list[Finding]:
    """Whether each broker answers at the address that the cluster itself gives; clients go there, not to bootstrap."""
    dead = {address: why for address in brokers.values() if (why := _unreachable(address, deadline))}
    if not dead:
        return [ok("brokers", f"{len(brokers)} answer at the addresses the cluster gives")]
    return [
        wrong(
            "brokers", f"the cluster gives {address}, and {why}", "set advertised.listeners to what clients can reach"
        )
        for address, why in dead.items()
    ]


def _servers(settings: KafkaSettings) -> Iterator[str]:
    for server in settings.kafka_bootstrap_servers.split(","):
        server = server.strip()
        _, colon, port = server.rpartition(":")
        if not colon or not port.isdecimal() or not 0 < int(port) < 65536:
            raise BadConfig("kafka_bootstrap_servers", f"{server!r} is no host:port, such as broker.example:9092")
        yield server


def _unreachable(server: str, deadline: Deadline) -> str:
    """Why there is no connection; "" when there is one."""
    host, _, port = server.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), deadline.left_s(CONNECT_S) or 0.1):
            return ""
    except socket.gaierror:
        return "the name can't be resolved"
    except TimeoutError:
        return f"no answer within {CONNECT_S:g} s"
    except OSError as fault:
        return (fault.strerror or str(fault)).lower()


def _tells(error: KafkaError) -> bool:
    """Whether it says what is wrong; that one of several ports is closed, `reach` has said already."""
    return error.code() in TELLING and "Connect to" not in error.str()


def _in_words(error: KafkaError, settings: KafkaSettings) -> Finding:
    said = error.str()
    for sign, says, do in _WORDS:
        if sign in said:
            return wrong("login", says, do)
    if error.code() == KafkaError._AUTHENTICATION:
        return wrong("login", "user name or password is refused", _LOGIN.format(settings.kafka_sasl_username))
    return wrong("login", f"the connection breaks: {said}", "compare ENDCAP_KAFKA_SECURITY_PROTOCOL with the listener")


def _silent(heard: list[KafkaError], settings: KafkaSettings) -> Finding:
    protocol = settings.client_config()["security.protocol"]
    if heard and "SSL" not in protocol:  # nothing but "all brokers down": a TLS listener hangs up on plain text
        says = f"the broker hangs up on {protocol}: it wants TLS"
        return wrong("login", says, "set ENDCAP_KAFKA_SECURITY_PROTOCOL to SSL or SASL_SSL")
    says = "the port is open, but nothing that speaks Kafka answers in time"
    return wrong("login", says, "is the broker hung, still starting, or is something else on that port?")


_LOGIN = "check ENDCAP_KAFKA_SASL_USERNAME ({}) and ENDCAP_KAFKA_SASL_PASSWORD; on Confluent Cloud a cluster's API key"
# what librdkafka says of it, what that means, what to do
_WORDS = (
    (
        "certificate verify failed",
        "the broker's certificate is signed by an authority that is not trusted here",
        "name the authority's PEM file in ENDCAP_KAFKA_CA_FILE, or mend it there",
    ),
    (
        "PLAINTEXT broker listener",
        "TLS is spoken to a listener without TLS",
        "set ENDCAP_KAFKA_SECURITY_PROTOCOL to PLAINTEXT or SASL_PLAINTEXT, or take the listener with TLS",
    ),
    (
        "unexpected eof while reading",  # the same, where the end of the connection comes before its reset
        "TLS is spoken to a listener without TLS",
        "set ENDCAP_KAFKA_SECURITY_PROTOCOL to PLAINTEXT or SASL_PLAINTEXT, or take the listener with TLS",
    ),
    (
        "security.protocol configuration",
        "the listener wants another protocol than the one set",
        "set ENDCAP_KAFKA_SECURITY_PROTOCOL as the listener has it",
    ),
    (
        "Unsupported SASL mechanism",
        "the broker does not take this kind of login",
        "set ENDCAP_KAFKA_SASL_MECHANISM to one that it takes (Confluent Cloud: PLAIN)",
    ),
    (
        "Request not valid in current SASL state",
        "the listener wants no login",
        "leave out ENDCAP_KAFKA_SASL_USERNAME, or take the listener with logins",
    ),
)
