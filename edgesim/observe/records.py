"""The verdicts of late: kept in a ring for ``explain``, and passed to whoever listens (log, metrics, event stream).

Hits of the fast path come in bursts, and so do the misses that it passed on: many of them share all but an id, a time
and a few numbers, so they are counted and logged together and only become verdicts when somebody wants to see one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Protocol

from edgesim.core.verdict import Verdict
from edgesim.observe.histogram import bucket


class Hit(Protocol):
    """One answer of the fast path: what listeners count, and the verdict for who wants all of it."""

    at: float
    port: int
    ms: float
    bytes_in: int
    bytes_out: int

    @property
    def id(self) -> str:
        """The X-Amz-Cf-Id."""

    @property
    def template(self) -> Verdict:
        """The verdict of the hit it was learned from: the same but for the fields above and the viewer's headers."""

    @property
    def network_ms(self) -> float:
        """The modelled way between this viewer and the edge."""

    @property
    def row(self) -> tuple[str, ...]:
        """The constant pieces of its access log row."""

    def verdict(self) -> Verdict:
        """The whole verdict, as the full path would have made it."""


@dataclass(slots=True)
class Group:
    """Hits of one burst that count alike: how many, their bytes and their time in all."""

    template: Verdict
    network_ms: float
    count: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Burst:
    """Hits that are recorded together, in the order they were answered, and grouped by what counts alike."""

    hits: Sequence[Hit]
    groups: Sequence[Group]
    at: float
    """When the last was answered, simulated seconds. Hits of another process may be counted without being here."""

    @classmethod
    def of(cls, hits: Sequence[Hit]) -> Burst:
        """Group hits by template and distance, and what an origin had to be waited for by its duration as well."""
        groups: dict[tuple[int, float, int], Group] = {}
        for hit in hits:
            template, network_ms = hit.template, hit.network_ms
            name = id(template), network_ms, 0 if template.origin is None else bucket(hit.ms)
            group = groups.get(name)
            if group is None:
                group = groups[name] = Group(template, network_ms)
            group.count += 1
            group.bytes_in += hit.bytes_in
            group.bytes_out += hit.bytes_out
            group.ms += hit.ms
        return cls(hits, list(groups.values()), hits[-1].at if hits else 0.0)


Listener = Callable[[Verdict], None]
BurstListener = Callable[[Burst], None]


class Records:
    """The last ``limit`` verdicts by request id; listeners only listen and must not raise."""

    def __init__(self, limit: int = 10_000) -> None:
        self._limit = limit
        self._order: deque[tuple[str, float]] = deque()
        self._by_id: dict[str, Verdict | Hit] = {}
        self._listeners: list[tuple[Listener, BurstListener | None]] = []
        self.settle: Callable[[], None] = lambda: None
        """Makes whoever holds back hits hand them over, before anything is read."""
        self._count = 0

    @property
    def total(self) -> int:
        """Verdicts ever recorded."""
        self.settle()
        return self._count

    def listen(self, listener: Listener, burst: BurstListener | None = None) -> Callable[[], None]:
        """Be told of every verdict, and of hits in bursts where ``burst`` is given; call what is returned to stop."""
        pair = (listener, burst)
        self._listeners.append(pair)
        return lambda: self._listeners.remove(pair)

    def add(self, verdict: Verdict) -> None:
        """Keep a verdict and tell the listeners; hits that came before it are recorded first."""
        self.settle()
        self._keep(verdict.id, verdict, monotonic())
        for listener, _ in self._listeners:
            listener(verdict)

    def add_hits(self, hits: Sequence[Hit]) -> None:
        """Keep hits of the fast path and tell the listeners."""
        now = monotonic()
        for hit in hits[-self._limit :]:
            self._keep(hit.id, hit, now)
        self._count += max(0, len(hits) - self._limit)
        together = Burst.of(hits)
        for listener, burst in self._listeners:
            if burst is not None:
                burst(together)
            else:
                for hit in hits:
                    listener(hit.verdict())

    def add_counts(self, burst: Burst) -> None:
        """Count hits whose verdicts another process keeps."""
        self._count += sum(group.count for group in burst.groups)
        for _, listener in self._listeners:
            if listener is not None:
                listener(burst)

    def _keep(self, id: str, record: Verdict | Hit, now: float) -> None:
        self._count += 1
        if id not in self._by_id:
            self._order.append((id, now))
            if len(self._order) > self._limit:
                self._by_id.pop(self._order.popleft()[0], None)
        self._by_id[id] = record

    def clear(self) -> None:
        """Forget every verdict, and that there were any."""
        self.settle()
        self._order.clear()
        self._by_id.clear()
        self._count = 0

    def get(self, id: str) -> Verdict | None:
        """The verdict of a request, while it is remembered."""
        self.settle()
        return _whole(self._by_id.get(id))

    def last(self, count: int = 1) -> list[Verdict]:
        """The newest verdicts, newest first."""
        return [verdict for _, verdict in self.newest(count)]

    def newest(self, count: int) -> list[tuple[float, Verdict]]:
        """The newest verdicts, newest first, each with the machine's monotonic time at which it was recorded."""
        self.settle()
        newest = zip(reversed(self._order), range(count), strict=False)
        found = [(at, _whole(self._by_id[id])) for (id, at), _ in newest]
        return [(at, verdict) for at, verdict in found if verdict is not None]


def _whole(record: Verdict | Hit | None) -> Verdict | None:
    return record if record is None or isinstance(record, Verdict) else record.verdict()
