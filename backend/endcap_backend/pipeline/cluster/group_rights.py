"""May this account read as a member of its program's consumer groups? Asked in a process of its own.

librdkafka ends the whole process when a broker goes away while it asks a group's coordinator
(librdkafka's issue 4605, in 2.16 still); then only the asking is over, and the check can say so.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import asdict
from typing import Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from endcap.clock import SystemClock
from endcap_backend.pipeline.cluster.deadline import Deadline
from endcap_backend.pipeline.cluster.findings import Finding, ok, unknown
from endcap_backend.pipeline.cluster.rights import no_right, said, settled
from endcap_backend.pipeline.cluster.roles import Role
from endcap_backend.pipeline.kafka import KafkaSettings

ASKING = (sys.executable, "-m", __name__)
WHAT = "group"
START_S = 5.0  # of a process, beyond the time it has to ask
AGAIN = "ask again"


def groups_of(settings: KafkaSettings, role: Role, deadline: Deadline, asking: Sequence[str] = ASKING) -> list[Finding]:
    """Whether the account may read as a member of the role's consumer groups."""
    question = {
        "config": settings.client_config(),
        "groups": role.groups,
        "user": settings.kafka_sasl_username,
        "within_s": deadline.left_s(),
    }
    try:
        ran = subprocess.run(
            asking,
            input=json.dumps(question),  # not as an argument: it holds the password
            capture_output=True,
            text=True,
            check=False,
            timeout=deadline.left_s() + START_S,
        )
    except subprocess.TimeoutExpired:
        return _unasked(role, "no answer in time")
    if ran.returncode < 0:  # a signal: librdkafka's abort
        return _unasked(role, "the connection to its coordinator broke while it was asked")
    if ran.returncode:
        last = ran.stderr.rstrip().rpartition("\n")[2]
        return _unasked(role, f"asking failed: {last or f'status {ran.returncode}'}")
    return [Finding(**each) for each in json.loads(ran.stdout)]


def _unasked(role: Role, why: str) -> list[Finding]:
    return [unknown(WHAT, f"{group}: {why}", AGAIN) for group in role.groups]


def _asked(config: Mapping[str, Any], groups: Sequence[str], user: str, within_s: float) -> list[Finding]:
    admin = AdminClient({**config, "log_level": 0})
    deadline = Deadline(SystemClock(), within_s)
    return [_group(admin, group, user, deadline) for group in groups]


def _group(admin: AdminClient, group: str, user: str, deadline: Deadline) -> Finding:
    def ask() -> Future[Any]:
        asked: dict[str, Future[Any]] = admin.describe_consumer_groups(
            [group], include_authorized_operations=True, request_timeout=max(1.0, deadline.left_s())
        )
        return asked[group]

    try:
        described = settled(ask, deadline)
    except (KafkaException, TimeoutError) as fault:
        if isinstance(fault, KafkaException) and fault.args[0].code() == KafkaError.GROUP_AUTHORIZATION_FAILED:
            return no_right(WHAT, group, user, {"READ"})
        return unknown(WHAT, f"{group}: {said(fault)}", AGAIN)
    if "READ" not in {each.name for each in described.authorized_operations or ()}:
        return no_right(WHAT, group, user, {"READ"})
    return ok(WHAT, f"{group}: READ allowed")


if __name__ == "__main__":
    sys.stdout.write(json.dumps([asdict(each) for each in _asked(**json.load(sys.stdin))]))
