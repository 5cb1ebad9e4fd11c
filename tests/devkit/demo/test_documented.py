"""docs/demo.md names every switch of `endcap demo`, `endcap simulate` and `endcap kafka`."""

import argparse
from pathlib import Path

import pytest

from endcap_devkit.demo import command as demo
from endcap_devkit.kafka import command as kafka
from endcap_devkit.simulate import command as simulate

DOCS = (Path(__file__).parents[3] / "docs" / "demo.md").read_text()


def switches(module):
    parser = argparse.ArgumentParser()
    module.configure(parser)
    return [each for action in parser._actions for each in action.option_strings if each.startswith("--")]


@pytest.mark.parametrize("module", [demo, simulate, kafka], ids=["demo", "simulate", "kafka"])
def test_each_switch_is_documented(module):
    assert [switch for switch in switches(module) if f"`{switch}" not in DOCS and switch != "--help"] == []
