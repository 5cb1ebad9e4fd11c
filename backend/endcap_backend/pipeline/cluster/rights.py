"""Are the topics there as they should be, and may this account do what its program does?

Topics are asked which operations the cluster allows; transactions are tried, with an id of the check's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Future
from typing import TypeVar

from confluent_kafka import KafkaError, KafkaException, Producer, TopicCollection
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType, TopicDescription

from endcap_backend.pipeline.cluster.contact import log
from endcap_backend.pipeline.cluster.deadline import Deadline
from endcap_backend.pipeline.cluster.findings import Finding, ok, unknown, wrong
from endcap_backend.pipeline.cluster.roles import Role
from endcap_backend.pipeline.cluster.topics import Topic
from endcap_backend.pipeline.kafka import KafkaSettings

T = TypeVar("T")
APPLY = "run endcap-backend apply, or make it as docs/cluster.md lists it"
_NO_COORDINATOR = (
    "a cluster that has just started takes a moment: ask again; "
    "one with a single broker needs transaction.state.log.replication.factor=1"
)
# a coordinator or leader that is being chosen, or loads its state, answers so for a moment
PASSING = {
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.NOT_COORDINATOR,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError._TIMED_OUT,
}


def topics_of(admin: AdminClient, role: Role, made: Iterable[Topic], user: str, deadline: Deadline) -> list[Finding]:
    """Each topic of a role: is it there, may the account do there what the role does, and is it as it should be?"""
    asked = admin.describe_topics(
        TopicCollection(list(role.topics)),
        include_authorized_operations=True,
        request_timeout=max(1.0, deadline.left_s()),
    )
    shapes = {topic.name: topic for topic in made}
    found: list[Finding] = []
    visible: list[Topic] = []
    for name, wanted in role.topics.items():
        try:
            described: TopicDescription = asked[name].result(deadline.left_s())
        except (KafkaException, TimeoutError) as fault:
            found.append(_no_topic(name, fault, user, wanted))
            continue
        missing = wanted - {each.name for each in described.authorized_operations or ()}
        if missing:
            found.append(no_right("topic", name, user, missing))
            continue
        found.append(
            ok("topic", f"{name}: {len(described.partitions)} partitions, {' and '.join(sorted(wanted))} allowed")
        )
        if name in shapes:
            visible.append(shapes[name])
    return found + _shape(admin, visible, deadline)


def transactions_of(settings: KafkaSettings, role: Role, user: str, deadline: Deadline) -> list[Finding]:
    """Whether the account may begin a transaction; one is begun and ended, and nothing is written."""
    what, name = "transactions", f"{role.transactional_id}-check"
    producer = Producer(settings.client_config() | {"transactional.id": name, "logger": log, "log_level": 0})
    try:
        producer.init_transactions(max(0.1, deadline.left_s()))
    except KafkaException as fault:
        if fault.args[0].code() == KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
            return [no_right("transactional id", f"{role.transactional_id}*", user, {"WRITE", "DESCRIBE"})]
        if fault.args[0].code() == KafkaError._TIMED_OUT:
            return [wrong(what, "none could be begun in time", _NO_COORDINATOR)]
        return [wrong(what, said(fault), "look at the broker's log")]
    return [ok(what, f"{role.transactional_id}*: one was begun")]


def _shape(admin: AdminClient, visible: Iterable[Topic], deadline: Deadline) -> list[Finding]:
    """Topics whose settings differ: another retention breaks what shoppers are promised."""
    topics = {topic.name: topic for topic in visible}
    if not topics:
        return []
    resources = [ConfigResource(ResourceType.TOPIC, name) for name in topics]
    found: list[Finding] = []
    hidden = 0
    for resource, future in admin.describe_configs(resources, request_timeout=max(1.0, deadline.left_s())).items():
        try:
            entries = future.result(deadline.left_s())
        except (KafkaException, TimeoutError):
            hidden += 1
            continue
        for setting, value in topics[resource.name].config.items():
            if entries[setting].value != value:
                says = f"{resource.name}: {setting} is {entries[setting].value}, not {value}"
                found.append(wrong("topic", says, APPLY))
    if hidden:
        found.append(unknown("topic", f"the settings of {hidden} topics can't be seen without DESCRIBE_CONFIGS"))
    return found


def settled(ask: Callable[[], Future[T]], deadline: Deadline) -> T:
    """The answer, asked for again while the cluster says that it is not ready."""
    while True:
        try:
            return ask().result(deadline.left_s())
        except KafkaException as fault:
            if fault.args[0].code() not in PASSING or not deadline:
                raise


def _no_topic(name: str, fault: Exception, user: str, wanted: Iterable[str]) -> Finding:
    code = fault.args[0].code() if isinstance(fault, KafkaException) else None
    if code == KafkaError.UNKNOWN_TOPIC_OR_PART:
        return wrong("topic", f"{name} does not exist", APPLY)
    if code == KafkaError.TOPIC_AUTHORIZATION_FAILED:
        return no_right("topic", name, user, wanted)
    return wrong("topic", f"{name}: {said(fault)}", "ask again; when it stays, look at the broker's log")


def no_right(what: str, name: str, user: str, missing: Iterable[str]) -> Finding:
    operations = " and ".join(sorted(missing))
    who = f"User:{user}" if user else "this client"
    says = f"{name}: {who} is not allowed to {operations}" + (", or it does not exist" if what == "topic" else "")
    return wrong(what, says, f"add an ACL that allows {who} {operations} on {what} {name}")


def said(fault: Exception) -> str:
    if isinstance(fault, KafkaException):
        return str(fault.args[0].str())
    return "no answer in time"
