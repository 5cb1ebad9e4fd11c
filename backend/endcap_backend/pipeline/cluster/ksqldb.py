"""ksqlDB, by its REST interface: what is there, and what is to be."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Event
from typing import Any
from urllib.parse import quote

from endcap.clock import Clock, SystemClock
from endcap.errors import BadConfig, EndcapError, Refused
from endcap_backend.pipeline.cluster.deadline import Deadline
from endcap_backend.pipeline.cluster.rest import CALL_TIMEOUT_S, Busy, Rest
from endcap_backend.settings import setting

log = logging.getLogger("endcap.ksqldb")

ACCEPT = {"Accept": "application/vnd.ksql.v1+json"}
BAD_REQUEST = 400
COMMAND_S = 60.0  # for a statement that the server has queued
LOOK_AGAIN_S = 0.5
PATIENCE_S = 60.0  # with a server that asks for it: Confluent Cloud's limits are by the minute
READ_COMMITTED = "read_committed"


class StatementRefused(EndcapError):
    """ksqlDB will not run a statement; says which and why."""


@dataclass(frozen=True, slots=True)
class KsqlSettings:
    """How to reach ksqlDB.

    Raises:
        BadConfig: half of a login.
    """

    ksqldb_url: str = setting("where ksqlDB listens, such as http://localhost:8088", "")
    ksqldb_username: str = setting("on Confluent Cloud the ksqlDB API key", "")
    ksqldb_password: str = setting("on Confluent Cloud the ksqlDB API key's secret", "", secret=True)

    def __post_init__(self) -> None:
        if bool(self.ksqldb_username) != bool(self.ksqldb_password):
            missing = "ksqldb_password" if self.ksqldb_username else "ksqldb_username"
            raise BadConfig(missing, "is not set, but the other half of the login is")


@dataclass(frozen=True, slots=True)
class Present:
    """A stream or table that the server has."""

    name: str
    kind: str  # STREAM or TABLE
    topic: str


class KsqlDb:
    """One ksqlDB. Statements run in the order in which they are given. One thread at a time."""

    def __init__(
        self, settings: KsqlSettings, clock: Clock | None = None, *, timeout_s: float = CALL_TIMEOUT_S
    ) -> None:
        login = settings.ksqldb_username, settings.ksqldb_password
        self._rest = Rest("ksqlDB", settings.ksqldb_url, *login, timeout_s=timeout_s)
        self._clock = clock or SystemClock()
        self._sequence: int | None = None  # of the last command: the next one waits for it, whichever server it meets

    def close(self) -> None:
        self._rest.close()

    def version(self) -> str:
        """The server's version; raises as `Rest.call`."""
        return str(self._rest.call("GET", "/info", headers=ACCEPT)["KsqlServerInfo"]["version"])

    def ailing(self) -> list[str]:
        """The parts of the server that say they are not well, such as `commandRunner`; raises as `Rest.call`."""
        said = self._rest.call("GET", "/healthcheck", headers=ACCEPT)
        if said["isHealthy"]:
            return []
        return [name for name, part in said["details"].items() if not part["isHealthy"]] or ["ksqlDB"]

    def present(self) -> dict[str, Present]:
        """Every stream and table, by name."""
        found = {}
        for kind in ("STREAM", "TABLE"):
            for each in self._ask(f"LIST {kind}S;")[f"{kind.lower()}s"]:
                found[each["name"]] = Present(each["name"], kind, each["topic"])
        return found

    def properties(self) -> dict[str, str]:
        """The server's properties by name; older servers answer a map, newer ones a list."""
        said = self._ask("LIST PROPERTIES;")["properties"]
        return said if isinstance(said, dict) else {each["name"]: each["value"] for each in said}

    def run(self, sql: str, properties: Mapping[str, str] | None = None) -> None:
        """Run one statement and wait until it is done.

        Raises:
            StatementRefused: the server says why.
            Unreachable: it does not answer, or asks for patience for more than a minute.
        """
        answer = self._patiently(sql, properties or {})
        for warning in answer.get("warnings") or ():
            log.warning("ksqlDB warns of %s: %s", _short(sql), " ".join(warning["message"].split()))
        if "commandSequenceNumber" in answer:
            # -1: it was not put into the queue, and those before it still count
            self._sequence = max(self._sequence or 0, answer["commandSequenceNumber"])
            self._await(sql, answer["commandId"], answer["commandStatus"])

    def drop(self, present: Present, *, delete_topic: bool) -> None:
        """Remove a stream or table with the query that writes it; raises as `run`."""
        for query in self._described(present).get("writeQueries", ()):
            self.run(f"TERMINATE {query['id']};")  # newer servers do so by themselves, older ones refuse the DROP
        topic = " DELETE TOPIC" if delete_topic else ""
        self.run(f"DROP {present.kind} IF EXISTS {quoted(present.name)}{topic};")

    def read_by(self, present: Present) -> dict[str, set[str]]:
        """The queries that read a stream or table, by their ids, and what each of them writes."""
        return {query["id"]: set(query["sinks"]) for query in self._described(present).get("readQueries", ())}

    def _described(self, present: Present) -> Any:
        return self._ask(f"DESCRIBE {quoted(present.name)};")["sourceDescription"]

    def _ask(self, sql: str) -> Any:
        return self._post(sql, {})

    def _patiently(self, sql: str, properties: Mapping[str, str]) -> Any:
        """As `_post`, again after as long as the server asks for."""
        deadline = Deadline(self._clock, PATIENCE_S)
        while True:
            try:
                return self._post(sql, properties)
            except Busy as fault:
                pause_s = fault.retry_after_s or LOOK_AGAIN_S
                if deadline.left_s() < pause_s:
                    raise
                self._clock.wait(Event(), pause_s)

    def _post(self, sql: str, properties: Mapping[str, str]) -> Any:
        body: dict[str, Any] = {"ksql": sql, "streamsProperties": dict(properties)}
        if self._sequence is not None:
            body["commandSequenceNumber"] = self._sequence
        try:
            answers = self._rest.call("POST", "/ksql", body, ACCEPT)
        except Refused as fault:
            if fault.status != BAD_REQUEST:
                raise
            raise StatementRefused(f"ksqlDB refuses {_short(sql)}: {_reason(fault)}") from None
        if not isinstance(answers, list) or not answers:
            raise StatementRefused(f"ksqlDB does not say what came of {_short(sql)}: {answers!r:.100}")
        return answers[-1]

    def _await(self, sql: str, command: str, status: Mapping[str, Any]) -> None:
        deadline = Deadline(self._clock, COMMAND_S)
        while status["status"] not in ("SUCCESS", "RUNNING", "TERMINATED"):
            if status["status"] == "ERROR":
                raise StatementRefused(f"ksqlDB could not run {_short(sql)}: {status['message']}")
            if not deadline:
                raise StatementRefused(f"ksqlDB has not run {_short(sql)} within {COMMAND_S:g} s: {status['status']}")
            self._clock.wait(Event(), LOOK_AGAIN_S)
            status = self._rest.call("GET", f"/status/{quote(command)}", headers=ACCEPT)


def quoted(name: str) -> str:
    """A name as it stands in SQL: in back-quotes, so that its case counts."""
    return f"`{name}`"


def reads_committed(properties: Mapping[str, str]) -> bool:
    """Whether a server with these properties passes over records of aborted transactions.

    Kafka's consumers read them unless told otherwise; with exactly-once processing Kafka Streams tells them.
    """
    prefixes = ("", "consumer.", "main.consumer.")
    guarantee = properties.get("ksql.streams.processing.guarantee", "")
    return guarantee.startswith("exactly_once") or any(
        properties.get(f"ksql.streams.{prefix}isolation.level") == READ_COMMITTED for prefix in prefixes
    )


def _short(sql: str) -> str:
    first = " ".join(sql.split())
    return f"“{first[:60]}…”" if len(first) > 61 else f"“{first}”"


def _reason(fault: Refused) -> str:
    try:
        return str(json.loads(fault.body)["message"])
    except (ValueError, KeyError, TypeError):
        return str(fault)
