"""The jars of a real Flink: most from PyFlink's folder, the Kafka connector and the SQL gateway from Maven."""

from __future__ import annotations

import os
import shutil
import subprocess
from hashlib import sha256
from importlib.resources import as_file, files
from pathlib import Path

from endcap.errors import BadConfig
from endcap_devkit.kafka.jars import cache_dir

_COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"


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
    source = files("endcap_devkit.flink").joinpath("pom.xml")
    folder = cache_dir() / f"flink-{sha256(source.read_bytes()).hexdigest()[:12]}"
    if not (folder / ".complete").exists():
        with as_file(source) as pom:
            _fetch(pom, folder)
    return sorted(folder.glob("*.jar"))


def kafka_connector() -> Path:
    """The jar that a Flink cluster needs in its `lib` to read and write Kafka."""
    return next(jar for jar in connector_jars() if jar.name.startswith("flink-sql-connector-kafka"))


def flink_classpath() -> str:
    """The classpath of every process of a cluster."""
    return ":".join([f"{flink_home()}/lib/*", *map(str, connector_jars())])


def _fetch(pom: Path, folder: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise BadConfig("mvn", "Flink's Kafka connector is fetched by Maven: apt-get install maven")
    folder.mkdir(parents=True, exist_ok=True)
    order = [maven, "-q", "-B", "-f", str(pom), _COPY, f"-DoutputDirectory={folder}", "-DincludeScope=runtime"]
    ran = subprocess.run([*order, "-DexcludeTransitive=true"], capture_output=True, text=True, check=False)
    if ran.returncode:
        raise BadConfig("mvn", f"could not fetch Flink's Kafka connector: {(ran.stdout + ran.stderr).strip()[-500:]}")
    (folder / ".complete").touch()
