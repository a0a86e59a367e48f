"""Invalidations that take time reach regional caches first, so that no edge fills itself with the old again."""

from __future__ import annotations

from small_worlds import START, TWO_EDGES, harbour, world

from edgesim.core.cache import Tier
from edgesim.core.tiers import Stop
from edgesim.edge.hierarchy import Hierarchy
from edgesim.world.changes import apply
from edgesim.world.commands import Invalidate
from edgesim.world.gazetteer import Gazetteer


def test_no_edge_carries_an_invalidation_out_before_every_regional_cache_has() -> None:
    before = world(TWO_EDGES + "propagation: { invalidations: 60 s }\n")
    id = harbour(before)
    for number in range(20):
        hierarchy = Hierarchy(before, Gazetteer.load())
        regional = [hierarchy.cache(Stop(Tier.REGIONAL, "eu-west-2"))]
        order = Invalidate(id=f"I{number:013}", distribution=id, paths=("/*",), caller_reference="1", at=START)
        hierarchy.update(apply(before, order), START)
        regional.append(hierarchy.cache(Stop(Tier.REGIONAL, "us-east-1")))  # one that is first needed under way
        edges = [cache for (tier, _), cache in hierarchy.caches.items() if tier is Tier.EDGE]
        assert len(edges) == 2
        due = hierarchy.next_due()
        assert due is not None
        hierarchy.carry_out(due)
        assert [cache.fences.now() for cache in regional] == [1, 1]
        assert [cache.fences.now() for cache in edges] == [0, 0]
        hierarchy.carry_out(START + 60)
        assert [cache.fences.now() for cache in edges] == [1, 1]
        assert hierarchy.next_due() is None
