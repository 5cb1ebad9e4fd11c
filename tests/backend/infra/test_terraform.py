"""Terraform itself is not run here: its files are parsed, and what they say is compared with the code."""

import json
import re
from functools import cache
from itertools import product
from pathlib import Path

import hcl2
import pytest

from endcap import messages
from endcap_backend.config import Settings
from endcap_backend.match.statements import statements
from endcap_backend.pipeline.cluster.connect import ConnectSettings
from endcap_backend.pipeline.cluster.ksqldb import KsqlSettings
from endcap_backend.pipeline.cluster.ledger import LEDGER
from endcap_backend.pipeline.cluster.roles import ROLES
from endcap_backend.pipeline.cluster.topics import topics
from endcap_backend.pipeline.forward import FORWARDED
from endcap_backend.pipeline.kafka import KafkaSettings
from endcap_backend.pipeline.marks import MARKS
from endcap_backend.settings import settings_of

INFRA = Path(__file__).parents[3] / "backend" / "infra"
FILES = sorted((INFRA / "terraform").glob("*.tf"))
WHOLE = "\n".join(path.read_text() for path in FILES)


@cache
def parsed(path):
    with path.open() as text:
        return hcl2.load(text)


def blocks(kind):
    """Every block of a kind, by name; quotes that the parser keeps are dropped."""
    found = {}
    for path in FILES:
        for block in parsed(path).get(kind, []):
            for name, body in block.items():
                found[name.strip('"')] = body
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_each_file_parses(path):
    assert parsed(path)


@pytest.mark.parametrize("kind", ["variable", "output"])
def test_each_variable_and_output_is_described(kind):
    found = blocks(kind)
    assert found
    assert [name for name, body in found.items() if len(body.get("description", "")) < 10] == []


def test_secrets_are_sensitive():
    secret = [
        name for kind in ("variable", "output") for name in blocks(kind) if "secret" in name or name == "ably_api_key"
    ]
    assert len(secret) >= 5
    for name in secret:
        body = blocks("variable").get(name) or blocks("output")[name]
        assert body["sensitive"] is True, name


def test_every_variable_is_used_and_every_used_one_declared():
    assert set(re.findall(r"\bvar\.(\w+)", WHOLE)) == set(blocks("variable"))


def test_every_resource_that_is_referred_to_exists():
    declared = {
        (kind.strip('"'), name.strip('"'))
        for path in FILES
        for block in parsed(path).get("resource", [])
        for kind, named in block.items()
        for name in named
        if not name.startswith("__")
    }
    referred = set(re.findall(r"(?<!data\.)(?<!\")\b(confluent_\w+)\.(\w+)[.\[\]\s,)]", WHOLE))
    assert referred
    assert referred <= declared


def local(name):
    return next(body[name] for path in FILES for body in parsed(path).get("locals", []) if name in body)


def kept_ms():
    """How long each topic is kept, with the variables at their defaults."""
    default_h = blocks("variable")["locations_retention_h"]["default"]
    hours = {name.strip('"'): hours for name, hours in local("kept_h").items() if not name.startswith("__")}
    hours = {name: default_h if "locations_retention_h" in str(each) else each for name, each in hours.items()}
    return {
        name: "-1" if each in (None, "null", "${null}") else str(int(each) * 3_600_000) for name, each in hours.items()
    }


def test_the_topics_are_those_that_apply_makes_and_as_long_kept():
    wanted = {topic.name: topic.config for topic in topics()}
    kept = kept_ms()
    assert {name for name in wanted if not name.endswith("_dlq")} == {*kept, MARKS}
    assert {name for name in wanted if name.endswith("_dlq")} == {f"{name}_dlq" for name in kept}
    assert {name: wanted[name]["retention.ms"] for name in kept} == kept
    assert {config["cleanup.policy"] for name, config in wanted.items() if name != MARKS} == {"delete"}
    segments = {name: config["segment.ms"] for name, config in wanted.items() if "segment.ms" in config}
    assert set(segments) == set(wanted) - {"stores_products", "products_promotions"}
    assert set(segments.values()) == {str(4 * 3_600_000)}
    assert re.search(r"segment_h = 4\b", WHOLE)
    assert len(re.findall(r'"segment.ms"', WHOLE)) == 3
    assert len(re.findall(r'"segment.ms"\s*= tostring\(local.segment_h \* local.hour_ms\)', WHOLE)) == 3
    assert re.search(rf'{MARKS} = {{\s*"cleanup.policy" = "compact"', WHOLE)


@cache
def rules():
    """The access rules of access.tf, written out: (program, kind, pattern, name, operation)."""
    text = (INFRA / "terraform" / "access.tf").read_text()
    lists = {name: [each.strip('"') for each in local(name)] for name in ("forwarded", "matched", "derived")}
    lists["refused"] = [f"{name}_dlq" for name in lists["forwarded"]]
    cell = r'\s*"([^"]+)"\s*'
    found = set(re.findall(rf"\[{cell},{cell},{cell},{cell},{cell}\]", text))
    for names, program, kind, pattern, operation in re.findall(
        rf"\[for \w+ in (.+?) : \[{cell},{cell},{cell},\s*\w+,{cell}\]\]", text
    ):
        each = re.findall(r'"([^"]+)"', names) or [
            x for name in re.findall(r"local\.(\w+)", names) for x in lists.get(name, ())
        ]
        found |= {(program, kind, pattern, name, operation) for name in each}
    for names, operations, program, kind, pattern in re.findall(
        rf"setproduct\((\[.*?\]), (\[.*?\])\) :\s*\[{cell},{cell},{cell},", text
    ):
        pairs = product(re.findall(r'"([^"]+)"', names), re.findall(r'"([^"]+)"', operations))
        found |= {(program, kind, pattern, name, operation) for name, operation in pairs}
    return found


def allows(program, kind, name, operation):
    return any(
        each[:2] == (program, kind)
        and (name == each[3] if each[2] == "LITERAL" else name.startswith(each[3]))
        and each[4] in (operation, "ALL")
        for each in rules()
    )


PROGRAMS = {"backend": ("backend",), "match": ("match", "parity", "decide"), "delivery": ("delivery",)}


@pytest.mark.parametrize(
    ("role", "program"), [(role, program) for program, roles in PROGRAMS.items() for role in roles]
)
def test_a_program_may_do_what_its_role_does(role, program):
    needs = ROLES[role]
    assert [
        (name, operation)
        for name, operations in needs.topics.items()
        for operation in operations
        if not allows(program, "TOPIC", name, operation)
    ] == []
    assert all(allows(program, "GROUP", group, "READ") for group in needs.groups)
    assert all(allows(program, "TRANSACTIONAL_ID", needs.transactional_id, each) for each in ("WRITE", "DESCRIBE"))


# ksqlDB asks how long a topic is kept before it makes a stream from it, or declares one over it
KSQLDB_LOOKS = {(topic, "DESCRIBE_CONFIGS") for topic in (*FORWARDED, messages.CUSTOMERS_ALERTS)}


def test_ksqldb_may_ask_how_long_the_topics_are_kept_that_it_reads_and_writes():
    assert all(allows("match", "TOPIC", *each) for each in KSQLDB_LOOKS)


def test_whoever_sends_statements_is_let_into_that_ksqldb_cluster_alone():
    bindings = dict(re.findall(r'role_name\s*= "(\w+)"\s*crn_pattern\s*= (\S+)', WHOLE))
    assert bindings["KsqlAdmin"] == "confluent_ksql_cluster.match[0].resource_name"
    assert "depends_on = [confluent_role_binding.ksqldb]" in WHOLE


def test_the_sink_s_archive_lies_in_the_cluster_s_cloud():
    assert re.search(r"filename\s*= var\.ably_connector_zip\s*cloud\s*= var\.cloud", WHOLE)


def test_every_role_is_some_programs():
    assert sorted(role for roles in PROGRAMS.values() for role in roles) == sorted(ROLES)


@pytest.mark.parametrize("program", list(PROGRAMS))
def test_a_program_may_do_no_more_than_its_roles_do(program):
    needs = [ROLES[role] for role in PROGRAMS[program]]
    needed = {(name, operation) for role in needs for name, wanted in role.topics.items() for operation in wanted}
    mine = {each[1:] for each in rules() if each[0] == program}
    allowed = {(name, operation) for kind, pattern, name, operation in mine if (kind, pattern) == ("TOPIC", "LITERAL")}
    whole = {name for name, operation in allowed if operation == "ALL"}
    derived = {each.strip('"') for each in local("derived")}
    matched = {each.strip('"') for each in local("matched")}
    allowed -= KSQLDB_LOOKS if program == "match" else set()
    assert whole == (derived | matched if program == "match" else set())
    assert matched <= {name for role in ROLES.values() for name in role.topics}
    assert {each for each in allowed if each[0] not in whole} == {each for each in needed if each[0] not in whole}
    groups = {name for kind, _, name, _ in mine if kind == "GROUP"} - {"connect-lcc"}  # the connector's own
    assert all(any(group.startswith(prefix) for role in needs for group in role.groups) for prefix in groups)
    ids = {name for kind, _, name, _ in mine if kind == "TRANSACTIONAL_ID"}
    assert all(any(role.transactional_id.startswith(prefix) for role in needs) for prefix in ids)


def test_no_program_may_write_the_topics_of_another():
    written = {(each[0], each[3]) for each in rules() if each[1] == "TOPIC" and each[4] in ("WRITE", "ALL")}
    assert ("delivery", "customers_alerts") not in written
    assert not {topic for program, topic in written if program == "match"} & {
        "customers_events",
        "stores_products",
        MARKS,
    }
    assert {topic for program, topic in written if program == "apply"} == {LEDGER}


def test_ksqldb_may_make_the_topics_of_its_streams_and_tables():
    derived = {each.name for each in statements("product") if "AS SELECT" in each.sql} - {"NEARBY"}
    assert {each.strip('"') for each in local("derived")} == derived


def test_what_the_seed_asks_for_is_the_default():
    defaults = {name: body.get("default") for name, body in blocks("variable").items()}
    assert {name: str(defaults[name]).strip('"') for name in ("cluster_type", "availability", "cloud", "region")} == {
        "cluster_type": "basic", "availability": "SINGLE_ZONE", "cloud": "AWS", "region": "us-east-2",
    }  # fmt: skip
    assert defaults["ksqldb_csu"] == 4
    assert str(defaults["stream_governance"]).strip('"') == "ESSENTIALS"


def test_the_backend_may_write_what_it_forwards():
    (forwarded,) = (
        body["forwarded"] for path in FILES for body in parsed(path).get("locals", []) if "forwarded" in body
    )
    assert [name.strip('"') for name in forwarded] == list(FORWARDED)


def test_each_variable_of_the_environment_that_is_named_exists():
    known = {
        each.variable for kind in (KafkaSettings, KsqlSettings, ConnectSettings, Settings) for each in settings_of(kind)
    }
    named = set(re.findall(r"ENDCAP_[A-Z_]+", WHOLE))
    assert named
    assert named <= known


def test_no_program_is_a_cluster_admin():
    assert WHOLE.count("CloudClusterAdmin") == 1  # Terraform's own account


def test_the_sink_reads_committed_alerts_by_shopper_as_text():
    config = json.loads((INFRA / "connect" / "ably-sink.json").read_text())["config"]
    assert config["topics"] == messages.CUSTOMERS_ALERTS
    assert config["channel"] == messages.promotions_channel("#{key}")
    assert config["consumer.override.isolation.level"] == "read_committed"
    assert config["value.converter"].endswith("StringConverter")
    assert config["errors.deadletterqueue.topic.name"] == f"{messages.CUSTOMERS_ALERTS}_dlq"
