"""The verdicts of late: kept in a ring for ``explain``, and passed to whoever listens (log, metrics, event stream)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from edgesim.core.verdict import Verdict

Listener = Callable[[Verdict], None]


class Records:
    """The last ``limit`` verdicts by request id; listeners only listen and must not raise."""

    def __init__(self, limit: int = 10_000) -> None:
        self._limit = limit
        self._order: deque[str] = deque()
        self._by_id: dict[str, Verdict] = {}
        self._listeners: list[Listener] = []
        self.total = 0

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Be told of every verdict; call what is returned to stop."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def add(self, verdict: Verdict) -> None:
        """Keep a verdict and tell the listeners."""
        self.total += 1
        if verdict.id not in self._by_id:
            self._order.append(verdict.id)
            if len(self._order) > self._limit:
                self._by_id.pop(self._order.popleft(), None)
        self._by_id[verdict.id] = verdict
        for listener in self._listeners:
            listener(verdict)

    def get(self, id: str) -> Verdict | None:
        """The verdict of a request, while it is remembered."""
        return self._by_id.get(id)

    def last(self, count: int = 1) -> list[Verdict]:
        """The newest verdicts, newest first."""
        return [self._by_id[id] for id, _ in zip(reversed(self._order), range(count), strict=False)]
