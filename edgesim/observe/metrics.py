"""The counts of ``Stats`` for Prometheus: read when asked for, so that a request costs nothing extra.

Labels are bounded: edges of the world, result types, status classes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from edgesim.core.cache import Tier
from edgesim.core.reasons import Outcome
from edgesim.observe.histogram import Histogram
from edgesim.observe.stats import Stats

BOUNDS_MS = (0.1, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000)
"""Upper ends of the exported buckets, milliseconds."""

Gauges = Callable[[], Iterable[tuple[str, str, float]]]
"""Single values: name without prefix, what it is, value."""


@dataclass(frozen=True, slots=True)
class CacheSize:
    """How full a cache is, in bytes and entries."""

    name: str
    tier: Tier
    used: int
    capacity: int
    entries: int


class Metrics(Collector):
    """A registry of its own with everything there is."""

    def __init__(self, stats: Stats, caches: Callable[[], Iterable[CacheSize]], gauges: Gauges) -> None:
        self._stats = stats
        self._caches = caches
        self._gauges = gauges
        self._registry = CollectorRegistry()
        self._registry.register(self)

    def text(self) -> bytes:
        """The exposition."""
        return generate_latest(self._registry)

    def describe(self) -> Iterable[Metric]:
        """Nothing to say before there is something to count."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Everything, as it is at this moment."""
        yield from self._requests()
        yield from self._traffic()
        whole = self._stats.all
        yield _durations("edgesim_request_seconds", "Duration of requests at the edge.", whole.measured)
        yield _durations("edgesim_modelled_network_seconds", "Modelled distance.", whole.modelled)
        yield from self._stores()
        for name, about, value in self._gauges():
            yield GaugeMetricFamily(f"edgesim_{name}", about, value)

    def _requests(self) -> Iterator[Metric]:
        results = CounterMetricFamily("edgesim_requests", "Requests by result type.", labels=["edge", "result"])
        statuses = CounterMetricFamily("edgesim_responses", "Answers by class of status.", labels=["edge", "status"])
        for pop, tally in self._stats.edges.items():
            for outcome in Outcome:
                if tally.results[outcome.value]:
                    results.add_metric([pop, outcome.value], tally.results[outcome.value])
            for first, number in tally.statuses.items():
                statuses.add_metric([pop, f"{first}xx" if first else "none"], number)
        yield results
        yield statuses

    def _traffic(self) -> Iterator[Metric]:
        sent = CounterMetricFamily("edgesim_sent_bytes", "Bytes sent to viewers.", labels=["edge"])
        received = CounterMetricFamily("edgesim_received_bytes", "Bytes received from viewers.", labels=["edge"])
        origin = CounterMetricFamily("edgesim_origin_requests", "Requests sent to origins.", labels=["edge"])
        for pop, tally in self._stats.edges.items():
            sent.add_metric([pop], tally.bytes_out)
            received.add_metric([pop], tally.bytes_in)
            origin.add_metric([pop], tally.origin_requests)
        yield from (sent, received, origin)

    def _stores(self) -> Iterator[Metric]:
        used = GaugeMetricFamily("edgesim_cache_used_bytes", "Bytes in use in a cache.", labels=["cache", "tier"])
        capacity = GaugeMetricFamily("edgesim_cache_capacity_bytes", "Size of a cache.", labels=["cache", "tier"])
        entries = GaugeMetricFamily("edgesim_cache_entries", "Answers stored in a cache.", labels=["cache", "tier"])
        for cache in self._caches():
            labels = [cache.name, cache.tier.value if cache.tier is Tier.EDGE else Tier.REGIONAL.value]
            used.add_metric(labels, cache.used)
            capacity.add_metric(labels, cache.capacity)
            entries.add_metric(labels, cache.entries)
        yield from (used, capacity, entries)


def _durations(name: str, about: str, counted: Histogram) -> Metric:
    buckets = [(f"{ms / 1000:g}", float(counted.below(ms))) for ms in BOUNDS_MS]
    buckets.append(("+Inf", float(counted.count)))
    return HistogramMetricFamily(name, about, buckets=buckets, sum_value=counted.total / 1000)
