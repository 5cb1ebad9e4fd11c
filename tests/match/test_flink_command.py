"""`endcap-backend flink` without a Flink."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from confluent_kafka import Producer

from endcap_backend.__main__ import main
from endcap_backend.match.flink.gateway import cause

KAFKA = ["--kafka", "127.0.0.1:1"]
NOBODY = ["--gateway", "http://127.0.0.1:1"]
UNSEEN = ["--no-topics", *KAFKA]


def test_a_dry_run_prints_a_script_for_the_sql_client_without_the_login(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("hush\n")
    login = ["--kafka-sasl-username", "key", "--kafka-sasl-password-file", str(tmp_path / "secret")]
    assert main(["flink", "--dry-run", *KAFKA, *login, "--flink-form", "seed", "--flink-parallelism", "3"]) == 0
    out = capsys.readouterr().out
    assert "SET 'parallelism.default' = '3';\n" in out
    assert "SET 'execution.checkpointing.mode' = 'EXACTLY_ONCE';\n" in out
    assert "-- One row a fix of a shopper, as it stands in the topic." in out
    assert out.count("INSERT INTO") == 2
    assert out.index("EXECUTE STATEMENT SET BEGIN") < out.index("INSERT INTO") < out.index("END;")
    assert "hush" not in out


def test_a_resumed_job_is_told_where_from(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["flink", "--dry-run", *KAFKA, "--resume", "s3://state/savepoint-1"]) == 0
    assert "SET 'execution.state-recovery.path' = 's3://state/savepoint-1';\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["--gateway", "http://127.0.0.1:1", "--no-topics", *KAFKA],
            "no Flink SQL gateway answers at http://127.0.0.1:1: ",
        ),
        (
            ["--local", "--no-topics", *KAFKA],
            "--connector: is needed: the Kafka connector's jar; or set ENDCAP_FLINK_CONNECTOR",
        ),
        (NOBODY, "ENDCAP_KAFKA_BOOTSTRAP_SERVERS: is not set"),
        (["--local", "--stop"], "--stop: needs --gateway"),
        (["--dry-run", *KAFKA, "--flink-late-s", "-1"], "--flink-late-s: must be a whole number from 0 to "),
        (["--dry-run", *KAFKA, "--flink-form", "cubes"], "--flink-form: must be one of product, grid, seed"),
    ],
)
def test_what_cannot_work_is_said_in_one_line(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ENDCAP_KAFKA_BOOTSTRAP_SERVERS", raising=False)
    monkeypatch.delenv("ENDCAP_FLINK_CONNECTOR", raising=False)
    assert main(["flink", *arguments]) == (1 if "no Flink" in said else 2)
    assert said in capsys.readouterr().err


@pytest.fixture(scope="module")
def mock_broker() -> Iterator[str]:
    """librdkafka's own broker in memory: topics come to be when they are asked for, by a producer alone."""
    producer = Producer({"test.mock.num.brokers": 1, "bootstrap.servers": "x"})
    (broker,) = producer.list_topics(timeout=10).brokers.values()
    yield f"{broker.host}:{broker.port}"
    producer.flush(0)  # the broker lives as long as this


def test_a_topic_of_the_shop_that_is_missing_is_named(mock_broker: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["flink", *NOBODY, "--kafka", mock_broker]) == 1
    assert "is no topic of this cluster; `endcap-backend apply` makes it" in capsys.readouterr().err


def test_without_pyflink_the_extra_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert find_spec("pyflink") is None, "this environment has PyFlink; the tests' own must not"
    assert main(["flink", "--cluster", "127.0.0.1:1", "--connector", __file__, *UNSEEN]) == 1
    assert "pip install 'endcap[flink]'" in capsys.readouterr().err


def test_of_a_java_trace_the_innermost_cause_counts() -> None:
    trace = (
        "org.apache.flink.table.gateway.service.utils.SqlExecutionException: Failed to execute the operation.\n"
        "\tat org.apache.flink.Some.run(Some.java:1)\n"
        "Caused by: org.apache.flink.table.api.ValidationException: Could not find any factory for 'kafka'.\n"
    )
    assert cause(trace) == "Could not find any factory for 'kafka'."
