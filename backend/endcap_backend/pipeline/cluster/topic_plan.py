"""From the topics as they are to the topics as they should be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    ResourceType,
)

from endcap_backend.pipeline.cluster.changes import Change
from endcap_backend.pipeline.cluster.ledger import CALL_S, Ledger
from endcap_backend.pipeline.cluster.listing import await_listing
from endcap_backend.pipeline.cluster.topics import Topic

KIND = "topic "  # how an entry of the ledger begins


class TopicPlan:
    """Plans against one cluster. Raises KafkaException where the cluster refuses."""

    def __init__(self, admin: AdminClient, ledger: Ledger) -> None:
        self._admin, self._ledger = admin, ledger

    def towards(self, wanted: Sequence[Topic]) -> list[Change]:
        """Make what is missing, mend what differs. A topic is never emptied and never loses partitions."""
        there = self._admin.list_topics(timeout=CALL_S).topics
        counts = {topic.name: len(there[topic.name].partitions) for topic in wanted if topic.name in there}
        configs = self._configs(counts)
        return [self._change(topic, counts.get(topic.name), configs.get(topic.name, {})) for topic in wanted]

    def away(self) -> list[Change]:
        """Remove the topics that the ledger names, the last first."""
        there = self._admin.list_topics(timeout=CALL_S).topics
        made = [name.removeprefix(KIND) for name in reversed(self._ledger.entries) if name.startswith(KIND)]
        return [
            Change("drop", f"topic {name}", ("with all its records",) if name in there else ("is gone already",),
                   partial(self._delete, name, name in there))
            for name in made
        ]  # fmt: skip

    def _change(self, topic: Topic, count: int | None, config: Mapping[str, str]) -> Change:
        name = f"topic {topic.name}"
        if count is None:
            settings = ", ".join(f"{key}={value}" for key, value in topic.config.items())
            return Change("create", name, (f"{topic.partitions} partitions, {settings}",), partial(self._create, topic))
        differing = {key: value for key, value in topic.config.items() if config.get(key) != value}
        detail = [f"{key}: {config.get(key)} -> {value}" for key, value in differing.items()]
        more = topic.partitions > count
        if more:
            detail.append(f"partitions: {count} -> {topic.partitions}; keys move, so a shopper's order breaks once")
        elif topic.partitions < count:
            detail.append(f"has {count} partitions; Kafka can't take any away, {topic.partitions} were wanted")
        if not differing and not more:
            return Change("keep", name, tuple(detail))
        return Change("change", name, tuple(detail), partial(self._mend, topic, differing, more))

    def _create(self, topic: Topic) -> None:
        made = self._admin.create_topics([NewTopic(topic.name, topic.partitions, config=dict(topic.config))])
        try:
            made[topic.name].result(CALL_S)
        except KafkaException as fault:
            if fault.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS:
                return  # somebody has made it since the plan: then it is theirs, and the next run compares it
            raise
        await_listing(self._admin, topic.name, there=True)
        self._ledger.note(KIND + topic.name, {"partitions": topic.partitions, "config": dict(topic.config)})

    def _mend(self, topic: Topic, differing: Mapping[str, str], more: bool) -> None:
        if differing:
            entries = [
                ConfigEntry(key, value, incremental_operation=AlterConfigOpType.SET) for key, value in differing.items()
            ]
            resource = ConfigResource(ResourceType.TOPIC, topic.name, incremental_configs=entries)
            self._admin.incremental_alter_configs([resource])[resource].result(CALL_S)
        if more:
            self._admin.create_partitions([NewPartitions(topic.name, topic.partitions)])[topic.name].result(CALL_S)
        if KIND + topic.name in self._ledger.entries:
            self._ledger.note(KIND + topic.name, {"partitions": topic.partitions, "config": dict(topic.config)})

    def _delete(self, name: str, there: bool) -> None:
        if there:
            self._admin.delete_topics([name])[name].result(CALL_S)
            await_listing(self._admin, name, there=False)
        self._ledger.strike(KIND + name)

    def _configs(self, names: Iterable[str]) -> dict[str, dict[str, str]]:
        resources = [ConfigResource(ResourceType.TOPIC, name) for name in names]
        if not resources:
            return {}
        asked = self._admin.describe_configs(resources, request_timeout=CALL_S)
        return {
            resource.name: {key: entry.value for key, entry in future.result(CALL_S).items()}
            for resource, future in asked.items()
        }
