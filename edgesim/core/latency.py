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
PUBLIC_INFLATION = 2.05  # path and queueing over the great circle, public internet: 1.17 times the backbone's median
LOCAL_INFLATION = 2.07  # the same for the short legs between a site and its AWS region (the EU-EU fit)
BACKBONE_BASE_MS = 4.0
DEFAULT_INFLATION = 1.75  # median of all measured pairs of AWS regions
METRO_RADIUS_KM = 500.0  # a site this near to an AWS region shares the region's long-haul routes (Seattle: Oregon)
REMEMBERED = 4096  # places and pairs of places whose answers are kept

_SAME_AS_CONTINENT = frozenset({"AF", "EU", "NA", "OC", "SA"})
_MIDDLE_EAST = frozenset(["AE", "BH", "IL", "IQ", "IR", "JO", "KW", "LB", "OM", "PS", "QA", "SA", "SY", "YE"])
_WITH_EUROPE = frozenset(["AM", "AZ", "CY", "GE", "TR"])  # Asian on some lists, reached through Europe
_NORMAL = NormalDist()

Parts = tuple[tuple[str, float], ...]


class UnknownAccess(EdgesimError):
    """No last mile has this name."""

    def __init__(self, access: str, known: Mapping[str, float]) -> None:
        super().__init__(f"unknown access {access!r}; one of: {', '.join(sorted(known))}")
        self.access = access


class LegRule(Enum):
    """How a round-trip time came about."""

    VIEWER_PATH = "last mile, first hop and the fibre time of the great circle, inflated as the public internet does"
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
    parts: Parts
    regions: tuple[str, ...] = ()

    @property
    def floor_ms(self) -> float:
        """The least time light in fibre could take."""
        return floor_ms(self.km)


def floor_ms(km: float) -> float:
    """Round-trip milliseconds of light in fibre laid along the great circle."""
    return km / FIBRE_KM_PER_MS


def world_region(place: Place) -> str:
    """The inflation table's word for where a place is (AF AP EU IN ME NA OC SA); "" when nothing is known."""
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
        fibre = floor_ms(distance_km(viewer, edge))
        return self._access_ms(access) + FIRST_HOP_MS + self._public_inflation(viewer, edge) * fibre

    def viewer_leg(self, viewer: Place, edge: Place, access: str = "fibre") -> Leg:
        """``viewer_rtt`` with its arithmetic."""
        km, factor = distance_km(viewer, edge), self._public_inflation(viewer, edge)
        parts = (
            (f"{access} last mile", self._access_ms(access)),
            ("first hop", FIRST_HOP_MS),
            (f"{factor:.2f} times the fibre time of {km:.0f} km", factor * floor_ms(km)),
        )
        return Leg(_total(parts), km, LegRule.VIEWER_PATH, factor, parts)

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
            inside: Parts = (
                (f"inside {a_region}, measured", measured),
                (f"{km:.0f} km between the two sites", LOCAL_INFLATION * floor_ms(km)),
            )
            return Leg(_total(inside), km, LegRule.SAME_REGION, LOCAL_INFLATION, inside, (a_region,))
        parts = (
            (f"{a_region} to {b_region}, measured", measured),
            (f"{a_km:.0f} km to {a_region}", LOCAL_INFLATION * floor_ms(a_km)),
            (f"{b_km:.0f} km to {b_region}", LOCAL_INFLATION * floor_ms(b_km)),
        )
        return Leg(_total(parts), km, LegRule.MEASURED, LOCAL_INFLATION, parts, (a_region, b_region))

    def _public_inflation(self, viewer: Place, edge: Place) -> float:
        """2.05 within a world region; between two, their backbone's factor as much worse as 2.05 is than its median.

        The public internet lies in the same cables. With 2.05 everywhere São Paulo would turn to Cape Town and Seoul to
        Helsinki: near on the globe, far by cable.
        """
        one, other = world_region(viewer), world_region(edge)
        if one == other:
            return PUBLIC_INFLATION
        backbone = self.inflation.get((one, other) if one < other else (other, one), DEFAULT_INFLATION)
        return max(1.0, backbone * PUBLIC_INFLATION / DEFAULT_INFLATION)

    def _access_ms(self, access: str) -> float:
        ms = self.last_mile.get(access)
        if ms is None:
            raise UnknownAccess(access, self.last_mile)
        return ms


def _not_faster_than_light(leg: Leg) -> Leg:
    if leg.ms >= leg.floor_ms:
        return leg
    parts = ((f"fibre time of {leg.km:.0f} km", leg.floor_ms),)
    return Leg(leg.floor_ms, leg.km, LegRule.FIBRE_FLOOR, 1.0, parts, leg.regions)


def _total(parts: Parts) -> float:
    return sum(ms for _, ms in parts)
