"""The statements of `seed/`, `grid/` and `product/`, filled in with settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from string import Template

from endcap.errors import BadConfig
from endcap.geo import EARTH_RADIUS_KM, FEET_PER_KM, NEAR_FT
from endcap_backend.match.flink.settings import TRANSACTION_TIMEOUT_S, FlinkSettings
from endcap_backend.match.statements import Statement, statements_in

HIDDEN = "'…'"  # in place of what only the brokers may read
_SHADED = "org.apache.flink.kafka.shaded."  # the connector's jar brings Kafka's classes under this name
_LOGINS = {
    "PLAIN": "org.apache.kafka.common.security.plain.PlainLoginModule",
    "SCRAM-SHA-256": "org.apache.kafka.common.security.scram.ScramLoginModule",
    "SCRAM-SHA-512": "org.apache.kafka.common.security.scram.ScramLoginModule",
}


def flink_statements(
    client_config: Mapping[str, str], settings: FlinkSettings, show_secrets: bool = True
) -> tuple[Statement, ...]:
    """All statements of the form in their order; each needs those before it, and the INSERTs make one job.

    `client_config` holds librdkafka's names, as `KafkaSettings.client_config` gives them. Without `show_secrets` the
    login is left out, and Flink takes the rest as it is.

    Raises:
        BadConfig: the certificate authority's file can't be read.
    """
    values = _values(client_config, settings, show_secrets)
    templates = statements_in(files(__package__) / settings.flink_form)
    return tuple(
        replace(each, sql=Template(each.sql).substitute(values), means=Template(each.means).substitute(values))
        for each in templates
    )


def _values(client_config: Mapping[str, str], settings: FlinkSettings, show_secrets: bool) -> dict[str, object]:
    connection = {"connector": "kafka", "format": "json", "json.timestamp-format.standard": "ISO-8601"}
    connection |= {f"properties.{name}": value for name, value in java_properties(client_config).items()}
    return {
        "source": _options(_source(settings), show_secrets),
        "sink": _options(_sink(settings), show_secrets),
        "connection": _options(connection, show_secrets),
        "same_sku": "TRUE" if settings.flink_promotions_by == "segment" else "(P.SKU IS NULL OR P.SKU = S.SKU)",
        "prefix": settings.flink_topic_prefix,
        "name": settings.flink_name,
        **_spans(settings),
        "near_ft": f"{NEAR_FT:g}",
        "feet_per_km": f"{FEET_PER_KM:g}",
        "earth_radius_km": f"{EARTH_RADIUS_KM:g}",
    }


def _spans(settings: FlinkSettings) -> dict[str, object]:
    """Each span twice: in seconds, as the comments say it, and as SQL's interval."""
    spans = {
        "late": settings.flink_late_s,
        "promotion_window": settings.flink_promotion_window_s,
        "location_window": settings.flink_location_window_s,
        "live": settings.flink_live_s,
        "standing": settings.flink_standing_s,
    }
    seconds = {f"{name}_s": str(span) for name, span in spans.items()}
    return {**seconds, **{name: _interval(span) for name, span in spans.items()}}


def _interval(span_s: int) -> str:
    minutes, seconds = divmod(span_s, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return f"INTERVAL '{days} {hours:02}:{minutes:02}:{seconds:02}' DAY(3) TO SECOND(3)"


def _source(settings: FlinkSettings) -> dict[str, str]:
    return {
        "properties.group.id": settings.flink_name,
        "properties.isolation.level": "read_committed",  # nobody matches what a forwarder took back
        "scan.startup.mode": "earliest-offset",  # at a first start: windows decide what still counts
        "json.ignore-parse-errors": "true",  # a record that can't be read is passed over, its neighbours go on
    }


def _sink(settings: FlinkSettings) -> dict[str, str]:
    return {
        "sink.delivery-guarantee": settings.flink_guarantee,
        "properties.transaction.timeout.ms": str(TRANSACTION_TIMEOUT_S * 1000),
    }


def java_properties(client_config: Mapping[str, str]) -> dict[str, str]:
    """The names by which Java's Kafka clients know librdkafka's settings.

    Raises:
        BadConfig: the certificate authority's file can't be read.
    """
    properties = {"bootstrap.servers": client_config["bootstrap.servers"]}
    protocol = client_config.get("security.protocol", "PLAINTEXT")
    if protocol != "PLAINTEXT":
        properties["security.protocol"] = protocol
    if "sasl.username" in client_config:
        mechanism = client_config["sasl.mechanisms"]
        login = f"username={_quoted(client_config['sasl.username'])} password={_quoted(client_config['sasl.password'])}"
        properties["sasl.mechanism"] = mechanism
        properties["sasl.jaas.config"] = f"{_SHADED}{_LOGINS[mechanism]} required {login};"
    if "ssl.ca.location" in client_config:
        # the text, not the path: the file need not be on the cluster's machines
        properties |= {"ssl.truststore.type": "PEM", "ssl.truststore.certificates": _read(client_config)}
    return properties


def _read(client_config: Mapping[str, str]) -> str:
    path = client_config["ssl.ca.location"]
    try:
        return Path(path).read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as fault:
        raise BadConfig("kafka_ca_file", f"the file {path} can't be read: {fault}") from None


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _options(options: Mapping[str, str], show_secrets: bool) -> str:
    return ",\n  ".join(f"'{name}' = {_literal(name, value, show_secrets)}" for name, value in options.items())


def _literal(name: str, value: str, show_secrets: bool) -> str:
    if name.endswith("jaas.config") and not show_secrets:
        return HIDDEN
    return "'" + value.replace("'", "''") + "'"
