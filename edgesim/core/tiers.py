"""Which caches a request passes on its way to the origin (spec §1.1, §6.7)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum

from edgesim.core.behaviors import PROXY_METHODS, Behavior, Origin
from edgesim.core.cache import Tier


class Skipped(Enum):
    """Why a tier is not on the way."""

    NO_REGIONAL_CACHES = "this world has no regional caches"
    PROXY_METHOD = "requests with this method go straight to the origin"
    DYNAMIC = "the behaviour can never cache, so the regional cache is skipped"
    NO_SHIELD = "the origin has no Origin Shield"
    SHIELD_IS_HERE = "the edge's regional cache is the Origin Shield"
    DOWN = "this cache is down"


@dataclass(frozen=True, slots=True)
class Stop:
    """A cache on the way: its tier and its region."""

    tier: Tier
    region: str


@dataclass(frozen=True, slots=True)
class Way:
    """The caches behind the edge in order, and the tiers left out with the reason."""

    stops: tuple[Stop, ...]
    skipped: tuple[tuple[Tier, Skipped], ...] = ()


def way_up(
    method: str, behavior: Behavior, origin: Origin, regional: str, *, regional_caches: bool, down: Collection[str] = ()
) -> Way:
    """The way from an edge, whose regional cache is in ``regional``, to an origin.

    ``down`` holds the regions whose caches are stopped: they are passed by.
    """
    stops: list[Stop] = []
    skipped: list[tuple[Tier, Skipped]] = []
    why = _regional_skipped(method, behavior, regional_caches, regional in down)
    if why is None:
        stops.append(Stop(Tier.REGIONAL, regional))
    else:
        skipped.append((Tier.REGIONAL, why))
    shield = origin.shield_region
    if shield is None or not regional_caches:
        skipped.append((Tier.SHIELD, Skipped.NO_SHIELD))
    elif why in (Skipped.DYNAMIC, Skipped.PROXY_METHOD) and not behavior.profile.shield_takes_dynamic:
        skipped.append((Tier.SHIELD, why))
    elif shield in down:
        skipped.append((Tier.SHIELD, Skipped.DOWN))
    elif shield == regional and why is None:
        skipped.append((Tier.SHIELD, Skipped.SHIELD_IS_HERE))
    else:
        stops.append(Stop(Tier.SHIELD, shield))
    return Way(tuple(stops), tuple(skipped))


def _regional_skipped(method: str, behavior: Behavior, regional_caches: bool, down: bool) -> Skipped | None:
    if not regional_caches:
        return Skipped.NO_REGIONAL_CACHES
    if method in PROXY_METHODS and not behavior.profile.unsafe_invalidates:
        return Skipped.PROXY_METHOD
    if not behavior.caching and behavior.profile.dynamic_skips_regional:
        return Skipped.DYNAMIC
    return Skipped.DOWN if down else None
