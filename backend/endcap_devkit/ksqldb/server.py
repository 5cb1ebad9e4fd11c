"""ksqlDB's REST interface, after its reference: statements are read, judged and remembered, and none of them runs.

For tests and for looking at what `endcap-backend apply` would do; the match itself needs a real ksqlDB.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any, Self
from urllib.parse import unquote

from endcap_devkit.ksqldb.reading import Node, Refused, Source, created, name_of, parse

VERSION = "8.1.5"
BAD_STATEMENT, UNAUTHORIZED, NOT_FOUND, NOT_CAUGHT_UP, NOT_READY = 40001, 40100, 40400, 50301, 50302
NO_GRACE = (
    "DEPRECATION NOTICE: Stream-stream joins statements without a GRACE PERIOD will not be accepted in a future ksqlDB "
    "version."
)  # the beginning of it
CONTENT_TYPE = "application/vnd.ksql.v1+json"
Answer = tuple[int, Any]
Scripted = tuple[int, str, str, Mapping[str, str]]  # status, content type, text, further headers


class KsqlServer:
    """A context manager that listens on a free loopback port; requests are answered one at a time.

    `topics` gives the topics that Kafka holds: a stream over one that is missing is refused. `user` and `password` are
    wanted as Basic authentication when given. `properties` are what LIST PROPERTIES says.
    """

    def __init__(
        self,
        topics: Callable[[], Collection[str]],
        *,
        user: str = "",
        password: str = "",
        properties: Mapping[str, str] | None = None,
    ) -> None:
        self.sources: dict[str, Source] = {}
        self.requests: list[str] = []  # the text of every statement that came, in order
        self.overrides: list[Mapping[str, str]] = []  # and its streamsProperties
        self.deleted_topics: list[str] = []
        self.ready = True
        self.ailing: set[str] = set()  # the parts that /healthcheck calls unhealthy
        self.scripted: list[Scripted] = []  # what the next POSTs are answered with, before any is run
        self.looks = 0  # how often a command has still to be asked for before it is done
        self._queued: dict[str, int] = {}
        self._topics = topics
        self._properties = dict(properties or {})
        self._login = base64.b64encode(f"{user}:{password}".encode()).decode() if user else ""
        self._sequence = -1
        self._queries = 0
        self._lock = Lock()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._http.daemon_threads = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}"

    def __enter__(self) -> Self:
        Thread(target=self._http.serve_forever, args=(0.05,), name="ksqldb", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()

    def answer(self, method: str, path: str, authorization: str, body: bytes) -> Answer:
        """Status and JSON of one request."""
        if self._login and authorization != f"Basic {self._login}":
            return 401, _error(UNAUTHORIZED, "Unauthorized")
        if not self.ready:
            return 503, _error(NOT_READY, "Server initializing")
        if (method, path) == ("GET", "/info"):
            service = {"version": VERSION, "kafkaClusterId": "local", "ksqlServiceId": "endcap_"}
            return 200, {"KsqlServerInfo": service | {"serverStatus": "RUNNING"}}
        if (method, path) == ("GET", "/healthcheck"):
            details = {part: {"isHealthy": part not in self.ailing} for part in ("metastore", "kafka", "commandRunner")}
            return 200, {"isHealthy": not self.ailing, "details": details}
        if method == "GET" and path.startswith("/status/"):
            return self._status(unquote(path.removeprefix("/status/")))
        if (method, path) == ("POST", "/ksql"):
            with self._lock:
                return self._run(json.loads(body))
        return 404, _error(NOT_FOUND, f"Not Found: {path}")

    def _status(self, command: str) -> Answer:
        if command not in self._queued:
            return 404, _error(NOT_FOUND, "Command not found")
        self._queued[command] -= 1
        return 200, {"status": "EXECUTING" if self._queued[command] > 0 else "SUCCESS", "message": "Statement written"}

    def _run(self, request: Mapping[str, Any]) -> Answer:
        if request.get("commandSequenceNumber", -1) > self._sequence:
            waited = f"command sequence number: {request['commandSequenceNumber']}"
            return 503, _error(NOT_CAUGHT_UP, f"Timed out while waiting for a previous command to execute. {waited}")
        entities: list[Any] = []
        sql = request["ksql"]
        try:
            for sql, node in parse(request["ksql"]):
                self.requests.append(sql)
                self.overrides.append(request.get("streamsProperties", {}))
                entities.append(self._entity(sql, node))
        except Refused as fault:
            error = {"@type": "statement_error", "error_code": BAD_STATEMENT, "message": str(fault)}
            return 400, error | {"statementText": sql, "entities": entities}
        return 200, entities

    def _entity(self, sql: str, node: Node) -> Any:
        does = {
            "create_source": self._create,
            "create_as": self._create,
            "drop": self._drop,
            "terminate": self._terminate,
            "describe": self._describe,
            "list_sources": self._list_sources,
            "list_queries": self._list_queries,
            "list_properties": self._list_properties,
        }
        return {"warnings": []} | does[str(node.data)](sql, node) | {"statementText": sql}

    def _create(self, sql: str, node: Node) -> Any:
        source = created(sql, node, self.sources)
        kind = "TABLE" if source.table else "STREAM"
        if node.data == "create_source" and source.topic not in {*self._topics(), *self._sinks()}:
            raise Refused(
                f"Topic '{source.topic}' does not exist. If you want to create a new topic for the "
                f"{kind.lower()} please re-run the statement providing the required 'PARTITIONS' configuration"
            )
        if node.data == "create_as":
            prefix = "CTAS" if source.table else "CSAS"
            self._queries += 1
            source = replace(source, query=f"{prefix}_{source.name}_{self._queries}")
        self.sources[source.name] = source
        done = self._done(f"{kind.lower()}/`{source.name}`/create", f"{kind.title()} created and running")
        words = sql.upper().split()
        return done | ({"warnings": [{"message": NO_GRACE}]} if "WITHIN" in words and "GRACE" not in words else {})

    def _drop(self, sql: str, node: Node) -> Any:
        name, parts = name_of(_named(node)), {str(each.data) for each in node.children if isinstance(each, type(node))}
        if name not in self.sources:
            if "if_exists" in parts:
                return {"@type": "warning_entity", "message": f"Source {name} does not exist."}
            raise Refused(f"Source {name} does not exist.")
        if readers := sorted(each.name for each in self.sources.values() if name in each.reads):
            raise Refused(
                f"Cannot drop {name}.\nThe following streams and/or tables read from this source: "
                f"[{', '.join(readers)}].\nYou need to drop them before dropping {name}."
            )
        dropped = self.sources.pop(name)
        if "delete_topic" in parts:
            self.deleted_topics.append(dropped.topic)
        return self._done(f"stream/`{name}`/drop", f"Source `{name}` (topic: {dropped.topic}) was dropped.")

    def _terminate(self, sql: str, node: Node) -> Any:
        wanted = name_of(_named(node))
        for name, source in self.sources.items():
            if source.query == wanted:
                self.sources[name] = replace(source, query="")
                return self._done(f"terminate/{wanted}/execute", "Query terminated.")
        raise Refused(f"Unknown queryId: {wanted}")

    def _describe(self, sql: str, node: Node) -> Any:
        name = name_of(_named(node))
        if name not in self.sources:
            raise Refused(f"Could not find STREAM/TABLE '{name}' in the Metastore")
        source = self.sources[name]
        described = {
            "name": source.name,
            "type": "TABLE" if source.table else "STREAM",
            "topic": source.topic,
            "statement": source.sql,
            "readQueries": [_query(each) for each in self.sources.values() if name in each.reads and each.query],
            "writeQueries": [_query(source)] if source.query else [],
            "fields": [{"name": column, "schema": {"type": "STRING"}} for column in source.columns],
        }
        return {"@type": "sourceDescription", "sourceDescription": described}

    def _list_sources(self, sql: str, node: Node) -> Any:
        tables = str(node.children[0]).upper() == "TABLES"
        listed = [
            {"name": each.name, "topic": each.topic, "keyFormat": "KAFKA", "valueFormat": "JSON"}
            | ({"isWindowed": "WINDOW" in each.sql.upper()} if tables else {})
            for each in self.sources.values()
            if each.table == tables
        ]
        kind = "tables" if tables else "streams"
        return {"@type": kind, kind: listed}

    def _list_queries(self, sql: str, node: Node) -> Any:
        return {"@type": "queries", "queries": [_query(each) for each in self.sources.values() if each.query]}

    def _list_properties(self, sql: str, node: Node) -> Any:
        listed = [{"name": name, "scope": "KSQL", "value": value} for name, value in self._properties.items()]
        return {"@type": "properties", "properties": listed, "overwrittenProperties": [], "defaultProperties": []}

    def _sinks(self) -> set[str]:
        return {each.topic for each in self.sources.values() if each.query}

    def _done(self, command: str, message: str) -> Any:
        self._sequence += 1
        self._queued[command] = self.looks
        status = {"status": "QUEUED" if self.looks else "SUCCESS", "message": message, "queryId": None}
        return {"@type": "currentStatus", "commandId": command, "commandStatus": status,
                "commandSequenceNumber": self._sequence}  # fmt: skip


def _named(node: Node) -> Node:
    return next(each for each in node.children if isinstance(each, type(node)) and each.data == "name")


def _query(source: Source) -> Any:
    return {"id": source.query, "queryString": source.sql, "sinks": [source.name], "sinkKafkaTopics": [source.topic],
            "queryType": "PERSISTENT", "state": "RUNNING", "statusCount": {"RUNNING": 1}}  # fmt: skip


def _error(code: int, message: str) -> Any:
    return {"@type": "generic_error", "error_code": code, "message": message}


def _handler(server: KsqlServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if self.command == "POST" and server.scripted:
                status, kind, text, more = server.scripted.pop(0)
            else:
                status, said = server.answer(self.command, self.path, self.headers.get("Authorization", ""), body)
                kind, text, more = CONTENT_TYPE, json.dumps(said), {"Retry-After": "10"} if status == 503 else {}
            data = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", kind)
            for name, value in more.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler
