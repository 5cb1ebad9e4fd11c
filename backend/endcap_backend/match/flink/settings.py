"""What a match on Flink can be told, each an `ENDCAP_FLINK_…` variable."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, cast

from endcap.errors import BadConfig
from endcap_backend.settings import number, setting, whole

Form = Literal["seed", "grid", "product"]
YEAR_S = 365 * 86_400
_NAME = re.compile(r"[A-Za-z0-9._-]{0,64}")
# the connector's own default is an hour, and a broker refuses more than its transaction.max.timeout.ms: 15 minutes
TRANSACTION_TIMEOUT_S = 600


@dataclass(frozen=True, slots=True)
class FlinkSettings:
    """The form of the match, its windows and how its job runs.

    Raises:
        BadConfig: names the setting at fault.
    """

    flink_form: str = setting(
        "product: as `endcap-backend worker` tells, by the latest record of a shelf and a promotion, once to each "
        "shopper; grid: by cells, with the shopper and what a card says, each fix anew; seed: the seed's own rows, "
        "every fix against every promotion of its country",
        "product",
        choices=("product", "grid", "seed"),
    )
    flink_promotions_by: str = setting(
        "sku: a promotion that names a SKU is for that one; segment: for all of its segment, as in the seed (which "
        "always does so; the product form never)",
        "sku",
        choices=("sku", "segment"),
    )
    flink_promotion_window_s: int = setting(
        "how far apart the records of a product and of a promotion may be; the seed's hour, either way",
        3600, read=whole, minimum=1, maximum=YEAR_S,
    )  # fmt: skip
    flink_live_s: int = setting(
        "how long after such a pair a fix still finds it; the seed's half hour",
        1800, read=whole, minimum=1, maximum=YEAR_S,
    )  # fmt: skip
    flink_location_window_s: int = setting(
        "how long a pair that comes later still finds a fix; the seed's half hour. So long each fix is kept",
        1800, read=whole, minimum=0, maximum=YEAR_S,
    )  # fmt: skip
    flink_standing_s: int = setting(
        "product: how long after her last fix a shopper still counts as standing there, for an offer that comes later",
        300, read=whole, minimum=1, maximum=86_400,
    )  # fmt: skip
    flink_keep_s: int = setting(
        "product: what no record and no shopper has touched for so long is forgotten: what she was told, and which "
        "record of a shelf or promotion was the last; 0: nothing is",
        604_800, read=whole, minimum=0, maximum=YEAR_S,
    )  # fmt: skip
    flink_late_s: int = setting(
        "how much older than the newest a record may be and still be joined; so much longer everything is kept. ksqlDB "
        "takes a day",
        600, read=whole, minimum=0, maximum=YEAR_S,
    )  # fmt: skip
    flink_idle_s: int = setting(
        "a partition without records for so long holds nobody up; 0: it does, for ever",
        60, read=whole, minimum=0, maximum=YEAR_S,
    )  # fmt: skip
    flink_guarantee: str = setting(
        "exactly-once: rows are seen when their checkpoint is done; at-least-once: at once, and again after a fault",
        "exactly-once",
        choices=("exactly-once", "at-least-once"),
    )
    flink_checkpoint_s: float = setting(
        "seconds between checkpoints; with exactly-once no row is seen sooner",
        1.0, read=number, minimum=0.1, maximum=TRANSACTION_TIMEOUT_S / 2,
    )  # fmt: skip
    flink_checkpoint_dir: str = setting(
        "where checkpoints go: a URL that every machine of the cluster reaches; empty: as the cluster is set up", ""
    )
    flink_buffer_ms: int = setting(
        "how long a row may wait for others on its way between two tasks",
        5, read=whole, minimum=0, maximum=10_000,
    )  # fmt: skip
    flink_state: str = setting(
        "where state lives: rocksdb on disk, hashmap in memory (faster, and lost room is felt)",
        "hashmap",
        choices=("hashmap", "rocksdb"),
    )
    flink_parallelism: int = setting("tasks a stage is shared among", 1, read=whole, minimum=1, maximum=4096)
    flink_name: str = setting("of the job, its consumer group and its transactions", "endcap-match")
    flink_topic_prefix: str = setting("before the name of each topic, for a trial beside the real ones", "")

    def __post_init__(self) -> None:
        for name in ("flink_name", "flink_topic_prefix"):
            if not _NAME.fullmatch(getattr(self, name)):
                raise BadConfig(name, "may hold letters, digits and . _ -, at most 64")
        if not self.flink_name:
            raise BadConfig("flink_name", "must not be empty: transactions are named by it")
        if self.flink_form == "product" and self.flink_promotions_by == "segment":
            raise BadConfig("flink_promotions_by", "must be sku in the product form; `grid` and `seed` take segment")
        if self.flink_checkpoint_dir and ":/" not in self.flink_checkpoint_dir:
            raise BadConfig("flink_checkpoint_dir", "must be a URL, such as file:///var/lib/endcap/flink or s3://…")

    @property
    def form(self) -> Form:
        return cast(Form, self.flink_form)

    def job_options(self) -> dict[str, str]:
        """Flink's own names for how the job runs."""
        options = {
            "pipeline.name": self.flink_name,
            "parallelism.default": str(self.flink_parallelism),
            "table.local-time-zone": "UTC",
            "table.exec.source.idle-timeout": f"{self.flink_idle_s} s",
            "execution.buffer-timeout.interval": f"{self.flink_buffer_ms} ms",
            "execution.checkpointing.mode": "EXACTLY_ONCE",
            "execution.checkpointing.interval": f"{round(self.flink_checkpoint_s * 1000)} ms",
            # a job that is cancelled can be taken up again
            "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
            "state.backend.type": self.flink_state,
            "restart-strategy.type": "exponential-delay",
        }
        if self.flink_form == "product" and self.flink_keep_s:
            options["table.exec.state.ttl"] = f"{self.flink_keep_s} s"
        if self.flink_state == "rocksdb":
            options["execution.checkpointing.incremental"] = "true"
        if self.flink_checkpoint_dir:
            options["execution.checkpointing.dir"] = self.flink_checkpoint_dir
        return options
