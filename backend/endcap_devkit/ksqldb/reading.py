"""A statement read: what it makes, what it reads, and what is wrong with it, in ksqlDB's words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from lark import Lark, Token, Tree, UnexpectedInput

from endcap_devkit.ksqldb.functions import AGGREGATES, KNOWN, PSEUDO, TABULAR

Node = Tree[Token]


class Refused(Exception):
    """What ksqlDB would answer with 400 and code 40001."""


@dataclass(frozen=True, slots=True)
class Source:
    """A stream or table as the server knows it. `fields` are the names inside its structs."""

    name: str
    table: bool
    topic: str
    columns: tuple[str, ...]
    fields: frozenset[str]
    sql: str
    reads: tuple[str, ...] = ()
    query: str = ""  # the id of what writes into it
    properties: Mapping[str, str] = field(default_factory=dict)


@cache
def _parser() -> Lark:
    return Lark(files(__package__).joinpath("grammar.lark").read_text("utf-8"), parser="lalr", propagate_positions=True)


def parse(sql: str) -> list[tuple[str, Node]]:
    """The statements of a text, each with its own text.

    Raises:
        Refused: it is no SQL.
    """
    try:
        tree = _parser().parse(sql)
    except UnexpectedInput as fault:
        raise Refused(f"line {fault.line}:{fault.column}: Syntax Error") from None
    nodes = [each for each in tree.children if isinstance(each, Tree)]
    return [(sql[each.meta.start_pos : each.meta.end_pos] + ";", each) for each in nodes]


def name_of(node: Node) -> str:
    """A name as ksqlDB keeps it: upper case unless it stands in back-quotes."""
    text = str(node.children[0])
    return text[1:-1] if text.startswith("`") else text.upper()


def created(sql: str, node: Node, known: Mapping[str, Source]) -> Source:
    """The source that a CREATE makes, when nothing is wrong with it.

    Raises:
        Refused: says what is.
    """
    kind, name, *rest = _trees(node)
    table = str(kind.children[0]).upper() == "TABLE"
    if name_of(name) in known:
        existing = "table" if known[name_of(name)].table else "stream"
        what = "table" if table else "stream"
        raise Refused(f"Cannot add {what} '{name_of(name)}': A {existing} with the same name already exists")
    if node.data == "create_source":
        columns = [each for each in rest if each.data == "column"]
        properties = dict(_property(each) for each in rest if each.data == "property")
        names = tuple(name_of(_trees(each)[0]) for each in columns)
        return Source(name_of(name), table, _topic(properties, ""), names, _structs(node), sql, properties=properties)
    with_, query = (rest[0], rest[1]) if rest[0].data == "with" else (None, rest[0])
    properties = dict(_property(each) for each in _trees(with_)) if with_ else {}
    columns_, reads, fields = _Query(query, table, name_of(name), known).judged()
    topic = _topic(properties, name_of(name))
    return Source(name_of(name), table, topic, columns_, fields | _structs(node), sql, reads, properties=properties)


class _Query:
    """A SELECT against the sources it names."""

    def __init__(self, query: Node, table: bool, makes: str, known: Mapping[str, Source]) -> None:
        self._makes, self._table = makes, table
        parts = _trees(query)
        self._items = [each for each in parts if each.data == "item"]
        self._parts = {str(each.data): each for each in parts if each.data not in ("item", "join")}
        self._joins = [each for each in parts if each.data == "join"]
        named = [self._parts["source"], *(_only(each, "source") for each in self._joins)]
        self._sources = {name_of(_trees(each)[-1]): _known(name_of(_trees(each)[0]), known) for each in named}
        self._fields = frozenset(name for each in self._sources.values() for name in each.fields) | _structs(query)

    def judged(self) -> tuple[tuple[str, ...], tuple[str, ...], frozenset[str]]:
        """Columns, what it reads, names inside structs; raises `Refused`."""
        for item in self._items:
            self._resolve(item, "SELECT", frozenset())
        for clause, part in self._parts.items():
            if clause in ("where", "group_by", "partition_by", "having"):
                self._resolve(part, clause.upper().replace("_", " "), frozenset())
        for join in self._joins:
            self._resolve(join, "JOIN", frozenset())
        self._judge_kind()
        self._judge_keys()
        return self._columns(), tuple(each.name for each in self._sources.values()), self._fields

    def _resolve(self, node: Node, clause: str, bound: frozenset[str]) -> None:
        """Every column and function that is named must be there."""
        if node.data == "lambda":
            names = _trees(node)
            bound |= {name_of(each) for each in names[:-1]}
            self._resolve(names[-1], clause, bound)
            return
        if node.data == "reference":
            self._column(name_of(_trees(node)[0]), clause, bound)
        elif node.data == "qualified":
            source, column = (name_of(each) for each in _trees(node))
            if source not in self._sources or column not in (*self._sources[source].columns, *PSEUDO):
                raise Refused(f"{clause} column '{source}.{column}' cannot be resolved.")
        elif node.data == "field" and (name := name_of(_trees(node)[-1])) not in self._fields:
            raise Refused(f"{clause}: a struct has no field '{name}'")
        elif node.data == "call":
            _judge_call(node)
        for each in _inner(node):
            self._resolve(each, clause, bound)

    def _column(self, name: str, clause: str, bound: frozenset[str]) -> None:
        having = [source for source in self._sources.values() if name in source.columns]
        if name in bound or (name in PSEUDO and len(self._sources) == 1):
            return
        if len(having) > 1:
            raise Refused(f"{clause} column '{name}' is ambiguous.")
        if not having:
            raise Refused(f"{clause} column '{name}' cannot be resolved.")

    def _judge_kind(self) -> None:
        grouped = "group_by" in self._parts
        (first, *others) = self._sources.values()
        makes_table = grouped or (first.table and all(each.table for each in others))
        if makes_table != self._table:
            made = "TABLE" if makes_table else "STREAM"
            says = f"Invalid result type. Your SELECT query produces a {made}."
            raise Refused(f"{says} Please use CREATE {made} AS SELECT statement instead.")
        if makes_table and any(set(_calls(item)) & set(TABULAR) for item in self._items):
            raise Refused("Table source is not supported with table functions")

    def _judge_keys(self) -> None:
        chosen = [_trees(item)[0] for item in self._items]
        if "group_by" in self._parts:
            self._judge_grouping(chosen)
        for key in self._parts["partition_by"].children if "partition_by" in self._parts else ():
            self._judge_projected(key, chosen, "partitioning expression")
        for join in self._joins:
            sides = [each for each in _trees(join) if each.data not in ("source", "within")]
            if not any(each in chosen for each in sides):
                self._judge_projected(sides[0], chosen, "join expression")

    def _judge_grouping(self, chosen: list[Node]) -> None:
        keys = [each for each in self._parts["group_by"].children if isinstance(each, Tree)]
        for each in chosen:
            inside = [part for part in _inner(each) if each.data == "call" and "AS_VALUE" in _calls(each)]
            if (
                each not in keys
                and not set(_calls(each)) & set(AGGREGATES)
                and not any(part in keys for part in inside)
            ):
                raise Refused("Non-aggregate SELECT expression(s) not part of GROUP BY")
        for key in keys:
            self._judge_projected(key, chosen, "grouping expression")

    def _judge_projected(self, key: Any, chosen: list[Node], what: str) -> None:
        if key not in chosen:
            raise Refused(
                f"Key missing from projection. The query used to build `{self._makes}` must include the {what}"
            )

    def _columns(self) -> tuple[str, ...]:
        names: list[str] = []
        for item in self._items:
            parts = _trees(item)
            names.append(name_of(parts[1]) if len(parts) > 1 else self._unnamed(parts[0], len(names)))
        if len(set(names)) < len(names):
            raise Refused(f"The projection contains a duplicate column: {sorted(names)}")
        return tuple(names)

    def _unnamed(self, node: Node, at: int) -> str:
        if node.data == "reference":
            return name_of(_trees(node)[0])
        if node.data == "qualified":
            source, column = (name_of(each) for each in _trees(node))
            twice = sum(column in each.columns for each in self._sources.values()) > 1
            return f"{source}_{column}" if twice else column
        return f"KSQL_COL_{at}"


def _judge_call(node: Node) -> None:
    name, *arguments = _trees(node)
    if (called := name_of(name)) not in KNOWN:
        raise Refused(f"Can't find any functions with the name '{called}'")
    low, high = KNOWN[called]
    if not low <= len(arguments) <= high:
        raise Refused(f"Function '{called.lower()}' does not accept {len(arguments)} parameters.")


def _known(name: str, known: Mapping[str, Source]) -> Source:
    if name not in known:
        raise Refused(f"{name} does not exist.")
    return known[name]


def _topic(properties: Mapping[str, str], otherwise: str) -> str:
    topic = properties.get("KAFKA_TOPIC", otherwise)
    if not topic:
        raise Refused("Missing required property 'KAFKA_TOPIC' which has no default value.")
    return topic


def _property(node: Node) -> tuple[str, str]:
    name, value = _trees(node)
    return name_of(name), str(value.children[0]).strip("'")


def _structs(node: Node) -> frozenset[str]:
    return frozenset(
        name_of(each)
        for struct in node.iter_subtrees()
        if struct.data == "struct"
        for each in _trees(struct)
        if each.data == "name"
    )


def _calls(node: Node) -> list[str]:
    return [name_of(_trees(each)[0]) for each in node.iter_subtrees() if each.data == "call"]


def _inner(node: Node) -> Iterator[Node]:
    """The parts of an expression that are expressions themselves, without names."""
    return (each for each in _trees(node) if each.data not in ("name", "type", "source", "within"))


def _trees(node: Node) -> list[Node]:
    return [each for each in node.children if isinstance(each, Tree)]


def _only(node: Node, data: str) -> Node:
    return next(each for each in _trees(node) if each.data == data)
