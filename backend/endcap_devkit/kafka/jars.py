"""The jars of a real Apache Kafka, fetched once by Maven and kept in a cache folder."""

from __future__ import annotations

import os
import shutil

from endcap.errors import BadConfig
from endcap_devkit.maven import jars_of


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
    switches = ["-Pconnect"] if connect else []
    return f"{jars_of('endcap_devkit.kafka', 'kafka-connect' if connect else 'kafka-broker', *switches)}/*"
