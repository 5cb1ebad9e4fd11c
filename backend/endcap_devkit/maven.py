"""Jars by Maven: fetched once, kept in a folder named after the list that asks for them."""

from __future__ import annotations

import os
import shutil
import subprocess
from hashlib import sha256
from importlib.resources import as_file, files
from importlib.resources.abc import Traversable
from pathlib import Path

from filelock import FileLock

from endcap.errors import BadConfig

_COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"


def cache_dir() -> Path:
    """Where fetched parts are kept: `ENDCAP_CACHE`, else the user's cache folder."""
    named = os.environ.get("ENDCAP_CACHE")
    return Path(named) if named else Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "endcap"


def jars_of(package: str, kind: str, *switches: str) -> Path:
    """The folder with the jars that `package`'s pom.xml lists; as `jars_listed_in`."""
    return jars_listed_in(files(package).joinpath("pom.xml"), kind, *switches)


def jars_listed_in(source: Traversable, kind: str, *switches: str) -> Path:
    """The folder with the jars that a pom.xml lists; `kind` names it, `switches` go to Maven.

    Whoever comes while another process fetches the same waits for it.

    Raises:
        BadConfig: Maven is missing or can't reach its repository.
    """
    folder = cache_dir() / f"{kind}-{sha256(source.read_bytes()).hexdigest()[:12]}"
    complete = folder / ".complete"
    if not complete.exists():
        folder.mkdir(parents=True, exist_ok=True)
        # One Maven at a time, whatever it fetches: its own repository is shared and takes no two writers.
        with FileLock(cache_dir() / "maven.lock"), as_file(source) as pom:
            if not complete.exists():
                _fetch(pom, folder, kind, switches)
                complete.touch()
    return folder


def _fetch(pom: Path, folder: Path, kind: str, switches: tuple[str, ...]) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise BadConfig("mvn", f"the jars of {kind} are fetched by Maven: apt-get install maven")
    order = [maven, "-q", "-B", "-f", str(pom), _COPY, f"-DoutputDirectory={folder}", "-DincludeScope=runtime"]
    ran = subprocess.run([*order, *switches], capture_output=True, text=True, check=False)
    if ran.returncode:
        raise BadConfig("mvn", f"could not fetch the jars of {kind}: {(ran.stdout + ran.stderr).strip()[-500:]}")
