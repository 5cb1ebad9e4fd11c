"""The jars of a real Apache Kafka, fetched once by Maven and kept in a cache folder."""

from __future__ import annotations

import os
import shutil
import subprocess
from hashlib import sha256
from importlib.resources import as_file, files
from pathlib import Path

from endcap.errors import BadConfig

_COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"


def cache_dir() -> Path:
    """Where fetched parts are kept: `ENDCAP_CACHE`, else the user's cache folder."""
    named = os.environ.get("ENDCAP_CACHE")
    return Path(named) if named else Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "endcap"


def java() -> str:
    """The Java to run: `JAVA_HOME`'s, else the one on the path.

    Raises:
        BadConfig: there is none.
    """
    home = os.environ.get("JAVA_HOME")
    found = shutil.which("java", path=f"{home}/bin") if home else None
    found = found or shutil.which("java")
    if found is None:
        raise BadConfig("java", "a broker needs Java 17: apt-get install default-jre-headless, or set JAVA_HOME")
    return found


def kafka_classpath(connect: bool = False) -> str:
    """The classpath of a broker (44 MB), with `connect` of a Connect worker too (33 MB more); fetched when missing.

    Raises:
        BadConfig: Maven is missing or can't reach its repository.
    """
    source = files("endcap_devkit.kafka").joinpath("pom.xml")
    kind = "connect" if connect else "broker"
    folder = cache_dir() / f"kafka-{kind}-{sha256(source.read_bytes()).hexdigest()[:12]}"
    if not (folder / ".complete").exists():
        with as_file(source) as pom:
            _fetch(pom, folder, connect)
    return f"{folder}/*"


def _fetch(pom: Path, folder: Path, connect: bool) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise BadConfig("mvn", "Kafka's jars are fetched by Maven: apt-get install maven")
    folder.mkdir(parents=True, exist_ok=True)
    order = [maven, "-q", "-B", "-f", str(pom), _COPY, f"-DoutputDirectory={folder}", "-DincludeScope=runtime"]
    ran = subprocess.run(order + (["-Pconnect"] if connect else []), capture_output=True, text=True, check=False)
    if ran.returncode:
        raise BadConfig("mvn", f"could not fetch Kafka's jars: {(ran.stdout + ran.stderr).strip()[-500:]}")
    (folder / ".complete").touch()
