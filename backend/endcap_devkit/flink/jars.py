"""The jars of a real Flink: most from PyFlink's folder, the Kafka connector and the SQL gateway from Maven."""

from __future__ import annotations

import os
from pathlib import Path

from endcap.errors import BadConfig
from endcap_devkit.maven import jars_of


def flink_home() -> Path:
    """The folder with Flink's `lib`: what `ENDCAP_FLINK_HOME` names, PyFlink's folder or any distribution's.

    Raises:
        BadConfig: it is not set, or holds no Flink.
    """
    named = os.environ.get("ENDCAP_FLINK_HOME", "")
    if not named or not list(Path(named).glob("lib/flink-dist-*.jar")):
        raise BadConfig(
            "ENDCAP_FLINK_HOME",
            f"must name a folder with lib/flink-dist-*.jar, and {named!r} is none; `make flink` prepares one",
        )
    return Path(named)


def connector_jars() -> list[Path]:
    """The Kafka connector and the SQL gateway (12 MB); fetched when missing.

    Raises:
        BadConfig: Maven is missing or can't reach its repository.
    """
    return sorted(jars_of("endcap_devkit.flink", "flink", "-DexcludeTransitive=true").glob("*.jar"))


def kafka_connector() -> Path:
    """The jar that a Flink cluster needs in its `lib` to read and write Kafka."""
    return next(jar for jar in connector_jars() if jar.name.startswith("flink-sql-connector-kafka"))


def flink_classpath() -> str:
    """The classpath of every process of a cluster."""
    return ":".join([f"{flink_home()}/lib/*", *map(str, connector_jars())])
