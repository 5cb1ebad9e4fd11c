"""A real Apache Kafka broker (KRaft, one node) on free loopback ports, for tests, the demo and a laptop."""

from __future__ import annotations

import base64
import os
import signal
import socket
import subprocess
import tempfile
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from endcap.clock import Clock, SystemClock
from endcap.errors import Unreachable
from endcap_devkit.kafka.jars import java, kafka_classpath
from endcap_devkit.kafka.security import Credentials, Security
from endcap_devkit.kafka.starting import await_start, tail
from endcap_devkit.ports import free_port

CALL_TIMEOUT_S = 30.0
START_TIMEOUT_S = 60.0  # 1.5 s on a quiet machine
_JVM = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xms64m", "-Xmx384m"]  # 300-400 MB resident


@dataclass
class KafkaBroker:
    """One broker with its own data folder; a context manager, owned by the thread that made it.

    `secure=True` listens with SASL_SSL/PLAIN as Confluent Cloud does, with ACLs on and the users in `security`.
    `kill`, `freeze` and `thaw` are for fault tests; `start` after `kill` keeps the data.
    """

    folder: Path | None = None  # a temporary one when not given
    port: int = 0  # free when 0
    secure: bool = False
    clock: Clock = field(default_factory=SystemClock)

    def __post_init__(self) -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix="endcap-kafka-") if self.folder is None else None
        self._home = Path(self._temporary.name) if self._temporary else Path(self.folder or "")
        self._home.mkdir(parents=True, exist_ok=True)
        self.port = self.port or free_port()
        self._controller_port = free_port()
        self.security = Security(self._home) if self.secure else None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def bootstrap(self) -> str:
        """What clients call `bootstrap.servers`."""
        return f"localhost:{self.port}" if self.secure else f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None, "the broker is not running"
        return self._process.pid

    def client_config(self, user: Credentials | None = None) -> dict[str, str]:
        """librdkafka's settings to reach this broker; as `user`, else as the administrator."""
        plain = {"bootstrap.servers": self.bootstrap}
        return plain | (self.security.client_config(user) if self.security else {})

    def start(self) -> Self:
        """Format the data folder when it is new, start, and return once the port answers.

        Raises:
            Unreachable: the broker ended or did not listen within a minute; its log's last lines are in the message.
            BadConfig: Java or Maven is missing.
        """
        classpath = kafka_classpath()
        properties = self._home / "server.properties"
        properties.write_text(self._properties())
        if not (self._home / "data" / "meta.properties").exists():
            self._format(classpath, properties)
        (self._home / "log4j2.yaml").write_text(_LOG4J)
        order = [java(), *_JVM, f"-Dlog4j2.configurationFile={self._home / 'log4j2.yaml'}", "-cp", classpath]
        with (self._home / "broker.log").open("ab") as log:
            self._process = subprocess.Popen([*order, "kafka.Kafka", str(properties)], stdout=log, stderr=log)
        self._wait_for_port()
        return self

    def stop(self) -> None:
        """SIGTERM, then wait for the end (0.3 s); safe to call twice."""
        if self._process is not None:
            self._process.terminate()
            self._reap()

    def kill(self) -> None:
        """SIGKILL, as a power cut; the data folder stays."""
        self._signal(signal.SIGKILL)
        self._reap()

    def freeze(self) -> None:
        """SIGSTOP: the port is open and nothing answers."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT, after `freeze`."""
        self._signal(signal.SIGCONT)

    def empty(self) -> None:
        """Take away all topics, with what groups had read of them, and the groups that nobody is in."""
        from confluent_kafka.admin import AdminClient  # only where it is used: the devkit starts brokers without it

        admin = AdminClient(self.client_config())
        groups = [each.group_id for each in admin.list_consumer_groups().result(CALL_TIMEOUT_S).valid]
        topics = [name for name in admin.list_topics(timeout=CALL_TIMEOUT_S).topics if not name.startswith("__")]
        for future in (admin.delete_consumer_groups(groups) if groups else {}).values():
            future.exception(CALL_TIMEOUT_S)  # a member that was killed is in its group for some seconds more
        for future in (admin.delete_topics(topics) if topics else {}).values():
            future.result(CALL_TIMEOUT_S)

    def log_tail(self, lines: int = 15) -> str:
        """The last lines the broker logged."""
        return tail(self._home / "broker.log", lines)

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.__exit__()  # what was not entered is not left either
            raise

    def __exit__(self, *_: object) -> None:
        self.stop()
        if self._temporary is not None:
            self._temporary.cleanup()

    def _signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def _reap(self) -> None:
        assert self._process is not None
        try:
            self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def _format(self, classpath: str, properties: Path) -> None:
        # in one word: an id may begin with "-", and "-t ID" then fails
        cluster = f"--cluster-id={base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip('=')}"
        order = [java(), *_JVM, "-cp", classpath, "kafka.tools.StorageTool", "format", "--standalone", cluster]
        ran = subprocess.run([*order, "-c", str(properties)], capture_output=True, text=True, check=False)
        if ran.returncode:
            raise Unreachable(f"the broker's data folder could not be formatted: {(ran.stdout + ran.stderr)[-500:]}")

    def _wait_for_port(self) -> None:
        assert self._process is not None
        await_start(
            self._process,
            lambda: _answers(self.port),
            log=self._home / "broker.log",
            clock=self.clock,
            timeout_s=START_TIMEOUT_S,
            what="the broker",
            port=self.port,
        )

    def _properties(self) -> str:
        settings = {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.bootstrap.servers": f"127.0.0.1:{self._controller_port}",
            "controller.listener.names": "CONTROLLER",
            "listeners": f"PLAINTEXT://127.0.0.1:{self.port},CONTROLLER://127.0.0.1:{self._controller_port}",
            "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
            "log.dirs": str(self._home / "data"),
            "num.partitions": "4",
            "offsets.topic.replication.factor": "1",
            "offsets.topic.num.partitions": "4",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "transaction.state.log.num.partitions": "4",
            # a dead client's transaction is undone within a second of its time, not ten
            "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
            "share.coordinator.state.topic.replication.factor": "1",
            "share.coordinator.state.topic.min.isr": "1",
            "group.initial.rebalance.delay.ms": "0",  # tests don't wait three seconds for a second member
        }
        if self.security is not None:
            settings |= self.security.broker_properties(self.port, self._controller_port)
        return "".join(f"{name}={value}\n" for name, value in settings.items())


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


_LOG4J = """\
Configuration:
  status: error
  Appenders:
    Console: {name: out, PatternLayout: {pattern: "%d %p %m (%c)%n"}}
  Loggers:
    Root: {level: warn, AppenderRef: {ref: out}}
"""
