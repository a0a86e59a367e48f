"""The caches of this process and the ways between them, kept in step with the World."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from edgesim.core.cache import Cache, Tier
from edgesim.core.latency import LatencyModel
from edgesim.core.places import Place
from edgesim.core.routing import EdgeSite, Routes
from edgesim.core.store import Store
from edgesim.core.tiers import Stop
from edgesim.world.gazetteer import Gazetteer, UnknownPlace
from edgesim.world.state import Fault, Invalidation, World

SWEEP_PIECE = 1_000
"""Entries looked at between two turns of the loop when an invalidation frees space."""


@dataclass(frozen=True, slots=True)
class Order:
    """One invalidation on its way to an edge, or to all regional caches (``pop`` is None)."""

    due: float
    pop: str | None
    invalidation: Invalidation


class Hierarchy:
    """Edges, regional caches and shields. ``only`` limits the edges to those this process runs."""

    def __init__(self, world: World, gazetteer: Gazetteer, only: frozenset[str] | None = None) -> None:
        self.gazetteer = gazetteer
        self.model: LatencyModel = gazetteer.latency_model()
        self.caches: dict[tuple[Tier, str], Cache] = {}
        self.places: dict[str, Place] = {}
        self.sites: dict[str, EdgeSite] = {}
        self._only = only
        self._seen: set[str] = {one.id for one in world.invalidations}
        self._orders: deque[Order] = deque()
        self.world = world
        self.routes = Routes((), self.model)
        self._fit(world, None)

    def update(self, world: World, now: float) -> None:
        """Take over a changed World: new and vanished edges, cache sizes, invalidations that have become due."""
        before, self.world = self.world, world
        self._fit(world, before)
        for invalidation in world.invalidations:
            if invalidation.id not in self._seen:
                self._seen.add(invalidation.id)
                self._orders.append(Order(invalidation.regional_due, None, invalidation))
                edges = [name for tier, name in self.caches if tier is Tier.EDGE]
                self._orders.extend(Order(invalidation.due(pop), pop, invalidation) for pop in edges)
        self.carry_out(now)

    def _fit(self, world: World, before: World | None) -> None:
        if before is not None and world.sites is before.sites and world.edges is before.edges:
            if world.latency.access != before.latency.access:
                self.routes = Routes(world.sites, self.model, world.latency.access)
            return
        self.sites = {site.pop: site for site in world.sites}
        mine = {pop for pop in self.sites if self._only is None or pop in self._only}
        for key in [key for key in self.caches if key[0] is Tier.EDGE and key[1] not in mine]:
            del self.caches[key]
        for pop in mine:
            settings = world.edges[pop]
            known = self.caches.get((Tier.EDGE, pop))
            if known is None or (known.store.capacity, known.store.asked_largest) != (
                settings.cache,
                settings.max_object,
            ):
                store = Store(settings.cache, settings.max_object)
                self.caches[Tier.EDGE, pop] = Cache(pop, Tier.EDGE, store, switches=world.switches)
        self.routes = Routes(world.sites, self.model, world.latency.access)

    def edge(self, pop: str) -> Cache | None:
        """The cache of an edge this process runs."""
        return self.caches.get((Tier.EDGE, pop))

    def cache(self, stop: Stop) -> Cache:
        """A regional or shield cache, made when it is first needed."""
        # a shield is the regional cache of its region asked as another layer: one store serves both
        key = (Tier.REGIONAL, stop.region)
        found = self.caches.get(key)
        if found is None:
            store = Store(self.world.file.regional_cache_size)
            found = self.caches[key] = Cache(stop.region, Tier.REGIONAL, store, switches=self.world.switches)
        return found

    def place(self, name: str) -> Place:
        """The place of an edge, a region, or what an origin calls its place."""
        found = self.places.get(name)
        if found is None:
            site = self.sites.get(name)
            try:
                found = site.place if site is not None else self.gazetteer.find(name)
            except UnknownPlace:
                found = self.gazetteer.find("us-east-1")
            self.places[name] = found
        return found

    def leg_ms(self, start: str, end: str) -> float:
        """The modelled round trip between two stops behind the edge, milliseconds."""
        return self.model.backbone_rtt(self.place(start), self.place(end))

    def faults_on(self, target: str) -> list[Fault]:
        """The faults on ``edge:POP``, ``regional:REGION``, ``origin:ID`` or ``link:A->B``."""
        faults = self.world.faults
        return [fault for fault in faults.values() if fault.target == target] if faults else []

    @property
    def regions_down(self) -> frozenset[str]:
        """Regions whose caches are stopped."""
        faults = self.world.faults.values()
        targets = [fault.target for fault in faults if fault.kind == "stop"]
        return frozenset(target.removeprefix("regional:") for target in targets if target.startswith("regional:"))

    # Invalidations

    def carry_out(self, now: float) -> None:
        """Raise the fences of every invalidation that has reached its cache by ``now``."""
        waiting: deque[Order] = deque()
        for order in self._orders:
            if order.due > now:
                waiting.append(order)
                continue
            for cache in self._reached(order):
                cache.invalidate(order.invalidation.distribution, order.invalidation.paths)
                cache.unswept = True
        self._orders = waiting

    def _reached(self, order: Order) -> list[Cache]:
        """The caches an order is for, of those there are now."""
        if order.pop is None:
            return [cache for (tier, _), cache in self.caches.items() if tier is Tier.REGIONAL]
        edge = self.edge(order.pop)
        return [] if edge is None else [edge]

    def next_due(self) -> float | None:
        """When the next invalidation reaches a cache, simulated seconds; ``None`` when none is on its way."""
        return min((order.due for order in self._orders), default=None)

    def sweepers(self) -> list[Cache]:
        """Caches in which invalidated entries still take up space."""
        return [cache for cache in self.caches.values() if cache.unswept]

    def clear(self) -> None:
        """Empty every cache: what is on its way will not be stored, orders that are gone are not carried out."""
        there = {one.id for one in self.world.invalidations}
        self._orders = deque(order for order in self._orders if order.invalidation.id in there)
        for cache in self.caches.values():
            cache.store.clear()
            for id in self.world.distributions if cache.under_way else ():
                cache.invalidate(id, ("/*",))
                cache.unswept = True
