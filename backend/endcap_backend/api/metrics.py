"""What is counted, for `/metrics` in Prometheus's text form. No label ever holds what came from a shopper."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from endcap_backend.log import Log

disable_created_metrics()  # type: ignore[no-untyped-call]  # a third of the text; nobody asks when a counter was made
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """Counters of one backend, in a registry of their own. Safe from any thread."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "endcap_http_requests",
            "Requests, by route and status",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "endcap_http_request_seconds",
            "From the request's last byte to the answer",
            ["route"],
            buckets=SECONDS,
            registry=self.registry,
        )
        self.messages = Counter(
            "endcap_messages",
            "Fixes and events, by what became of them: accepted, duplicate, rejected",
            ["topic", "outcome"],
            registry=self.registry,
        )
        self.rejected = Counter(
            "endcap_rejected",
            "Rejected fixes and events, by the field at fault",
            ["topic", "field"],
            registry=self.registry,
        )
        self.refused = Counter(
            "endcap_refused",
            "Requests refused before they were read: token, password, role, consent, rate, signature, full, overload",
            ["reason"],
            registry=self.registry,
        )
        self.sessions = Counter(
            "endcap_sessions", "Sessions: begun, renewed, refused", ["what"], registry=self.registry
        )

    def watch(self, log: Log, pipeline: Callable[[], Mapping[str, float]]) -> None:
        """Tell of the log and of the pipeline too, as they stand when somebody asks."""
        self.registry.register(_Standing(log, pipeline))

    def text(self) -> bytes:
        return generate_latest(self.registry)


class _Standing(Collector):
    def __init__(self, log: Log, pipeline: Callable[[], Mapping[str, float]]) -> None:
        self._log = log
        self._pipeline = pipeline

    def describe(self) -> Iterator[Metric]:
        return iter(())  # without it the registry would collect at once, before anything runs

    def collect(self) -> Iterator[Metric]:
        stats = self._log.stats()
        yield GaugeMetricFamily("endcap_log_records", "Records in the log", stats.records)
        yield GaugeMetricFamily("endcap_log_end", "Offset of the newest record", stats.end)
        yield GaugeMetricFamily("endcap_log_bytes", "The log on disk, with its journal", stats.bytes)
        yield GaugeMetricFamily("endcap_disk_free_bytes", "Left on the log's disk", stats.free_bytes)
        yield CounterMetricFamily("endcap_log_commits", "Transactions since the start", stats.groups)
        yield CounterMetricFamily("endcap_log_rows", "Records appended since the start", stats.rows)
        yield CounterMetricFamily("endcap_log_duplicates", "Records that came again", stats.duplicates)
        yield CounterMetricFamily("endcap_log_refused", "Appends refused for want of room", stats.refused)
        lag = GaugeMetricFamily("endcap_consumer_lag", "Records a consumer has still to read", labels=["consumer"])
        for consumer, offset in self._log.positions().items():
            lag.add_metric([consumer], max(0, stats.end - offset))
        yield lag
        gauge = GaugeMetricFamily("endcap_pipeline", "What the pipeline says of itself", labels=["stat"])
        for name, value in self._pipeline().items():
            gauge.add_metric([name], value)
        yield gauge
