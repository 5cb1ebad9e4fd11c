"""Flink's SQL gateway, spoken to over REST: a session, its statements and what they answer."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from threading import Event
from types import TracebackType
from typing import Any, Self

import httpx

from endcap.clock import Clock, SystemClock
from endcap.errors import Refused, Unreachable

ANSWER_TIMEOUT_S = 120.0  # for one statement: a job that is submitted ships its plan and waits for a first answer
CALL_TIMEOUT_S = 30.0
POLL_S = 0.1
_CAUSE = re.compile(r"^(?:Caused by: )?[\w.$]+(?:Exception|Error): (.+)$", re.MULTILINE)


class SqlGateway:
    """One session of a gateway; a context manager for one thread. Jobs that it started outlive it.

    `url` is the gateway's address, such as http://flink:8083; `options` are Flink's settings of the session.
    """

    def __init__(self, url: str, options: Mapping[str, str], clock: Clock | None = None) -> None:
        self._client = httpx.Client(base_url=f"{url.rstrip('/')}/v3", timeout=CALL_TIMEOUT_S)
        self._url = url
        self._options = dict(options)
        self._clock = clock or SystemClock()
        self._session = ""

    def __enter__(self) -> Self:
        try:
            opened = self._call("POST", "/sessions", {"properties": self._options})
        except BaseException:
            self._client.close()
            raise
        self._session = f"/sessions/{opened['sessionHandle']}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:  # after a fault the gateway drops the session by itself in ten minutes
                self._call("DELETE", self._session)
        finally:
            self._client.close()

    def execute(self, sql: str) -> tuple[list[list[Any]], str]:
        """The rows a statement answers with, and the id of the job it started, or "".

        Raises:
            Unreachable: the gateway does not answer, or not within two minutes.
            Refused: Flink refuses the statement; carries its own reason.
        """
        statement = sql.strip().rstrip(";")
        started = self._call("POST", f"{self._session}/statements", {"statement": statement})
        path = f"{self._session}/operations/{started['operationHandle']}/result/0?rowFormat=JSON"
        rows: list[list[Any]] = []
        job = ""
        while path:
            page = self._page(path, statement)
            job = page.get("jobID") or job
            rows += [row["fields"] for row in page.get("results", {}).get("data", [])]
            path = (page.get("nextResultUri") or "").removeprefix("/v3")
        return rows, job

    def until(self, holds: Callable[[], bool], what: str) -> None:
        """Wait until something holds; raises `Unreachable` when it does not within two minutes."""
        deadline = self._clock.monotonic() + ANSWER_TIMEOUT_S
        while not holds():
            if self._clock.monotonic() >= deadline:
                raise Unreachable(f"{self._url}: {what} within {ANSWER_TIMEOUT_S:.0f} s")
            self._clock.wait(Event(), POLL_S)

    def _page(self, path: str, statement: str) -> dict[str, Any]:
        """The next part of an answer, once there is one."""
        deadline = self._clock.monotonic() + ANSWER_TIMEOUT_S
        while self._clock.monotonic() < deadline:
            page = self._call("GET", path)
            if page["resultType"] != "NOT_READY":
                return page
            self._clock.wait(Event(), POLL_S)
        raise Unreachable(f"{self._url} did not answer within {ANSWER_TIMEOUT_S:.0f} s to: {statement[:200]}")

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        try:
            answer = self._client.request(method, path, json=body)
        except httpx.HTTPError as fault:
            raise Unreachable(f"no Flink SQL gateway answers at {self._url}: {fault or type(fault).__name__}") from None
        try:
            said = answer.json()
        except ValueError:
            raise Refused(f"{self._url} answers without JSON: is it a Flink SQL gateway?", answer.status_code) from None
        if answer.is_error:
            raise Refused(f"Flink refuses: {reason(said)}", answer.status_code, answer.text)
        return dict(said)


def reason(said: Any) -> str:
    """The innermost cause in a gateway's answer, without its stack."""
    errors = said.get("errors", []) if isinstance(said, dict) else []
    return cause("\n".join(map(str, errors)))


def cause(trace: str) -> str:
    """The message of the innermost cause in a Java stack trace."""
    causes = _CAUSE.findall(trace)
    return (causes[-1] if causes else trace.strip()[:500]) or "no reason given"
