"""Round-trip times between places: measured where a measurement exists, a fitted formula elsewhere.

Two kinds of path. The viewer's path runs over the public internet: last mile, first hop, detour-laden fibre. The
backbone between edges, regional caches and origins uses the measured matrix of AWS regions when both ends lie near one,
and otherwise an intercept plus fibre time inflated by a factor fitted per pair of world regions. The constants come
from the fits described in ``edgesim/data/README.md``. Times are milliseconds, distances great-circle km.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from math import exp, isfinite
from statistics import NormalDist

from cachetools import LRUCache

from edgesim.core.places import Place, distance_km
from edgesim.errors import EdgesimError

FIBRE_KM_PER_MS = 99.93  # of round trip: light in glass covers 199.86 km/ms one way. Nothing is faster.
FIRST_HOP_MS = 1.0
PUBLIC_INFLATION = 2.05  # path and queueing over the great circle, public internet
LOCAL_INFLATION = 2.07  # the same for the short legs between a site and its AWS region (the EU-EU fit)
BACKBONE_BASE_MS = 4.0
DEFAULT_INFLATION = 1.75  # median of all measured pairs of AWS regions
METRO_RADIUS_KM = 500.0  # a site this near to an AWS region shares the region's long-haul routes (Seattle: Oregon)
REMEMBERED = 4096  # places and pairs of places whose answers are kept

_SAME_AS_CONTINENT = frozenset({"AF", "EU", "NA", "OC", "SA"})
_MIDDLE_EAST = frozenset("AE BH IL IQ IR JO KW LB OM PS QA SA SY YE".split())
_WITH_EUROPE = frozenset("AM AZ CY GE TR".split())  # Asian on some lists, reached through Europe
_NORMAL = NormalDist()


class UnknownAccess(EdgesimError):
    """No last mile has this name."""

    def __init__(self, access: str, known: Mapping[str, float]) -> None:
        super().__init__(f"unknown access {access!r}; one of: {', '.join(sorted(known))}")
        self.access = access


class LegRule(Enum):
    """How a round-trip time came about."""

    VIEWER_PATH = "last mile, first hop and 2.05 times the fibre time of the great circle"
    MEASURED = "measured between two AWS regions, and local legs at 2.07 times the fibre time"
    SAME_REGION = "measured inside one AWS region, and 2.07 times the fibre time between the two sites"
    GREAT_CIRCLE = "4 ms and the fibre time of the great circle, inflated as fitted for this pair of world regions"
    FIBRE_FLOOR = "the fibre time of the great circle, because the model came out faster than light in glass"


@dataclass(frozen=True, slots=True)
class Leg:
    """One round trip with its arithmetic: ``ms`` is the sum of ``parts``, each a label and its milliseconds.

    ``km`` is the great-circle distance, ``inflation`` the factor on fibre time and ``regions`` the AWS regions the
    matrix was asked for (empty when it was not).
    """

    ms: float
    km: float
    how: LegRule
    inflation: float
    parts: tuple[tuple[str, float], ...]
    regions: tuple[str, ...] = ()

    @property
    def floor_ms(self) -> float:
        """The least time light in fibre could take."""
        return floor_ms(self.km)


def floor_ms(km: float) -> float:
    """Round-trip milliseconds of light in fibre laid along the great circle."""
    return km / FIBRE_KM_PER_MS


def world_region(place: Place) -> str:
    """The region the inflation table is keyed by (AF AP EU IN ME NA OC SA), "" when the place's country says nothing."""
    if place.country == "IN":
        return "IN"
    if place.country in _MIDDLE_EAST:
        return "ME"
    if place.country in _WITH_EUROPE:
        return "EU"
    if place.continent in _SAME_AS_CONTINENT:
        return place.continent
    return "AP" if place.continent == "AS" else ""


def jittered(ms: float, sigma: float, unit: float) -> float:
    """``ms`` times a lognormal factor of median 1 and log-deviation ``sigma``.

    ``unit`` is a uniform number in [0, 1] that the caller drew: the same number gives the same jitter.
    """
    inside = min(max(unit, 1e-9), 1 - 1e-9)  # the quantile of 0 and of 1 is infinite
    return ms * exp(sigma * _NORMAL.inv_cdf(inside))


@dataclass(frozen=True, eq=False)
class LatencyModel:
    """Round-trip times from plain tables.

    ``regions`` has the AWS regions' places, ``matrix`` ms by ordered pair of regions (a region with itself included),
    ``inflation`` the factor by alphabetically ordered pair of world regions, ``last_mile`` ms by kind of access.
    """

    regions: Mapping[str, Place]
    matrix: Mapping[tuple[str, str], float]
    inflation: Mapping[tuple[str, str], float]
    last_mile: Mapping[str, float]
    _nearest: LRUCache[Place, tuple[str, float]] = field(default_factory=lambda: LRUCache(REMEMBERED), repr=False)
    _legs: LRUCache[tuple[Place, Place], Leg] = field(default_factory=lambda: LRUCache(REMEMBERED), repr=False)

    def __post_init__(self) -> None:
        for name, table in (("matrix", self.matrix), ("inflation", self.inflation), ("last mile", self.last_mile)):
            if bad := [key for key, value in table.items() if not (isfinite(value) and value >= 0)]:
                raise ValueError(f"{name}: {bad[0]!r} is not a time or factor of at least 0")

    def viewer_rtt(self, viewer: Place, edge: Place, access: str = "fibre") -> float:
        """Milliseconds between a viewer and an edge over the public internet; raises ``UnknownAccess``."""
        return self._access_ms(access) + FIRST_HOP_MS + PUBLIC_INFLATION * floor_ms(distance_km(viewer, edge))

    def viewer_leg(self, viewer: Place, edge: Place, access: str = "fibre") -> Leg:
        """``viewer_rtt`` with its arithmetic."""
        km = distance_km(viewer, edge)
        parts = (
            (f"{access} last mile", self._access_ms(access)),
            ("first hop", FIRST_HOP_MS),
            (f"{PUBLIC_INFLATION} times the fibre time of {km:.0f} km", PUBLIC_INFLATION * floor_ms(km)),
        )
        return Leg(_total(parts), km, LegRule.VIEWER_PATH, PUBLIC_INFLATION, parts)

    def backbone_rtt(self, a: Place, b: Place) -> float:
        """Milliseconds between two places on the backbone, the same in both directions."""
        return self.backbone_leg(a, b).ms

    def backbone_leg(self, a: Place, b: Place) -> Leg:
        """``backbone_rtt`` with its arithmetic."""
        known = self._legs.get((a, b))
        if known is None:
            known = self._legs[a, b] = _not_faster_than_light(self._measured_leg(a, b) or self.formula_leg(a, b))
        return known

    def formula_leg(self, a: Place, b: Place) -> Leg:
        """The backbone by formula alone, as if no pair of regions had been measured."""
        km = distance_km(a, b)
        first, second = sorted((world_region(a), world_region(b)))
        factor = self.inflation.get((first, second), DEFAULT_INFLATION)
        parts = (
            ("backbone base", BACKBONE_BASE_MS),
            (f"{factor} times the fibre time of {km:.0f} km", factor * floor_ms(km)),
        )
        return Leg(_total(parts), km, LegRule.GREAT_CIRCLE, factor, parts)

    def nearest_region(self, place: Place) -> tuple[str, float]:
        """The AWS region nearest to a place, and its distance in km."""
        known = self._nearest.get(place)
        if known is None:
            km, region = min((distance_km(place, site), region) for region, site in self.regions.items())
            known = self._nearest[place] = (region, km)
        return known

    def _measured_leg(self, a: Place, b: Place) -> Leg | None:
        if not self.regions:
            return None
        (a_region, a_km), (b_region, b_km) = sorted((self.nearest_region(a), self.nearest_region(b)))
        there, back = self.matrix.get((a_region, b_region)), self.matrix.get((b_region, a_region))
        if max(a_km, b_km) > METRO_RADIUS_KM or there is None or back is None:
            return None
        measured, km = (there + back) / 2, distance_km(a, b)  # the mean of both ways makes the model symmetric
        if a_region == b_region:
            parts: tuple[tuple[str, float], ...] = ((f"inside {a_region}, measured", measured), _local("the two", km))
            return Leg(_total(parts), km, LegRule.SAME_REGION, LOCAL_INFLATION, parts, (a_region,))
        parts = (
            (f"{a_region} to {b_region}, measured", measured),
            _local(a_region, a_km),
            _local(b_region, b_km),
        )
        return Leg(_total(parts), km, LegRule.MEASURED, LOCAL_INFLATION, parts, (a_region, b_region))

    def _access_ms(self, access: str) -> float:
        ms = self.last_mile.get(access)
        if ms is None:
            raise UnknownAccess(access, self.last_mile)
        return ms


def _local(where: str, km: float) -> tuple[str, float]:
    label = f"{km:.0f} km between {where}" if where == "the two" else f"{km:.0f} km to {where}"
    return label, LOCAL_INFLATION * floor_ms(km)


def _not_faster_than_light(leg: Leg) -> Leg:
    if leg.ms >= leg.floor_ms:
        return leg
    parts = ((f"fibre time of {leg.km:.0f} km", leg.floor_ms),)
    return Leg(leg.floor_ms, leg.km, LegRule.FIBRE_FLOOR, 1.0, parts, leg.regions)


def _total(parts: tuple[tuple[str, float], ...]) -> float:
    return sum(ms for _, ms in parts)
