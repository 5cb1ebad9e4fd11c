"""What stands between the rows of `NEARBY_CUSTOMERS`: records without a value that say what the rows before them are.

Rows of one fix are several records, and a fix near nothing new has none. Whoever decides has to know when he has seen
all of them, and where she stands now. ksqlDB and Flink write no such records; their rows stand for themselves.
"""

from __future__ import annotations

from collections.abc import Mapping

from endcap.messages import NEARBY_CUSTOMERS
from endcap_backend.pipeline.stages.records import Outflow

FIX = "endcap-fix"  # header of a mark: the fix that is matched now, as `customers_locations` has it
SHOP = "endcap-shop"  # header of a mark: the shop has changed about her
PART = "endcap-part"  # header of a row: a mark follows
FOLLOWED: Mapping[str, bytes] = {PART: b"1"}


def matched(uid: str, fix: bytes, timestamp_ms: int) -> Outflow:
    """All rows of this fix stand before."""
    return Outflow(NEARBY_CUSTOMERS, uid, None, timestamp_ms, headers={FIX: fix})


def moved(uid: str, timestamp_ms: int) -> Outflow:
    """The rows before are of a change of the shop, about where she stands."""
    return Outflow(NEARBY_CUSTOMERS, uid, None, timestamp_ms, headers={SHOP: b"1"})
