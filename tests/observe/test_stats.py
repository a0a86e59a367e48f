"""Counting: ratios by hand, percentiles against the sorted list."""

from __future__ import annotations

from math import ceil

from hypothesis import given
from hypothesis import strategies as st
from observed_verdicts import from_origin, request, verdict
from prometheus_client.parser import text_string_to_metric_families

from edgesim.core.cache import Tier
from edgesim.core.reasons import Outcome
from edgesim.observe.histogram import BUCKETS, GROWTH, Histogram
from edgesim.observe.metrics import Metrics
from edgesim.observe.stats import NO_EDGE, Stats


def counted(*verdicts: object) -> Stats:
    stats = Stats()
    for one in verdicts:
        stats.listen(one)  # type: ignore[arg-type]
    return stats


def test_the_hit_ratio_leaves_out_errors_and_writes() -> None:
    stats = counted(
        verdict(bytes_out=300),
        verdict(Outcome.REFRESH_HIT, bytes_out=100),
        from_origin(bytes_out=100),
        from_origin(request=request(method="POST")),
        verdict(Outcome.ERROR, status=502),
        verdict(Outcome.REDIRECT, status=301),
    ).facts()["total"]
    assert stats["requests"] == 6
    assert stats["hit_ratio"] == 0.6667
    assert stats["byte_hit_ratio"] == 0.8
    assert stats["origin_requests"] == 2
    assert stats["statuses"] == {"2xx": 4, "3xx": 1, "5xx": 1}


def test_a_request_that_went_up_two_tiers_asked_one_origin() -> None:
    up = from_origin(tier=Tier.REGIONAL, node="eu-west-2", legs=())
    stats = counted(verdict(Outcome.MISS, upstream=up)).facts()
    assert stats["total"]["origin_requests"] == 1
    assert list(stats["edges"]) == ["LHR61-C2"]


def test_what_reached_no_edge_is_counted_apart() -> None:
    stats = counted(verdict(Outcome.ERROR, node="", status=400)).facts()
    assert stats["edges"][NO_EDGE]["hit_ratio"] is None


def test_an_incomplete_answer_is_an_error() -> None:
    stats = counted(verdict(complete=False)).facts()["total"]
    assert (stats["results"]["Error"], stats["results"]["Hit"], stats["incomplete"]) == (1, 0, 1)


@given(st.lists(st.floats(0.02, 600_000), min_size=1, max_size=200), st.sampled_from([1, 50, 90, 99, 100]))
def test_a_percentile_is_within_a_bucket_of_the_real_one(durations: list[float], percent: int) -> None:
    histogram = Histogram()
    for one in durations:
        histogram.add(one)
    real = sorted(durations)[max(0, ceil(len(durations) * percent / 100) - 1)]
    assert real / GROWTH * 0.999 <= histogram.percentile(percent) <= real * GROWTH * 1.001


def test_memory_does_not_grow_with_the_durations() -> None:
    histogram = Histogram()
    for one in (0, -1, 1e-9, 1e12, 1e300):
        histogram.add(one)
    assert (len(histogram.counts), histogram.count) == (BUCKETS, 5)
    assert Histogram().percentile(50) == 0


def test_the_exposition_is_what_prometheus_reads() -> None:
    metrics = Metrics(counted(verdict(), from_origin(node="SYD62-C1")), list, lambda: [("faults", "Faults.", 2)])
    families = {one.name: one for one in text_string_to_metric_families(metrics.text().decode())}
    requests = {tuple(sorted(one.labels.items())): one.value for one in families["edgesim_requests"].samples}
    assert requests[("edge", "LHR61-C2"), ("result", "Hit")] == 1
    assert requests[("edge", "SYD62-C1"), ("result", "Miss")] == 1
    assert families["edgesim_faults"].samples[0].value == 2
    buckets = [one.value for one in families["edgesim_request_seconds"].samples if one.name.endswith("_bucket")]
    assert buckets == sorted(buckets)
    assert buckets[-1] == 2
