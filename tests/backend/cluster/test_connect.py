"""The sink's configuration on a real Connect worker.

Ably's own plugin can't be had from a registry: in its place stands Kafka's sink into a file, with everything else as in
the sink's configuration: converters, read_committed, dead letters. Where it matters what the sink is given, its
StringConverter is replaced by one that records what passes, since the file has values alone.
"""

import base64
import json
import signal
import subprocess
import sys
from argparse import ArgumentParser
from contextlib import closing
from pathlib import Path

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition

from endcap.clock import SystemClock
from endcap.errors import BadConfig, EndcapError, Unreachable
from endcap_backend.pipeline.cluster import readers
from endcap_backend.pipeline.cluster.commands import check, connect
from endcap_backend.pipeline.cluster.connect import Connect, ConnectorRefused, ConnectSettings
from endcap_backend.pipeline.cluster.sink import NAME, STRING, ably_sink, endpoint_options, without_secrets
from endcap_devkit.kafka.connect import ConnectWorker

pytestmark = pytest.mark.kafka
WAIT_S = 60
INFRA = Path(__file__).parents[3] / "backend" / "infra"
FILE_SINK = "org.apache.kafka.connect.file.FileStreamSinkConnector"
RECORDING = "dev.endcap.RecordingConverter"


@pytest.fixture(scope="module")
def worker(plain, recorder):
    """As compose.yaml's, but for its addresses and folder, and that a connector has to say read_committed itself."""
    text = (INFRA / "connect" / "worker.properties").read_text()
    ours = dict(line.split("=", 1) for line in text.splitlines() if line and not line.startswith("#"))
    for name in (
        "bootstrap.servers",
        "listeners",
        "rest.advertised.host.name",
        "plugin.path",
        "consumer.isolation.level",
    ):
        del ours[name]
    with ConnectWorker(plain, plugins=recorder, overrides=ours | {"plugin.discovery": "service_load"}) as running:
        yield running


@pytest.fixture(autouse=True)
def client(worker):
    found = Connect(ConnectSettings(worker.url))
    yield found
    for name in found.connectors():
        found.remove(name)
    found.close()


@pytest.fixture
def broker(plain, emptied, make_topics):
    make_topics(emptied(plain))
    return plain


@pytest.fixture
def into_file(tmp_path):
    """The sink's configuration, but that it writes into a file."""

    def config(**others):
        sink = ably_sink() | {"connector.class": FILE_SINK, "file": str(tmp_path / "alerts")}
        return sink | {"errors.deadletterqueue.topic.replication.factor": "1"} | others

    return config


@pytest.fixture
def recorded(into_file, tmp_path):
    """`config` is the sink's with both converters recording; `seen` what they were given and gave, in order."""

    class Recorded:
        def config(self, **others):
            sink = into_file()
            assert {sink["key.converter"], sink["value.converter"]} == {STRING}
            file = str(tmp_path / "recorded")
            ours = {f"{part}.converter{name}": value for part in ("key", "value")
                    for name, value in (("", RECORDING), (".file", file))}  # fmt: skip
            return sink | ours | others

        def seen(self):
            whole = [line for line in lines(tmp_path / "recorded", keepends=True) if line.endswith("\n")]
            found = [json.loads(line) for line in whole]
            return [each | {"given": base64.b64decode(each["given"]).decode()} for each in found]

    return Recorded()


@pytest.fixture
def run(worker, monkeypatch, capsys):
    """One action of the command in this process: its exit status and what it printed."""
    for name in ("ENDCAP_ABLY_KEY", "ENDCAP_ABLY_ENDPOINT", "ENDCAP_CONNECT_URL"):
        monkeypatch.delenv(name, raising=False)

    def command(*arguments):
        parser = ArgumentParser()
        connect.configure(parser)
        capsys.readouterr()
        status = connect.run(parser.parse_args([*arguments, "--connect", worker.url]))
        return status, capsys.readouterr().out

    return command


@pytest.fixture
def written(tmp_path):
    def config(content):
        path = tmp_path / "sink.json"
        path.write_text(json.dumps(content))
        return str(path)

    return config


def until(holds):
    clock, deadline_s = SystemClock(), SystemClock().monotonic() + WAIT_S
    while not (found := holds()):
        assert clock.monotonic() < deadline_s, "it did not happen in time"
        signal.sigtimedwait([], 0.05)
    return found


def lines(path, keepends=False):
    return path.read_text().splitlines(keepends) if path.exists() else []


def produce(broker, *transactions):
    """Each a list of (key, value, headers), and whether it is committed."""
    producer = Producer(broker.client_config() | {"transactional.id": "alerts"})
    producer.init_transactions(WAIT_S)
    for records, committed in transactions:
        producer.begin_transaction()
        for key, value, headers in records:
            producer.produce("customers_alerts", key=key, value=value, headers=headers)
        producer.flush(WAIT_S)
        (producer.commit_transaction if committed else producer.abort_transaction)(WAIT_S)


def alert(number, uid="u1"):
    return uid, json.dumps({"id": f"a{number}", "uid": uid, "title": "Käse −20 %"}, ensure_ascii=False), None


def passing(*alerts):
    """What the recording converters tell of these, key before value: each the very text that stands in Kafka."""
    told = [(part, text) for key, value, _ in alerts for part, text in (("key", key), ("value", value))]
    same = {"topic": "customers_alerts", "type": "string"}
    return [same | {"part": part, "given": text, "gave": text} for part, text in told]


def test_connect_finds_nothing_wrong_with_the_sink_s_configuration(client, into_file):
    assert client.validate("x", into_file()) == []


def test_connect_finds_nothing_wrong_with_recording_converters_but_a_missing_file(client, recorded):
    config = recorded.config()
    assert client.validate("x", config) == []
    del config["value.converter.file"]
    (fault,) = client.validate("x", config)
    assert fault.startswith("value.converter.file: Missing required configuration")


def test_connect_names_the_setting_that_is_wrong(client, into_file):
    (fault,) = client.validate("x", into_file(**{"errors.tolerance": "some"}))
    assert fault.startswith("errors.tolerance: Invalid value some")


def test_the_file_beside_terraform_is_the_configuration_that_is_applied():
    told = json.loads((INFRA / "connect" / "ably-sink.json").read_text())
    assert told == {"name": NAME, "config": ably_sink()}


def test_a_worker_without_the_plugin_says_where_it_belongs(run, monkeypatch):
    monkeypatch.setenv("ENDCAP_ABLY_KEY", "app.key:secret")
    with pytest.raises(ConnectorRefused, match=r"no com\.ably\.kafka\.connect\.ChannelSinkConnector.*plugin\.path"):
        run("apply")


def test_alerts_pass_as_the_text_they_are_once_committed(broker, run, into_file, written, tmp_path):
    produce(broker, ([alert(1), alert(2)], True), ([alert(3)], False), ([alert(4)], True))
    status, said = run("apply", "--config", written(into_file()))
    assert status == 0
    assert f"ok       connector  {NAME} runs, 1 tasks" in said
    assert until(lambda: len(found := lines(tmp_path / "alerts")) >= 3 and found) == [
        alert(number)[1] for number in (1, 2, 4)
    ]
    assert run("status")[0] == 0
    assert run("apply", "--config", written(into_file()))[1].startswith("nothing to change")


def test_without_read_committed_an_aborted_alert_passes_and_that_is_found(broker, client, run, recorded):
    produce(broker, ([alert(1)], True), ([alert(3)], False), ([alert(4)], True))
    config = recorded.config()
    del config["consumer.override.isolation.level"]
    client.put(NAME, config)
    assert until(lambda: len(found := recorded.seen()) >= 6 and found) == passing(alert(1), alert(3), alert(4))
    status, said = run("status")
    assert status == 1
    assert "does not say read_committed" in said


def test_the_sink_is_given_the_uid_as_key_the_exact_json_as_value_and_no_aborted_alert(broker, run, recorded, written):
    alerts = [alert(1, "0f" * 16), alert(2, "f0" * 16), alert(4, "0f" * 16)]
    produce(broker, (alerts[:2], True), ([alert(3)], False), (alerts[2:], True))
    assert run("apply", "--config", written(recorded.config()))[0] == 0
    assert until(lambda: len(found := recorded.seen()) >= 6 and found) == passing(*alerts)
    produce(broker, ([alert(5)], False), ([alert(6)], True))
    assert until(lambda: len(found := recorded.seen()) >= 8 and found) == passing(*alerts, alert(6))


def test_the_check_finds_a_sink_that_reads_uncommitted(broker, worker, client, into_file, capsys):
    client.put(NAME, into_file(**{"consumer.override.isolation.level": "read_uncommitted"}))
    parser = ArgumentParser()
    check.configure(parser)
    capsys.readouterr()
    status = check.run(parser.parse_args(["--kafka", broker.bootstrap, "--connect", worker.url, "--role", "delivery"]))
    assert status == 1
    wrong = [line for line in capsys.readouterr().out.splitlines() if line.startswith("wrong")]
    assert len(wrong) == 1
    assert f"connector {NAME}: read_uncommitted: it reads records of aborted transactions" in wrong[0]


def test_a_json_converter_would_spoil_the_alert(broker, client, into_file, tmp_path):
    produce(broker, ([alert(1)], True))
    converter = {
        "value.converter": "org.apache.kafka.connect.json.JsonConverter",
        "value.converter.schemas.enable": "false",
    }
    client.put(NAME, into_file(**converter))
    (line,) = until(lambda: lines(tmp_path / "alerts"))
    assert line.startswith(("{uid=u1", "{id=a1"))


def test_an_alert_that_fails_is_dead_lettered_whole_and_its_neighbours_pass(broker, client, recorded, tmp_path):
    failing = {
        "transforms": "fail",
        "transforms.fail.type": "org.apache.kafka.connect.transforms.ExtractField$Value",
        "transforms.fail.field": "none",
        "transforms.fail.predicate": "poison",
        "predicates": "poison",
        "predicates.poison.type": "org.apache.kafka.connect.transforms.predicates.HasHeaderKey",
        "predicates.poison.name": "poison",
    }
    key, value, _ = alert(2, "u2")
    produce(broker, ([alert(1), (key, value, [("poison", b"1")]), alert(3)], True))
    client.put(NAME, recorded.config(**failing))
    assert until(lambda: len(found := lines(tmp_path / "alerts")) >= 2 and found) == [alert(1)[1], alert(3)[1]]
    assert recorded.seen() == passing(alert(1), (key, value, None), alert(3))
    (letter,) = letters(broker, 1)
    headers = dict(letter.headers())
    assert (letter.key().decode(), letter.value().decode(), headers["poison"]) == (key, value, b"1")
    assert headers["__connect.errors.topic"] == b"customers_alerts"
    assert b"Only Struct objects supported" in headers["__connect.errors.exception.message"]


def letters(broker, count):
    consumer = Consumer(broker.client_config() | {"group.id": "letters", "enable.auto.commit": False})
    consumer.assign([TopicPartition("customers_alerts_dlq", 0, OFFSET_BEGINNING)])
    found = []

    def enough():
        message = consumer.poll(0.2)
        if message is not None and message.error() is None:
            found.append(message)
        return len(found) == count

    until(enough)
    consumer.close()
    return found


def test_a_sink_that_failed_is_named_with_its_reason_and_restarted(broker, run, into_file, written, tmp_path):
    config = into_file(file=str(tmp_path / "missing" / "alerts"))
    status, said = run("apply", "--config", written(config))
    assert status == 1
    assert "its tasks FAILED: org.apache.kafka.connect.errors.ConnectException: Couldn't find or create file" in said
    (tmp_path / "missing").mkdir()
    status, said = run("restart")
    assert (status, said) == (0, f"ok       connector  {NAME} runs, 1 tasks\n")


def test_a_secret_is_read_from_a_file_and_not_shown(broker, client, run, into_file, written, tmp_path):
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "where").write_text(str(tmp_path / "alerts"))
    reference = f"${{directory:{tmp_path}/secrets:where}}"
    produce(broker, ([alert(1)], True))
    assert run("apply", "--config", written(into_file(file=reference)))[0] == 0
    assert until(lambda: lines(tmp_path / "alerts")) == [alert(1)[1]]
    assert client.config(NAME)["file"] == reference


def test_a_sink_is_removed_once(broker, client, run, into_file):
    client.put(NAME, into_file())
    assert run("remove") == (0, f"{NAME} is gone\n")
    assert run("remove") == (0, f"there was no {NAME}\n")


def test_a_sink_that_is_not_there_is_said(run):
    status, said = run("status", "--json")
    assert status == 1
    assert json.loads(said)["findings"][0]["says"] == f"there is no {NAME}"
    with pytest.raises(EndcapError, match="there is no connector"):
        run("restart")


def test_a_dry_run_changes_nothing_and_shows_no_key(client, run, into_file, written):
    status, said = run("apply", "--dry-run", "--config", written(into_file(**{"client.key": "app.key:secret"})))
    assert status == 0
    assert "+ client.key: ********" in said
    assert "secret" not in said
    assert client.connectors() == []


def test_a_worker_that_is_not_there_is_said():
    with pytest.raises(Unreachable, match="Connect does not answer"):
        Connect(ConnectSettings("http://127.0.0.1:1")).version()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--ably-key-reference", "app.key:secret"], "is no reference"),
        ([], "ENDCAP_ABLY_KEY"),
        (["--config", "/nowhere.json"], "can't be read"),
    ],
)
def test_a_setting_that_can_t_work_is_named(arguments, says, run):
    with pytest.raises(BadConfig, match=says):
        run("apply", *arguments)


def test_an_ably_of_one_s_own_is_told_to_the_sink():
    assert endpoint_options("http://localhost:8801") == {
        "client.tls": "false", "client.rest.host": "localhost", "client.port": "8801",
    }  # fmt: skip
    assert endpoint_options("https://ably.example")["client.tls.port"] == "443"
    assert endpoint_options("") == {}


def test_a_reference_to_a_secret_may_be_shown():
    shown = without_secrets({"client.key": "${file:/run/ably:key}", "kafka.api.secret": "s"})
    assert shown == {"client.key": "${file:/run/ably:key}", "kafka.api.secret": "********"}


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("isolation.level=read_committed\n", "ok"),
        ("# isolation.level=read_committed\ngroup.id=x\n", "wrong"),
        ("isolation.level = read_uncommitted\n", "wrong"),
        ("consumer.override.isolation.level=read_committed", "ok"),
    ],
)
def test_a_consumer_s_own_settings_are_judged(text, state, tmp_path):
    path = tmp_path / "consumer.properties"
    path.write_text(text)
    (finding,) = readers.consumer(path)
    assert finding.state == state


def test_the_devkit_starts_a_worker_beside_a_secured_broker():
    order = [sys.executable, "-m", "endcap_devkit", "kafka", "--secure", "--connect"]
    with subprocess.Popen(order, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        ready = json.loads(process.stdout.readline())
        with closing(Connect(ConnectSettings(ready["connect"]))) as found:
            assert FILE_SINK in found.plugins()
        process.send_signal(signal.SIGTERM)
        assert process.wait(WAIT_S) == 0
