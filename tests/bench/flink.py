"""The match on Flink: fixes a second by live promotions, in each form; latency; memory; how soon it is back.

One broker, one task manager and the load share the machine. As in the figures known of ksqlDB, there is one country and
each fix is near exactly one of N live promotions, the others far away, and each is of another shopper, so that all have
to be told of in the product form too. The forms run side by side and take turns at bursts; the first warms up, and a
figure is the median of the others. Rows are counted as they are written, before their transaction ends.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count, islice
from pathlib import Path
from random import Random
from statistics import median
from threading import Event

import confluent_kafka
from confluent_kafka.admin import AdminClient, NewTopic

from endcap.messages import CustomerLocation, ProductPromotion, StoreProduct
from endcap_backend.match.flink.gateway import SqlGateway
from endcap_backend.match.flink.job import stop, submit
from endcap_backend.match.flink.settings import FlinkSettings
from endcap_backend.match.flink.statements import flink_statements
from endcap_devkit.flink.cluster import FlinkCluster
from endcap_devkit.kafka.broker import KafkaBroker

SIZES = (10, 100, 1_000, 10_000)
FORMS = ("seed", "grid", "product")
PAIRS_A_ROUND = 10_000_000  # of the seed's form: some three seconds
MOST_FIXES = 60_000
ROUNDS = 3
PATIENCE_S = 300.0
TOPICS = ("stores_products", "products_promotions", "customers_locations", "VALID_PROMOTIONS", "NEARBY_CUSTOMERS")
STEADY_HZ = 33
STEADY = 300


@dataclass(frozen=True)
class Figures:
    """One form at one number of live promotions."""

    fixes_per_s: float
    rss_mb: float
    state_mb: float


class Rig:
    """A job with topics of its own, and N promotions live in it."""

    def __init__(self, broker: KafkaBroker, cluster: FlinkCluster, settings: FlinkSettings) -> None:
        self.broker, self.cluster, self.settings = broker, cluster, settings
        self.prefix = settings.flink_topic_prefix
        self._producer = confluent_kafka.Producer(broker.client_config() | {"linger.ms": 5})
        admin = AdminClient(broker.client_config())
        for each in admin.create_topics([NewTopic(self.prefix + topic, 1, 1) for topic in TOPICS]).values():
            each.result(30)
        self.submit(settings)

    def submit(self, settings: FlinkSettings, savepoint: str = "") -> None:
        statements = flink_statements(self.broker.client_config(), settings)
        options = settings.job_options() | ({"execution.state-recovery.path": savepoint} if savepoint else {})
        with SqlGateway(self.cluster.gateway_url, options) as gateway:
            self.job = submit(gateway, statements, settings.flink_name)

    def send(self, messages: Iterable[StoreProduct | ProductPromotion | CustomerLocation]) -> None:
        self.send_texts([(message.TOPIC, message.to_text()) for message in messages])

    def send_texts(self, texts: Iterable[tuple[str, str]]) -> None:
        for topic, text in texts:
            while True:
                try:
                    self._producer.produce(self.prefix + topic, text)
                    break
                except BufferError:
                    self._producer.poll(0.1)
        self._producer.flush(60)

    @contextmanager
    def reading(self, topic: str, isolation: str = "read_uncommitted") -> Iterator[confluent_kafka.Consumer]:
        """From what is written next."""
        group = {"group.id": "not-used", "isolation.level": isolation, "fetch.wait.max.ms": 5}
        consumer = confluent_kafka.Consumer(self.broker.client_config() | group)
        partition = confluent_kafka.TopicPartition(self.prefix + topic, 0)
        partition.offset = consumer.get_watermark_offsets(partition, timeout=20)[1]
        consumer.assign([partition])
        try:
            yield consumer
        finally:
            consumer.close()

    def stock(self, count: int) -> None:
        """So many promotions live, each on one product of its own, 100 m and more apart."""
        topic, isolation = "VALID_PROMOTIONS", "read_committed"
        if self.settings.flink_form == "product":  # which writes none: somebody walks past all of them
            topic, isolation = "NEARBY_CUSTOMERS", "read_uncommitted"
        with self.reading(topic, isolation) as rows:
            self.send(a_product(number) for number in range(count))
            self.send(ProductPromotion(pid=f"p{number}", segment=f"s{number}") for number in range(count))
            if self.settings.flink_form == "product":
                self.send(fix_at(a_product(number), uid=f"round-{number}") for number in range(count))
            wait_for(rows, count)

    def fixes_per_s(self, count: int, promotions: int, seed: int) -> float:
        """Of a burst, from the first fix sent to the last row written."""
        fixes = [(each.TOPIC, each.to_text()) for each in islice(fixes_near(promotions, seed), count)]
        with self.reading("NEARBY_CUSTOMERS") as rows:
            began = time.perf_counter()
            self.send_texts(fixes)
            wait_for(rows, count)
            return count / (time.perf_counter() - began)

    def end(self) -> None:
        with SqlGateway(self.cluster.gateway_url, {}) as gateway:
            gateway.execute(f"STOP JOB '{self.job}'")

    def until_told(self, settings: FlinkSettings, savepoint: str = "") -> float:
        """Seconds from submitting to the row of a fix that was sent just before; all before it is taken in first."""
        probe = next(fixes_near(1, seed=id(settings)))
        with self.reading("NEARBY_CUSTOMERS") as rows:
            self.send([probe])
            began = time.perf_counter()
            self.submit(settings, savepoint)
            deadline = time.monotonic() + PATIENCE_S
            while not any(json.loads(each.value())["LOCATION_ID"] == probe.id for each in rows.consume(10_000, 0.05)):
                assert time.monotonic() < deadline, "the job did not come back"
            return time.perf_counter() - began

    def rss_mb(self) -> float:
        """Of the task manager."""
        status = Path(f"/proc/{self.cluster.pid('taskmanager')}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024

    def state_mb(self) -> float:
        """Of the last checkpoint."""
        latest = self.cluster.get(f"/jobs/{self.job}/checkpoints")["latest"]["completed"]
        return float(latest["state_size"]) / 1e6


def wait_for(rows: confluent_kafka.Consumer, count: int) -> None:
    deadline = time.monotonic() + PATIENCE_S
    seen = 0
    while seen < count:
        assert time.monotonic() < deadline, f"{seen} of {count} rows"
        seen += sum(1 for each in rows.consume(10_000, 0.05) if each.error() is None)


def a_product(number: int) -> StoreProduct:
    row, column = divmod(number, 100)
    return StoreProduct(
        sku=number,
        segment=f"s{number}",
        country="USA",
        latitude_deg=30 + row * 0.01,
        longitude_deg=-100 + column * 0.01,
    )


def fix_at(near: StoreProduct, uid: str, east: float = 0.0, north: float = 0.0) -> CustomerLocation:
    return CustomerLocation(
        uid=uid, country="USA", id=f"{uid}:1",
        latitude_deg=round(near.latitude_deg + north, 5),
        longitude_deg=round(near.longitude_deg + east, 5),
    )  # fmt: skip


def fixes_near(promotions: int, seed: int) -> Iterator[CustomerLocation]:
    """Each within some 70 ft of one product, and of a shopper of its own."""
    dice = Random(seed)
    for number in count():
        aside = dice.uniform(-0.00015, 0.00015), dice.uniform(-0.00015, 0.00015)
        yield fix_at(a_product(dice.randrange(promotions)), f"{seed}-{number}", *aside)


def measured(broker: KafkaBroker, cluster: FlinkCluster, promotions: int, most: int) -> dict[str, Figures]:
    """All forms side by side, taking turns at bursts; each figure is the median of its rounds."""
    rigs: dict[str, Rig] = {}
    for form in FORMS:
        name = f"{form}-{promotions}"
        settings = FlinkSettings(flink_form=form, flink_name=name, flink_topic_prefix=f"{name}-")
        rigs[form] = Rig(broker, cluster, settings)
        rigs[form].stock(promotions)
    counts = dict.fromkeys(FORMS, most) | {"seed": min(most, max(1_000, PAIRS_A_ROUND // promotions))}
    rates: dict[str, list[float]] = {form: [] for form in FORMS}
    for number in range(ROUNDS + 1):  # the first warms up
        for form, rig in rigs.items():
            rate = rig.fixes_per_s(counts[form], promotions, seed=number)
            if number:
                rates[form].append(rate)
    found = {form: Figures(median(rates[form]), rig.rss_mb(), rig.state_mb()) for form, rig in rigs.items()}
    print(promotions, found, file=sys.stderr, flush=True)
    for rig in rigs.values():
        rig.end()
    return found


def flatness(broker: KafkaBroker, cluster: FlinkCluster, form: str, most: int) -> list[float]:
    """A form at the most live promotions to itself at the fewest, the two side by side: each turn's ratio, sorted.

    The table's sizes are measured minutes apart, in which a shared machine may change by more than a factor of two.
    """
    rigs: dict[int, Rig] = {}
    for size in (SIZES[0], SIZES[-1]):
        name = f"flat-{form}-{size}"
        rigs[size] = Rig(
            broker, cluster, FlinkSettings(flink_form=form, flink_name=name, flink_topic_prefix=f"{name}-")
        )
        rigs[size].stock(size)
    ratios = []
    for number in range(2 * ROUNDS):  # the first warms up
        few, many = (rig.fixes_per_s(most, size, seed=number) for size, rig in rigs.items())
        ratios += [many / few] if number else []
    print(form, ratios, file=sys.stderr, flush=True)
    for rig in rigs.values():
        rig.end()
    return sorted(ratios)


def latency_ms(broker: KafkaBroker, cluster: FlinkCluster, form: str, guarantee: str) -> list[float]:
    """From a fix's sending to its row's being seen by a reader of what is committed, at a steady rate, sorted."""
    name = f"{form}-{guarantee}"
    settings = FlinkSettings(flink_form=form, flink_name=name, flink_topic_prefix=f"{name}-", flink_guarantee=guarantee)
    rig = Rig(broker, cluster, settings)
    rig.stock(1_000)
    rig.fixes_per_s(20_000, 1_000, seed=1)
    waits: list[float] = []
    pause = Event()
    with rig.reading("NEARBY_CUSTOMERS", "read_committed") as rows:
        sent_at: dict[str, float] = {}
        fixes = fixes_near(1_000, seed=2)
        next_at = time.perf_counter()
        while len(waits) < STEADY:
            if len(sent_at) < STEADY and time.perf_counter() >= next_at:
                fix = next(fixes)
                sent_at[str(fix.id)] = time.perf_counter()
                rig.send([fix])
                next_at += 1 / STEADY_HZ
            seen = [json.loads(each.value())["LOCATION_ID"] for each in rows.consume(100, 0.001) if not each.error()]
            # the rest are the burst's, whose transaction has only now ended
            waits += [(time.perf_counter() - sent_at[fix_id]) * 1000 for fix_id in seen if fix_id in sent_at]
            pause.wait(0.0005)
    rig.end()
    return sorted(waits)


def taken_up_s(broker: KafkaBroker, cluster: FlinkCluster, form: str, most: int) -> tuple[float, float, float]:
    """A job with 1,000 live promotions and so many fixes: MB of state, seconds from its savepoint, and anew."""
    settings = FlinkSettings(flink_form=form, flink_name=f"again-{form}", flink_topic_prefix=f"again-{form}-")
    rig = Rig(broker, cluster, settings)
    rig.stock(1_000)
    rig.fixes_per_s(most, 1_000, seed=1)
    state_mb = rig.state_mb()
    with SqlGateway(cluster.gateway_url, {}) as gateway:
        savepoint = stop(gateway, settings.flink_name)
    from_savepoint = rig.until_told(settings, savepoint)
    rig.end()
    from_topics = rig.until_told(replace(settings, flink_name=f"anew-{form}"))
    rig.end()
    return state_mb, from_savepoint, from_topics


def run(quick: bool) -> str:
    if not os.environ.get("ENDCAP_FLINK_HOME"):
        return "Flink was left out: `make flink`, then set ENDCAP_FLINK_HOME to PyFlink's folder in .cache/flink"
    most = MOST_FIXES // 5 if quick else MOST_FIXES
    with KafkaBroker() as broker, FlinkCluster() as cluster:
        figures = {size: measured(broker, cluster, size, most) for size in SIZES}
        waits = {
            (form, guarantee): latency_ms(broker, cluster, form, guarantee)
            for form in FORMS[1:]
            for guarantee in ("exactly-once", "at-least-once")
        }
        flat = {form: flatness(broker, cluster, form, most) for form in FORMS[1:]}
        again = {form: taken_up_s(broker, cluster, form, 2 * most) for form in FORMS[1:]}
    lines = [*by_promotions(figures), "", *by_turns(flat), "", *by_guarantee(waits), "", *by_state(again, 2 * most)]
    return "\n".join(["## The match on Flink", "", *lines])


def by_turns(flat: dict[str, list[float]]) -> list[str]:
    lines = [
        f"| {SIZES[-1]:,} live promotions to {SIZES[0]}, by turns | median | least | most |",
        "|---|---:|---:|---:|",
    ]
    return lines + [f"| {form} | {median(all_):.2f} | {all_[0]:.2f} | {all_[-1]:.2f} |" for form, all_ in flat.items()]


def by_state(again: dict[str, tuple[float, float, float]], fixes: int) -> list[str]:
    lines = [
        f"| taken up again, {fixes:,} fixes | state | from a savepoint | from the topics |",
        "|---|---:|---:|---:|",
    ]
    for form, (state_mb, from_savepoint, from_topics) in again.items():
        lines.append(f"| {form} | {state_mb:.0f} MB | {from_savepoint:.1f} s | {from_topics:.1f} s |")
    return lines


def by_promotions(figures: dict[int, dict[str, Figures]]) -> list[str]:
    lines = [
        "| live promotions | seed's form, fixes/s | grid | product | grid to seed | product to seed | product to grid "
        "| grid to its 10 | product to its 10 | state, grid | state, product | RSS |",
        "|---:|" + "---:|" * 11,
    ]
    first = figures[SIZES[0]]
    for size in SIZES:
        seed, grid, product = (figures[size][form] for form in FORMS)
        rates = [f"{each.fixes_per_s:,.0f}" for each in (seed, grid, product)]
        ratios = [grid.fixes_per_s / seed.fixes_per_s, product.fixes_per_s / seed.fixes_per_s]
        ratios += [product.fixes_per_s / grid.fixes_per_s]
        flat = [figures[size][form].fixes_per_s / first[form].fixes_per_s for form in FORMS[1:]]
        memory = [f"{grid.state_mb:.1f} MB", f"{product.state_mb:.1f} MB", f"{product.rss_mb:,.0f} MB"]
        columns = [f"{size:,}", *rates, *(f"{ratio:.2f}" for ratio in (*ratios, *flat)), *memory]
        lines.append(f"| {' | '.join(columns)} |")
    return lines


def by_guarantee(waits: dict[tuple[str, str], list[float]]) -> list[str]:
    lines = [
        f"| 1,000 live promotions, {STEADY_HZ} fixes/s, to a reader of what is committed | p50 | p99 |",
        "|---|---:|---:|",
    ]
    for (form, guarantee), sorted_ms in waits.items():
        half, most = sorted_ms[len(sorted_ms) // 2], sorted_ms[len(sorted_ms) * 99 // 100]
        lines.append(f"| {form}, {guarantee} | {half:,.0f} ms | {most:,.0f} ms |")
    return lines
