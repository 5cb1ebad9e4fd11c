"""Which pipeline a backend runs, made from its settings: the match in this process, or Kafka's."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from endcap.clock import Clock
from endcap.transports.ably_batch import AblyBatch
from endcap_backend.api.shoppers import Shoppers, known_among
from endcap_backend.api.tokens import AblyTokens
from endcap_backend.config import Settings
from endcap_backend.decide import Limits
from endcap_backend.decide.limits import QuietHours
from endcap_backend.log import Log
from endcap_backend.pipeline import Pipeline
from endcap_backend.pipeline.embedded import EmbeddedPipeline
from endcap_backend.pipeline.learning import Learning, Sources
from endcap_backend.pipeline.push import CAPABILITY, AblyPush
from endcap_backend.pseudonym import Pseudonyms
from endcap_backend.retail.database import Database
from endcap_backend.retail.day_secrets import DaySecrets
from endcap_backend.retail.feed import Feed
from endcap_backend.retail.knowing import ShopperBooks
from endcap_backend.retail.notices import Notices

log = logging.getLogger("endcap.pipeline")

PUSH_TOKEN_S = 3600.0


class Joined:
    """What runs beside each other, such as the feed of the shop's changes and the match that gets them: as one.

    The figures of `stages` are told under the stage's name, those of the nameless one as they are.
    """

    def __init__(self, stages: Mapping[str, Pipeline]) -> None:
        self._stages = stages

    def start(self) -> None:
        for stage in self._stages.values():
            stage.start()

    def stop(self) -> None:
        for stage in self._stages.values():
            stage.stop()

    def ready(self) -> bool:
        return all(stage.ready() for stage in self._stages.values())

    def stats(self) -> Mapping[str, float]:
        return {
            f"{name} {figure}".strip(): value
            for name, stage in self._stages.items()
            for figure, value in stage.stats().items()
        }


def make_pipeline(settings: Settings, records: Log, database: Database, clock: Clock) -> Pipeline:
    """The pipeline that `settings.pipeline` names, fed from the shop's database.

    Raises:
        BadConfig: a setting of it that can't work.
    """
    choices = {"embedded": _embedded, "kafka": _kafka}
    stages: dict[str, Pipeline] = {"feed": Feed(database, records, clock=clock)}
    stages[""] = choices[settings.pipeline](settings, records, database, clock)
    if settings.pipeline == "kafka":
        stages |= _beside_the_cluster(settings, records, clock)
    stages["notices"] = Notices(database, ably_batch(settings, clock) if settings.ably_key else None, clock=clock)
    if settings.push_contact:
        stages["webpush"] = _web_push(settings, records, database, clock)
    return Joined(stages)


def _embedded(settings: Settings, records: Log, database: Database, clock: Clock) -> Pipeline:
    """Match and decide here, and deliver to Ably when there is a key."""
    push = None
    if settings.untold:
        log.warning("%s", settings.untold)
    else:
        push = ably_push(settings, clock)
    return EmbeddedPipeline(
        records,
        push,
        limits=limits_of(settings),
        clock=clock,
        learning=learning_of(settings, database, clock),
        held_out=settings.held_out_percent / 100,
        currency=settings.currency,
    )


def _kafka(settings: Settings, records: Log, database: Database, clock: Clock) -> Pipeline:
    """Forward the log to Kafka, where the cluster matches and delivers."""
    from endcap_backend.pipeline.forward import Forwarder
    from endcap_backend.pipeline.kafka import KafkaSettings

    return Forwarder(
        records,
        KafkaSettings.from_env(bootstrap_servers=settings.kafka_bootstrap_servers),
        clock=clock,
        pseudonyms=pseudonyms_of(settings, database, clock) if settings.raw_names == "daily" else None,
    )


def _beside_the_cluster(settings: Settings, records: Log, clock: Clock) -> Mapping[str, Pipeline]:
    """Bring back what the cluster told the shoppers of this backend, and look how far behind it is."""
    from endcap_backend.pipeline.groups import Groups
    from endcap_backend.pipeline.kafka import KafkaSettings
    from endcap_backend.pipeline.returns import Returns

    kafka = KafkaSettings.from_env(bootstrap_servers=settings.kafka_bootstrap_servers)
    Shoppers(records, clock, settings.refresh_days * 86_400)  # makes its table, which is asked who is here
    return {"return": Returns(records, kafka, known_among, clock=clock), "cluster": Groups(kafka, clock)}


def _web_push(settings: Settings, records: Log, database: Database, clock: Clock) -> Pipeline:
    """Notify browsers that asked for it."""
    from endcap_backend.webpush.sending import Sender
    from endcap_backend.webpush.stage import WebPush
    from endcap_backend.webpush.subscriptions import Subscriptions
    from endcap_backend.webpush.vapid import Vapid

    sender = Sender(Vapid(settings.data, settings.push_contact, clock))
    return WebPush(records, Subscriptions(database, clock), sender, clock)


def ably_push(settings: Settings, clock: Clock) -> AblyPush:
    """The way of alerts to the Ably that `settings` name."""
    return AblyPush(settings.ably_endpoint, _publishing(settings, clock))


def ably_batch(settings: Settings, clock: Clock) -> AblyBatch:
    """The way of other messages to it."""
    return AblyBatch(settings.ably_endpoint, _publishing(settings, clock))


def _publishing(settings: Settings, clock: Clock) -> Callable[[], str]:
    """Gives tokens that may publish on shoppers' and staff's channels."""
    tokens = AblyTokens(settings.ably_key, clock)
    return lambda: tokens.issue(CAPABILITY, PUSH_TOKEN_S)[0]


def learning_of(settings: Settings, database: Database, clock: Clock) -> Learning:
    """What the shop's database knows of shoppers, kept fresh for the decision."""
    books = ShopperBooks(database, settings.loyalty, clock, settings.currency, settings.timezone)
    return Learning(Sources(books.shoppers, books.changes, books.terms), clock)


def pseudonyms_of(settings: Settings, database: Database, clock: Clock) -> Pseudonyms:
    """Shoppers' names of the day, by the secrets in the shop's database."""
    return Pseudonyms(DaySecrets(database, settings.timezone), clock)


def limits_of(settings: Settings) -> Limits:
    """The operator's caps."""
    quiet = QuietHours.parse(settings.quiet_hours, settings.timezone) if settings.quiet_hours else None
    return Limits(
        per_fix=settings.alerts_per_fix,
        per_visit=settings.alerts_per_visit,
        per_hour=settings.alerts_per_hour,
        per_day=settings.alerts_per_day,
        per_promotion=settings.alerts_per_promotion,
        cooldown_s=settings.alert_cooldown_s,
        alert_life_s=settings.alert_life_minutes * 60,
        help_after_s=settings.help_after_s,
        quiet=quiet,
    )
