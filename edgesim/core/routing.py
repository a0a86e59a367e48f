"""Which edge answers a viewer: the least modelled round-trip time among those that may."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from cachetools import LRUCache

from edgesim.core.latency import REMEMBERED, LatencyModel
from edgesim.core.places import Place

PRICE_CLASSES = ("PriceClass_100", "PriceClass_200", "PriceClass_All")


class Exclusion(Enum):
    """Why an edge could not be chosen."""

    STOPPED = "the edge is stopped"
    NOT_RUNNING = "no process runs the edge"
    OUTSIDE_PRICE_CLASS = "the distribution's price class does not include this edge"
    PARTITIONED = "the edge belongs to CloudFront in mainland China, a separate service no price class includes"
    NOT_THE_PINNED_EDGE = "the request is pinned to another edge"


@dataclass(frozen=True, slots=True)
class EdgeSite:
    """One edge that runs: its POP code ("SYD62-C1"), place, price classes and the regional edge cache behind it.

    ``pricing_region`` is a key of the price table, ``regional`` an AWS region.
    """

    pop: str
    place: Place
    price_classes: frozenset[str]
    pricing_region: str
    regional: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """One edge as the choice saw it; ``excluded`` is None when it was eligible."""

    pop: str
    rtt_ms: float
    excluded: Exclusion | None


@dataclass(frozen=True, slots=True)
class Choice:
    """The edge for a viewer, and every candidate in order of round-trip time, then POP code.

    ``pop`` is None, and ``rtt_ms`` 0, when no edge may answer.
    """

    pop: str | None
    rtt_ms: float
    candidates: tuple[Candidate, ...]


_Ask = tuple[Place, str, frozenset[str], str | None]


class Routes:
    """Choices among a fixed set of edges, remembered per question for a bounded number of questions.

    Build a new one when an edge is added or removed; a stopped edge is an argument, not a change.
    """

    def __init__(self, sites: Sequence[EdgeSite], model: LatencyModel, access: str = "fibre") -> None:
        self.sites: Mapping[str, EdgeSite] = {site.pop: site for site in sites}
        if len(self.sites) < len(sites):
            raise ValueError("two edges have the same POP code")
        self.model = model
        self.access = access
        self._ranked: LRUCache[Place, list[tuple[float, str]]] = LRUCache(REMEMBERED)
        self._choices: LRUCache[_Ask, Choice] = LRUCache(REMEMBERED)

    def choose(self, viewer: Place, price_class: str, down: frozenset[str], pinned: str | None = None) -> Choice:
        """The nearest edge that is up and in the price class; ties go to the lesser POP code.

        A ``pinned`` edge that exists and is up wins whatever the price class, and none replaces it when it is down or
        unknown. Raises ValueError for a price class that does not exist.
        """
        ask = (viewer, price_class, down, pinned)
        choice = self._choices.get(ask)
        if choice is None:
            choice = self._choices[ask] = self._choose(*ask)
        return choice

    def _choose(self, viewer: Place, price_class: str, down: frozenset[str], pinned: str | None) -> Choice:
        if price_class not in PRICE_CLASSES:
            raise ValueError(f"unknown price class {price_class!r}; one of: {', '.join(PRICE_CLASSES)}")
        candidates = tuple(
            Candidate(pop, rtt, self._exclusion(self.sites[pop], price_class, down, pinned))
            for rtt, pop in self._by_rtt(viewer)
        )
        best = next((candidate for candidate in candidates if candidate.excluded is None), None)
        return Choice(best.pop, best.rtt_ms, candidates) if best else Choice(None, 0.0, candidates)

    def _by_rtt(self, viewer: Place) -> list[tuple[float, str]]:
        ranked = self._ranked.get(viewer)
        if ranked is None:
            rtt = self.model.viewer_rtt
            ranked = sorted((rtt(viewer, site.place, self.access), pop) for pop, site in self.sites.items())
            self._ranked[viewer] = ranked
        return ranked

    @staticmethod
    def _exclusion(site: EdgeSite, price_class: str, down: frozenset[str], pinned: str | None) -> Exclusion | None:
        if pinned is not None and site.pop != pinned:
            return Exclusion.NOT_THE_PINNED_EDGE
        if site.pop in down:
            return Exclusion.STOPPED
        if not site.price_classes:
            return Exclusion.PARTITIONED
        if pinned is None and price_class not in site.price_classes:
            return Exclusion.OUTSIDE_PRICE_CLASS
        return None


def nearest_regional(edge: Place, regions: Mapping[str, Place], model: LatencyModel) -> str:
    """The AWS region whose regional edge cache is the least backbone time from an edge; ties go to the lesser name."""
    return min(regions, key=lambda region: (model.backbone_rtt(edge, regions[region]), region))
