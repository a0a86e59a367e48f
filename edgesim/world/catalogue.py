"""How changed distributions reach the edges (spec §14)."""

from __future__ import annotations

from dataclasses import replace

from edgesim.core.behaviors import Distribution
from edgesim.world.state import Version, World


def deploy(world: World, distributions: dict[str, Distribution], now: float) -> World:
    """The distributions from ``now`` on; edges learn of changes one by one where propagation takes time."""
    delay = world.file.propagation.distributions
    if delay == 0:
        return replace(world, distributions=distributions, versions={})
    versions: dict[str, tuple[Version, ...]] = {}
    for id in dict.fromkeys((*world.distributions, *distributions, *world.versions)):
        old, new = world.distributions.get(id), distributions.get(id)
        past = world.versions.get(id) or (() if old is None else (Version(float("-inf"), old),))
        if old != new:
            past = (*past, Version(now, new))
        settled = max((index for index, one in enumerate(past) if one.at + delay <= now), default=0)
        if len(past) > settled + 1 or (past and past[-1].at + delay > now):
            versions[id] = past[settled:]
    return replace(world, distributions=distributions, versions=versions)
