"""Docker is not run here: compose.yaml is parsed, and what it says is held against the code."""

import re
import tomllib
from argparse import ArgumentParser
from importlib import import_module
from pathlib import Path

import pytest
import yaml

from endcap_backend.__main__ import COMMANDS
from endcap_backend.config import Settings
from endcap_backend.pipeline.cluster.connect import ConnectSettings
from endcap_backend.pipeline.cluster.ksqldb import KsqlSettings, reads_committed
from endcap_backend.pipeline.kafka import KafkaSettings
from endcap_backend.settings import settings_of

ROOT = Path(__file__).parents[3]
INFRA = ROOT / "backend" / "infra"
COMPOSE = yaml.safe_load((INFRA / "compose.yaml").read_text())
SERVICES = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}


def test_it_has_what_a_laptop_needs():
    assert {"kafka", "ksqldb", "connect", "sink", "backend"} <= set(SERVICES)


@pytest.mark.parametrize("name", sorted(SERVICES.keys() - OURS.keys()))
def test_every_image_that_is_fetched_is_pinned_to_a_version(name):
    assert re.fullmatch(r"[\w/-]+:\d+\.\d+\.\d+", SERVICES[name]["image"])


def test_kafka_is_of_the_version_that_the_tests_run_on():
    pom = (ROOT / "backend" / "endcap_devkit" / "kafka" / "pom.xml").read_text()
    version = re.search(r"<kafka.version>(.+)</kafka.version>", pom)[1]
    assert {SERVICES[name]["image"] for name in ("kafka", "connect")} == {f"apache/kafka:{version}"}


@pytest.mark.parametrize("name", sorted(OURS))
def test_each_command_of_ours_is_one_that_the_backend_takes(name):
    command, *arguments = (word.replace("$$", "$") for word in OURS[name]["command"])
    module = import_module(COMMANDS[command][0])
    parser = ArgumentParser(exit_on_error=False)
    module.configure(parser)
    assert parser.parse_args(arguments)


def test_each_variable_of_ours_exists():
    kinds = (Settings, KafkaSettings, KsqlSettings, ConnectSettings)
    known = {each.variable + end for kind in kinds for each in settings_of(kind) for end in ("", "_FILE")}
    named = {name for service in OURS.values() for name in service.get("environment", ())}
    named |= set(re.findall(r"ENDCAP_[A-Z_]+", (INFRA / "Dockerfile").read_text()))
    assert named
    assert named <= known


def test_each_service_that_is_waited_for_exists_and_can_say_that_it_is_well():
    for name, service in SERVICES.items():
        for other, how in service.get("depends_on", {}).items():
            assert how["condition"] in ("service_healthy", "service_completed_successfully"), name
            assert how["condition"] != "service_healthy" or "healthcheck" in SERVICES[other], name


def test_nothing_listens_beyond_this_machine():
    ports = [port for service in SERVICES.values() for port in service.get("ports", ())]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_ksqldb_and_the_sinks_read_committed_records_alone():
    environment = SERVICES["ksqldb"]["environment"]
    properties = {
        name.removeprefix("KSQL_").lower().replace("_", "."): value
        for name, value in environment.items()
        if name.startswith("KSQL_KSQL_")
    }
    assert reads_committed(properties)
    assert "consumer.isolation.level=read_committed" in (INFRA / "connect" / "worker.properties").read_text()


def test_no_secret_stands_in_the_file():
    assert COMPOSE["secrets"] == {"ably_key": {"file": "./ably_key.txt"}}
    assert not re.search(r"\w+\.\w+:\w{8,}", "\n".join(str(each) for each in OURS.values()))


def test_the_image_installs_extras_that_exist_from_files_that_are_let_in():
    dockerfile = (INFRA / "Dockerfile").read_text()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras = re.search(r"/src\[(.+?)\]", dockerfile)[1].split(",")
    assert set(extras) <= set(project["project"]["optional-dependencies"])
    let_in = [line[1:] for line in (INFRA / "Dockerfile.dockerignore").read_text().splitlines() if line.startswith("!")]
    for needed in (
        *project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"],
        project["project"]["readme"],
        "constraints.txt",
        "pyproject.toml",
    ):
        assert any(needed == each or needed.startswith(f"{each}/") for each in let_in), needed
        assert (ROOT / needed).exists()
