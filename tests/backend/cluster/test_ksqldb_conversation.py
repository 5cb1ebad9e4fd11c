"""What ksqlDB is known to answer, given to our client; and the devkit's ksqlDB held to the same forms.

The bodies tell of our own streams, in the forms of: Confluent's reference of the REST API (the pages on /ksql, /status,
/info and /healthcheck), the server's own table of errors (`Errors.java` of confluentinc/ksql: the code is the status
times 100 and a number, "not ready" asks for 10 s), and answers of a running server in the README of
deniskrumko/ksqldb-ui. No ksqlDB took part.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import closing
from threading import Event

import pytest

from endcap.errors import Refused, Unreachable
from endcap.testing import ManualClock
from endcap_backend.pipeline.cluster import readers
from endcap_backend.pipeline.cluster.ksqldb import KsqlDb, KsqlSettings, Present, StatementRefused
from endcap_devkit.ksqldb.server import CONTENT_TYPE, KsqlServer

CREATE = "CREATE STREAM FIXES (UID VARCHAR) WITH (KAFKA_TOPIC='customers_locations', VALUE_FORMAT='JSON');"
DONE = {
    "@type": "currentStatus",
    "statementText": CREATE,
    "commandId": "stream/`FIXES`/create",
    "commandStatus": {"status": "SUCCESS", "message": "Stream created", "queryId": None},
    "commandSequenceNumber": 7,
    "warnings": [],
}
OLDER = {name: value for name, value in DONE.items() if name not in ("@type", "warnings")}  # as 0.x had it
LISTED = {
    "@type": "streams",
    "statementText": "LIST STREAMS;",
    "streams": [
        {"type": "STREAM", "name": "KSQL_PROCESSING_LOG", "topic": "endcap_ksql_processing_log", "keyFormat": "KAFKA",
         "valueFormat": "JSON", "isWindowed": False},
    ],
    "warnings": [],
}  # fmt: skip
WRONG = {
    "@type": "statement_error",
    "error_code": 40001,
    "message": "line 1:13: Syntax Error\nmissing ';' at ''",
    "statementText": "SHOW STREAMS",
    "entities": [],
}
NOT_THERE = {
    "@type": "warning_entity",
    "statementText": "DROP STREAM IF EXISTS `FIXES`;",
    "message": "Source `FIXES` does not exist.",
    "warnings": [],
}
HTML = "<html><head><title>Sign in</title></head></html>"


@pytest.fixture
def server() -> Iterator[KsqlServer]:
    with KsqlServer(lambda: ("customers_locations", "stores_products", "products_promotions")) as running:
        yield running


class Hurried(ManualClock):
    """Whoever waits for nothing but time has it at once."""

    def wait(self, event: Event, timeout_s: float | None) -> bool:
        assert timeout_s is not None
        self.advance(timeout_s)
        return event.is_set()


@pytest.fixture
def clock() -> ManualClock:
    return Hurried()


@pytest.fixture
def client(server: KsqlServer, clock: ManualClock) -> Iterator[KsqlDb]:
    with closing(KsqlDb(KsqlSettings(server.url), clock)) as made:
        yield made


def says(server: KsqlServer, body: object, status: int = 200, **headers: str) -> None:
    """The next POST is answered so."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    server.scripted.append((status, CONTENT_TYPE, json.dumps(body), named))


def error(code: int, message: str) -> dict[str, object]:
    return {"@type": "generic_error", "error_code": code, "message": message}


@pytest.mark.parametrize("answer", [DONE, OLDER], ids=["as it is now", "as it was before 0.10"])
def test_a_statement_that_was_run_is_taken_for_run(
    answer: dict[str, object], server: KsqlServer, client: KsqlDb
) -> None:
    says(server, [answer])
    client.run(CREATE)
    assert server.scripted == []


def test_of_several_answers_the_last_counts(server: KsqlServer, client: KsqlDb) -> None:
    says(server, [LISTED, DONE | {"commandStatus": {"status": "ERROR", "message": "no such topic"}}])
    with pytest.raises(StatementRefused, match=r"could not run .* no such topic"):
        client.run(CREATE)


def test_a_statement_is_refused_in_the_server_s_words(server: KsqlServer, client: KsqlDb) -> None:
    says(server, WRONG, 400)
    with pytest.raises(StatementRefused, match="refuses “SHOW STREAMS”: line 1:13: Syntax Error"):
        client.run("SHOW STREAMS")


def test_what_was_put_aside_is_asked_for_until_it_is_done(
    server: KsqlServer, client: KsqlDb, clock: ManualClock
) -> None:
    server.looks = 3
    before_s = clock.monotonic()
    client.run(CREATE)
    assert clock.monotonic() - before_s == pytest.approx(1.5)


def test_what_is_never_done_is_given_up_after_a_minute(server: KsqlServer, client: KsqlDb) -> None:
    server.looks = 10_000
    with pytest.raises(StatementRefused, match=r"has not run .* within 60 s: EXECUTING"):
        client.run(CREATE)


def test_each_statement_waits_for_the_one_before_it(server: KsqlServer, client: KsqlDb) -> None:
    says(server, [DONE])
    client.run(CREATE)
    with pytest.raises(Unreachable, match=r"previous command to execute\. command sequence number: 7"):
        client.present()  # the double has run nothing yet


def test_a_number_of_minus_one_does_not_make_it_forget_those_before(server: KsqlServer, client: KsqlDb) -> None:
    says(server, [DONE])
    says(server, [DONE | {"commandSequenceNumber": -1}])
    client.run(CREATE)
    client.run(CREATE)
    with pytest.raises(Unreachable, match="command sequence number: 7"):
        client.present()


def test_warnings_are_passed_on(server: KsqlServer, client: KsqlDb, caplog: pytest.LogCaptureFixture) -> None:
    says(server, [DONE | {"warnings": [{"message": "DEPRECATION NOTICE: joins\nwithout a GRACE PERIOD"}]}])
    with caplog.at_level(logging.WARNING, "endcap.ksqldb"):
        client.run(CREATE)
    assert "ksqlDB warns of “CREATE STREAM FIXES" in caplog.text
    assert "DEPRECATION NOTICE: joins without a GRACE PERIOD" in caplog.text


def test_dropping_what_is_gone_is_no_fault(server: KsqlServer, client: KsqlDb) -> None:
    says(server, [{"@type": "sourceDescription", "sourceDescription": {"name": "FIXES"}, "warnings": []}])
    says(server, [NOT_THERE])
    client.drop(Present("FIXES", "STREAM", "customers_locations"), delete_topic=False)
    assert server.scripted == []


@pytest.mark.parametrize(
    ("status", "body", "asked"),
    [
        (429, error(42900, "Too many requests"), "3"),
        (503, error(50301, "Timed out while waiting for a previous command to execute."), ""),
        (503, error(50302, "Server initializing"), "10"),
        (503, error(50303, "The server is shutting down"), "1"),
    ],
)
def test_a_server_that_asks_for_patience_gets_it(
    status: int, body: object, asked: str, server: KsqlServer, client: KsqlDb, clock: ManualClock
) -> None:
    says(server, body, status, **({"Retry_After": asked} if asked else {}))
    says(server, [DONE])
    before_s = clock.monotonic()
    client.run(CREATE)
    assert clock.monotonic() - before_s == pytest.approx(float(asked or 0.5))


def test_but_not_for_more_than_a_minute(server: KsqlServer, client: KsqlDb) -> None:
    for _ in range(10):
        says(server, error(42900, "Too many requests"), 429, Retry_After="20")
    with pytest.raises(Unreachable, match="answers 429: Too many requests"):
        client.run(CREATE)
    assert len(server.scripted) == 6  # at 0, 20, 40 and 60 s


def test_what_may_have_been_run_is_not_sent_again(server: KsqlServer, client: KsqlDb) -> None:
    server.scripted += [(502, "text/html", "<h1>Bad Gateway</h1>", {}), (503, "text/html", "<h1>busy</h1>", {})]
    for status in (502, 503):
        with pytest.raises(Unreachable, match=f"answers {status}: <h1>"):
            client.run(CREATE)
    assert server.scripted == []


def test_a_fault_of_the_server_is_told_with_its_words(server: KsqlServer, client: KsqlDb) -> None:
    said = {
        "@type": "statement_error",
        "error_code": 50000,
        "message": "Could not write the statement into the command topic.",
    }
    says(server, said | {"statementText": CREATE, "entities": []}, 500)
    with pytest.raises(Unreachable, match="answers 500: Could not write the statement"):
        client.run(CREATE)


def test_a_login_and_a_right_that_ksqldb_itself_lacks_are_told_apart(server: KsqlServer, client: KsqlDb) -> None:
    says(server, error(40100, "Unauthorized"), 401)
    with pytest.raises(Refused, match=r"refuses the login$"):
        client.run(CREATE)
    says(server, error(40301, "Authorization denied to Write on topic(s): [NEARBY_CUSTOMERS]"), 403)
    with pytest.raises(Refused, match=r"refuses the login: Authorization denied to Write on topic\(s\)"):
        client.run(CREATE)


@pytest.mark.parametrize("kind", ["text/html", "application/json"])
def test_a_page_in_place_of_an_answer_is_said_to_be_one(kind: str, server: KsqlServer, client: KsqlDb) -> None:
    server.scripted.append((200, kind, HTML, {}))
    with pytest.raises(Refused, match=rf"/ksql answers with something that is not JSON \({kind}\): is it ksqlDB, or a"):
        client.run(CREATE)


@pytest.mark.parametrize("answer", [[], {}, {"hello": 1}])
def test_an_answer_that_says_nothing_of_the_statement_is_no_success(
    answer: object, server: KsqlServer, client: KsqlDb
) -> None:
    says(server, answer)
    with pytest.raises(StatementRefused, match="does not say what came of “CREATE STREAM"):
        client.run(CREATE)


def test_a_server_that_is_not_well_is_found(server: KsqlServer, client: KsqlDb) -> None:
    assert client.ailing() == []
    server.ailing = {"commandRunner"}
    first, *_ = readers.ksqldb(client)
    assert (first.state, first.says) == ("wrong", "ksqlDB says that it is not well: commandRunner")


def test_the_devkit_s_ksqldb_answers_in_the_same_forms(server: KsqlServer) -> None:
    def ask(sql: str) -> tuple[int, object]:
        return server.answer("POST", "/ksql", "", json.dumps({"ksql": sql}).encode())

    status, made = ask(CREATE)
    assert (status, forms(made)) == (200, forms([DONE]))
    status, listed = ask("LIST STREAMS;")
    assert (status, set(forms(listed)[0]) >= {"@type", "statementText", "streams", "warnings"}) == (200, True)
    status, wrong = ask("SHOW STREAMS")
    assert (status, forms(wrong)) == (400, forms(WRONG))
    _, info = server.answer("GET", "/info", "", b"")
    assert set(info["KsqlServerInfo"]) == {"version", "kafkaClusterId", "ksqlServiceId", "serverStatus"}


def test_it_warns_of_a_join_without_grace_as_the_server_does(server: KsqlServer) -> None:
    sides = "(ID VARCHAR KEY, N BIGINT) WITH (KAFKA_TOPIC='stores_products', VALUE_FORMAT='JSON');"
    join = "CREATE STREAM C AS SELECT A.ID, A.N FROM A JOIN B WITHIN 1 HOUR ON A.ID = B.ID EMIT CHANGES;"
    sql = f"CREATE STREAM A {sides} CREATE STREAM B {sides} {join}"
    _, answers = server.answer("POST", "/ksql", "", json.dumps({"ksql": sql}).encode())
    assert [len(each["warnings"]) for each in answers] == [0, 0, 1]


def forms(value: object) -> object:
    """The names of an answer, without what they say."""
    if isinstance(value, dict):
        return {name: forms(each) for name, each in value.items()}
    return [forms(each) for each in value] if isinstance(value, list) else None
