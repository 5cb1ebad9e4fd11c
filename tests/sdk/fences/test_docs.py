"""docs/geofences.md says what the code does."""

import re
from dataclasses import fields
from pathlib import Path
from typing import get_args

import pytest

from endcap.fences import Circle, Geofence, Rules
from endcap.fences.events import PassingKind, Reason, VisitKind
from endcap.fences.evidence import WEIGHTS
from endcap.fences.posterior import best_p, sigma_of
from endcap.geo import LatLon

PAGE = (Path(__file__).parents[3] / "docs" / "geofences.md").read_text()
SHOP = LatLon(60.17, 24.94)


def rows(first_cell):
    """The table rows whose first cell begins so."""
    return [line for line in PAGE.splitlines() if line.startswith(f"| {first_cell}")]


@pytest.mark.parametrize("field", [field.name for field in fields(Geofence)])
def test_every_field_of_a_fence_is_described(field):
    assert f"`{field}`" in PAGE


@pytest.mark.parametrize("rule", fields(Rules), ids=lambda rule: rule.name)
def test_every_rule_stands_there_with_its_default(rule):
    (row,) = rows(f"`{rule.name}` ")
    assert float(row.split("|")[2]) == rule.default


@pytest.mark.parametrize("kind", [*get_args(VisitKind), *get_args(PassingKind)])
def test_every_kind_of_event_is_described(kind):
    assert rows(f"`{kind}` ")


@pytest.mark.parametrize("reason", [reason for reason in get_args(Reason) if reason])
def test_every_reason_is_described(reason):
    assert f"`{reason}`" in PAGE


@pytest.mark.parametrize("kind", WEIGHTS)
def test_every_kind_of_evidence_stands_there_with_its_half_life(kind):
    (row,) = rows(f"`{kind}` ")
    assert f"| {WEIGHTS[kind].half_life_s} s |" in row


@pytest.mark.parametrize(
    ("name", "radius_m"), [("fence of 100 ft", 30.48), ("section of 8 m", 8), ("store of 100 m", 100)]
)
def test_the_table_of_what_accuracy_allows_is_computed(name, radius_m):
    (head,), (row,) = rows("accuracy the OS states"), rows(name)
    stated = [float(cell.split()[0]) for cell in head.split("|")[2:-1]]
    said = [float(cell) for cell in row.split("|")[2:-1]]
    best = [best_p(Circle(SHOP, radius_m), sigma_of(accuracy_m)) for accuracy_m in stated]
    assert said == pytest.approx(best, abs=0.0051)


def test_the_public_names_of_the_example_exist():
    import endcap

    for name in re.findall(r"endcap\.([A-Z]\w+)\(", PAGE):
        assert hasattr(endcap, name)
