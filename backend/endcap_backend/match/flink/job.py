"""The match as one Flink job: what is executed, and where it is submitted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus

from endcap.errors import BadConfig, Refused
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
    same = [job for job in jobs(gateway) if job.name == name and job.status not in _ENDED]
    if same:
        raise BadConfig("flink_name", f"{name} runs already, as job {same[0].id}; end it with --stop")
    declares, inserts = split(statements)
    for sql in declares:
        gateway.execute(sql)
    _, job = gateway.execute("EXECUTE STATEMENT SET BEGIN\n" + "\n".join(inserts) + "\nEND")
    return job


def jobs(gateway: SqlGateway) -> list[Job]:
    """What the cluster lists."""
    rows, _ = gateway.execute("SHOW JOBS")
    return [Job(*map(str, row[:3])) for row in rows]


def stop(gateway: SqlGateway, name: str) -> str:
    """End the job of that name with a savepoint, from which another takes up its work; the savepoint's URL.

    Raises:
        Refused: no such job runs, or Flink refuses.
    """
    running = [job for job in jobs(gateway) if job.name == name and job.status not in _ENDED]
    if not running:
        raise Refused(f"no job named {name} runs there", HTTPStatus.NOT_FOUND)
    rows, _ = gateway.execute(f"STOP JOB '{running[0].id}' WITH SAVEPOINT")
    return str(rows[0][0])
