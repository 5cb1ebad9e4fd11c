"""`endcap-backend apply`: the topics on Kafka and the statements on ksqlDB, as they should be."""

from __future__ import annotations

import argparse
import os
from contextlib import ExitStack, closing

from confluent_kafka.admin import AdminClient

from endcap.errors import BadConfig
from endcap_backend.match.statements import Statement, statements
from endcap_backend.pipeline.cluster.changes import Change
from endcap_backend.pipeline.cluster.commands.doing import carry_out, in_words
from endcap_backend.pipeline.cluster.contact import log
from endcap_backend.pipeline.cluster.ksqldb import KsqlDb
from endcap_backend.pipeline.cluster.ledger import Ledger
from endcap_backend.pipeline.cluster.statement_plan import StatementPlan
from endcap_backend.pipeline.cluster.switches import (
    add_doing,
    add_kafka,
    add_ksqldb,
    add_topics,
    kafka_settings,
    ksqldb_settings,
    topics_given,
)
from endcap_backend.pipeline.cluster.topic_plan import TopicPlan

ABOUT = """
Makes the topics of the product and, with --ksqldb, the streams and tables of the match; mends what differs and leaves
alone what is as it should be. The plan is shown first. What it makes it writes down on the cluster, in the topic
endcap_applied, so that teardown can remove that and nothing else.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = ABOUT
    parser.epilog = "Exit status: 0 all is as it should be (or the plan was shown), 1 it is not."
    add_kafka(parser)
    add_ksqldb(parser)
    add_topics(parser)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--seed", action="store_true", help="the seed's five statements instead of the product's")
    which.add_argument(
        "--alerts", action="store_true", help="also turn each row into an alert, where no other program decides on them"
    )
    add_doing(parser)


def run(args: argparse.Namespace) -> int:
    settings, ksqldb, wanted = kafka_settings(args, os.environ), ksqldb_settings(args, os.environ), topics_given(args)
    if (args.seed or args.alerts) and ksqldb is None:
        raise BadConfig("ksqldb_url", "is needed for statements: --ksqldb URL, or ENDCAP_KSQLDB_URL")
    with ExitStack() as opened, in_words():
        admin = AdminClient(settings.client_config() | {"logger": log})
        ledger = Ledger(settings)
        changes: list[Change] = TopicPlan(admin, ledger).towards(wanted)
        if ksqldb is not None:
            client = opened.enter_context(closing(KsqlDb(ksqldb)))
            kept = [topic.name for topic in wanted]
            plan = StatementPlan(client, ledger, kept, from_the_beginning=args.seed)
            changes += plan.towards(_statements(args))
        return carry_out(changes, args)


def _statements(args: argparse.Namespace) -> tuple[Statement, ...]:
    if args.seed:
        return statements("seed")
    return statements("product") + (statements("alerts") if args.alerts else ())
