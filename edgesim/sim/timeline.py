"""Virtual time: a heap of moments, and processes that wait in it. The same beginnings always end the same way."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Generator
from itertools import count
from typing import TypeVar

T = TypeVar("T")

Resume = Callable[[], None]
Wait = Callable[[Resume], object]
"""What a process yields: it is given the process's resumption and calls it once, at once or later.

``flight.wait`` and ``body.watch`` of the core are such waits as they stand.
"""

Process = Generator[Wait, None, T]


class Timeline:
    """Simulated seconds. Moments of one instant come in the order in which they were planned."""

    def __init__(self, start: float = 0.0) -> None:
        self.now = start
        self._order = count()
        self._moments: list[tuple[float, int, Resume]] = []

    def at(self, when: float, action: Resume) -> None:
        """Do something at a time, now at the earliest."""
        heapq.heappush(self._moments, (max(when, self.now), next(self._order), action))

    def sleep(self, seconds: float) -> Wait:
        """A wait for some time to pass."""
        return lambda resume: self.at(self.now + seconds, resume)

    def start(self, process: Process[T]) -> None:
        """Run a process up to its first wait, and on whenever a wait is over."""

        def go() -> None:
            try:
                wait = next(process)
            except StopIteration:
                return
            wait(lambda: self.at(self.now, go))

        go()

    def step(self) -> bool:
        """Let the next moment come; false when there is none."""
        if not self._moments:
            return False
        self.now, _, action = heapq.heappop(self._moments)
        action()
        return True

    def run(self, until: float | None = None) -> None:
        """Let everything happen that is planned up to a time, and be there then; without one, all there is."""
        while self._moments and (until is None or self._moments[0][0] <= until):
            self.step()
        if until is not None:
            self.now = max(self.now, until)
