"""A Flink session cluster on free loopback ports: a job manager, a task manager and the SQL gateway."""

from __future__ import annotations

import signal
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import httpx

from endcap.clock import Clock, SystemClock
from endcap.errors import Unreachable
from endcap_devkit.flink.jars import flink_classpath
from endcap_devkit.kafka.jars import java
from endcap_devkit.ports import free_port

START_TIMEOUT_S = 120.0  # 10 s on a quiet machine
_SLOTS = 8  # jobs of a parallelism of 1 that fit at once
_OPENS = "lang net io nio lang.reflect text time util util.concurrent util.concurrent.atomic util.concurrent.locks"
_JVM = [
    "-XX:+UseSerialGC",
    *(f"--add-opens=java.base/java.{package}=ALL-UNNAMED" for package in _OPENS.split()),
    "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
]
_MAINS = {
    "jobmanager": ("org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint", "-Xmx384m"),
    "taskmanager": ("org.apache.flink.runtime.taskexecutor.TaskManagerRunner", "-Xmx1152m"),
    "gateway": ("org.apache.flink.table.gateway.SqlGateway", "-Xmx384m"),
}


@dataclass
class FlinkCluster:
    """Three processes and a folder for their state; a context manager, owned by the thread that made it.

    `kill` and `start` of the task manager are for fault tests: the job restarts from its last checkpoint.
    """

    clock: Clock = field(default_factory=SystemClock)

    def __post_init__(self) -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix="endcap-flink-")
        self.folder = Path(self._temporary.name)
        self._rest_port, self._rpc_port, self._gateway_port = free_port(), free_port(), free_port()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def gateway_url(self) -> str:
        """Where statements are sent."""
        return f"http://127.0.0.1:{self._gateway_port}"

    @property
    def jobs_url(self) -> str:
        """The job manager's REST address: what runs, and how far its checkpoints are."""
        return f"http://127.0.0.1:{self._rest_port}"

    def pid(self, process: str) -> int:
        """Of `jobmanager`, `taskmanager` or `gateway`."""
        return self._processes[process].pid

    def start(self, process: str) -> None:
        """Start one of the three; its output goes to a file of its name."""
        main, heap = _MAINS[process]
        # the gateway takes no --configDir, all three read FLINK_CONF_DIR
        switch = [] if process == "gateway" else ["--configDir", str(self.folder)]
        order = [java(), heap, *_JVM, f"-Dlog4j2.configurationFile={self.folder / 'log4j2.properties'}"]
        with (self.folder / f"{process}.log").open("ab") as log:
            self._processes[process] = subprocess.Popen(
                [*order, "-cp", flink_classpath(), main, *switch],
                stdout=log, stderr=log, env={"FLINK_CONF_DIR": str(self.folder)},
            )  # fmt: skip

    def kill(self, process: str) -> None:
        """SIGKILL, as a machine that fails."""
        self._processes[process].send_signal(signal.SIGKILL)
        self._processes.pop(process).wait()

    def get(self, path: str) -> Any:
        """What the job manager answers to `GET path`."""
        return httpx.get(self.jobs_url + path, timeout=20).raise_for_status().json()

    def log_tail(self, process: str, lines: int = 15) -> str:
        """The last lines one of the three logged."""
        log = self.folder / f"{process}.log"
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:]) if log.exists() else ""

    def __enter__(self) -> Self:
        (self.folder / "config.yaml").write_text(self._config())
        (self.folder / "log4j2.properties").write_text(_LOG4J)
        try:
            for process in _MAINS:
                self.start(process)
            self._wait_until_ready()
        except BaseException:
            self.__exit__()  # what was not entered is not left either
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes.values():
            process.kill()  # nothing of it is to outlive it
        for process in self._processes.values():
            process.wait()
        self._processes.clear()
        self._temporary.cleanup()

    def _wait_until_ready(self) -> None:
        deadline = self.clock.monotonic() + START_TIMEOUT_S
        while self.clock.monotonic() < deadline:
            for name, process in self._processes.items():
                try:
                    process.wait(timeout=0.1)  # also the pause between two looks
                except subprocess.TimeoutExpired:
                    continue
                raise Unreachable(f"Flink's {name} ended while starting:\n{self.log_tail(name)}")
            if self._is_ready():
                return
        raise Unreachable(f"Flink was not ready within {START_TIMEOUT_S:.0f} s:\n{self.log_tail('taskmanager')}")

    def _is_ready(self) -> bool:
        try:
            httpx.get(f"{self.gateway_url}/v3/info", timeout=5).raise_for_status()
            return bool(self.get("/overview")["slots-available"])
        except httpx.HTTPError:
            return False

    def _config(self) -> str:
        settings = {
            "jobmanager.rpc.address": "127.0.0.1",
            "jobmanager.bind-host": "127.0.0.1",
            "jobmanager.rpc.port": self._rpc_port,
            "rest.address": "127.0.0.1",
            "rest.bind-address": "127.0.0.1",
            "rest.port": self._rest_port,
            "taskmanager.host": "127.0.0.1",
            "taskmanager.bind-host": "127.0.0.1",
            "sql-gateway.endpoint.rest.address": "127.0.0.1",
            "sql-gateway.endpoint.rest.bind-address": "127.0.0.1",
            "sql-gateway.endpoint.rest.port": self._gateway_port,
            "taskmanager.numberOfTaskSlots": _SLOTS,
            "io.tmp.dirs": self.folder / "tmp",
            "execution.checkpointing.dir": f"file://{self.folder}/checkpoints",
            "execution.checkpointing.savepoint-dir": f"file://{self.folder}/savepoints",
            "heartbeat.interval": "1 s",  # a task manager that was killed is missed within seconds, not a minute
            **_MEMORY,
        }
        return "".join(f"{name}: {value}\n" for name, value in settings.items())


# the start scripts work these out from one figure; without the scripts each has to be named
_MEMORY = {
    "taskmanager.cpu.cores": 2,
    "taskmanager.memory.task.heap.size": "896m",
    "taskmanager.memory.task.off-heap.size": "0m",
    "taskmanager.memory.framework.heap.size": "128m",
    "taskmanager.memory.framework.off-heap.size": "128m",
    "taskmanager.memory.network.min": "128m",
    "taskmanager.memory.network.max": "128m",
    "taskmanager.memory.managed.size": "256m",
    "taskmanager.memory.jvm-metaspace.size": "256m",
    "taskmanager.memory.jvm-overhead.min": "192m",
    "taskmanager.memory.jvm-overhead.max": "192m",
}

# as properties: for YAML log4j wants a library that Flink does not bring
_LOG4J = """\
status = error
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d %p %m (%c)%n%ex{5}
rootLogger.level = info
rootLogger.appenderRef.out.ref = out
logger.kafka.name = org.apache.kafka
logger.kafka.level = warn
"""
