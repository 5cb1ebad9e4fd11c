"""From the streams and tables as ksqlDB has them to the statements as they should be."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from functools import partial

from endcap_backend.match.statements import Statement
from endcap_backend.pipeline.cluster.changes import Change, difference
from endcap_backend.pipeline.cluster.ksqldb import KsqlDb, Present
from endcap_backend.pipeline.cluster.ledger import Ledger

KIND = "statement "  # how an entry of the ledger begins
UNBUFFERED = {
    "ksql.streams.cache.max.bytes.buffering": "0"
}  # else an offer takes seconds to be seen, and counts skip 1
FROM_THE_BEGINNING = {"ksql.streams.auto.offset.reset": "earliest"}
_READS = re.compile(r"\b(?:FROM|JOIN)\s+(\w+)", re.IGNORECASE)
_DERIVED = re.compile(r"\bAS\s+SELECT\b", re.IGNORECASE)  # a query that runs, and writes a topic of its own
_TABLE = re.compile(r"CREATE\s+TABLE\b", re.IGNORECASE)
_TOPIC = re.compile(r"KAFKA_TOPIC\s*=\s*'([^']+)'", re.IGNORECASE)


class StatementPlan:
    """Plans against one ksqlDB. `kept_topics` outlive the streams that write them."""

    def __init__(
        self, ksqldb: KsqlDb, ledger: Ledger, kept_topics: Collection[str], *, from_the_beginning: bool = False
    ) -> None:
        """`from_the_beginning`: streams too match what was in the topics before; tables always do."""
        self._ksqldb, self._ledger, self._kept = ksqldb, ledger, set(kept_topics)
        self._from_the_beginning = from_the_beginning
        self._present = ksqldb.present()

    def towards(self, wanted: Sequence[Statement]) -> list[Change]:
        """First what has to go, the last first; then what is to be, in order.

        A statement that differs is dropped with all that read from it, and made again with them. What the server has
        under one of our names without the ledger's knowing is somebody else's: that refuses the plan.
        """
        foreign = [each for each in wanted if _name(each) in self._present and self._made(_name(each)) is None]
        if foreign:
            return [self._refusal(each) for each in foreign]
        anew = self._anew(wanted)
        names = {_name(each) for each in wanted}
        leaving = [name for name in self._mine() if name not in names]
        going = [name for name in self._readers_first() if name in leaving or name in anew]
        if others := self._read_by_others(going):
            return others
        drops = [self._drop(name) for name in going]
        return drops + [self._keep_or_create(each, anew) for each in wanted]

    def away(self) -> list[Change]:
        """Remove what the ledger names, what reads from others first."""
        going = self._readers_first()
        return self._read_by_others(going) or [self._drop(name) for name in going]

    def _read_by_others(self, going: Collection[str]) -> list[Change]:
        """What can't be dropped, since a query reads it that does not go along: ksqlDB would refuse half-way."""
        found = []
        for present in (self._present[name] for name in going if name in self._present):
            readers = sorted(id for id, sinks in self._ksqldb.read_by(present).items() if not sinks & set(going))
            if readers:
                said = f"is read by {', '.join(readers)}, which apply has not made: end that first (TERMINATE, DROP)"
                found.append(Change("refuse", f"{present.kind.lower()} {present.name}", (said,)))
        return found

    def _readers_first(self) -> list[str]:
        """What the ledger names, each before what it reads from: nothing is dropped that is still read."""
        reads = {name: self._reads_of(name) for name in self._mine()}
        ordered: list[str] = []
        while reads:
            free = [name for name in reads if not any(name in others for others in reads.values())]
            ordered += reversed(free or reads)  # ledgers have no circles; should one, the order of making has to do
            reads = {name: others for name, others in reads.items() if free and name not in free}
        return ordered

    def _reads_of(self, name: str) -> set[str]:
        entries = {each: self._ledger.entries[KIND + each] for each in self._mine()}
        entry = entries[name]
        if entry["derived"]:
            return {word.upper() for word in _READS.findall(entry["sql"])} - {name}
        return {each for each, other in entries.items() if other["derived"] and other["topic"] == entry["topic"]} - {
            name
        }

    def _mine(self) -> list[str]:
        return [name.removeprefix(KIND) for name in self._ledger.entries if name.startswith(KIND)]

    def _made(self, name: str) -> str | None:
        """The SQL with which `apply` made a stream or table; None when it did not."""
        entry = self._ledger.entries.get(KIND + name)
        return None if entry is None else str(entry["sql"])

    def _anew(self, wanted: Sequence[Statement]) -> dict[str, tuple[str, ...]]:
        """The statements that have to be dropped and made again, and why."""
        anew: dict[str, tuple[str, ...]] = {}
        topics: dict[str, str] = {}  # what is written -> by whom
        for each in wanted:
            name, before = _name(each), self._made(_name(each))
            reads = {word.upper() for word in _READS.findall(each.sql)}
            if _derived(each):
                topics[_topic(each)] = name
            else:
                reads |= {topics[_topic(each)]} if _topic(each) in topics else set()
            if before is not None and name in self._present and before != each.sql:
                anew[name] = difference(before, each.sql)
            elif name in self._present and (changed := sorted(reads & anew.keys())):
                anew[name] = (f"reads from {', '.join(changed)}",)
        return anew

    def _keep_or_create(self, each: Statement, anew: Mapping[str, tuple[str, ...]]) -> Change:
        name = _name(each)
        if name in self._present and name not in anew:
            return Change("keep", f"{_kind(each)} {name}")
        detail = anew.get(name, (each.means,))
        return Change(
            "replace" if name in anew else "create", f"{_kind(each)} {name}", detail, partial(self._create, each)
        )

    def _create(self, each: Statement) -> None:
        whole = self._from_the_beginning or _TABLE.match(each.sql) is not None
        # before it runs: should the answer be lost, what the server has made is known to be ours
        self._ledger.note(KIND + _name(each), {"sql": each.sql, "topic": _topic(each), "derived": _derived(each)})
        self._ksqldb.run(each.sql, UNBUFFERED | (FROM_THE_BEGINNING if whole else {}))

    def _drop(self, name: str) -> Change:
        present, entry = self._present.get(name), self._ledger.entries[KIND + name]
        if present is None:
            return Change("drop", name, ("is gone already",), partial(self._ledger.strike, KIND + name))
        delete_topic = bool(entry["derived"]) and present.topic not in self._kept
        detail = (f"with its topic {present.topic}",) if delete_topic else ()
        return Change("drop", f"{present.kind.lower()} {name}", detail, partial(self._remove, present, delete_topic))

    def _remove(self, present: Present, delete_topic: bool) -> None:
        self._ksqldb.drop(present, delete_topic=delete_topic)
        self._ledger.strike(KIND + present.name)

    def _refusal(self, each: Statement) -> Change:
        return Change(
            "refuse", f"{_kind(each)} {_name(each)}", ("is there and was not made by apply: drop it yourself first",)
        )


def _name(each: Statement) -> str:
    return each.name.upper()


def _topic(each: Statement) -> str:
    named = _TOPIC.search(each.sql)
    return named[1] if named else _name(each)


def _kind(each: Statement) -> str:
    return "table" if _TABLE.match(each.sql) else "stream"


def _derived(each: Statement) -> bool:
    return _DERIVED.search(each.sql) is not None
