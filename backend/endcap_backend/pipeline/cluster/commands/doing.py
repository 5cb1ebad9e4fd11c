"""Show a plan, ask, carry it out: what `apply` and `teardown` have in common."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from confluent_kafka import KafkaException

from endcap.errors import EndcapError, Unreachable
from endcap_backend.pipeline.cluster.changes import Change, as_plan, pending, refused


class NotDone(EndcapError):
    """A plan that was not carried out, or only in part; says why and how far."""


def carry_out(changes: Sequence[Change], args: Namespace) -> int:
    """Show the plan; do it when `--yes` says so or somebody at the terminal does. The exit status.

    Raises:
        NotDone: something stands in the way, nobody could be asked, or a step failed; those before it are done.
    """
    print(as_plan(changes))
    if refused(changes):
        raise NotDone("nothing was done: something of that name is there already")
    todo = pending(changes)
    if not todo:
        print("nothing to do")
        return 0
    if args.dry_run:
        print(f"{len(todo)} steps; nothing was done (--dry-run)")
        return 0
    if not args.yes and not _agreed(len(todo)):
        print("nothing was done")
        return 1
    for number, change in enumerate(todo, 1):
        print(f"[{number}/{len(todo)}] {change.verb} {change.what} ...", end=" ", flush=True)
        _do(change, number - 1)
        print("done", flush=True)
    return 0


@contextmanager
def in_words() -> Iterator[None]:
    """What librdkafka raises, as an error of ours."""
    try:
        yield
    except KafkaException as fault:
        raise Unreachable(f"Kafka says: {fault.args[0].str()}; endcap-backend check tells more") from None


def _do(change: Change, done: int) -> None:
    assert change.do is not None
    try:
        with in_words():
            change.do()
    except EndcapError as fault:
        print("failed", flush=True)
        raise NotDone(f"{fault}. {done} steps before it are done; run it again when it is mended") from None


def _agreed(steps: int) -> bool:
    if not sys.stdin.isatty():
        raise NotDone("nothing was done: say --yes, or run it where you can be asked")
    return input(f"{steps} steps. Do them? [y/N] ").strip().lower() in ("y", "yes")
