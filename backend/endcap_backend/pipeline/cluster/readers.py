"""Who reads the cluster's topics, and whether they pass over what was written in transactions that came to nothing.

The forwarder writes each batch in a transaction; after a fault the batch is written again. A Kafka consumer sees both
unless it reads `read_committed`, which is not Java's default (it is librdkafka's).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from endcap.errors import BadConfig
from endcap_backend.pipeline.cluster.connect import Connect
from endcap_backend.pipeline.cluster.findings import Finding, ok, unknown, wrong
from endcap_backend.pipeline.cluster.ksqldb import KsqlDb, reads_committed
from endcap_backend.pipeline.cluster.sink import ISOLATION, READ_COMMITTED

WHAT = "reader"
TWICE = "it reads records of aborted transactions, and so some twice"
_LEVELS = ("isolation.level", "consumer.isolation.level", ISOLATION)


def connectors(connect: Connect) -> list[Finding]:
    """Each sink of a Connect cluster."""
    found = []
    for name in connect.connectors():
        config = connect.config(name) or {}
        if not config.get("topics") and not config.get("topics.regex"):
            continue  # a source
        level = config.get(ISOLATION)
        if level == READ_COMMITTED:
            found.append(ok(WHAT, f"connector {name}: read_committed"))
        elif level is None:
            says = f"connector {name} does not say read_committed: {TWICE}, unless its worker is set so"
            found.append(wrong(WHAT, says, f"set {ISOLATION}={READ_COMMITTED} in it"))
        else:
            found.append(wrong(WHAT, f"connector {name}: {level}: {TWICE}", f"set {ISOLATION}={READ_COMMITTED}"))
    return found or [unknown(WHAT, "Connect has no sink")]


def ksqldb(client: KsqlDb) -> list[Finding]:
    """Whether ksqlDB is well, and its own consumers."""
    ailing = client.ailing()
    if ailing:
        says = f"ksqlDB says that it is not well: {', '.join(ailing)}"
        return [wrong("ksqldb", says, "look at its log; it takes statements again once it is"), *_consumers(client)]
    return _consumers(client)


def _consumers(client: KsqlDb) -> list[Finding]:
    if reads_committed(client.properties()):
        return [ok(WHAT, "ksqlDB: read_committed")]
    do = "set ksql.streams.processing.guarantee=exactly_once_v2, or ksql.streams.isolation.level=read_committed"
    return [wrong(WHAT, f"ksqlDB does not say read_committed: {TWICE}", do)]


def consumer(path: Path) -> list[Finding]:
    """A consumer's own settings, in a file of Java's properties.

    Raises:
        BadConfig: the file can't be read.
    """
    settings = _properties(path)
    level = next((settings[name] for name in _LEVELS if name in settings), None)
    if level == READ_COMMITTED:
        return [ok(WHAT, f"{path.name}: read_committed")]
    says = f"{path.name}: {level or 'no isolation.level'}: {TWICE}"
    return [wrong(WHAT, says, f"set isolation.level={READ_COMMITTED}")]


def _properties(path: Path) -> Mapping[str, str]:
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as fault:
        raise BadConfig("--consumer", f"{path} can't be read: {fault}") from None
    pairs = (line.partition("=") for line in lines if "=" in line and not line.lstrip().startswith(("#", "!")))
    return {name.strip(): value.strip() for name, _, value in pairs}
