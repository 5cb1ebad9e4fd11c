"""`endcap-backend flink` against a real gateway, a real session cluster and a cluster of its own."""

from __future__ import annotations

import json
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from endcap.messages import CustomerLocation, ProductPromotion, StoreProduct
from endcap_backend.__main__ import main
from endcap_backend.match.flink.gateway import SqlGateway
from endcap_backend.match.flink.settings import FlinkSettings
from endcap_backend.match.flink.statements import flink_statements
from endcap_backend.match.statements import Statement
from endcap_devkit.flink.jars import flink_home, kafka_connector

NOW_MS = 1_764_000_000_000


def shop() -> list[tuple[str, str | None, bytes | None, int]]:
    product = StoreProduct(sku=7, segment="tea", latitude_deg=60.17, longitude_deg=24.94, country="FIN", name="Tea")
    promotion = ProductPromotion(pid="p1", segment="tea", title="2 for 1")
    return [(each.TOPIC, None, each.to_text().encode(), NOW_MS) for each in (product, promotion)]


def fix(number: int) -> tuple[str, str | None, bytes | None, int]:
    made = CustomerLocation(
        uid=f"u{number}", latitude_deg=60.17, longitude_deg=24.94, country="FIN", id=f"walk:{number}"
    )
    return made.TOPIC, f"u{number}", made.to_text().encode(), NOW_MS + number


def switches(match: Any, name: str) -> list[str]:
    return ["--kafka", match.broker.bootstrap, "--flink-name", name, "--flink-topic-prefix", match.prefix]


def answer(capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    told: dict[str, str] = json.loads(capsys.readouterr().out)
    return told


def shipped(match: Any) -> tuple[Statement, ...]:
    settings = FlinkSettings(flink_name=match.prefix, flink_topic_prefix=match.prefix)
    return flink_statements(match.broker.client_config(), settings)


def run_flink(*arguments: str) -> int:
    return main(["flink", *arguments])


def test_a_job_that_was_stopped_goes_on_from_its_savepoint_with_another_window_too(
    own_topics: Any, cluster: Any, cancel: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    match = own_topics("upgraded")
    gateway = ["--gateway", cluster.gateway_url, *switches(match, "upgraded")]
    assert run_flink(*gateway) == 0
    assert answer(capsys)["name"] == "upgraded"
    match.send([*shop(), *map(fix, range(10))])
    match.rows(lambda rows: len(rows) == 10)

    assert run_flink(*gateway, "--stop") == 0
    savepoint = answer(capsys)["savepoint"]
    match.send(map(fix, range(10, 20)))
    assert run_flink(*gateway, "--resume", savepoint, "--flink-standing-s", "600") == 0
    match.job = answer(capsys)["job"]
    match.send(map(fix, [*range(5), *range(20, 30)]))  # the first have been told before
    rows = match.rows(lambda found: len(found) >= 30)
    cancel(match)
    assert Counter(row.value["LOCATION_ID"] for row in rows) == Counter(f"walk:{number}" for number in range(30))


def test_a_running_job_is_upgraded_through_a_savepoint(
    own_topics: Any, cluster: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    match = own_topics("newer")
    gateway = ["--gateway", cluster.gateway_url, *switches(match, "newer")]
    assert run_flink(*gateway) == 0
    before = answer(capsys)["job"]
    match.send([*shop(), *map(fix, range(10))])
    match.rows(lambda rows: len(rows) == 10)

    assert run_flink(*gateway, "--upgrade", "--flink-checkpoint-s", "0.5", "--flink-parallelism", "2") == 0
    after = answer(capsys)
    assert after["job"] != before
    assert after["savepoint"].startswith("file:")
    assert run_flink(*gateway, "--status") == 0
    assert answer(capsys)["job"] == after["job"]
    match.send(map(fix, range(15)))
    rows = match.rows(lambda found: len(found) >= 15)
    assert run_flink(*gateway, "--cancel") == 0
    assert answer(capsys)["job"] == after["job"]
    assert run_flink(*gateway, "--status") == 1
    assert Counter(row.value["LOCATION_ID"] for row in rows) == Counter(f"walk:{number}" for number in range(15))


def test_an_upgrade_that_flink_cannot_plan_leaves_the_job_alone(
    own_topics: Any, cluster: Any, cancel: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    match = own_topics("same")
    gateway = ["--gateway", cluster.gateway_url, *switches(match, "same")]
    assert run_flink(*gateway) == 0
    match.job = answer(capsys)["job"]
    faulty = tuple(replace(each, sql=each.sql.replace("FROM news", "FROM olds")) for each in shipped(match))
    monkeypatch.setattr("endcap_backend.match.flink.command.flink_statements", lambda *_: faulty)
    assert run_flink(*gateway, "--upgrade") == 1
    assert "Object 'olds' not found" in capsys.readouterr().err
    assert run_flink(*gateway, "--status") == 0
    assert answer(capsys) == {"job": match.job, "name": "same", "status": "RUNNING"}
    cancel(match)


def test_an_upgrade_that_flink_cannot_begin_says_how_to_go_back(
    own_topics: Any, cluster: Any, cancel: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    match = own_topics("back")
    gateway = ["--gateway", cluster.gateway_url, *switches(match, "back")]
    assert run_flink(*gateway) == 0
    match.send([*shop(), *map(fix, range(5))])
    match.rows(lambda rows: len(rows) == 5)
    capsys.readouterr()
    assert run_flink(*gateway, "--upgrade", "--flink-form", "grid") == 1  # another form's state is another
    said = capsys.readouterr().err
    assert "back has ended and its work goes on with --resume file:" in said
    savepoint = said.partition("--resume ")[2].partition(": ")[0]
    assert run_flink(*gateway, "--resume", savepoint) == 0
    match.job = answer(capsys)["job"]
    match.send(map(fix, range(8)))
    rows = match.rows(lambda found: len(found) >= 8)
    cancel(match)
    assert Counter(row.value["LOCATION_ID"] for row in rows) == Counter(f"walk:{number}" for number in range(8))


def test_a_second_job_of_the_same_name_is_refused(
    own_topics: Any, cluster: Any, cancel: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    match = own_topics("twice")
    gateway = ["--gateway", cluster.gateway_url, *switches(match, "twice")]
    assert run_flink(*gateway) == 0
    match.job = answer(capsys)["job"]
    assert run_flink(*gateway) == 1
    assert f"flink_name: twice runs already, as job {match.job}" in capsys.readouterr().err
    cancel(match)


def test_the_match_s_own_topics_are_made_and_the_shop_s_are_asked_for(
    kafka_broker: Any, cluster: Any, cancel: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    admin = AdminClient(kafka_broker.client_config())
    sources = ["made-stores_products", "made-products_promotions"]
    for each in admin.create_topics([NewTopic(topic, 1, 1) for topic in sources]).values():
        each.result(30)
    order = ["--gateway", cluster.gateway_url, "--kafka", kafka_broker.bootstrap, "--flink-topic-prefix", "made-",
             "--flink-form", "grid"]  # fmt: skip
    assert run_flink(*order) == 1
    assert "made-customers_locations: is no topic of this cluster" in capsys.readouterr().err

    admin.create_topics([NewTopic("made-customers_locations", 1, 1)])["made-customers_locations"].result(30)
    assert run_flink(*order) == 0
    job = answer(capsys)["job"]
    assert {"made-VALID_PROMOTIONS", "made-NEARBY_CUSTOMERS"} <= admin.list_topics(timeout=20).topics.keys()
    with SqlGateway(cluster.gateway_url, {}) as gateway:
        gateway.execute(f"STOP JOB '{job}'")


def test_to_stop_what_does_not_run_is_refused(cluster: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_flink("--gateway", cluster.gateway_url, "--flink-name", "nobody", "--stop") == 1
    assert "no job named nobody runs there" in capsys.readouterr().err


def test_what_flink_refuses_is_said_with_its_own_reason(
    own_topics: Any, cluster: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    match = own_topics("lost")
    gateway = ["--gateway", cluster.gateway_url, *switches(match, "lost"), "--resume", "file:///nowhere/savepoint"]
    assert run_flink(*gateway) == 1
    assert "file:///nowhere/savepoint" in capsys.readouterr().err


def test_an_address_that_is_no_gateway_is_said_to_be_none(
    own_topics: Any, cluster: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    match = own_topics("astray")
    assert run_flink("--gateway", cluster.jobs_url, *switches(match, "astray")) == 1
    assert "Flink refuses: Not found: /v3/sessions" in capsys.readouterr().err


@contextmanager
def by_pyflink(errors: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """The command in PyFlink's own environment; what it says on standard error goes to a file."""
    python = flink_home().parents[3] / "bin" / "python"
    order = [str(python), "-m", "endcap_backend", "flink", "--connector", str(kafka_connector()), *arguments]
    with (
        errors.open("w") as told,
        subprocess.Popen(order, stdout=subprocess.PIPE, stderr=told, text=True, cwd=errors.parent) as process,
    ):
        try:
            yield process
        finally:
            process.kill()


def test_on_a_cluster_of_its_own_it_matches_until_it_is_told_to_end(own_topics: Any, tmp_path: Path) -> None:
    match = own_topics("local")
    where = ["--local", "--flink-checkpoint-dir", f"file://{tmp_path}/checkpoints"]
    errors = tmp_path / "errors"
    with by_pyflink(errors, *where, *switches(match, "local")) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline() or "{}").get("name") == "local", errors.read_text()[-2000:]
        match.send([*shop(), fix(0)])
        (row,) = match.rows(lambda rows: len(rows) == 1)
        assert (row.key, row.value["TITLE"], row.value["NAME"], row.value["SKU"]) == ("u0", "2 for 1", "Tea", 7)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0, errors.read_text()[-2000:]
    assert list((tmp_path / "checkpoints").glob("*/chk-*/_metadata"))


def test_pyflink_hands_a_job_to_a_session_cluster(own_topics: Any, cluster: Any, cancel: Any, tmp_path: Path) -> None:
    match = own_topics("handed")
    where = ["--cluster", cluster.jobs_url.removeprefix("http://")]
    errors = tmp_path / "errors"
    with by_pyflink(errors, *where, *switches(match, "handed")) as process:
        told, _ = process.communicate(timeout=120)
        assert process.returncode == 0, errors.read_text()[-2000:]
    match.job = json.loads(told)["job"]
    match.send([*shop(), fix(0)])
    match.rows(lambda rows: len(rows) == 1)
    cancel(match)
