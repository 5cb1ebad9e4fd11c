"""What the match's tests share: the golden data, and records as lines of it."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from endcap_backend.match.engine import Record

GOLDEN = Path(__file__).parent / "golden"


def golden_lines(name: str) -> list[Any]:
    with gzip.open(GOLDEN / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def golden_cases() -> list[dict[str, Any]]:
    outputs = {topic: golden_lines(f"large-a.{topic.lower()}") for topic in ("VALID_PROMOTIONS", "NEARBY_CUSTOMERS")}
    errors = golden_lines("large-a.errors")
    large = {"id": "large-a", "inputs": golden_lines("large-a.inputs"), "outputs": outputs, "errors": errors}
    return [*golden_lines("cases"), large]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "golden_case" in metafunc.fixturenames:
        cases = golden_cases()
        metafunc.parametrize("golden_case", cases, ids=[case["id"] for case in cases])


@pytest.fixture(scope="session")
def records_of() -> Callable[[Sequence[dict[str, Any]]], list[Record]]:
    """Golden inputs as records."""

    def records(inputs: Sequence[dict[str, Any]]) -> list[Record]:
        return [Record(each["topic"], each["key"], _value(each), each["ts"]) for each in inputs]

    return records


def _value(record: dict[str, Any]) -> bytes | None:
    if "value_b64" in record:
        return base64.b64decode(record["value_b64"])
    value: str | None = record["value"]
    return None if value is None else value.encode()
