"""What is taken off a shelf, as the match on Kafka hears of it: running, and after a restart."""

import pytest

from endcap.messages import NEARBY_CUSTOMERS, NearbyPromotion
from endcap.testing import a_location, a_product, a_promotion
from endcap_backend.pipeline.stages.match import match_stage
from endcap_backend.pipeline.stages.route import route_stage

pytestmark = pytest.mark.kafka


def stores_of(messages, uid):
    """Of which stores she heard, once her fix is matched."""
    hers = [each for each in messages if (each.key() or b"").decode() == uid]
    if not any(each.value() is None for each in hers):
        return None
    return {NearbyPromotion.from_text(each.value()).store for each in hers if each.value() is not None}


def test_what_is_taken_off_is_matched_no_more_also_after_a_restart(cluster, running):
    def fix(uid):
        cluster.put(a_location(uid=uid, id=f"{uid}:1"))
        return stores_of(cluster.until(NEARBY_CUSTOMERS, lambda found: stores_of(found, uid) is not None), uid)

    cluster.put(a_product(), a_product(store="s2"), a_promotion())
    first = route_stage(cluster.settings), match_stage(cluster.settings)
    running(*first)
    assert fix("ann") == {"s1", "s2"}
    cluster.put(a_product(stock=0, removed=True))
    cluster.put(a_promotion(pid="p2", sku=None))  # told after the removal: who stands there hears of it in s2 alone
    heard = cluster.until(NEARBY_CUSTOMERS, lambda found: [each for each in found if b'"p2"' in (each.value() or b"")])
    assert {NearbyPromotion.from_text(each.value()).store for each in heard if b'"p2"' in (each.value() or b"")} == {
        "s2"
    }
    assert fix("bea") == {"s2"}
    for stage in first:
        stage.stop()
    running(route_stage(cluster.settings), match_stage(cluster.settings))
    assert fix("cid") == {"s2"}
