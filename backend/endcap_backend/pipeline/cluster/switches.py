"""The switches that the cluster's commands share."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from endcap.errors import BadConfig
from endcap_backend.commands import number_from, whole_from
from endcap_backend.pipeline.cluster.connect import ConnectSettings
from endcap_backend.pipeline.cluster.ksqldb import KsqlSettings
from endcap_backend.pipeline.cluster.topics import LOCATIONS_H, PARTITIONS, Topic, topics
from endcap_backend.pipeline.kafka import KafkaSettings
from endcap_backend.settings import add_switches, read_settings

PARTITIONS_MOST = 10_000
LOCATIONS_H_MOST = 720.0  # as `serve --keep-locations-h`


def add_kafka(parser: argparse.ArgumentParser) -> None:
    """A switch for each of Kafka's settings, and `--kafka` for the one that is always needed."""
    _add(parser, KafkaSettings, "--kafka", "kafka_bootstrap_servers", "HOST:PORT")


def add_ksqldb(parser: argparse.ArgumentParser) -> None:
    """A switch for each of ksqlDB's settings, and `--ksqldb` for its URL."""
    _add(parser, KsqlSettings, "--ksqldb", "ksqldb_url", "URL")


def add_connect(parser: argparse.ArgumentParser) -> None:
    """A switch for each of Connect's settings, and `--connect` for its URL."""
    _add(parser, ConnectSettings, "--connect", "connect_url", "URL")


def kafka_settings(args: argparse.Namespace, environ: Mapping[str, str]) -> KafkaSettings:
    """Kafka's settings from the switches, then from the environment; raises as `read_settings`, as the next two."""
    return read_settings(KafkaSettings, args, environ)


def ksqldb_settings(args: argparse.Namespace, environ: Mapping[str, str]) -> KsqlSettings | None:
    """ksqlDB's settings; None when no URL is set."""
    settings = read_settings(KsqlSettings, args, environ)
    return settings if settings.ksqldb_url else None


def connect_settings(args: argparse.Namespace, environ: Mapping[str, str]) -> ConnectSettings | None:
    """Connect's settings; None when no URL is set."""
    settings = read_settings(ConnectSettings, args, environ)
    return settings if settings.connect_url else None


def add_doing(parser: argparse.ArgumentParser) -> None:
    """How much is done, and whether it is asked for first."""
    parser.add_argument("--dry-run", action="store_true", help="show what would be done, and do nothing")
    parser.add_argument("--yes", action="store_true", help="do it without asking")


def add_topics(parser: argparse.ArgumentParser) -> None:
    """How the topics should be."""
    parser.add_argument(
        "--partitions",
        type=whole_from(1, PARTITIONS_MOST),
        default=PARTITIONS,
        metavar="N",
        help=f"of each topic (default {PARTITIONS})",
    )
    add_locations_h(parser)


def topics_given(args: argparse.Namespace) -> tuple[Topic, ...]:
    """The topics as the switches want them.

    Raises:
        BadConfig: a number out of bounds.
    """
    if not 1 <= args.partitions <= PARTITIONS_MOST:
        raise BadConfig("--partitions", f"must be from 1 to {PARTITIONS_MOST}")
    return topics(args.partitions, locations_h_given(args))


def add_locations_h(parser: argparse.ArgumentParser) -> None:
    """How long positions are kept."""
    parser.add_argument(
        "--keep-locations-h",
        type=number_from(1, LOCATIONS_H_MOST),
        default=LOCATIONS_H,
        metavar="HOURS",
        help=f"how long positions are kept (default {LOCATIONS_H:g})",
    )


def locations_h_given(args: argparse.Namespace) -> float:
    """Hours for which positions are kept.

    Raises:
        BadConfig: out of bounds.
    """
    hours: float = args.keep_locations_h
    if not 1 <= hours <= LOCATIONS_H_MOST:
        raise BadConfig("--keep-locations-h", f"must be from 1 to {LOCATIONS_H_MOST:g} hours")
    return hours


def _add(parser: argparse.ArgumentParser, settings: type[object], short: str, name: str, metavar: str) -> None:
    add_switches(parser, settings)
    help = f"short for --{name.replace('_', '-')}"
    parser.add_argument(short, dest=name, metavar=metavar, default=argparse.SUPPRESS, help=help)
