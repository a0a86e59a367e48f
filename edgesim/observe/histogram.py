"""Durations counted in buckets of a fixed number, so that any load fits in the same memory."""

from __future__ import annotations

from math import log

SMALLEST = 0.01
GROWTH = 1.1
BUCKETS = 190
"""0.01 ms to about 11 minutes in steps of 10 %: a percentile is off by at most that."""

_SCALE = 1 / log(GROWTH)


def bucket(ms: float) -> int:
    """The number of the bucket that a duration belongs to."""
    return min(int(log(ms / SMALLEST) * _SCALE) + 1, BUCKETS - 1) if ms > SMALLEST else 0


class Histogram:
    """Counts of durations in milliseconds."""

    __slots__ = ("count", "counts", "total")

    def __init__(self) -> None:
        self.counts = [0] * BUCKETS
        self.count = 0
        self.total = 0.0

    def add(self, ms: float, count: int = 1) -> None:
        """Count a duration, ``count`` times."""
        self.counts[bucket(ms)] += count
        self.count += count
        self.total += ms * count

    def add_all(self, other: Histogram) -> None:
        """Count everything another one has counted."""
        self.counts = [mine + its for mine, its in zip(self.counts, other.counts, strict=True)]
        self.count += other.count
        self.total += other.total

    def percentile(self, percent: float) -> float:
        """The duration that this part of all stay under: the upper end of its bucket; 0 when nothing was counted."""
        wanted = self.count * percent / 100
        seen = 0
        for index, number in enumerate(self.counts):
            seen += number
            if number and seen >= wanted:
                return float(SMALLEST * GROWTH**index)
        return 0.0

    def below(self, ms: float) -> int:
        """How many are in buckets that end at or below ``ms``."""
        end = int(log(ms / SMALLEST) * _SCALE + 1e-9) + 1 if ms > SMALLEST else 1
        return sum(self.counts[: min(end, BUCKETS)])

    def summary(self) -> dict[str, float]:
        """Mean and percentiles in milliseconds."""
        mean = self.total / self.count if self.count else 0.0
        found = {f"p{percent}": round(self.percentile(percent), 3) for percent in (50, 90, 95, 99)}
        return {"count": self.count, "mean": round(mean, 3), **found}
