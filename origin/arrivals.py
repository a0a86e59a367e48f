"""What reached the site: every request an app node received, header for header."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

KEPT = 10_000


@dataclass(slots=True)
class Arrival:
    """One request as the node received it; ``body_length`` grows while the body arrives (bytes on the wire)."""

    number: int
    method: str
    target: str
    version: str
    scheme: str
    headers: list[list[str]]
    node: str
    peer: str
    received: float
    body_length: int = field(default=0)


class Arrivals:
    """The last 10,000 arrivals.

    Numbers are the microseconds of arrival since the epoch, made strictly increasing: they survive a restart or an
    emptying, and the lists of several nodes can be merged by them.
    """

    def __init__(self) -> None:
        self._kept: deque[Arrival] = deque(maxlen=KEPT)
        self._last = 0

    def add(self, **what: Any) -> Arrival:
        """Record one request; takes every field of :class:`Arrival` but ``number`` and ``received``."""
        received = time.time()
        self._last = max(self._last + 1, int(received * 1_000_000))
        arrival = Arrival(number=self._last, received=received, **what)
        self._kept.append(arrival)
        return arrival

    def clear(self) -> None:
        self._kept.clear()

    def listing(self, query: Mapping[str, str]) -> dict[str, Any]:
        """The answer of ``GET /_origin/requests``; raises ValueError when ``since`` is not a whole number."""
        since, prefix = int(query.get("since") or 0), query.get("path", "")
        found = [asdict(a) for a in self._kept if a.number > since and a.target.startswith(prefix)]
        return {"requests": found, "last": max(since, self._last)}


def merged(listings: list[dict[str, Any]]) -> dict[str, Any]:
    """Several nodes' listings as one, in order of arrival."""
    requests = sorted((r for listing in listings for r in listing["requests"]), key=lambda r: int(r["number"]))
    return {"requests": requests, "last": max((listing["last"] for listing in listings), default=0)}
