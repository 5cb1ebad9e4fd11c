"""Each fault is made for real, on a real broker, and is named in words in time."""

import json
import os
import socket
import subprocess
import sys
import time
from threading import Timer

import pytest
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from endcap.clock import SystemClock
from endcap.errors import BadConfig
from endcap_backend.pipeline.cluster.check import check
from endcap_backend.pipeline.cluster.deadline import Deadline
from endcap_backend.pipeline.cluster.findings import well
from endcap_backend.pipeline.cluster.group_rights import groups_of
from endcap_backend.pipeline.cluster.roles import ROLES
from endcap_backend.pipeline.cluster.topics import topics
from endcap_backend.pipeline.kafka import KafkaSettings
from endcap_devkit.kafka.broker import KafkaBroker
from endcap_devkit.ports import free_port

pytestmark = pytest.mark.kafka
WAIT_S = 60


def found(settings, role="backend", within_s=WAIT_S):
    """What a check says; it has more time here than a user gives it, since a loaded machine takes longer."""
    return check(settings, ROLES[role], topics(), within_s=within_s)


def faults(settings, role="backend", **options):
    return [f"{each.what}: {each.says}" for each in found(settings, role, **options) if each.state == "wrong"]


@pytest.mark.parametrize("role", list(ROLES))
def test_a_cluster_as_it_should_be_has_no_fault(role, plain, settings, make_topics):
    make_topics(plain)
    assert faults(settings, role) == []


def test_a_secured_cluster_as_it_should_be_has_no_fault(secured, emptied, as_user, make_topics):
    make_topics(emptied(secured))
    assert faults(as_user()) == []


def test_a_wrong_password_is_named_with_its_user(as_user):
    (fault,) = (each for each in found(as_user(password="guessed")) if each.state == "wrong")
    assert fault.says == "user name or password is refused"
    assert "ENDCAP_KAFKA_SASL_USERNAME (admin)" in fault.do
    assert "guessed" not in str(fault)


def test_a_certificate_authority_that_is_not_trusted_is_named(as_user):
    (fault,) = (each for each in found(as_user(kafka_ca_file="")) if each.state == "wrong")
    assert "authority that is not trusted" in fault.says
    assert "ENDCAP_KAFKA_CA_FILE" in fault.do


def test_a_ca_file_that_is_none_is_a_bad_setting(as_user, tmp_path):
    (tmp_path / "ca.pem").write_text("no certificate")
    with pytest.raises(BadConfig, match=r"ssl\.ca\.location"):
        found(as_user(kafka_ca_file=str(tmp_path / "ca.pem")))


def test_a_login_of_a_kind_the_broker_does_not_take_is_named(as_user):
    assert faults(as_user(kafka_sasl_mechanism="SCRAM-SHA-256")) == [
        "login: the broker does not take this kind of login"
    ]


def test_plain_text_to_a_listener_with_tls_is_named(secured):
    assert faults(KafkaSettings(secured.bootstrap)) == ["login: the broker hangs up on PLAINTEXT: it wants TLS"]


def test_tls_to_a_listener_without_it_is_named(settings):
    spoken = KafkaSettings(settings.kafka_bootstrap_servers, kafka_security_protocol="SSL")
    assert faults(spoken) == ["login: TLS is spoken to a listener without TLS"]


def test_a_login_where_none_is_wanted_is_named(settings):
    servers = settings.kafka_bootstrap_servers
    logged = KafkaSettings(servers, "u", "p", kafka_security_protocol="SASL_PLAINTEXT")
    assert faults(logged) == ["login: the listener wants no login"]


def test_a_port_nobody_listens_on_is_named():
    port = free_port()
    assert faults(KafkaSettings(f"127.0.0.1:{port}")) == [f"reach: 127.0.0.1:{port}: connection refused"]


def test_a_name_that_does_not_resolve_is_named():
    assert faults(KafkaSettings("broker.invalid:9092")) == ["reach: broker.invalid:9092: the name can't be resolved"]


@pytest.mark.parametrize("servers", ["broker", "broker:", "broker:0", "a:9092,,b:9092"])
def test_a_server_without_a_port_is_a_bad_setting(servers):
    with pytest.raises(BadConfig, match="host:port"):
        found(KafkaSettings(servers))


def test_of_two_servers_one_may_be_away(plain, settings, make_topics):
    make_topics(plain)
    servers = f"127.0.0.1:{free_port()},{settings.kafka_bootstrap_servers}"
    findings = found(KafkaSettings(servers))
    assert well(findings)
    assert [each.says for each in findings if each.state == "unknown"] == [
        f"{servers.split(',')[0]}: connection refused"
    ]


def test_a_port_where_something_else_listens_is_named_in_time():
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        assert faults(KafkaSettings(f"127.0.0.1:{deaf.getsockname()[1]}"), within_s=1.5) == [
            "login: the port is open, but nothing that speaks Kafka answers in time"
        ]


def test_a_frozen_broker_is_named_in_time(plain, settings):
    plain.freeze()
    try:
        assert "nothing that speaks Kafka answers" in faults(settings, within_s=1.5)[0]
    finally:
        plain.thaw()


def test_a_missing_topic_is_named_and_its_neighbours_are_not(plain, settings, make_topics):
    make_topics(plain, without=["customers_locations_dlq"])
    assert faults(settings) == ["topic: customers_locations_dlq does not exist"]


def test_positions_kept_too_long_are_named(plain, settings, make_topics):
    make_topics(
        plain, without=[each.name for each in topics() if each.name != "customers_locations"], **{"retention.ms": "-1"}
    )
    assert "topic: customers_locations: retention.ms is -1, not 86400000" in faults(settings)


@pytest.fixture
def allow(secured):
    """Gives the user without rights the rights named; they are taken away again."""
    admin = AdminClient(secured.client_config())

    def grant(*rules):
        literal, allowed = ResourcePatternType.LITERAL, AclPermissionType.ALLOW
        bindings = [
            AclBinding(ResourceType[kind], name.removesuffix("*"),
                       ResourcePatternType.PREFIXED if name.endswith("*") else literal,
                       "User:client", "*", AclOperation[operation], allowed)
            for kind, name, operation in rules
        ]  # fmt: skip
        for future in admin.create_acls(bindings).values():
            future.result(WAIT_S)
        deadline_s = time.monotonic() + WAIT_S
        while len(admin.describe_acls(every).result(WAIT_S)) < len(bindings):  # the broker hears a little after
            assert time.monotonic() < deadline_s

    every = AclBindingFilter(ResourceType.ANY, None, ResourcePatternType.ANY, "User:client", None,
                             AclOperation.ANY, AclPermissionType.ANY)  # fmt: skip
    yield grant
    for future in admin.delete_acls([every]).values():
        future.result(WAIT_S)


def rules_of(role, without=()):
    each_topic = [("TOPIC", name, operation) for name, wanted in role.topics.items() for operation in sorted(wanted)]
    rules = [*each_topic, *(("GROUP", group, "READ") for group in role.groups)]
    rules += [("TRANSACTIONAL_ID", f"{role.transactional_id}*", operation) for operation in ("WRITE", "DESCRIBE")]
    return [rule for rule in rules if rule not in without]


@pytest.mark.parametrize("role", list(ROLES))
def test_the_rights_of_a_role_are_enough_for_it(role, secured, emptied, as_user, allow, make_topics):
    make_topics(emptied(secured))
    allow(*rules_of(ROLES[role]))
    findings = found(as_user("client"), role)
    assert [each for each in findings if each.state == "wrong"] == []
    assert any("can't be seen without DESCRIBE_CONFIGS" in each.says for each in findings)


@pytest.mark.parametrize(
    ("lacking", "says"),
    [
        (("TOPIC", "customers_events", "WRITE"), "topic: customers_events: User:client is not allowed to WRITE"),
        (
            ("TOPIC", "endcap_forwarder_marks", "READ"),
            "topic: endcap_forwarder_marks: User:client is not allowed to READ",
        ),
        (("GROUP", "endcap-forwarder", "READ"), "group: endcap-forwarder: User:client is not allowed to READ"),
        (
            ("TRANSACTIONAL_ID", "endcap-forwarder*", "WRITE"),
            "transactional id: endcap-forwarder*: User:client is not allowed to DESCRIBE and WRITE",
        ),
    ],
    ids=lambda each: each if isinstance(each, str) else each[1],
)
def test_a_missing_right_is_named(lacking, says, secured, emptied, as_user, allow, make_topics):
    make_topics(emptied(secured))
    allow(*rules_of(ROLES["backend"], without=[lacking]))
    (fault,) = faults(as_user("client"))
    assert fault.startswith(says)


ENDS = (sys.executable, "-c", "import os; os.abort()")  # as librdkafka ends it when a broker goes away meanwhile


def test_when_asking_for_groups_ends_with_the_broker_the_check_says_so_and_goes_on(settings):
    says = "the connection to its coordinator broke while it was asked"
    found = groups_of(settings, ROLES["match"], Deadline(SystemClock(), WAIT_S), ENDS)
    assert [(each.state, each.says) for each in found] == [
        ("unknown", f"{group}: {says}") for group in ROLES["match"].groups
    ]


def test_when_asking_for_groups_fails_the_check_says_why(settings):
    fails = (sys.executable, "-c", "import endcap_backend.no_such_module")
    (found, _) = groups_of(settings, ROLES["match"], Deadline(SystemClock(), WAIT_S), fails)
    says = "asking failed: ModuleNotFoundError: No module named 'endcap_backend.no_such_module'"
    assert (found.state, found.says) == ("unknown", f"{ROLES['match'].groups[0]}: {says}")


def test_a_broker_that_dies_while_it_is_asked_for_groups_is_unknown():
    with KafkaBroker() as broker:
        settings = KafkaSettings(broker.bootstrap)
        broker.freeze()
        killer = Timer(1.0, broker.kill)
        killer.start()
        found = groups_of(settings, ROLES["match"], Deadline(SystemClock(), 4.0))
        killer.join()
    assert [each.state for each in found] == ["unknown", "unknown"]


def command(*arguments, **environ):
    order = [sys.executable, "-m", "endcap_backend", "check", *arguments]
    known = {name: value for name, value in os.environ.items() if not name.startswith("ENDCAP_KAFKA")}
    return subprocess.run(order, capture_output=True, text=True, timeout=120, env=known | environ)


def test_the_command_takes_serve_s_variables_and_ends_with_0_when_all_is_well(secured, emptied, make_topics, tmp_path):
    make_topics(emptied(secured))
    (tmp_path / "password").write_text("admin-secret\n")
    ran = command(
        "--json",
        ENDCAP_KAFKA_BOOTSTRAP_SERVERS=secured.bootstrap,
        ENDCAP_KAFKA_SASL_USERNAME="admin",
        ENDCAP_KAFKA_SASL_PASSWORD_FILE=str(tmp_path / "password"),
        ENDCAP_KAFKA_CA_FILE=str(secured.security.ca),
    )
    assert (ran.returncode, json.loads(ran.stdout)["ok"], ran.stderr) == (0, True, "")


def test_the_command_ends_with_1_and_says_what_to_do():
    ran = command("--kafka", f"127.0.0.1:{free_port()}")
    assert ran.returncode == 1
    assert ran.stdout.startswith("wrong    reach  127.0.0.1")
    assert "-> check ENDCAP_KAFKA_BOOTSTRAP_SERVERS" in ran.stdout


def test_the_command_without_a_server_says_which_variable_to_set():
    ran = command()
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "ENDCAP_KAFKA_BOOTSTRAP_SERVERS" in ran.stderr
