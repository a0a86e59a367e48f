"""Counts of everything that was served, in all and per edge; it only listens, and its memory does not grow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from edgesim.core.reasons import Outcome
from edgesim.core.verdict import Verdict
from edgesim.observe.histogram import Histogram
from edgesim.observe.records import Burst, Group

NOT_CACHEABLE = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_HITS = (Outcome.HIT, Outcome.REFRESH_HIT)
_COUNTED = (*_HITS, Outcome.MISS)
_NUMBERS = (
    *("requests", "bytes_out", "bytes_in", "cacheable", "hits", "cacheable_bytes", "hit_bytes"),
    *("origin_requests", "stale", "collapsed", "incomplete"),
)
NO_EDGE = "none"
"""Under which requests are counted that reached no edge."""


class Tally:
    """What was counted at one edge, or at all."""

    def __init__(self) -> None:
        self.requests = 0
        self.results: Counter[str] = Counter()
        self.statuses: Counter[int] = Counter()
        self.bytes_out = 0
        self.bytes_in = 0
        self.cacheable = 0
        self.hits = 0
        self.cacheable_bytes = 0
        self.hit_bytes = 0
        self.origin_requests = 0
        self.stale = 0
        self.collapsed = 0
        self.incomplete = 0
        self.measured = Histogram()
        self.modelled = Histogram()

    @classmethod
    def of(cls, tallies: Iterable[Tally]) -> Tally:
        """Several taken together."""
        whole = cls()
        for one in tallies:
            for name in _NUMBERS:
                setattr(whole, name, getattr(whole, name) + getattr(one, name))
            whole.results.update(one.results)
            whole.statuses.update(one.statuses)
            whole.measured.add_all(one.measured)
            whole.modelled.add_all(one.modelled)
        return whole

    def add(self, verdict: Verdict, result: str, network_ms: float, origin_requests: int) -> None:
        """Count one verdict."""
        self.requests += 1
        self.results[result] += 1
        self.statuses[verdict.status // 100] += 1
        self.bytes_out += verdict.bytes_out
        self.bytes_in += verdict.bytes_in
        self.origin_requests += origin_requests
        self.stale += verdict.stale is not None
        self.collapsed += verdict.joined is not None
        self.incomplete += not verdict.complete
        self.measured.add(verdict.total_ms)
        self.modelled.add(network_ms)
        if verdict.outcome in _COUNTED and verdict.request.method not in NOT_CACHEABLE:
            self.cacheable += 1
            self.cacheable_bytes += verdict.bytes_out
            if verdict.outcome in _HITS:
                self.hits += 1
                self.hit_bytes += verdict.bytes_out

    def add_group(self, group: Group, result: str) -> None:
        """Count answers of the fast path that are alike: hits, or misses that were passed on."""
        template = group.template
        self.requests += group.count
        self.results[result] += group.count
        self.statuses[template.status // 100] += group.count
        self.bytes_out += group.bytes_out
        self.bytes_in += group.bytes_in
        self.measured.add(group.ms / group.count, group.count)
        self.modelled.add(group.network_ms, group.count)
        self.cacheable += group.count
        self.cacheable_bytes += group.bytes_out
        if template.origin is not None:
            self.origin_requests += group.count
        else:
            self.hits += group.count
            self.hit_bytes += group.bytes_out

    def facts(self) -> dict[str, Any]:
        """Everything counted. Ratios are 0 to 1, ``None`` while there is nothing to divide by."""
        return {
            "requests": self.requests,
            "results": {outcome.value: self.results[outcome.value] for outcome in Outcome},
            "statuses": {f"{first}xx" if first else "none": number for first, number in sorted(self.statuses.items())},
            "bytes_out": self.bytes_out,
            "bytes_in": self.bytes_in,
            "hit_ratio": _ratio(self.hits, self.cacheable),
            "byte_hit_ratio": _ratio(self.hit_bytes, self.cacheable_bytes),
            "origin_requests": self.origin_requests,
            "stale_served": self.stale,
            "collapsed": self.collapsed,
            "incomplete": self.incomplete,
            "latency_ms": self.measured.summary(),
            "modelled_network_ms": self.modelled.summary(),
        }


class Stats:
    """The collector; :meth:`listen` is a listener of ``Records``.

    The hit ratio is CloudWatch's CacheHitRate: of the requests that could have been hits, so without errors and
    without methods that write (spec §12.4); a RefreshHit counts as a hit.
    """

    def __init__(self) -> None:
        self.edges: dict[str, Tally] = {}

    @property
    def all(self) -> Tally:
        """What was counted in all; summed up when asked for, so that each request is counted once."""
        return Tally.of(self.edges.values())

    def clear(self) -> None:
        """Begin to count anew."""
        self.edges.clear()

    def listen(self, verdict: Verdict) -> None:
        """Count one verdict."""
        network_ms, origin_requests = 0.0, 0
        at: Verdict | None = verdict
        while at is not None:
            for leg in at.legs:
                network_ms += leg.ms
            origin_requests += at.origin is not None
            at = at.upstream
        if verdict.background:
            self.edge(verdict.node).origin_requests += origin_requests
            return
        self.edge(verdict.node).add(verdict, verdict.result_type, network_ms, origin_requests)

    def burst(self, burst: Burst) -> None:
        """Count hits of the fast path."""
        for group in burst.groups:
            self.edge(group.template.node).add_group(group, group.template.result_type)

    def edge(self, pop: str) -> Tally:
        """What was counted at one edge."""
        found = self.edges.get(pop or NO_EDGE)
        if found is None:
            found = self.edges[pop or NO_EDGE] = Tally()
        return found

    def facts(self) -> dict[str, Any]:
        """Totals, and the same for each edge that was asked anything."""
        return {
            "total": self.all.facts(),
            "edges": {pop: tally.facts() for pop, tally in sorted(self.edges.items())},
        }


def _ratio(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None
