"""`endcap-backend teardown`: what `apply` has made on a cluster, and only that, goes."""

from __future__ import annotations

import argparse
import os
from contextlib import ExitStack, closing

from confluent_kafka.admin import AdminClient

from endcap.errors import BadConfig
from endcap_backend.pipeline.cluster.changes import Change
from endcap_backend.pipeline.cluster.commands.doing import carry_out, in_words
from endcap_backend.pipeline.cluster.contact import log
from endcap_backend.pipeline.cluster.ksqldb import KsqlDb
from endcap_backend.pipeline.cluster.ledger import Ledger
from endcap_backend.pipeline.cluster.statement_plan import KIND as STATEMENT
from endcap_backend.pipeline.cluster.statement_plan import StatementPlan
from endcap_backend.pipeline.cluster.switches import add_doing, add_kafka, add_ksqldb, kafka_settings, ksqldb_settings
from endcap_backend.pipeline.cluster.topic_plan import KIND as TOPIC
from endcap_backend.pipeline.cluster.topic_plan import TopicPlan

ABOUT = """
Removes the streams, tables and topics that apply has made on this cluster, with all their records, and nothing else.
The plan is shown first. Stop the backend before: it would make its topic of marks again.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = ABOUT
    parser.epilog = "Exit status: 0 it is gone (or the plan was shown), 1 it is not."
    add_kafka(parser)
    add_ksqldb(parser)
    add_doing(parser)


def run(args: argparse.Namespace) -> int:
    settings, ksqldb = kafka_settings(args, os.environ), ksqldb_settings(args, os.environ)
    with ExitStack() as opened, in_words():
        ledger = Ledger(settings)
        if ksqldb is None and any(name.startswith(STATEMENT) for name in ledger.entries):
            raise BadConfig("ksqldb_url", "is needed: apply has made streams there too; --ksqldb URL")
        topics = [name.removeprefix(TOPIC) for name in ledger.entries if name.startswith(TOPIC)]
        changes: list[Change] = []
        if ksqldb is not None:
            client = opened.enter_context(closing(KsqlDb(ksqldb)))
            changes += StatementPlan(client, ledger, topics).away()
        changes += TopicPlan(AdminClient(settings.client_config() | {"logger": log}), ledger).away()
        status = carry_out(changes, args)
        if not args.dry_run:
            ledger.erase()
        return status
