"""What the handlers of the control port share: the running world, what was counted, and who listens."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable

from edgesim.control.contract import Running
from edgesim.core.cache import Cache, Tier
from edgesim.errors import ControlError
from edgesim.observe.billing import Billing
from edgesim.observe.events import Hub
from edgesim.observe.metrics import CacheSize, Metrics
from edgesim.observe.stats import Stats
from edgesim.world.commands import Command
from edgesim.world.compiling import distribution_id
from edgesim.world.loading import ConfigErrors, check_data
from edgesim.world.refusals import unknown
from edgesim.world.state import World
from edgesim.world.warnings import warnings

log = logging.getLogger("edgesim.control")


class Desk:
    """Listens to a running world from its making until :meth:`close`."""

    def __init__(self, running: Running) -> None:
        self.running = running
        self.started = running.clock.monotonic()
        self.stats = Stats()
        self.billing = Billing(lambda: running.world)
        self.hub = Hub(running.watch)
        self.metrics = Metrics(self.stats, self.sizes, self._gauges)
        self.closing = asyncio.Event()
        self.changed = asyncio.Event()
        """Set at each change of the World, and replaced by a new one."""
        self.speed = running.world.clock.speed or running.world.file.clock.speed
        """How fast the clock runs when it is not paused."""
        self._warnings: tuple[object, list[str]] | None = None
        self._of_documents: tuple[object, object, list[str]] | None = None
        self._warned = set[str]()
        listen, subscribe = running.records.listen, running.keeper.subscribe
        self._undo = [
            listen(self.stats.listen, self.stats.burst),
            listen(self.billing.listen, self.billing.burst),
            listen(self.hub.verdict, self.hub.burst),
            subscribe(self.hub.changed),
            subscribe(self._world_changed),
        ]

    def close(self) -> None:
        """Stop listening, and end the streams."""
        for undo in self._undo:
            undo()
        self._undo = []
        self.closing.set()
        self.changed.set()
        self.hub.close()

    @property
    def world(self) -> World:
        """The World as it is now."""
        return self.running.world

    @property
    def now(self) -> float:
        """Simulated seconds."""
        return self.running.clock.now()

    def apply(self, command: Command) -> World:
        """Change the World; raises ControlError when it is refused."""
        try:
            return self.running.keeper.apply(command)
        except ConfigErrors as errors:
            raise ControlError("InvalidArgument", str(errors), 400) from None

    def _world_changed(self, world: World, _: Command) -> None:
        self.speed = world.clock.speed or self.speed
        self.changed.set()
        self.changed = asyncio.Event()
        for warning in self._document_warnings():
            if warning not in self._warned:
                self._warned.add(warning)
                log.warning("%s", warning)

    # Finding things

    def caches(self) -> list[Cache]:
        """Every cache of this process."""
        return list(self.running.hierarchy.caches.values())

    def pop(self, text: str) -> str:
        """The edge of a POP code, the beginning of one, or a city; raises ControlError for none and for several."""
        edges = self.world.edges
        if text.upper() in edges:
            return text.upper()
        found = [pop for pop in edges if pop.startswith(text.upper())]
        if len(found) == 1:
            return found[0]
        if found:
            message = f"{text} could be {', '.join(found)}; name one of them"
            raise ControlError("InvalidArgument", message, 400)
        cities = [site.pop for site in self.world.sites if site.place.name.lower() == text.lower()]
        if len(cities) == 1:
            return cities[0]
        some = ", ".join(list(edges)[:20])
        raise ControlError("NoSuchEdge", f"there is no edge {text[:40]!r}; this world has {some}", 404)

    def distribution(self, text: str | None) -> str:
        """The id of a distribution by its id, its name in the file, its domain or an alias; raises ControlError."""
        known = self.world.distributions
        if text is None:
            if len(known) == 1:
                return next(iter(known))
            message = f"this world has {len(known)} distributions; say which: {', '.join(self.names().values())}"
            raise ControlError("InvalidArgument", message, 400)
        if text in known:
            return text
        for id, name in self.names().items():
            if name == text:
                return id
        for one in known.values():
            if text.lower() in (one.domain.lower(), *(alias.lower() for alias in one.aliases)):
                return one.id
        raise unknown("NoSuchDistribution", "distribution", text, [*known, *self.names().values()])

    def names(self) -> dict[str, str]:
        """Names by distribution id; the id itself for those that are in no file."""
        named = {distribution_id(entry): entry.name for entry in self.world.file.distributions}
        return {id: named.get(id, "") or id for id in self.world.distributions}

    def warnings(self) -> list[str]:
        """What the world file, the API's documents, the certificates and the access log have to say."""
        world = self.world
        if self._warnings is None or self._warnings[0] is not world.document:
            checked = check_data(dict(world.document), world.source)
            self._warnings = (world.document, [str(warning) for warning in checked.warnings])
        lost = self.running.access_log.warning
        certificates = self.running.certificates.store.warnings
        return [*self._warnings[1], *self._document_warnings(), *certificates, *([lost] if lost else [])]

    def _document_warnings(self) -> list[str]:
        """What the API's documents have to say; looked at again when they or the world file have changed."""
        world, known = self.world, self._of_documents
        if known is None or known[0] is not world.records or known[1] is not world.base:
            self._of_documents = known = (world.records, world.base, [str(one) for one in warnings(world)])
        return known[2]

    def _gauges(self) -> Iterable[tuple[str, str, float]]:
        world = self.world
        yield "clock_seconds", "Simulated time, seconds since the epoch.", self.now
        yield "clock_speed", "Simulated seconds per real second.", world.clock.speed
        yield "world_generation", "Changes of the World so far.", world.generation
        yield "edges_up", "Edges that viewers can reach.", len(world.edges) - len(world.down | self.running.absent)
        yield "faults", "Faults in force.", len(world.faults)
        yield "access_log_lost_rows", "Rows the access log could not write.", self.running.access_log.lost
        yield "events_lost", "Events that slow listeners did not get.", self.hub.lost

    def sizes(self) -> Iterable[CacheSize]:
        """Every cache of this process, and those of others that they have told all about."""
        for cache in self.caches():
            yield CacheSize(cache.name, cache.tier, cache.store.used, cache.store.capacity, len(cache.store))
        for tier, reported in (
            (Tier.EDGE, self.running.reported),
            (Tier.REGIONAL, self.running.reported_regional),
        ):
            for name, facts in reported.items():
                if "capacity_bytes" in facts:
                    yield CacheSize(name, tier, facts["used_bytes"], facts["capacity_bytes"], facts["entries"])

    def entries(self) -> int:
        """Answers stored at all edges."""
        here = sum(len(cache.store) for cache in self.caches() if cache.tier is Tier.EDGE)
        return here + sum(facts["entries"] for facts in self.running.reported.values())
