"""Topics on a real broker, statements against ksqlDB's REST interface as the devkit speaks it."""

import re
from argparse import ArgumentParser
from contextlib import closing
from io import StringIO
from json import dumps

import pytest
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, ResourceType

from endcap.errors import BadConfig, EndcapError, Unreachable
from endcap_backend.match.statements import statements
from endcap_backend.pipeline.cluster import readers
from endcap_backend.pipeline.cluster.commands import apply, teardown
from endcap_backend.pipeline.cluster.ksqldb import KsqlDb, KsqlSettings
from endcap_backend.pipeline.cluster.ledger import LEDGER, Ledger
from endcap_backend.pipeline.cluster.listing import await_listing
from endcap_backend.pipeline.cluster.topics import topics
from endcap_backend.pipeline.kafka import KafkaSettings
from endcap_devkit.ksqldb.reading import Source
from endcap_devkit.ksqldb.server import KsqlServer

pytestmark = pytest.mark.kafka
WAIT_S = 30


@pytest.fixture
def broker(plain, emptied):
    return emptied(plain)


@pytest.fixture
def names(broker):
    def there():
        listed = AdminClient(broker.client_config()).list_topics(timeout=WAIT_S).topics
        return {name for name in listed if not name.startswith(("__", "endcap-connect-"))}

    return there


NEEDED = ("customers_locations", "stores_products", "products_promotions", "NEARBY_CUSTOMERS", "customers_alerts")


@pytest.fixture
def few(monkeypatch):
    """Only the topics that the statements need: quicker."""
    made = tuple(topic for topic in topics(partitions=1) if topic.name in NEEDED)
    monkeypatch.setattr("endcap_backend.pipeline.cluster.commands.apply.topics_given", lambda args: made)


@pytest.fixture
def ksqldb(names, few):
    with KsqlServer(names) as server:
        yield server


@pytest.fixture
def run(broker, monkeypatch, capsys):
    """One command in this process: its exit status and what it printed."""
    for name in ("ENDCAP_KSQLDB_URL", "ENDCAP_KSQLDB_USERNAME", "ENDCAP_KSQLDB_PASSWORD"):
        monkeypatch.delenv(name, raising=False)

    def command(module, *arguments):
        parser = ArgumentParser()
        module.configure(parser)
        capsys.readouterr()
        if module is apply and "--partitions" not in arguments:
            arguments = (*arguments, "--partitions", "1")  # quicker
        status = module.run(parser.parse_args(["--kafka", broker.bootstrap, *arguments]))
        return status, capsys.readouterr().out

    return command


def config_of(broker, topic):
    admin = AdminClient(broker.client_config())
    (future,) = admin.describe_configs([ConfigResource(ResourceType.TOPIC, topic)]).values()
    return {name: entry.value for name, entry in future.result(WAIT_S).items()}


def test_every_topic_is_made_as_it_should_be(run, broker, names):
    status, said = run(apply, "--yes", "--partitions", "3", "--keep-locations-h", "12")
    assert status == 0
    assert "+ create  topic customers_locations" in said
    assert names() == {topic.name for topic in topics()} | {LEDGER}
    assert config_of(broker, "customers_locations")["retention.ms"] == str(12 * 3600 * 1000)
    assert config_of(broker, "endcap_forwarder_marks")["cleanup.policy"] == "compact"
    listed = AdminClient(broker.client_config()).list_topics(timeout=WAIT_S).topics
    assert (len(listed["customers_alerts"].partitions), len(listed["endcap_forwarder_marks"].partitions)) == (3, 1)


def test_a_second_run_finds_nothing_to_do(run, ksqldb):
    run(apply, "--yes", "--ksqldb", ksqldb.url)
    sent = len(ksqldb.requests)
    status, said = run(apply, "--yes", "--ksqldb", ksqldb.url)
    assert (status, said.splitlines()[-1]) == (0, "nothing to do")
    assert all(each.startswith("LIST") for each in ksqldb.requests[sent:])


def test_a_dry_run_shows_the_plan_and_makes_nothing(run, ksqldb, names):
    status, said = run(apply, "--dry-run", "--ksqldb", ksqldb.url)
    assert status == 0
    assert f"{len(NEEDED) + len(statements('product'))} steps; nothing was done" in said
    assert (names(), ksqldb.sources) == (set(), {})


def test_without_yes_and_without_a_terminal_nothing_is_done(few, run, names, monkeypatch):
    monkeypatch.setattr("sys.stdin", StringIO())
    with pytest.raises(EndcapError, match="say --yes"):
        run(apply)
    assert names() == set()


def test_a_topic_that_differs_is_mended_and_the_difference_shown(few, run, broker):
    admin = AdminClient(broker.client_config())
    kept = NewTopic("customers_locations", 1, config={"retention.ms": "-1"})
    admin.create_topics([kept])["customers_locations"].result(WAIT_S)
    await_listing(admin, "customers_locations", there=True)
    _, said = run(apply, "--yes", "--partitions", "6")
    assert "retention.ms: -1 -> 86400000" in said
    assert config_of(broker, "customers_locations")["retention.ms"] == "86400000"


def test_partitions_are_added_and_never_taken_away(run, broker):
    run(apply, "--yes", "--partitions", "2")
    status, said = run(apply, "--yes", "--partitions", "3")
    assert status == 0
    assert "partitions: 2 -> 3; keys move" in said
    listed = AdminClient(broker.client_config()).list_topics(timeout=WAIT_S).topics
    assert len(listed["customers_locations"].partitions) == 3
    status, said = run(apply, "--yes", "--partitions", "2")
    assert (status, said.splitlines()[-1]) == (0, "nothing to do")


def test_teardown_removes_what_was_made_and_only_that(run, broker, names, ksqldb):
    admin = AdminClient(broker.client_config())
    for name in ("orders", "customers_alerts"):
        admin.create_topics([NewTopic(name, 1, config={"retention.ms": "86400000"})])[name].result(WAIT_S)
        await_listing(admin, name, there=True)
    run(apply, "--yes", "--ksqldb", ksqldb.url)
    status, said = run(teardown, "--yes", "--ksqldb", ksqldb.url)
    assert status == 0
    assert "topic customers_alerts\n" not in said
    assert names() == {"orders", "customers_alerts"}
    assert ksqldb.sources == {}


def test_teardown_wants_ksqldb_when_streams_are_there(run, ksqldb):
    run(apply, "--yes", "--ksqldb", ksqldb.url)
    with pytest.raises(BadConfig, match="ksqldb_url"):
        run(teardown, "--yes")


def test_teardown_of_nothing_has_nothing_to_do(run):
    assert run(teardown, "--yes") == (0, "\nnothing to do\n")


@pytest.mark.parametrize("kind", ["seed", "product"])
def test_every_statement_runs_in_order(kind, run, ksqldb):
    run(apply, "--yes", "--ksqldb", ksqldb.url, *(["--seed"] if kind == "seed" else []))
    assert [each for each in ksqldb.requests if each.startswith("CREATE")] == [each.sql for each in statements(kind)]


def test_tables_are_made_of_the_whole_topic_and_streams_of_what_comes(run, ksqldb):
    run(apply, "--yes", "--ksqldb", ksqldb.url)
    sent = dict(zip(ksqldb.requests, ksqldb.overrides, strict=True))
    for each in statements("product"):
        reset = sent[each.sql].get("ksql.streams.auto.offset.reset")
        assert reset == ("earliest" if each.sql.startswith("CREATE TABLE") else None)
        assert sent[each.sql]["ksql.streams.cache.max.bytes.buffering"] == "0"


def test_alerts_are_made_when_asked_for(run, ksqldb):
    run(apply, "--yes", "--ksqldb", ksqldb.url, "--alerts")
    assert ksqldb.sources["ALERTS"].topic == "customers_alerts"
    assert {"id", "uid", "kind", "title", "why", "expires_at"} <= set(ksqldb.sources["ALERTS"].columns)


def test_a_changed_statement_is_made_anew_with_all_that_reads_it(run, ksqldb, broker):
    run(apply, "--yes", "--ksqldb", ksqldb.url)
    ledger = Ledger(KafkaSettings(broker.bootstrap))
    entry = ledger.entries["statement NEARBY_OFFERS"]
    ledger.note("statement NEARBY_OFFERS", {**entry, "sql": entry["sql"].replace("3281", "3280.84")})
    sent = len(ksqldb.requests)
    _, said = run(apply, "--yes", "--ksqldb", ksqldb.url)
    assert re.search(r"± replace stream NEARBY_OFFERS\n +-.*3280\.84.*\n +\+.*3281", said)
    assert "reads from NEARBY_OFFERS" in said
    assert "reads from NEARBY_COUNTS\n" in said  # the stream over the table's topic names no source
    dropped = [each.split("`")[1] for each in ksqldb.requests[sent:] if each.startswith("DROP")]
    assert dropped == ["NEARBY", "NEARBY_COUNTS_S", "NEARBY_COUNTS", "NEARBY_OFFERS"]
    assert set(ksqldb.sources) == {each.name for each in statements("product")}
    assert ksqldb.deleted_topics == ["NEARBY_COUNTS", "NEARBY_OFFERS"]  # NEARBY_CUSTOMERS is one of the topics


def test_going_from_the_seed_to_the_product_drops_the_seed(run, ksqldb, broker):
    run(apply, "--yes", "--ksqldb", ksqldb.url, "--seed")
    run(apply, "--yes", "--ksqldb", ksqldb.url)
    names = {each.name for each in statements("product")}
    assert set(ksqldb.sources) == names
    entries = Ledger(KafkaSettings(broker.bootstrap)).entries
    assert {name.removeprefix("statement ") for name in entries if name.startswith("statement")} == names


def test_a_stream_of_somebody_else_s_refuses_the_whole_plan(run, ksqldb, names):
    ksqldb.sources |= {"SHELVES": Source("SHELVES", True, "shelves", ("A",), frozenset(), "CREATE TABLE SHELVES …;")}
    with pytest.raises(EndcapError, match="nothing was done"):
        run(apply, "--yes", "--ksqldb", ksqldb.url)
    assert names() == set()
    assert list(ksqldb.sources) == ["SHELVES"]


def test_a_run_that_failed_half_way_goes_on(run, ksqldb, monkeypatch):
    real = statements("product")
    broken = [each.sql.replace("FROM SHELVES", "FROM NOWHERE") for each in real]
    monkeypatch.setattr(
        "endcap_backend.pipeline.cluster.commands.apply.statements",
        lambda kind: tuple(type(each)(each.name, each.means, sql) for each, sql in zip(real, broken, strict=True)),
    )
    with pytest.raises(EndcapError, match="NOWHERE does not exist"):
        run(apply, "--yes", "--ksqldb", ksqldb.url)
    monkeypatch.undo()
    status, _ = run(apply, "--yes", "--ksqldb", ksqldb.url)
    assert status == 0
    assert set(ksqldb.sources) == {each.name for each in real}


def test_what_a_query_of_somebody_else_s_reads_is_not_taken_away(run, ksqldb, names, capsys):
    run(apply, "--yes", "--ksqldb", ksqldb.url)
    sql = "CREATE STREAM THEIRS AS SELECT UID FROM NEARBY EMIT CHANGES;"
    theirs = Source("THEIRS", False, "THEIRS", ("UID",), frozenset(), sql, ("NEARBY",), "CSAS_THEIRS_99")
    ksqldb.sources |= {"THEIRS": theirs}
    before = names(), set(ksqldb.sources)
    with pytest.raises(EndcapError, match="nothing was done"):
        run(teardown, "--yes", "--ksqldb", ksqldb.url)
    assert "is read by CSAS_THEIRS_99, which apply has not made" in capsys.readouterr().out
    assert (names(), set(ksqldb.sources)) == before


def test_what_was_made_though_the_answer_was_lost_is_known_to_be_ours(run, ksqldb):
    json = "application/vnd.ksql.v1+json"
    ksqldb.scripted += [
        (200, json, '[{"@type": "streams", "streams": []}]', {}),
        (200, json, '[{"@type": "tables", "tables": []}]', {}),
        (502, "text/html", "<h1>Bad Gateway</h1>", {}),
    ]
    with pytest.raises(EndcapError, match="answers 502"):
        run(apply, "--yes", "--ksqldb", ksqldb.url)
    first = statements("product")[0]
    assert ksqldb.answer("POST", "/ksql", "", dumps({"ksql": first.sql}).encode())[0] == 200
    status, said = run(apply, "--yes", "--ksqldb", ksqldb.url)
    assert status == 0
    assert f"create  stream {first.name}\n" not in said
    assert set(ksqldb.sources) == {each.name for each in statements("product")}


def test_a_login_that_ksqldb_refuses_is_said(run, names):
    with (
        KsqlServer(names, user="key", password="secret") as server,
        pytest.raises(EndcapError, match="refuses the login"),
    ):
        run(apply, "--yes", "--ksqldb", server.url)


def test_a_login_that_ksqldb_takes_passes(few, run, names, monkeypatch):
    monkeypatch.setenv("ENDCAP_KSQLDB_USERNAME", "key")
    monkeypatch.setenv("ENDCAP_KSQLDB_PASSWORD", "secret")
    with KsqlServer(names, user="key", password="secret") as server:
        assert run(apply, "--yes", "--ksqldb", server.url)[0] == 0


def test_a_server_that_is_not_ready_is_said(run, ksqldb):
    ksqldb.ready = False
    with pytest.raises(Unreachable, match="Server initializing"):
        run(apply, "--yes", "--ksqldb", ksqldb.url)


def test_a_server_that_is_not_there_is_said(run):
    with pytest.raises(Unreachable, match="ksqlDB does not answer at http"):
        run(apply, "--yes", "--ksqldb", "http://127.0.0.1:1")


@pytest.mark.parametrize("switch", ["--seed", "--alerts"])
def test_statements_want_a_ksqldb(switch, run):
    with pytest.raises(BadConfig, match="ksqldb_url"):
        run(apply, switch)


@pytest.mark.parametrize(
    ("properties", "state"),
    [
        ({}, "wrong"),
        ({"ksql.streams.processing.guarantee": "at_least_once"}, "wrong"),
        ({"ksql.streams.processing.guarantee": "exactly_once_v2"}, "ok"),
        ({"ksql.streams.consumer.isolation.level": "read_committed"}, "ok"),
    ],
)
def test_a_ksqldb_that_reads_aborted_records_is_found(properties, state):
    with KsqlServer(lambda: (), properties=properties) as server, closing(KsqlDb(KsqlSettings(server.url))) as client:
        (finding,) = readers.ksqldb(client)
    assert finding.state == state
