"""What rules look at and what they say."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from edgesim.core.behaviors import Behavior, Distribution, Origin

Severity = Literal["error", "warning", "info"]
"""``error``: it cannot work as written. ``warning``: costly or risky. ``info``: worth knowing."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to say about a document. ``path`` is where in it, ``advice`` what to do."""

    rule: str
    severity: Severity
    path: str
    message: str
    advice: str


@dataclass(frozen=True, slots=True)
class Subject:
    """A distribution to look at, and how its document spells paths: ``api`` as CloudFront, ``world`` as world files."""

    distribution: Distribution
    spelling: Literal["api", "world"] = "api"
    prefix: str = ""
    invalidated: tuple[str, ...] = ()
    """Paths of the invalidations so far, where the distribution runs."""

    def behavior_path(self, index: int) -> str:
        """Where a behaviour is; the last one is the default."""
        last = index == len(self.distribution.behaviors) - 1
        if self.spelling == "api":
            return self.join("DefaultCacheBehavior" if last else f"CacheBehaviors.Items[{index}]")
        return self.join("default_behavior" if last else f"behaviors[{index}]")

    def join(self, field: str) -> str:
        """The path of a field of the distribution."""
        return f"{self.prefix}.{field}".strip(".")


@dataclass(frozen=True, slots=True)
class Place:
    """A behaviour in its distribution."""

    distribution: Distribution
    behavior: Behavior
    index: int

    @property
    def origins(self) -> list[Origin]:
        """The origin, or both of its group."""
        known, group = self.distribution.origins, self.distribution.groups.get(self.behavior.origin)
        names = [self.behavior.origin] if group is None else [group.primary, group.secondary]
        return [known[name] for name in names if name in known]

    @property
    def key_headers(self) -> set[str]:
        """Headers in the cache key, lower case."""
        return {name.lower() for name in self.behavior.policy.headers.names}


Found = Iterable[tuple[str, str]]
"""(field, message): the field as ``Api/world`` names, "" for the whole."""


@dataclass(frozen=True, slots=True)
class BehaviorRule:
    """A rule about one behaviour."""

    name: str
    severity: Severity
    advice: str
    look: Callable[[Place], Found]


@dataclass(frozen=True, slots=True)
class DistributionRule:
    """A rule about a distribution as a whole."""

    name: str
    severity: Severity
    advice: str
    look: Callable[[Subject], Found]
