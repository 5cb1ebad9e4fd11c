"""The devkit's ksqlDB judges statements as the real one does, in the words that the real one was seen to use."""

import httpx
import pytest

from endcap_backend.match.statements import statements
from endcap_devkit.ksqldb.reading import Refused, created, parse
from endcap_devkit.ksqldb.server import KsqlServer

TOPICS = ("a", "b", "stores_products", "customers_locations", "products_promotions")
A = "CREATE STREAM A (ID VARCHAR, N BIGINT, S STRUCT<X VARCHAR>) WITH (KAFKA_TOPIC='a', VALUE_FORMAT='JSON');"
B = "CREATE STREAM B (ID VARCHAR, M BIGINT) WITH (KAFKA_TOPIC='b', VALUE_FORMAT='JSON');"


def known(*statements):
    sources = {}
    for each in statements:
        ((sql, node),) = parse(each)
        source = created(sql, node, sources)
        sources[source.name] = source
    return sources


@pytest.fixture
def server():
    with KsqlServer(lambda: TOPICS) as running:
        yield running


def post(server, sql, **more):
    return httpx.post(f"{server.url}/ksql", json={"ksql": sql, "streamsProperties": {}} | more)


@pytest.mark.parametrize("kind", ["seed", "product"])
def test_every_statement_we_ship_is_right(kind):
    shipped = statements(kind) + (statements("alerts") if kind == "product" else ())
    assert len(known(*(each.sql for each in shipped))) == len(shipped)


def test_the_seed_s_last_statement_as_written_is_refused_in_the_engine_s_words():
    *before, last = statements("seed")
    where, _, _ = last.sql.partition("WHERE")
    as_written = f"{where}WHERE dist_to_store <= 100 EMIT CHANGES;"
    with pytest.raises(Refused, match="WHERE column 'DIST_TO_STORE' cannot be resolved"):
        known(*(each.sql for each in before), as_written)


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("CREATE STREAM C AS SELECT ID FRM A;", "Syntax Error"),
        ("CREATE STREAM C AS SELECT ID, Q FROM A EMIT CHANGES;", "SELECT column 'Q' cannot be resolved"),
        ("CREATE STREAM C AS SELECT ID FROM Z EMIT CHANGES;", "Z does not exist"),
        ("CREATE STREAM A AS SELECT ID FROM B EMIT CHANGES;", "A stream with the same name already exists"),
        ("CREATE STREAM C AS SELECT FLOR(N) AS F FROM A EMIT CHANGES;", "any functions with the name 'FLOR'"),
        ("CREATE STREAM C AS SELECT FLOOR(N, 1) AS F FROM A EMIT CHANGES;", "does not accept 2 parameters"),
        ("CREATE STREAM C AS SELECT S->Y FROM A EMIT CHANGES;", "no field 'Y'"),
        ("CREATE STREAM C AS SELECT ID, COUNT(*) AS N FROM A GROUP BY ID EMIT CHANGES;", "produces a TABLE"),
        ("CREATE TABLE C AS SELECT ID, N FROM A EMIT CHANGES;", "produces a STREAM"),
        ("CREATE TABLE C AS SELECT ID, N, COUNT(*) AS K FROM A GROUP BY ID EMIT CHANGES;", "not part of GROUP BY"),
        ("CREATE TABLE C AS SELECT COUNT(*) AS K FROM A GROUP BY ID EMIT CHANGES;", "Key missing from projection"),
        ("CREATE STREAM C AS SELECT N FROM A PARTITION BY ID EMIT CHANGES;", "Key missing from projection"),
        ("CREATE STREAM C AS SELECT N, M FROM A JOIN B WITHIN 1 HOUR ON A.ID = B.ID EMIT CHANGES;", "Key missing"),
        ("CREATE STREAM C AS SELECT A.ID, ID FROM A JOIN B WITHIN 1 HOUR ON A.ID = B.ID EMIT CHANGES;", "ambiguous"),
        ("CREATE STREAM C (ID VARCHAR) WITH (VALUE_FORMAT='JSON');", "KAFKA_TOPIC"),
        ("CREATE STREAM C AS SELECT ID, N AS ID FROM A EMIT CHANGES;", "duplicate column"),
    ],
    ids=lambda each: each[:60],
)
def test_a_statement_that_is_wrong_is_refused(sql, says):
    with pytest.raises(Refused, match=says):
        known(A, B, sql)


def test_a_lambda_knows_its_own_names_and_the_columns():
    known("CREATE STREAM A (ID VARCHAR, N BIGINT) WITH (KAFKA_TOPIC='a', VALUE_FORMAT='JSON');",
          "CREATE STREAM C AS SELECT ID, TRANSFORM(ARRAY[1, 2], X => X + N) AS T FROM A EMIT CHANGES;")  # fmt: skip
    with pytest.raises(Refused, match="'Y' cannot be resolved"):
        known(A, "CREATE STREAM C AS SELECT ID, TRANSFORM(ARRAY[1, 2], X => Y + N) AS T FROM A EMIT CHANGES;")


def test_it_says_who_it_is(server):
    info = httpx.get(f"{server.url}/info").json()["KsqlServerInfo"]
    assert (info["version"], info["serverStatus"]) == ("8.1.5", "RUNNING")


def test_a_statement_is_answered_with_its_command(server):
    (entity,) = post(server, A).json()
    assert (entity["@type"], entity["commandStatus"]["status"]) == ("currentStatus", "SUCCESS")
    assert entity["commandSequenceNumber"] == 0
    assert entity["statementText"] == A


def test_a_refused_statement_names_its_code_and_what_went_before_stays(server):
    answer = post(server, f"{A} {A}")
    assert answer.status_code == 400
    said = answer.json()
    assert (said["@type"], said["error_code"], len(said["entities"])) == ("statement_error", 40001, 1)
    assert "A" in server.sources


def test_a_command_that_has_not_come_yet_can_t_be_waited_for(server):
    answer = post(server, "LIST STREAMS;", commandSequenceNumber=7)
    assert (answer.status_code, answer.json()["error_code"]) == (503, 50301)


def test_a_stream_over_a_missing_topic_is_refused(server):
    said = post(server, A.replace("'a'", "'nowhere'")).json()
    assert "Topic 'nowhere' does not exist" in said["message"]
    assert "PARTITIONS" in said["message"]


def test_what_others_read_from_is_not_dropped(server):
    post(server, f"{A} CREATE STREAM C AS SELECT ID FROM A EMIT CHANGES;")
    assert "read from this source: [C]" in post(server, "DROP STREAM A;").json()["message"]
    assert post(server, "DROP STREAM C DELETE TOPIC; DROP STREAM A;").status_code == 200
    assert (server.sources, server.deleted_topics) == ({}, ["C"])


def test_a_description_names_the_query_that_writes(server):
    post(server, f"{A} CREATE STREAM C AS SELECT ID FROM A EMIT CHANGES;")
    (entity,) = post(server, "DESCRIBE C;").json()
    (query,) = entity["sourceDescription"]["writeQueries"]
    assert query["id"] == "CSAS_C_1"
    assert post(server, f"TERMINATE {query['id']};").status_code == 200
    assert post(server, "LIST QUERIES;").json()[0]["queries"] == []


def test_streams_and_tables_are_listed_apart(server):
    post(server, f"{A} CREATE TABLE T AS SELECT ID, COUNT(*) AS K FROM A GROUP BY ID EMIT CHANGES;")
    assert [each["name"] for each in post(server, "LIST STREAMS;").json()[0]["streams"]] == ["A"]
    assert [each["name"] for each in post(server, "LIST TABLES;").json()[0]["tables"]] == ["T"]
