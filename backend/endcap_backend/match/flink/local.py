"""The job by PyFlink: on a small cluster inside this process, or handed to a session cluster."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from endcap.errors import BadConfig, Refused
from endcap_backend.match.flink.gateway import cause
from endcap_backend.match.flink.job import split
from endcap_backend.match.statements import Statement

if TYPE_CHECKING:
    from pyflink.table import TableResult

log = logging.getLogger("endcap.flink")

CONNECTOR = "org.apache.flink:flink-sql-connector-kafka:5.0.0-2.2"


def submit_by_pyflink(
    statements: Sequence[Statement], options: Mapping[str, str], connector: Path, cluster: str = ""
) -> TableResult:
    """Start the job and return what it answers with; `wait_for` waits for its end.

    `cluster` is the host:port of a session cluster's REST address; empty: a cluster of its own, which ends with this
    process. The connector's jar goes along.

    Raises:
        BadConfig: PyFlink or the connector is missing.
        Refused: Flink refuses a statement.
    """
    if find_spec("pyflink") is None:
        raise BadConfig("flink", "this way of submitting needs PyFlink: pip install 'endcap[flink]' (or use --gateway)")
    if not connector.is_file():
        raise BadConfig("--connector", f"{connector} is no file; fetch {CONNECTOR} from Maven Central")
    from pyflink.common import Configuration
    from pyflink.table import EnvironmentSettings, TableEnvironment

    chosen = dict(options) | {"pipeline.jars": connector.resolve().as_uri()} | _target(cluster)
    configuration = Configuration()
    for name, value in chosen.items():
        configuration.set_string(name, value)
    environment = TableEnvironment.create(
        EnvironmentSettings.new_instance().in_streaming_mode().with_configuration(configuration).build()
    )
    declares, inserts = split(statements)
    try:
        for sql in declares:
            environment.execute_sql(sql)
        job = environment.create_statement_set()
        for sql in inserts:
            job.add_insert_sql(sql.rstrip(";"))
        return job.execute()
    except Exception as fault:  # py4j and PyFlink wrap what Java throws in many ways
        raise Refused(f"Flink refuses: {cause(str(fault))}", 0) from fault


def wait_for(result: TableResult) -> None:
    """Wait until the job ends; on Ctrl-C it is cancelled, and its last checkpoint stays.

    Raises:
        Refused: it failed; carries the innermost cause.
    """
    try:
        result.wait()
    except KeyboardInterrupt:
        client = result.get_job_client()
        if client is not None:
            client.cancel().result()
        raise
    except Exception as fault:
        raise Refused(f"the job failed: {cause(str(fault))}", 0) from fault


def job_id(result: TableResult) -> str:
    """The id by which the cluster knows the job."""
    client = result.get_job_client()
    return str(client.get_job_id()) if client is not None else ""


def _target(cluster: str) -> dict[str, str]:
    if not cluster:
        return {"execution.target": "local"}
    host, _, port = cluster.rpartition(":")
    if not host or not port.isdecimal():
        raise BadConfig("--cluster", f"must be host:port of the job manager's REST address, not {cluster!r}")
    return {"execution.target": "remote", "rest.address": host, "rest.port": port}
