"""Terraform itself is not run here: its files are parsed, and what they say is compared with the code."""

import json
import re
from pathlib import Path

import hcl2
import pytest

from endcap import messages
from endcap_backend.config import Settings
from endcap_backend.pipeline.forward import FORWARDED
from endcap_backend.pipeline.kafka import KafkaSettings
from endcap_backend.pipeline.marks import MARKS
from endcap_backend.settings import settings_of

INFRA = Path(__file__).parents[3] / "backend" / "infra"
FILES = sorted((INFRA / "terraform").glob("*.tf"))
WHOLE = "\n".join(path.read_text() for path in FILES)


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


def test_the_topics_are_the_products():
    topics = next(body["topics"] for path in FILES for body in parsed(path).get("locals", []) if "topics" in body)
    names = {name.strip('"') for name in topics if not name.startswith("__")}
    assert set(FORWARDED) | {MARKS, messages.CUSTOMERS_ALERTS} <= names
    letters = {f"{name}_dlq" for name in (*FORWARDED, messages.CUSTOMERS_ALERTS)}
    assert {name for name in names if name.endswith("_dlq")} == letters


def test_the_backend_may_write_what_it_forwards():
    (forwarded,) = (
        body["forwarded"] for path in FILES for body in parsed(path).get("locals", []) if "forwarded" in body
    )
    assert [name.strip('"') for name in forwarded] == list(FORWARDED)


def test_each_variable_of_the_environment_that_is_named_exists():
    known = {each.variable for kind in (KafkaSettings, Settings) for each in settings_of(kind)}
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
