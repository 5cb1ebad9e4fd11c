"""`endcap-backend match`: look inside the match. Records in as JSON lines, rows out as JSON lines, nothing kept."""

from __future__ import annotations

import argparse
import base64
import json
import os
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from endcap.errors import BadConfig, BadMessage
from endcap.wire import BIGINT_MAX, parse_json
from endcap_backend.match.engine import SOURCE_TOPICS, MatchEngine, Record
from endcap_backend.match.rows import MatchError, Row

BATCH = 512  # lines of a file at once; standard input is answered line by line
PROGRESS_EVERY = 100_000  # lines


ABOUT = """
Reads records of customers_locations, stores_products and products_promotions in order, one JSON object a line:
{"topic", "key", "value" (text or null) or "value_b64", "ts" (epoch ms)}.

Prints what the match gives, in order of emission: {"topic", "after_input", "key", "value", "ts"} for VALID_PROMOTIONS
and NEARBY_CUSTOMERS, and {"topic": "errors", "after_input", "query", "stage", "message"}. after_input counts the lines
that are not blank, from 0. A line that is no record is named on standard error, the others go on, and the exit status
is 1.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = textwrap.dedent(ABOUT).strip()
    parser.add_argument("file", metavar="FILE.jsonl", help="the records; - reads standard input")
    parser.add_argument(
        "--mode",
        choices=("parity", "product"),
        default="parity",
        help="parity (default): row for row what ksqlDB emits for the seed's statements; product: what Endcap tells",
    )
    parser.add_argument("--pure-python", action="store_true", help="leave numpy aside: the same rows, more slowly")


def run(args: argparse.Namespace) -> int:
    engine = MatchEngine(args.mode, vectorised=False if args.pure_python else None)
    out = sys.stdout.buffer
    try:
        with _opened(args.file) as lines:
            bad = _match(engine, lines, out, batch=1 if args.file == "-" else BATCH)
        out.flush()
    except BrokenPipeError:  # whoever read us has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return 1 if bad else 0


def read_record(line: bytes) -> Record:
    """One line of the file.

    Raises:
        BadMessage: names the field at fault.
    """
    record = parse_json(line)
    if not isinstance(record, dict):
        raise BadMessage("", "must be a JSON object with topic, value and ts")
    topic, key, timestamp_ms = record.get("topic"), record.get("key"), record.get("ts")
    if topic not in SOURCE_TOPICS:
        raise BadMessage("topic", f"must be one of {', '.join(SOURCE_TOPICS)}")
    if key is not None and not isinstance(key, str):
        raise BadMessage("key", "must be text or null")
    if isinstance(timestamp_ms, bool) or not isinstance(timestamp_ms, int) or not 0 <= timestamp_ms <= BIGINT_MAX:
        raise BadMessage("ts", "must be a whole number of milliseconds since 1970")
    return Record(topic, key, _value(record), timestamp_ms)


def _value(record: dict[str, object]) -> bytes | None:
    if ("value" in record) == ("value_b64" in record):
        raise BadMessage("value", "must be there, or value_b64, and not both")
    if "value" in record:
        value = record["value"]
        if value is not None and not isinstance(value, str):
            raise BadMessage("value", "must be text or null")
        return None if value is None else value.encode("utf-8", "surrogatepass")
    encoded = record["value_b64"]
    try:
        if not isinstance(encoded, str):
            raise TypeError
        return base64.b64decode(encoded, validate=True)
    except (TypeError, ValueError):
        raise BadMessage("value_b64", "is not base64") from None


def _match(engine: MatchEngine, lines: BinaryIO, out: BinaryIO, batch: int) -> int:
    """Match all lines; how many were no records."""
    bad, at = 0, 0
    numbered = ((number, line) for number, line in enumerate(lines, 1) if not line.isspace())
    while chunk := list(islice(numbered, batch)):
        records: list[tuple[int, Record]] = []
        for number, line in chunk:
            try:
                records.append((at, read_record(line)))
            except BadMessage as fault:
                bad += 1
                print(f"line {number}: {fault}", file=sys.stderr)
            at += 1
            if at % PROGRESS_EVERY == 0 and sys.stderr.isatty():
                print(f"{at} records", file=sys.stderr)
        results = engine.process_many([record for _, record in records])
        for (index, _), found in zip(records, results, strict=True):
            out.writelines(_line(index, each) for each in found)
        if batch == 1:
            out.flush()
    return bad


def _line(after_input: int, found: Row | MatchError) -> bytes:
    if isinstance(found, Row):
        fields = {"topic": found.topic, "after_input": after_input, "key": found.key, "value": found.value,
                  "ts": found.timestamp_ms}  # fmt: skip
    else:
        fields = {"topic": "errors", "after_input": after_input, "query": found.query, "stage": found.stage,
                  "message": found.message}  # fmt: skip
    return json.dumps(fields).encode() + b"\n"  # in ASCII: a raw U+2028 would end a line for some readers


@contextmanager
def _opened(file: str) -> Iterator[BinaryIO]:
    if file == "-":
        yield sys.stdin.buffer
        return
    try:
        with Path(file).open("rb") as lines:
            yield lines
    except BrokenPipeError:
        raise
    except OSError as fault:
        raise BadConfig(file, f"can't be read: {fault.strerror}") from None
