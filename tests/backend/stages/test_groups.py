"""How far behind the cluster is, as the backend sees it."""

import pytest

from endcap.messages import NearbyPromotion
from endcap_backend.decide import Limits
from endcap_backend.pipeline.groups import Groups
from endcap_backend.pipeline.kafka import KafkaSettings
from endcap_backend.pipeline.stages.decide import decide_stage

pytestmark = pytest.mark.kafka


def looked_at(settings, until, satisfied):
    """What a new look tells, once it satisfies a condition."""

    def look():
        groups = Groups(settings)
        groups.start()
        until(lambda: groups.looks)
        groups.stop()
        return [groups.stats()] if satisfied(groups.stats()) else []

    return until(look)[0]


def test_what_workers_have_not_dealt_with_is_told_by_stage_and_nothing_of_stages_that_nobody_runs(
    cluster, running, until
):
    assert dict(looked_at(cluster.settings, until, lambda told: True)) == {}
    row = NearbyPromotion("ann", 60.17, 24.94, "p1", 7, "tea", 40.0, title="Tea week")
    stage = running(decide_stage(cluster.settings, Limits()))
    cluster.put(row)
    until(lambda: stage.stats()["written"])  # its alert, and with it where the partition was read to
    stage.stop()
    cluster.put(*[row] * 50)
    told = looked_at(cluster.settings, until, lambda told: told.get("decide lag", 0) >= 50)
    assert set(told) == {"decide lag"}
    assert told["decide lag"] <= 60


def test_a_cluster_that_is_away_is_nothing_to_tell_of():
    groups = Groups(KafkaSettings("127.0.0.1:1"))
    groups.start()
    groups.stop()
    assert dict(groups.stats()) == {}
    assert groups.ready()
