"""Through Kafka: forwarding against the raw producer, posts and their way to the topic, the match by live promotions.

One real broker, what is measured and the load share the machine, so that only ratios within one run say anything.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import quantiles
from typing import Any

from confluent_kafka import OFFSET_END, Consumer, KafkaError, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from tests.bench import flink
from tests.bench.log_posts import UNLIMITED, Phone, measured

from endcap.clock import SystemClock
from endcap.messages import CustomerLocation, ProductPromotion, StoreProduct
from endcap.wire import epoch_ms
from endcap_backend.log import Log, NewRecord
from endcap_backend.match.engine import Mode
from endcap_backend.pipeline.forward import FORWARDED, MOST, Forwarder
from endcap_backend.pipeline.kafka import KafkaSettings
from endcap_backend.pipeline.sending import producing
from endcap_backend.pipeline.stages.match import match_stage
from endcap_backend.pipeline.stages.parity import parity_stage
from endcap_backend.pipeline.stages.route import route_stage
from endcap_backend.pipeline.stages.stage import Stage
from endcap_backend.pipeline.stages.topics import ensure_topics
from endcap_backend.pseudonym import Pseudonyms
from endcap_backend.retail.database import Database
from endcap_backend.retail.day_secrets import DaySecrets
from endcap_devkit.flink.cluster import FlinkCluster
from endcap_devkit.kafka.broker import KafkaBroker

NOT_HERE = "ksqlDB is not in this run: it comes from Confluent's own Maven repository alone, which `make` does not use."
PARTITIONS = 4
LOCATIONS = "customers_locations"
CALL_S = 60.0
SHOPPERS = 500
POST = 50  # fixes
TURNS = 5
LOOK_S = 0.02  # at the forwarder: a look reads the log
MATCH_TURNS = 3


def run(quick: bool) -> str:
    with KafkaBroker() as broker:
        kafka = KafkaSettings(broker.bootstrap)
        parts: Sequence[Callable[[], str]] = (
            lambda: _forwarding(broker, kafka, 20_000 if quick else 200_000),
            lambda: _posting(broker, kafka, 600 if quick else 4000),
            lambda: _matching(broker, kafka, quick),
            lambda: _rebuilding(broker, kafka, (20_000,) if quick else (1000, 10_000, 100_000)),
            lambda: _on_flink(broker, quick),
        )
        sections = []
        for part in parts:
            sections.append(part())
            print(sections[-1], file=sys.stderr, flush=True)  # it goes on for a quarter of an hour
    return "\n\n".join(["### Kafka", *sections, NOT_HERE])


def _fresh(broker: KafkaBroker, kafka: KafkaSettings, partitions: int = PARTITIONS) -> None:
    broker.empty()
    admin = AdminClient(kafka.client_config())
    for future in admin.create_topics([NewTopic(topic, partitions) for topic in FORWARDED]).values():
        future.result(CALL_S)
    ensure_topics(kafka, FORWARDED)


def _forwarding(broker: KafkaBroker, kafka: KafkaSettings, count: int) -> str:
    """The forwarder takes records from a log; the raw producers have the same ones in memory. They take turns."""
    posts = [
        [_as_record(n, _fix(f"{n % SHOPPERS:032x}", n, 0)) for n in range(at, at + POST)]
        for at in range(0, count, POST)
    ]
    ways: dict[str, Callable[[Path], tuple[float, float]]] = {
        "confluent-kafka alone, idempotent, lz4": lambda _: _raw(kafka, posts),
        "the same, told of each record that it arrived": lambda _: _raw(kafka, posts, reported=True),
        "the same in the forwarder's transactions, with its settings": lambda _: _in_transactions(kafka, posts),
        "the forwarder, from the log, with its mark": lambda folder: _forwarded(kafka, posts, folder, None),
        "the same under names of the day": lambda folder: _forwarded(kafka, posts, folder, _names(folder)),
    }
    turns: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
    for _ in range(TURNS):
        for way, measure in ways.items():
            _fresh(broker, kafka)
            with tempfile.TemporaryDirectory() as folder:
                turns[way].append(measure(Path(folder)))
    best = {way: min(found) for way, found in turns.items()}
    plain_s, _ = next(iter(best.values()))
    lines = [
        f"{count:,} fixes, {POST} a post; the best of {TURNS} turns, one after the other:",
        "",
        "| | records/s | of the raw producer's | CPU µs a record, its process |",
        "|---|---|---|---|",
    ]
    for way, (took_s, cpu_s) in best.items():
        lines.append(f"| {way} | {count / took_s:,.0f} | {plain_s / took_s:.0%} | {cpu_s / count * 1e6:.1f} |")
    return "\n".join(lines)


def _raw(kafka: KafkaSettings, posts: Sequence[Sequence[NewRecord]], *, reported: bool = False) -> tuple[float, float]:
    """Wall and CPU time of handing over post by post, and of one flush at the end.

    Only who is told of each record knows at the end that all arrived, as the forwarder does by its commits.
    """
    arrived = 0

    def told(error: KafkaError | None, _: Message) -> None:
        nonlocal arrived
        arrived += error is None

    config = kafka.client_config() | {"enable.idempotence": True, "compression.type": "lz4", "linger.ms": 5}
    if reported:
        config["on_delivery"] = told
    producer = Producer(config)
    producer.list_topics(timeout=CALL_S)
    with _timed() as took:
        for post in posts:
            _hand_over(producer, post)
        producer.flush(CALL_S)
    assert not reported or arrived == sum(map(len, posts))
    return took()


def _in_transactions(kafka: KafkaSettings, posts: Sequence[Sequence[NewRecord]]) -> tuple[float, float]:
    producer = Producer(producing(kafka, "bench"))
    producer.init_transactions(CALL_S)
    with _timed() as took:
        for first in range(0, len(posts), MOST // POST):
            producer.begin_transaction()
            for post in posts[first : first + MOST // POST]:
                _hand_over(producer, post)
            producer.commit_transaction(CALL_S)
    return took()


@contextmanager
def _timed() -> Iterator[Callable[[], tuple[float, float]]]:
    """Wall and CPU time of what is done within, once it is done."""
    began_s, cpu_s = time.perf_counter(), time.process_time()
    took = [0.0, 0.0]
    yield lambda: (took[0], took[1])
    took[:] = time.perf_counter() - began_s, time.process_time() - cpu_s


def _forwarded(
    kafka: KafkaSettings, posts: Sequence[Sequence[NewRecord]], folder: Path, names: Pseudonyms | None
) -> tuple[float, float]:
    log = Log(folder / "log.db", durability="fast", min_free_bytes=0)
    for post in posts:
        log.append(post)
    forwarder = Forwarder(log, kafka, pseudonyms=names)
    forwarder.start()
    _until(lambda: forwarder.stats()["forward transactions"] >= 1)
    with _timed() as took:
        _until(lambda: forwarder.stats()["forward lag"] == 0, LOOK_S)
    forwarder.stop()
    log.close()
    return took()


def _names(folder: Path) -> Pseudonyms:
    names = Pseudonyms(DaySecrets(Database(f"sqlite:///{folder}/retail.db")), SystemClock())
    names.today()  # makes the database, and the day's secret
    return names


def _posting(broker: KafkaBroker, kafka: KafkaSettings, posts: int) -> str:
    _fresh(broker, kafka)
    lines = ["| posting while it is forwarded | posts/s | fixes/s | p50 | p99 |", "|---|---|---|---|---|"]
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder, _served(Path(folder), kafka) as address:
        measured(address, "warm", 4, 200, 1)
        for turn, (phones, fixes) in enumerate(((32, 1), (4, 50))):
            found = measured(address, f"r{turn}", phones, max(phones * 5, posts // fixes), fixes)
            lines.append(
                f"| {phones} phones, {fixes} a post | {found.posts_per_s:,.0f} | {found.posts_per_s * fixes:,.0f} "
                f"| {found.p50_ms:.1f} ms | {found.p99_ms:.1f} ms |"
            )
        took_ms = _to_the_topic(address, kafka, 100 if posts < 1000 else 400)
    cuts = quantiles(took_ms, n=100)
    return "\n".join(
        [*lines, "", f"A post to its committed record, one at a time: p50 {cuts[49]:.1f} ms, p99 {cuts[98]:.1f} ms."]
    )


def _to_the_topic(address: str, kafka: KafkaSettings, count: int) -> list[float]:
    """From the request to the moment when a consumer that reads committed records has it, in ms."""
    consumer = Consumer(
        kafka.client_config()
        | {
            "group.id": "bench",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "fetch.wait.max.ms": 500,
        }
    )
    phone = Phone(address, "latency")
    _until(lambda: _lag(address) == 0)
    consumer.assign([TopicPartition(LOCATIONS, number, OFFSET_END) for number in range(PARTITIONS)])
    consumer.poll(1.0)
    took_ms = []
    for _ in range(count):
        began_s = time.perf_counter()
        phone.send(1)
        while (message := consumer.poll(5.0)) is None or message.error() is not None:
            pass
        took_ms.append((time.perf_counter() - began_s) * 1000)
    phone.close()
    consumer.close()
    return took_ms


def _matching(broker: KafkaBroker, kafka: KafkaSettings, quick: bool) -> str:
    """Each location is near one of the live promotions; the others are elsewhere in the country.

    However many promotions there are, half of the locations bring a row: each shopper comes twice to one place.
    """
    counts = (10, 100, 1000) if quick else (10, 100, 1000, 10_000)
    locations = 5000 if quick else 20_000
    lines = [
        f"{locations:,} locations of {locations // 2:,} shoppers, each twice near one of N live promotions: read,",
        "matched and written in transactions with the position. In product mode the first brings a row, the second",
        "none, and they lie by region already; in parity mode each brings its pairs.",
        "",
        "| N live promotions | product: locations/s | CPU ms a location | parity: locations/s | CPU ms a location |",
        "|---:|---:|---:|---:|---:|",
    ]
    for count in counts:
        cells = [
            f"{locations / took_s:,.0f} | {cpu_s * 1000 / locations:.3f}"
            for took_s, cpu_s in (_matched(broker, kafka, count, locations, mode) for mode in ("product", "parity"))
        ]
        lines.append(f"| {count:,} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _matched(broker: KafkaBroker, kafka: KafkaSettings, count: int, locations: int, mode: Mode) -> tuple[float, float]:
    """How long the match of all locations took, and its CPU time; the best of some turns. Routing is done before."""
    return min(_matched_once(broker, kafka, count, locations, mode) for _ in range(MATCH_TURNS))


def _matched_once(
    broker: KafkaBroker, kafka: KafkaSettings, count: int, locations: int, mode: Mode
) -> tuple[float, float]:
    _fresh(broker, kafka, PARTITIONS if mode == "product" else 1)
    _write(kafka, [each for n in range(count) for each in _shelf(n)])
    shoppers = locations // 2
    _write(kafka, [_fix(f"u{n % shoppers}", n, n % shoppers % count) for n in range(locations)])
    if mode == "product":
        _drained(route_stage(kafka), locations)
        return _drained(match_stage(kafka), locations)
    return _drained(parity_stage(kafka), locations, after=2 * count)  # products and promotions are earlier, so first


def _drained(stage: Stage, count: int, after: int = 0) -> tuple[float, float]:
    """Wall and CPU time from the moment when the state is built and `after` records are through, to `count` more."""
    stage.start()
    _until(lambda: stage.stats()["rebuilt"] > 0 and stage.stats()["records"] >= after)
    began_s, cpu_s = time.perf_counter(), time.process_time()
    _until(lambda: stage.stats()["records"] >= count + after)
    took = time.perf_counter() - began_s, time.process_time() - cpu_s
    stage.stop()
    return took


def _rebuilding(broker: KafkaBroker, kafka: KafkaSettings, sizes: Sequence[int]) -> str:
    """A worker that takes over: the whole shop, and half an hour of fixes, read again."""
    lines = [
        "A new worker takes over all partitions, its start as a process included; a tenth of the shelves is promoted:",
        "",
        "| placements | fixes of the last half hour | ready after | resident |",
        "|---:|---:|---:|---:|",
    ]
    for shelves in sizes:
        _fresh(broker, kafka)
        fixes = shelves // 4
        _write(kafka, (each for n in range(shelves) for each in _shelf(n)[: 1 + (n % 10 == 0)]))
        _write(kafka, (_fix(f"u{n % SHOPPERS}", n, n) for n in range(fixes)))
        _drained(route_stage(kafka), fixes)
        _drained(match_stage(kafka), fixes)
        took_s, rss_mb = _taken_over(kafka)
        lines.append(f"| {shelves:,} | {fixes:,} | {took_s:.1f} s | {rss_mb:,.0f} MB |")
    return "\n".join(lines)


def _taken_over(kafka: KafkaSettings) -> tuple[float, float]:
    """Seconds until a new worker has its state, and the MB it holds then."""
    env = os.environ | {"ENDCAP_KAFKA_BOOTSTRAP_SERVERS": kafka.kafka_bootstrap_servers, "ENDCAP_LOG_LEVEL": "WARNING"}
    command = [sys.executable, "-m", "endcap_backend", "worker", "match"]
    began_s = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env) as process:
        assert process.stdout is not None
        metrics = json.loads(process.stdout.readline())["metrics"]
        _until(lambda: 'stat="match placements"' in _text(metrics))
        took_s = time.perf_counter() - began_s
        rss_mb = _rss_mb(process.pid)
        process.terminate()
    return took_s, rss_mb


def _on_flink(broker: KafkaBroker, quick: bool) -> str:
    """The same question to Flink, by the means of its own benchmark, which also has its latency and its state."""
    if not os.environ.get("ENDCAP_FLINK_HOME"):
        return "Flink was left out: `make flink`, then set ENDCAP_FLINK_HOME to PyFlink's folder in .cache/flink"
    most = flink.MOST_FIXES // 5 if quick else flink.MOST_FIXES
    with FlinkCluster() as cluster:
        figures = {size: flink.measured(broker, cluster, size, most) for size in flink.SIZES}
    return "\n".join(["Flink SQL, of each form the median burst:", "", *flink.by_promotions(figures)])


@contextmanager
def _served(folder: Path, kafka: KafkaSettings) -> Iterator[str]:
    env = {**os.environ, **UNLIMITED, "ENDCAP_PIPELINE": "kafka"}
    env["ENDCAP_KAFKA_BOOTSTRAP_SERVERS"] = kafka.kafka_bootstrap_servers
    command = [sys.executable, "-m", "endcap_backend", "serve", "--port", "0", "--data", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["http"].removeprefix("http://")
        process.terminate()


def _shelf(number: int) -> tuple[StoreProduct, ProductPromotion]:
    latitude, longitude = _place(number)
    return (
        StoreProduct(
            sku=number, segment=f"kind {number}", latitude_deg=latitude, longitude_deg=longitude, country="FIN"
        ),
        ProductPromotion(pid=f"p{number}", segment=f"kind {number}", sku=number, title="Offer", discount=20.0),
    )


def _fix(uid: str, number: int, place: int) -> CustomerLocation:
    latitude, longitude = _place(place)
    return CustomerLocation(
        uid=uid, latitude_deg=latitude, longitude_deg=longitude, country="FIN", id=f"{uid}:{number}", accuracy_m=5.0
    )


def _place(number: int) -> tuple[float, float]:
    """A shelf every 300 m, row by row."""
    return round(50.0 + number // 300 * 0.003, 5), round(20.0 + number % 300 * 0.005, 5)


def _as_record(number: int, fix: CustomerLocation) -> NewRecord:
    return NewRecord(LOCATIONS, fix.uid, fix.to_text(), epoch_ms(datetime.now(UTC)), fix.id)


def _write(kafka: KafkaSettings, messages: Any) -> None:
    producer = Producer(kafka.client_config() | {"linger.ms": 5, "compression.type": "lz4"})
    now_ms = epoch_ms(datetime.now(UTC))
    for each in messages:
        key = {"uid": "uid", "SKU": "sku", "segment": "segment"}[type(each).KEY]
        _hand_over(producer, [NewRecord(type(each).TOPIC, str(getattr(each, key)), each.to_text(), now_ms)])
    producer.flush(CALL_S)


def _hand_over(producer: Producer, records: Iterable[NewRecord]) -> None:
    for record in records:
        while True:
            try:
                producer.produce(record.topic, record.value, record.key, -1, None, None, record.timestamp_ms)
                break
            except BufferError:
                producer.poll(0.1)
    producer.poll(0)


def _lag(address: str) -> float:
    line = next(each for each in _text(f"http://{address}/metrics").splitlines() if 'stat="forward lag"' in each)
    return float(line.rpartition(" ")[2])


def _text(url: str) -> str:
    from urllib.request import urlopen

    with urlopen(url, timeout=CALL_S) as answer:
        text: str = answer.read().decode()
    return text


def _rss_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def _until(holds: Callable[[], object], look_s: float = 0.002) -> None:
    deadline_s = time.monotonic() + 600
    while not holds():
        assert time.monotonic() < deadline_s
        time.sleep(look_s)
