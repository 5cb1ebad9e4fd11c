"""`docs/local-ably.md` names every switch, fault and path that the local Ably has."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from endcap_devkit.ably_server import Settings
from endcap_devkit.ably_server.app import create_app
from endcap_devkit.ably_server.command import configure
from endcap_devkit.ably_server.faults import FAULTS
from endcap_devkit.ably_server.state import LocalAbly

PAGE = (Path(__file__).parents[2] / "docs/local-ably.md").read_text("utf-8")


def switches() -> list[str]:
    parser = argparse.ArgumentParser(add_help=False)
    configure(parser)
    return [option for action in parser._actions for option in action.option_strings]


def local_paths() -> set[str]:
    resources = create_app(LocalAbly(Settings())).router.resources()
    return {resource.canonical for resource in resources if resource.canonical.startswith("/local")}


@pytest.mark.parametrize("switch", switches())
def test_each_switch_is_documented(switch: str) -> None:
    assert f"| `{switch}` |" in PAGE


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_documented(fault: str) -> None:
    assert f"| `{fault}` |" in PAGE


@pytest.mark.parametrize("path", sorted(local_paths()))
def test_each_path_of_its_own_is_documented(path: str) -> None:
    assert path.replace("{fault}", "<fault>") in PAGE
