"""A task manager is killed in the middle: no row is lost, and with transactions none is doubled."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from endcap.messages import CustomerLocation, ProductPromotion, StoreProduct

HALF = 5_000
NOW_MS = 1_764_000_000_000


def shop() -> list[tuple[str, str | None, bytes | None, int]]:
    product = StoreProduct(sku=7, segment="coffee", latitude_deg=60.17, longitude_deg=24.94, country="FIN")
    promotion = ProductPromotion(pid="p1", segment="coffee")
    return [(each.TOPIC, None, each.to_text().encode(), NOW_MS) for each in (product, promotion)]


def fixes(first: int, count: int) -> list[tuple[str, str | None, bytes | None, int]]:
    """Each of a shopper of its own at the shelf, a millisecond apart."""
    return [
        (
            CustomerLocation.TOPIC,
            f"u{number}",
            CustomerLocation(
                uid=f"u{number}", latitude_deg=60.17, longitude_deg=24.94, country="FIN", id=f"walk:{number}"
            )
            .to_text()
            .encode(),
            NOW_MS + number,
        )
        for number in range(first, first + count)
    ]


def told(rows: list[Any]) -> Counter[str]:
    """How often each fix brought its row."""
    return Counter(row.value["LOCATION_ID"] for row in rows)


@pytest.fixture(scope="module")
def after_a_kill(start: Any, cancel: Any, cluster: Any) -> dict[str, Counter[str]]:
    """What readers see of two matches whose task manager was killed once rows of the first half were out."""
    matches = {
        "once": start("once", flink_checkpoint_s=1),
        # no checkpoint falls before the kill: all of the first half is read again
        "again": start("again", flink_checkpoint_s=300, flink_guarantee="at-least-once"),
    }
    for match in matches.values():
        match.send([*shop(), *fixes(0, HALF)])
        match.rows(lambda rows: len(rows) > 0)
    cluster.kill("taskmanager")
    cluster.start("taskmanager")
    for match in matches.values():
        match.send(fixes(HALF, HALF))
    last = f"walk:{2 * HALF - 1}"
    seen = {name: told(match.rows(lambda rows: last in told(rows))) for name, match in matches.items()}
    for match in matches.values():
        cancel(match)
    return seen


def test_with_transactions_each_fix_brings_its_row_once(after_a_kill: dict[str, Counter[str]]) -> None:
    assert after_a_kill["once"] == Counter(f"walk:{number}" for number in range(2 * HALF))


def test_without_transactions_the_same_count_finds_rows_doubled_and_none_lost(
    after_a_kill: dict[str, Counter[str]],
) -> None:
    assert after_a_kill["again"].keys() == {f"walk:{number}" for number in range(2 * HALF)}
    assert max(after_a_kill["again"].values()) > 1
