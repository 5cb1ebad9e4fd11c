"""docs/cluster.md, at-scale.md and confluent-cloud.md are held to the commands and to Terraform."""

import re
import shlex
from argparse import ArgumentParser
from importlib import import_module
from math import ceil
from pathlib import Path

import pytest

from endcap_backend.__main__ import COMMANDS
from endcap_backend.config import Settings
from endcap_backend.pipeline.cluster.connect import ConnectSettings
from endcap_backend.pipeline.cluster.ksqldb import KsqlSettings
from endcap_backend.pipeline.cluster.topics import topics
from endcap_backend.pipeline.kafka import KafkaSettings
from endcap_backend.settings import settings_of

ROOT = Path(__file__).parents[3]
PAGES = {name: (ROOT / "docs" / f"{name}.md").read_text() for name in ("cluster", "at-scale", "confluent-cloud")}
TERRAFORM = "\n".join(path.read_text() for path in (ROOT / "backend" / "infra" / "terraform").glob("*.tf"))
COMMAND = re.compile(r"(?:^|\s)endcap-backend ([a-z]+)((?: [^\s#`|]\S*)*)", re.MULTILINE)


def blocks(text):
    return re.findall(r"^```\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def shown():
    """Every command of ours that stands in a block of one of the pages."""
    for page, text in PAGES.items():
        for block in blocks(text):
            for line in block.splitlines():
                if found := COMMAND.search(line.split("   #")[0]):
                    yield page, found[1], found[2]


@pytest.mark.parametrize(("page", "command", "arguments"), list(shown()), ids=lambda each: each.strip()[:40])
def test_each_command_shown_is_one_that_the_backend_takes(page, command, arguments):
    words = shlex.split(arguments.replace("$(", "").replace(")", ""))
    words = ["x" if word.startswith("terraform output") else word for word in words]
    module = import_module(COMMANDS[command][0])
    parser = ArgumentParser(exit_on_error=False)
    module.configure(parser)
    assert parser.parse_args(words)


def test_each_variable_named_exists():
    kinds = (Settings, KafkaSettings, KsqlSettings, ConnectSettings)
    known = {each.variable + end for kind in kinds for each in settings_of(kind) for end in ("", "_FILE")}
    named = set(re.findall(r"ENDCAP_[A-Z_]+[A-Z]", "\n".join(PAGES.values())))
    assert named
    assert named <= known


def test_each_output_and_variable_of_terraform_that_is_named_exists():
    text = PAGES["confluent-cloud"]
    outputs = set(re.findall(r"terraform output -raw (\w+)", text))
    assert outputs
    assert outputs <= set(re.findall(r'^output "(\w+)"', TERRAFORM, re.MULTILINE))
    variables = set(re.findall(r"-var (\w+)=", text))
    assert variables
    assert variables <= set(re.findall(r'^variable "(\w+)"', TERRAFORM, re.MULTILINE))


def test_each_topic_stands_in_the_table_with_how_long_it_is_kept():
    table = PAGES["cluster"].split("\n## Topics\n")[1].split("\n## ")[0]
    for topic in topics():
        assert f"`{topic.name}`" in table or topic.name.endswith("_dlq"), topic.name
    hours = {topic.name: topic.config.get("retention.ms") for topic in topics()}
    assert hours["customers_locations"] == str(24 * 3600 * 1000)
    assert "| `customers_locations` | 24 h" in table
    assert hours["customers_events"] == str(7 * 24 * 3600 * 1000)
    assert "| `customers_events` | 7 days" in table


def test_each_switch_of_the_cluster_s_commands_is_documented():
    text = PAGES["cluster"]
    kafka = {each.switch for kind in (KafkaSettings, KsqlSettings, ConnectSettings) for each in settings_of(kind)}
    for command in ("check", "apply", "teardown", "connect"):
        parser = ArgumentParser(add_help=False)
        import_module(COMMANDS[command][0]).configure(parser)
        switches = {word for action in parser._actions for word in action.option_strings if word.startswith("--")}
        assert {switch for switch in switches - kafka if switch not in text} == set(), command


def test_the_sizing_table_adds_up():
    text = PAGES["at-scale"]
    assert "a fix every five seconds" in text
    rows = {
        line.split("|")[1].strip(): [cell.strip() for cell in line.split("|")[2:5]]
        for line in text.split("## A worked table")[1].split("\n## ")[0].splitlines()
        if line.startswith("| ")
    }
    shoppers = [int(cell.replace(",", "")) for cell in rows["shoppers with the app in store, at the peak"]]
    fixes = [int(cell.replace(",", "")) for cell in rows["fixes a second, at the peak"]]
    assert fixes == [each // 5 for each in shoppers]
    partitions = [int(cell) for cell in rows["partitions (fixes a second / 2,500)"]]
    assert partitions == [max(6, ceil(ceil(each / 2500) / 6) * 6) for each in fixes]
