"""Kafka Connect, by its REST interface."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from threading import Event
from typing import Any
from urllib.parse import quote

from endcap.clock import Clock, SystemClock
from endcap.errors import BadConfig, EndcapError, Refused
from endcap_backend.pipeline.cluster.deadline import Deadline
from endcap_backend.pipeline.cluster.rest import CALL_TIMEOUT_S, Rest
from endcap_backend.pipeline.cluster.sink import Config
from endcap_backend.settings import setting

RUNNING_S = 30.0  # for a connector that has been made to run
LOOK_AGAIN_S = 0.25


class ConnectorRefused(EndcapError):
    """Connect will not take a configuration; says which of it and why."""


@dataclass(frozen=True, slots=True)
class ConnectSettings:
    """How to reach a Connect worker.

    Raises:
        BadConfig: half of a login.
    """

    connect_url: str = setting("where a Connect worker listens, such as http://localhost:8083", "")
    connect_username: str = setting("user name for Connect, when it wants one", "")
    connect_password: str = setting("password for Connect, when it wants one", "", secret=True)

    def __post_init__(self) -> None:
        if bool(self.connect_username) != bool(self.connect_password):
            missing = "connect_password" if self.connect_username else "connect_username"
            raise BadConfig(missing, "is not set, but the other half of the login is")


@dataclass(frozen=True, slots=True)
class Status:
    """How a connector does (RUNNING, PAUSED, FAILED, UNASSIGNED …), and each of its tasks, with why it failed."""

    state: str
    tasks: tuple[tuple[str, str], ...]

    @property
    def runs(self) -> bool:
        return self.state == "RUNNING" and bool(self.tasks) and all(state == "RUNNING" for state, _ in self.tasks)

    @property
    def failed(self) -> bool:
        return self.state == "FAILED" or any(state == "FAILED" for state, _ in self.tasks)


class Connect:
    """One Connect cluster, by any of its workers. One thread at a time."""

    def __init__(
        self, settings: ConnectSettings, clock: Clock | None = None, *, timeout_s: float = CALL_TIMEOUT_S
    ) -> None:
        login = settings.connect_username, settings.connect_password
        self._rest = Rest("Connect", settings.connect_url, *login, timeout_s=timeout_s)
        self._clock = clock or SystemClock()

    def close(self) -> None:
        self._rest.close()

    def version(self) -> str:
        """The worker's version; raises as `Rest.call`, as all of these do."""
        return str(self._rest.call("GET", "/")["version"])

    def plugins(self) -> set[str]:
        """The classes of the connectors that the worker has."""
        return {each["class"] for each in self._rest.call("GET", "/connector-plugins")}

    def connectors(self) -> list[str]:
        return [str(name) for name in self._rest.call("GET", "/connectors")]

    def config(self, name: str) -> dict[str, str] | None:
        """A connector's configuration; None when there is no such connector."""
        found: dict[str, str] | None = self._found("GET", f"/connectors/{quote(name)}/config")
        return found

    def status(self, name: str) -> Status | None:
        """How a connector does; None when there is no such connector."""
        said = self._found("GET", f"/connectors/{quote(name)}/status")
        if said is None:
            return None
        tasks = tuple((each["state"], _first_line(each.get("trace", ""))) for each in said["tasks"])
        return Status(said["connector"]["state"], tasks)

    def validate(self, name: str, config: Config) -> list[str]:
        """What Connect finds wrong with a configuration, each with its setting.

        Raises:
            ConnectorRefused: the worker does not have the connector's class.
        """
        kind = config["connector.class"]
        if kind not in self.plugins():
            raise ConnectorRefused(
                f"the Connect worker has no {kind}: unpack the sink's archive below its plugin.path and restart it"
            )
        said = self._rest.call("PUT", f"/connector-plugins/{kind}/config/validate", {**config, "name": name})
        return [
            f"{each['value']['name']}: {error}" for each in said["configs"] for error in each["value"].get("errors", ())
        ]

    def put(self, name: str, config: Config) -> None:
        """Make a connector, or give it another configuration.

        Raises:
            ConnectorRefused: Connect says what is wrong with it.
        """
        try:
            self._rest.call("PUT", f"/connectors/{quote(name)}/config", dict(config))
        except Refused as fault:
            raise ConnectorRefused(f"Connect refuses {name}: {fault}") from None

    def restart(self, name: str) -> None:
        """Start again what of a connector has failed."""
        self._rest.call("POST", f"/connectors/{quote(name)}/restart?includeTasks=true&onlyFailed=true")

    def remove(self, name: str) -> bool:
        """Remove a connector; False when there was none."""
        if name not in self.connectors():
            return False
        self._rest.call("DELETE", f"/connectors/{quote(name)}")
        return True

    def await_running(self, name: str, timeout_s: float = RUNNING_S, *, patience_s: float = 0.0) -> Status:
        """The status once it runs, or has failed (which counts after `patience_s`), or as it is at the time's end."""
        deadline, patience = Deadline(self._clock, timeout_s), Deadline(self._clock, patience_s)
        while True:
            status = self.status(name) or Status("UNASSIGNED", ())
            if status.runs or (status.failed and not patience) or not deadline:
                return status
            self._clock.wait(Event(), LOOK_AGAIN_S)

    def _found(self, method: str, path: str) -> Any:
        try:
            return self._rest.call(method, path)
        except Refused as fault:
            if fault.status == 404:
                return None
            raise


def differing(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """The settings that differ, by name."""
    return [name for name in sorted({*before, *after} - {"name"}) if before.get(name) != after.get(name)]


def _first_line(trace: str) -> str:
    return trace.strip().splitlines()[0] if trace.strip() else ""
