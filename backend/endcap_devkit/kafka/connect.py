"""A real Kafka Connect worker (distributed, one node) beside a broker, for tests and a laptop."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import httpx

from endcap.clock import Clock, SystemClock
from endcap_devkit.kafka.broker import KafkaBroker
from endcap_devkit.kafka.jars import java, kafka_classpath
from endcap_devkit.kafka.starting import await_start, tail
from endcap_devkit.ports import free_port

START_TIMEOUT_S = 120.0  # 5 s on a quiet machine
_JVM = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xms64m", "-Xmx256m"]  # 300 MB resident
GROUP = "endcap-connect"


@dataclass
class ConnectWorker:
    """One worker that keeps its state on the broker; a context manager, owned by the thread that made it.

    Plugins, such as Ably's sink, are looked for in the folders below `plugins`; `overrides` are worker properties.
    """

    broker: KafkaBroker
    port: int = 0  # free when 0
    plugins: Path | None = None
    overrides: Mapping[str, str] = field(default_factory=dict)
    clock: Clock = field(default_factory=SystemClock)

    def __post_init__(self) -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix="endcap-connect-")
        self._home = Path(self._temporary.name)
        self.port = self.port or free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where its REST interface listens."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> Self:
        """Start, and return once connectors can be made.

        Raises:
            Unreachable: it ended, or did not answer within two minutes; its log's last lines are in the message.
            BadConfig: Java or Maven is missing.
        """
        classpath = kafka_classpath(connect=True)
        properties = self._home / "worker.properties"
        properties.write_text("".join(f"{name}={value}\n" for name, value in self._properties().items()))
        with (self._home / "worker.log").open("ab") as log:
            order = [
                java(),
                *_JVM,
                "-cp",
                classpath,
                "org.apache.kafka.connect.cli.ConnectDistributed",
                str(properties),
            ]
            self._process = subprocess.Popen(order, stdout=log, stderr=log)
        await_start(
            self._process,
            self._answers,
            log=self._home / "worker.log",
            clock=self.clock,
            timeout_s=START_TIMEOUT_S,
            what="the Connect worker",
            port=self.port,
        )
        return self

    def stop(self) -> None:
        """SIGTERM, then wait for the end; safe to call twice."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def log_tail(self, lines: int = 15) -> str:
        """The last lines the worker logged."""
        return tail(self._home / "worker.log", lines)

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.__exit__()  # what was not entered is not left either
            raise

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._temporary.cleanup()

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/connectors", timeout=2.0).status_code == 200
        except httpx.HTTPError:
            return False

    def _properties(self) -> dict[str, str]:
        text = "org.apache.kafka.connect.storage.StringConverter"
        plugins = {"plugin.path": str(self.plugins)} if self.plugins else {"plugin.discovery": "service_load"}
        stores = {
            name: value
            for what in ("config", "offset", "status")
            for name, value in (
                (f"{what}.storage.topic", f"{GROUP}-{what}s"),
                (f"{what}.storage.replication.factor", "1"),
            )
        }
        login = self.broker.security.java_config() if self.broker.security else {}
        logins = {
            f"{prefix}{name}": value
            for prefix in ("", "consumer.", "producer.", "admin.")
            for name, value in login.items()
        }
        return {
            "bootstrap.servers": self.broker.bootstrap,
            "group.id": GROUP,
            "listeners": self.url,
            "key.converter": text,
            "value.converter": text,
            "offset.storage.partitions": "1",
            "status.storage.partitions": "1",
            "offset.flush.interval.ms": "1000",
            "scheduled.rebalance.max.delay.ms": "0",
            **stores,
            **plugins,
            **logins,
            **self.overrides,
        }
