"""The clock: simulated time anchored to the machine's, and the only place that reads either.

Simulated time is ``simulated + (real - anchor) * speed``. Speed 0 is a pause. It never runs backwards.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Anchor:
    """At real time ``real`` the simulated clock showed ``simulated`` and ran ``speed`` times as fast (seconds)."""

    real: float
    simulated: float
    speed: float = 1.0

    def at(self, real: float) -> float:
        """Simulated time at a real time."""
        return self.simulated + (real - self.real) * self.speed


class Clock:
    """Simulated time for everything that asks. ``real`` can be replaced in tests."""

    def __init__(self, anchor: Anchor | None = None, real: Callable[[], float] = time.time) -> None:
        self.real = real
        start = real()
        self.anchor = anchor or Anchor(start, start)

    def now(self) -> float:
        """Simulated seconds since the epoch."""
        anchor = self.anchor
        return anchor.simulated + (self.real() - anchor.real) * anchor.speed

    def skew(self) -> float:
        """What to add to a real time to have it on the simulated clock."""
        anchor = self.anchor
        real = self.real()
        return anchor.simulated + (real - anchor.real) * anchor.speed - real

    def monotonic(self) -> float:
        """Real seconds for measuring durations."""
        return time.monotonic()

    def advanced(self, seconds: float) -> Anchor:
        """An anchor as now, but ``seconds`` later."""
        real = self.real()
        return Anchor(real, self.anchor.at(real) + max(0.0, seconds), self.anchor.speed)

    def running_at(self, speed: float) -> Anchor:
        """An anchor as now, running at another speed."""
        real = self.real()
        return Anchor(real, self.anchor.at(real), speed)


def system_time() -> float:
    """The machine's own time: only for what must agree with other programs, such as certificate files."""
    return time.time()
