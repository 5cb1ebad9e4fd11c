"""`endcap-backend match`, as an operator runs it."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

COMMAND = [sys.executable, "-m", "endcap_backend", "match"]
HERE = {"latitude": 60.17, "longitude": 24.94, "country": "FIN"}
PRODUCT = {
    "topic": "stores_products",
    "key": "7",
    "value": json.dumps({"SKU": 7, "segment": "coffee", **HERE}),
    "ts": 1000,
}
PROMOTION = {"topic": "products_promotions", "key": None, "value": '{"pid":"p1","segment":"coffee"}', "ts": 2000}
FIX = {"topic": "customers_locations", "key": "u1", "value": json.dumps({"uid": "u1", **HERE}), "ts": 3000}
BAD_FIX = {**FIX, "value": "{"}


def match(*arguments: str, lines: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([*COMMAND, *arguments], input=lines, capture_output=True, timeout=60)


def as_lines(*records: object) -> bytes:
    return "".join(json.dumps(record) + "\n" for record in records).encode()


def rows(ran: subprocess.CompletedProcess[bytes]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in ran.stdout.splitlines()]


def test_parity_mode_prints_rows_and_errors_in_order_of_emission() -> None:
    ran = match("--mode", "parity", "-", lines=as_lines(PRODUCT, PROMOTION, BAD_FIX, FIX))
    assert (ran.returncode, ran.stderr) == (0, b"")
    valid, error, nearby = rows(ran)
    assert valid == {
        "topic": "VALID_PROMOTIONS", "after_input": 1, "key": "coffee", "ts": 2000,
        "value": '{"LATITUDE":60.17000,"LONGITUDE":24.94000,"COUNTRY":"FIN","PID":"p1","P_SEGMENT":"coffee"}',
    }  # fmt: skip
    assert nearby == {
        "topic": "NEARBY_CUSTOMERS", "after_input": 3, "key": "FIN", "ts": 3000,
        "value": '{"C_LATITUDE":60.17000,"C_LONGITUDE":24.94000,"PID":"p1","DIST_TO_STORE":0.0}',
    }  # fmt: skip
    assert error.pop("message").startswith("Failed to deserialize value from topic: customers_locations.")
    assert error == {"topic": "errors", "after_input": 2, "query": "NEARBY_CUSTOMERS", "stage": "decode"}


def test_product_mode_prints_what_a_shopper_is_told() -> None:
    ran = match("--mode", "product", "-", lines=as_lines(PRODUCT, PROMOTION, BAD_FIX, FIX, FIX))
    error, nearby = rows(ran)
    assert (error["topic"], error["after_input"], error["stage"]) == ("errors", 2, "decode")
    assert (nearby["topic"], nearby["after_input"], nearby["key"], nearby["ts"]) == ("NEARBY_CUSTOMERS", 3, "u1", 3000)
    assert json.loads(nearby["value"])["PID"] == "p1"


TOPICS = "customers_locations, stores_products, products_promotions"
BAD_LINES = [
    (b"nope", "is not JSON: Expecting value at character 0"),
    (b"[]", "must be a JSON object with topic, value and ts"),
    (b"\xff", "is not valid UTF-8"),
    (as_lines({**FIX, "topic": "orders"}), f"topic: must be one of {TOPICS}"),
    (as_lines({**FIX, "topic": ["x"]}), f"topic: must be one of {TOPICS}"),
    (as_lines({**FIX, "key": 7}), "key: must be text or null"),
    (as_lines({**FIX, "ts": "now"}), "ts: must be a whole number of milliseconds since 1970"),
    (as_lines({**FIX, "ts": -1}), "ts: must be a whole number of milliseconds since 1970"),
    (as_lines({**FIX, "ts": True}), "ts: must be a whole number of milliseconds since 1970"),
    (as_lines({**FIX, "value": 7}), "value: must be text or null"),
    (as_lines({**FIX, "value_b64": ""}), "value: must be there, or value_b64, and not both"),
    (as_lines({"topic": FIX["topic"], "ts": 1}), "value: must be there, or value_b64, and not both"),
    (as_lines({"topic": FIX["topic"], "ts": 1, "value_b64": "?"}), "value_b64: is not base64"),
    (as_lines({"topic": FIX["topic"], "ts": 1, "value_b64": None}), "value_b64: is not base64"),
]


def test_a_line_that_is_no_record_is_named_and_its_neighbours_go_on() -> None:
    bad = b"".join(line.strip() + b"\n" for line, _ in BAD_LINES)
    ran = match("-", lines=as_lines(PRODUCT, PROMOTION) + b"\n" + bad + as_lines(FIX))
    assert ran.returncode == 1
    faults = [f"line {number}: {fault}" for number, (_, fault) in enumerate(BAD_LINES, 4)]
    assert ran.stderr.decode().splitlines() == faults
    index = 2 + len(BAD_LINES)  # the blank line does not count
    assert [(row["topic"], row["after_input"]) for row in rows(ran)] == [
        ("VALID_PROMOTIONS", 1),
        ("NEARBY_CUSTOMERS", index),
    ]


def test_bytes_that_are_no_text_go_in_as_base64() -> None:
    fix = {"topic": "customers_locations", "ts": 3000, "value_b64": "eyJ1aWQiOiL/In0="}  # {"uid":"\xff"}
    (error,) = rows(match("-", lines=as_lines(fix)))
    assert error["stage"] == "decode"


def test_a_tombstone_fails_at_the_new_key() -> None:
    (error,) = rows(match("-", lines=as_lines({**FIX, "value": None})))
    assert (error["stage"], error["message"]) == ("rekey", "Error computing new key from expression COUNTRY")


def test_a_file_and_standard_input_give_the_same_with_numpy_and_without(tmp_path: Path) -> None:
    golden = Path(__file__).parent / "golden" / "large-a.inputs.jsonl.gz"
    lines = b"".join(gzip.decompress(golden.read_bytes()).splitlines(keepends=True)[:800])
    file = tmp_path / "records.jsonl"
    file.write_bytes(lines)
    for mode in ("parity", "product"):
        outputs = [
            match("--mode", mode, str(file)).stdout,
            match("--mode", mode, str(file), "--pure-python").stdout,
            match("--mode", mode, "-", lines=lines).stdout,
        ]
        assert outputs[0]
        assert outputs[1:] == outputs[:1] * 2


def test_rows_come_as_soon_as_their_record_was_read() -> None:
    with subprocess.Popen([*COMMAND, "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        running.stdin.write(as_lines(PRODUCT, PROMOTION))
        running.stdin.flush()
        assert json.loads(running.stdout.readline())["topic"] == "VALID_PROMOTIONS"  # standard input is still open
        running.stdin.close()
        assert running.wait(30) == 0


def test_a_reader_that_leaves_early_is_no_fault(tmp_path: Path) -> None:
    file = tmp_path / "records.jsonl"
    file.write_bytes(as_lines(PRODUCT, PROMOTION) + as_lines(FIX) * 20_000)
    with subprocess.Popen([*COMMAND, str(file)], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.readline()
        running.stdout.close()
        assert (running.wait(30), running.stderr.read()) == (0, b"")


def test_a_file_that_is_not_there_is_named() -> None:
    ran = match("missing.jsonl")
    assert ran.returncode == 1
    assert ran.stderr.decode() == "endcap-backend match: missing.jsonl: can't be read: No such file or directory\n"


def test_each_row_is_one_line_for_every_reader() -> None:
    value = json.dumps({"pid": "a\u2028b\x85c", "segment": "coffee"}, ensure_ascii=False)
    ran = match("--mode", "parity", "-", lines=as_lines(PRODUCT, {**PROMOTION, "value": value}))
    assert ran.stdout.isascii()
    (row,) = rows(ran)
    assert json.loads(row["value"])["PID"] == "a\u2028b\x85c"
