"""Are a cluster's settings right? In words, within ten seconds, and nothing is changed."""

from __future__ import annotations

from collections.abc import Sequence

from confluent_kafka.admin import AdminClient

from endcap.clock import Clock, SystemClock
from endcap_backend.pipeline.cluster.contact import advertised, log, log_in, reach
from endcap_backend.pipeline.cluster.deadline import Deadline
from endcap_backend.pipeline.cluster.findings import Finding, well
from endcap_backend.pipeline.cluster.group_rights import groups_of
from endcap_backend.pipeline.cluster.rights import topics_of, transactions_of
from endcap_backend.pipeline.cluster.roles import Role
from endcap_backend.pipeline.cluster.topics import Topic
from endcap_backend.pipeline.kafka import KafkaSettings

WITHIN_S = 10.0


def check(
    settings: KafkaSettings, role: Role, made: Sequence[Topic], clock: Clock | None = None, within_s: float = WITHIN_S
) -> list[Finding]:
    """What is found of a cluster, in the order in which a client would meet it; stops where going on can't tell more.

    Raises:
        BadConfig: a setting that can't work.
    """
    clock = clock or SystemClock()
    deadline = Deadline(clock, within_s)
    findings = reach(settings, deadline)
    if not well(findings):
        return findings
    login, brokers = log_in(settings, deadline, clock)
    findings += login
    if not well(findings):
        return findings
    findings += advertised(brokers, deadline)
    if not well(findings):
        return findings
    admin = AdminClient(settings.client_config() | {"logger": log, "log_level": 0})
    user = settings.kafka_sasl_username
    findings += topics_of(admin, role, made, user, deadline)
    findings += groups_of(settings, role, deadline)
    findings += transactions_of(settings, role, user, deadline)
    return findings
