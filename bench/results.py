"""What one row came to: the values of each round, their medians, and whether the targets hold."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any


@dataclass(frozen=True, slots=True)
class Target:
    """At most ``most``: the ratio of edgesim's value to ``against``'s, or the value itself where that is empty."""

    most: float
    against: str = ""

    def text(self, unit: str) -> str:
        """The target in words."""
        return f"≤ {self.most:g} × {self.against}" if self.against else f"≤ {self.most:g} {unit}"


def ratios(ours: list[float], theirs: list[float]) -> list[float]:
    """Ours by theirs, round by round: both halves of a round saw the same machine."""
    return [one / other for one, other in zip(ours, theirs, strict=False) if other > 0]


def spread(values: list[float]) -> str:
    """Least to most."""
    return f"{figure(min(values))}-{figure(max(values))}" if values else "-"


def figure(value: float) -> str:
    """Three figures, without an exponent."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


@dataclass(slots=True)
class Result:
    """One row. ``values`` are lists by server, one value a round, in ``unit``; ``skipped`` says why there are none."""

    name: str
    what: str
    how: str
    unit: str
    targets: tuple[Target, ...]
    subject: str = "edgesim"
    values: dict[str, list[float]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    skipped: str = ""

    def measured(self, target: Target) -> list[float]:
        """What a target is about, round by round."""
        ours = self.values.get(self.subject, [])
        return ratios(ours, self.values.get(target.against, [])) if target.against else ours

    def met(self, target: Target) -> bool | None:
        """Whether a target holds at the median; ``None`` when it was not measured."""
        found = self.measured(target)
        if not found:
            return None
        return median(found) <= target.most and not self.failures

    def medians(self) -> dict[str, float]:
        """The median of each server."""
        return {server: median(values) for server, values in self.values.items() if values}

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        outcomes = [
            {
                "target": target.text(self.unit),
                "median": median(self.measured(target)) if self.measured(target) else None,
                "rounds": self.measured(target),
                "met": self.met(target),
            }
            for target in self.targets
        ]
        return {**asdict(self), "targets": outcomes, "medians": self.medians()}
