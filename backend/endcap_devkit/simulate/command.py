"""`endcap simulate`: the tutorial's three generators as one, in its exact JSON."""

from __future__ import annotations

import argparse
import logging
import os
import re
import signal
import sys
from itertools import islice
from pathlib import Path

from endcap.errors import BadConfig, OutOfRange
from endcap.geo import LatLon, check
from endcap_backend.commands import SEEDS, whole_from
from endcap_devkit.simulate.generators import COUNTRY, EVERYWHERE, NEAR_CENTRE, NEAR_RADIUS_M, STREAMS, Where
from endcap_devkit.simulate.pace import paced, reported
from endcap_devkit.simulate.sinks import Sink, to_kafka, to_log, to_stdout

EPILOG = """\
examples:
  endcap simulate customers --count 3
  endcap simulate products --near --count 1000 --to log --data var
  ENDCAP_KAFKA_BOOTSTRAP_SERVERS=localhost:9092 endcap simulate promotions --rate 5/s --to kafka

Kafka's login comes from ENDCAP_KAFKA_SASL_USERNAME and ENDCAP_KAFKA_SASL_PASSWORD (or _PASSWORD_FILE);
on Confluent Cloud these are an API key and its secret."""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = EPILOG
    parser.add_argument("stream", choices=STREAMS, help="what to make: one topic each")
    parser.add_argument("--count", type=_positive, help="stop after so many (default: never)")
    parser.add_argument("--rate", type=_rate, metavar="N/s", help="records a second (default: as fast as they go out)")
    parser.add_argument(
        "--seed", type=whole_from(*SEEDS), default=1, help="the same seed makes the same records (default: 1)"
    )
    parser.add_argument(
        "--near", action="store_true", help="positions within 60 m of each other and 50 SKUs, so that matches happen"
    )
    parser.add_argument("--centre", type=_point, metavar="LAT,LON", help="where --near is (default: San Francisco)")
    parser.add_argument("--radius", type=_metres, metavar="M", help="how far --near reaches, in metres (default: 60)")
    parser.add_argument("--shoppers", type=_positive, help="customers: so many different ones (default: each is new)")
    parser.add_argument("--country", default=COUNTRY, help="what stands in `country` (default: USA)")
    parser.add_argument("--to", choices=("stdout", "log", "kafka"), default="stdout", help="where to (default: stdout)")
    parser.add_argument("--data", type=Path, help="--to log: the backend's data directory")
    parser.add_argument("--bootstrap-servers", default="", help="--to kafka: host:port (or the variable below)")


def run(args: argparse.Namespace) -> int:
    """Make records until `--count` or Ctrl-C; a reader that closes the pipe ends it too."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    logging.getLogger("endcap.kafka").setLevel(logging.WARNING)  # the progress is what one looks at
    for each in (signal.SIGINT, signal.SIGTERM):  # a shell starts what runs in the background with SIGINT ignored
        signal.signal(each, signal.default_int_handler)
    stream = STREAMS[args.stream]
    options = {} if args.stream == "promotions" else {"country": args.country}
    if args.stream == "customers" and args.shoppers:
        options["shoppers"] = args.shoppers
    records = islice(stream.generate(args.seed, _where(args), **options), args.count)
    try:
        with _sink(args) as put:
            for batch in reported(paced(records, args.rate), f"{args.stream} to {args.to}"):
                put(batch)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # so that the exit's own flush is quiet
    return 0


def _sink(args: argparse.Namespace) -> Sink:
    stream = STREAMS[args.stream]
    if args.to == "kafka":
        if not (args.bootstrap_servers or os.environ.get("ENDCAP_KAFKA_BOOTSTRAP_SERVERS")):
            reason = "is needed with --to kafka: host:port of a broker (or ENDCAP_KAFKA_BOOTSTRAP_SERVERS)"
            raise BadConfig("--bootstrap-servers", reason)
        return to_kafka(stream, args.bootstrap_servers)
    if args.to == "log":
        if args.data is None:
            raise BadConfig("--data", "is needed with --to log: the backend's data directory")
        return to_log(stream, args.data)
    return to_stdout()


def _where(args: argparse.Namespace) -> Where:
    if not args.near and (args.centre or args.radius):
        raise BadConfig("--near", "is needed with --centre and --radius, which say where it is")
    return Where(args.centre or NEAR_CENTRE, args.radius or NEAR_RADIUS_M) if args.near else EVERYWHERE


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is no whole number above 0")
    return int(text)


def _metres(text: str) -> float:
    found = re.fullmatch(r"\d+(\.\d+)?", text)
    if not found or not 0 < float(text) <= 100_000:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 100000 metres")
    return float(text)


def _rate(text: str) -> float:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(?:/s)?", text)
    if not found or float(found[1]) == 0:
        raise argparse.ArgumentTypeError(f"{text} is no rate; write 10 or 10/s")
    return float(found[1])


def _point(text: str) -> LatLon:
    try:
        latitude_deg, longitude_deg = (float(part) for part in text.split(","))
        return check(LatLon(latitude_deg, longitude_deg))
    except (ValueError, OutOfRange):
        raise argparse.ArgumentTypeError(f"{text} is no position; write 60.17,24.94") from None
