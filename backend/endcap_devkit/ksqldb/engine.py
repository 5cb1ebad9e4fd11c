"""Statements run in memory, record by record, as ksqlDB's reference manual describes them: to see what they mean.

It is no ksqlDB: one partition, no changelog, no joins of two streams, and only the forms that a match needs. A record
runs through everything that reads it before the next one is taken, as with ksqlDB's cache at 0.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lark import Tree

from endcap_devkit.ksqldb.functions import AGGREGATES
from endcap_devkit.ksqldb.reading import Node, Source, created, name_of, parse
from endcap_devkit.ksqldb.values import Row, value

_UNITS_MS = {"DAY": 86_400_000, "HOUR": 3_600_000, "MINUTE": 60_000, "SECOND": 1000, "MILLISECOND": 1}


@dataclass(frozen=True, slots=True)
class Change:
    """A stream's new row, or what became of a table's row: `before` and `after` may be None."""

    key: Hashable
    before: Row | None
    after: Row | None
    timestamp_ms: int


class KsqlEngine:
    """Streams and tables made by statements; `put` gives a record to a topic, `rows` keeps what each has emitted."""

    def __init__(self, statements: Iterable[str]) -> None:
        self.rows: dict[str, list[Row]] = defaultdict(list)
        self._sources: dict[str, Source] = {}
        self._readers: dict[str, list[_Query]] = defaultdict(list)
        self._declared: dict[str, list[Source]] = defaultdict(list)  # by topic
        for text in statements:
            for sql, node in parse(text):
                self._create(sql, node)

    def put(self, topic: str, record: Mapping[str, Any], timestamp_ms: int) -> None:
        """A record of a topic; names in it count in any case."""
        named = {name.upper(): each for name, each in record.items()}
        for source in self._declared[topic]:
            row = {column: named.get(column.upper()) for column in source.columns}
            self._emit(source, Change(None, None, row, timestamp_ms))

    def table(self, name: str) -> list[Row]:
        """A table's rows as they are now."""
        return list(next(each for each in self._queries() if each.source.name == name).current.values())

    def _create(self, sql: str, node: Node) -> None:
        source = created(sql, node, self._sources)
        self._sources[source.name] = source
        if node.data == "create_source":
            self._declared[source.topic].append(source)
            return
        query = _Query(source, next(node.find_data("query")), self._sources)
        for name in source.reads:
            self._readers[name].append(query)
        query.tables = {each.source.name: each for each in self._queries() if each.source.table}

    def _queries(self) -> Iterator[_Query]:
        return (query for queries in self._readers.values() for query in queries)

    def _emit(self, source: Source, change: Change) -> None:
        if change.after is not None:
            self.rows[source.name].append(change.after)
        for query in self._readers[source.name]:
            for result in query.take(source, change):
                self._emit(query.source, result)
                if result.after is not None:
                    self.put(query.source.topic, query.value_of(result.after), result.timestamp_ms)


class _Query:
    """A running SELECT."""

    def __init__(self, source: Source, query: Node, known: Mapping[str, Source]) -> None:
        self.source = source
        self.tables: dict[str, _Query] = {}
        self.current: dict[Hashable, Row] = {}
        parts = [each for each in query.children if isinstance(each, Tree)]
        expressions = [_trees(each)[0] for each in parts if each.data == "item"]
        self._items = list(zip(source.columns, expressions, strict=True))
        self._clauses = {str(each.data): each for each in parts if each.data not in ("item", "join")}
        joins = [each for each in parts if each.data == "join"]
        self._from, self._alias = _named(self._clauses["source"])
        self._join = _Join(joins[0], known) if joins else None
        self._groups: dict[Hashable, list[Row]] = defaultdict(list)  # the rows that came in, in order
        self._stream_time_ms = 0

    def take(self, source: Source, change: Change) -> list[Change]:
        """What comes of a change of a source."""
        if source.name != self._from:
            return []  # the table of a join: it is looked up, and brings nothing by itself
        before, after = (self._admitted(row, change.timestamp_ms) for row in (change.before, change.after))
        if "group_by" in self._clauses:
            return [*self._grouped(before, after, change.timestamp_ms)]
        if self.source.table:
            return [self._replaced(change.key, after, change.timestamp_ms)]
        return [Change(None, None, row, change.timestamp_ms) for row in self._selected(after)]

    def value_of(self, row: Row) -> Row:
        """A row without its key columns, as it stands in the topic's value."""
        keys = {name for name, expression in self._items if expression in self._keys()}
        return {name: each for name, each in row.items() if name not in keys}

    def _keys(self) -> list[Node]:
        clause = self._clauses.get("group_by") or self._clauses.get("partition_by")
        return _trees(clause) if clause is not None else []

    def _admitted(self, row: Row | None, timestamp_ms: int) -> Row | None:
        """The row with its columns under all their names and the join's, when WHERE lets it pass."""
        if row is None:
            return None
        named = {**row, **{f"{self._alias}.{name}": each for name, each in row.items()}, "ROWTIME": timestamp_ms}
        if self._join is not None:
            other = self._join.find(named, self.tables)
            if other is None:
                return None
            named |= other
        where = self._clauses.get("where")
        return named if where is None or value(_trees(where)[0], named) else None

    def _selected(self, row: Row | None) -> Iterator[Row]:
        if row is None:
            return
        exploded = next((each for each in self._items if _calls(each[1], "EXPLODE")), None)
        lists = value(_trees(exploded[1])[1], row) or [] if exploded else [None]
        for one in lists:
            yield {
                name: one if exploded and name == exploded[0] else value(expression, row)
                for name, expression in self._items
            }

    def _replaced(self, key: Hashable, row: Row | None, timestamp_ms: int) -> Change:
        before = self.current.pop(key, None)
        after = next(self._selected(row), None)
        if after is not None:
            self.current[key] = after
        return Change(key, before, after, timestamp_ms)

    def _grouped(self, before: Row | None, after: Row | None, timestamp_ms: int) -> Iterator[Change]:
        """First what leaves a group, then what joins one; they may be the same."""
        for row, joins in ((before, False), (after, True)):
            key = None if row is None else self._group_of(row, timestamp_ms)
            if row is None or key is None:
                continue
            rows = self._groups[key]
            if joins:
                rows.append(row)
            else:
                del rows[next(at for at, each in enumerate(rows) if _same(each, row))]
            old = self.current.pop(key, None)
            if rows:
                self.current[key] = {name: _aggregate(expression, rows) for name, expression in self._items}
            yield Change(key, old, self.current.get(key), timestamp_ms)

    def _group_of(self, row: Row, timestamp_ms: int) -> Hashable | None:
        """The group's key, with its window; None when a part of it is null, or the window is over."""
        key = tuple(value(each, row) for each in self._keys())
        if None in key:
            return None
        window = self._clauses.get("window")
        if window is None:
            return key
        size, grace = (
            _duration_ms(each) for each in (_only(window, "duration"), _only(_only(window, "grace"), "duration"))
        )
        self._stream_time_ms = max(self._stream_time_ms, timestamp_ms)
        begins = timestamp_ms - timestamp_ms % size
        return (*key, begins) if begins + size + grace > self._stream_time_ms else None


class _Join:
    """A stream's join with a table, by the table's key."""

    def __init__(self, join: Node, known: Mapping[str, Source]) -> None:
        source, *sides = (each for each in _trees(join) if each.data != "within")
        self._table, self._alias = _named(source)
        if not known[self._table].table:
            raise NotImplementedError("a join of two streams")
        # the side that names the table is its key; the other is the stream's
        (self._stream_side,) = (each for each in sides if name_of(_trees(each)[0]) != self._alias)

    def find(self, row: Row, tables: Mapping[str, _Query]) -> Row | None:
        found = tables[self._table].current.get((value(self._stream_side, row),))
        if found is None:
            return None
        return {**found, **{f"{self._alias}.{name}": each for name, each in found.items()}} | dict(row)


def _aggregate(expression: Node, rows: list[Row]) -> Any:
    """An item of a grouped SELECT: an aggregate of all rows, else its value in the newest."""
    called = [each for each in AGGREGATES if _calls(expression, each)]
    if not called:
        return value(expression, rows[-1])
    (function,) = called
    arguments = _trees(expression)[1:]
    if function == "COUNT":
        return len(rows)
    values = [value(arguments[0], row) for row in rows]
    if function == "COLLECT_LIST":
        return values
    if len(arguments) == 1:  # nulls are passed over unless it is said that they count
        values = [each for each in values if each is not None] or [None]
    return values[-1] if function == "LATEST_BY_OFFSET" else values[0]


def _same(left: Row, right: Row) -> bool:
    return {**left, "ROWTIME": 0} == {**right, "ROWTIME": 0}


def _calls(expression: Node, function: str) -> bool:
    return expression.data == "call" and name_of(_trees(expression)[0]) == function


def _named(source: Node) -> tuple[str, str]:
    names = [name_of(each) for each in _trees(source)]
    return names[0], names[-1]


def _duration_ms(node: Node) -> int:
    number, unit = (str(each) for each in node.children)
    return int(number) * _UNITS_MS[unit.upper().rstrip("S")]


def _only(node: Node, data: str) -> Node:
    return next(each for each in _trees(node) if each.data == data)


def _trees(node: Node) -> list[Node]:
    return [each for each in node.children if isinstance(each, Tree)]
