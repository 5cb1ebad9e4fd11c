"""Docs are held to the code: a field that is renamed, added or dropped must be so in `docs/` too."""

import re
from pathlib import Path

import pytest

from endcap.messages import MESSAGES, help_channel, location_channel, promotions_channel

DOCS = Path(__file__).parent.parent / "docs"
PAGES = [*DOCS.parent.glob("*.md"), *DOCS.rglob("*.md")]


def documented_fields(cls):
    section = (DOCS / "messages.md").read_text().split(f"\n## {cls.__name__}\n")[1].split("\n## ")[0]
    rows = [line.split(" | ") for line in section.splitlines() if line.startswith("| `")]
    return {row[0].strip("| `"): (row[1], row[2] == "yes", row[3], row[5].removesuffix(" |")) for row in rows}


@pytest.mark.parametrize("cls", MESSAGES)
def test_each_field_is_documented_as_it_is(cls):
    assert documented_fields(cls) == {
        wire.name: (wire.kind, wire.required, wire.unit or "–", wire.meaning) for wire in cls.wires().values()
    }


@pytest.mark.parametrize("cls", MESSAGES)
def test_each_topic_and_key_is_documented(cls):
    assert f"## {cls.__name__}\n\nTopic `{cls.TOPIC}`, key `{cls.KEY}`." in (DOCS / "messages.md").read_text()


@pytest.mark.parametrize("channel", [location_channel, promotions_channel])
def test_each_shopper_channel_is_documented(channel):
    assert f"| `{channel('{uid}')}` |" in (DOCS / "messages.md").read_text()


def test_the_staff_channel_is_documented():
    assert f"| `{help_channel('{store}')}` |" in (DOCS / "messages.md").read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_each_relative_link_leads_somewhere(page):
    links = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []
