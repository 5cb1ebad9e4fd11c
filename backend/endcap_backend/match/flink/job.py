"""The match as one Flink job: what is executed, and where it is submitted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus

from endcap.errors import BadConfig, EndcapError, Refused
from endcap_backend.match.flink.gateway import SqlGateway
from endcap_backend.match.statements import Statement

_ENDED = {"CANCELED", "FAILED", "FINISHED", "SUSPENDED"}


@dataclass(frozen=True, slots=True)
class Job:
    """A job as a cluster lists it."""

    id: str
    name: str
    status: str


def split(statements: Sequence[Statement]) -> tuple[list[str], list[str]]:
    """The statements that declare, and the INSERTs, which make one job together."""
    declares = [each.sql for each in statements if not each.sql.startswith("INSERT")]
    inserts = [each.sql for each in statements if each.sql.startswith("INSERT")]
    return declares, inserts


def script(statements: Sequence[Statement], options: dict[str, str]) -> str:
    """All of it as the SQL client takes it, with a comment over each statement."""
    declares = [each for each in statements if not each.sql.startswith("INSERT")]
    inserts = [each for each in statements if each.sql.startswith("INSERT")]
    parts = [f"SET '{name}' = '{value}';" for name, value in options.items()]
    parts += ["", *(f"-- {each.means}\n{each.sql}\n" for each in declares)]
    parts += ["EXECUTE STATEMENT SET BEGIN\n", *(f"-- {each.means}\n{each.sql}\n" for each in inserts), "END;"]
    return "\n".join(parts)


def submit(gateway: SqlGateway, statements: Sequence[Statement], name: str) -> str:
    """Start the job and return its id.

    Raises:
        BadConfig: a job of that name runs: the two would fence each other's transactions.
        Refused, Unreachable: as `SqlGateway.execute`.
    """
    same = running(gateway, name)
    if same:
        raise BadConfig("flink_name", f"{name} runs already, as job {same[0].id}; end it with --stop, or --upgrade it")
    declares, inserts = split(statements)
    for sql in declares:
        gateway.execute(sql)
    _, job = gateway.execute(_as_one("EXECUTE", inserts))
    return job


def upgrade(gateway: SqlGateway, statements: Sequence[Statement], name: str) -> tuple[str, str]:
    """End the job of that name with a savepoint and start these statements from it; the new job's id, the savepoint.

    The statements are planned before anything is ended: a fault in them leaves the old job alone.

    Raises:
        Refused: no such job runs, or Flink refuses; when the old job has ended, it says from which savepoint to go on.
        Unreachable: as `SqlGateway.execute`.
    """
    declares, inserts = split(statements)
    for sql in declares:
        gateway.execute(sql)
    gateway.execute(_as_one("EXPLAIN", inserts))
    savepoint = stop(gateway, name)
    try:
        gateway.execute(f"SET 'execution.state-recovery.path' = '{savepoint}'")
        _, job = gateway.execute(_as_one("EXECUTE", inserts))
    except EndcapError as fault:
        raise Refused(f"{name} has ended and its work goes on with --resume {savepoint}: {fault}", 0) from fault
    return job, savepoint


def _as_one(verb: str, inserts: Sequence[str]) -> str:
    return f"{verb} STATEMENT SET BEGIN\n" + "\n".join(inserts) + "\nEND"


def running(gateway: SqlGateway, name: str) -> list[Job]:
    """The jobs of that name that have not ended."""
    return [job for job in jobs(gateway) if job.name == name and job.status not in _ENDED]


def jobs(gateway: SqlGateway) -> list[Job]:
    """What the cluster lists."""
    rows, _ = gateway.execute("SHOW JOBS")
    return [Job(*map(str, row[:3])) for row in rows]


def stop(gateway: SqlGateway, name: str) -> str:
    """End the job of that name with a savepoint, from which another takes up its work; the savepoint's URL.

    Raises:
        Refused: no such job runs, or Flink refuses.
    """
    rows, _ = gateway.execute(f"STOP JOB '{_only(gateway, name)}' WITH SAVEPOINT")
    return str(rows[0][0])


def cancel(gateway: SqlGateway, name: str) -> str:
    """End the job of that name as it is, and return its id once it has ended: its last checkpoint stays.

    Raises:
        Refused: no such job runs, or Flink refuses.
        Unreachable: it does not end within two minutes.
    """
    job = _only(gateway, name)
    gateway.execute(f"STOP JOB '{job}'")
    gateway.until(lambda: not running(gateway, name), f"{name} does not end")
    return job


def _only(gateway: SqlGateway, name: str) -> str:
    same = running(gateway, name)
    if not same:
        raise Refused(f"no job named {name} runs there", HTTPStatus.NOT_FOUND)
    return same[0].id
