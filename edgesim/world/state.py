"""The World: everything that exists, as one plain frozen value. ``apply`` in ``changes.py`` makes the next one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path

from pydantic import JsonValue

from edgesim.core.behaviors import Distribution
from edgesim.core.cache import Switches
from edgesim.core.policies import PolicyBook
from edgesim.core.routing import EdgeSite
from edgesim.world.commands import EdgeState, FaultKind
from edgesim.world.compiling import Compiled, EdgeSettings, SiteAddress
from edgesim.world.models import ClockSection, WorldFile


@dataclass(frozen=True, slots=True)
class ClockAnchor:
    """At real time ``real`` the simulated clock shows ``simulated`` and runs with ``speed`` (seconds; 0 is a pause)."""

    real: float = 0.0
    simulated: float = 0.0
    speed: float = 1.0

    def at(self, real: float) -> float:
        """Simulated time at a real time."""
        return self.simulated + (real - self.real) * self.speed

    @classmethod
    def of(cls, clock: ClockSection, real: float) -> ClockAnchor:
        """What a world file asks for, when it starts at ``real``."""
        start = real if clock.start == "real" else datetime.fromisoformat(clock.start).timestamp()
        return cls(real, start, 0.0 if clock.paused else clock.speed)


@dataclass(frozen=True, slots=True)
class Latency:
    """How distances cost time (see ``LatencySection``)."""

    mode: str = "real"
    scale: float = 1.0
    access: str = "fibre"
    jitter: float = 0.0
    handshakes: bool = False


@dataclass(frozen=True, slots=True)
class Fault:
    """Something broken on purpose (see ``SetFault``)."""

    id: str
    target: str
    kind: FaultKind
    value: float = 0.0


@dataclass(frozen=True, slots=True)
class Invalidation:
    """Paths taken out of a distribution's caches. ``at`` and ``delay`` are simulated seconds."""

    id: str
    distribution: str
    paths: tuple[str, ...]
    caller_reference: str
    at: float
    delay: float = 0.0

    def status(self, now: float) -> str:
        """``InProgress`` until the last edge has carried it out, then ``Completed`` (spec §8)."""
        return "Completed" if now >= self.at + self.delay else "InProgress"

    @property
    def regional_due(self) -> float:
        """When the regional caches carry it out: at one instant and before every edge.

        An edge that asked a regional cache which still has the old object would keep that past the end.
        """
        return self.at + self.delay * share(self.id, "regional caches") / 2

    def due(self, pop: str) -> float:
        """When an edge carries it out."""
        first = self.regional_due
        return first + (self.at + self.delay - first) * share(self.id, pop)


@dataclass(frozen=True, slots=True)
class Version:
    """A distribution as it is from ``at`` on (simulated seconds); None where it does not exist."""

    at: float
    distribution: Distribution | None


@dataclass(frozen=True, slots=True)
class Record:
    """A document of the API: what somebody created there, in the service model's member names, defaults filled in.

    ``facts`` is what is not in the document: domain name, ARN, caller reference. ``version`` counts from 1 and is what
    its ETag names. Times are simulated seconds.
    """

    family: str
    id: str
    version: int
    config: Mapping[str, JsonValue]
    facts: Mapping[str, JsonValue]
    tags: Mapping[str, str]
    created: float
    modified: float


def share(change: str, cache: str) -> float:
    """The part of a propagation delay that passes before a change reaches a cache: 0 to 1, always the same for both."""
    return int.from_bytes(hashlib.sha256(f"{change} {cache}".encode()).digest()[:4], "big") / 0xFFFF_FFFF


@dataclass(frozen=True)
class World:
    """Everything that exists. The same commands give an equal World."""

    generation: int = 0
    source: str = ""
    document: Mapping[str, JsonValue] = field(default_factory=dict)
    file: WorldFile = field(default_factory=WorldFile)
    distributions: Mapping[str, Distribution] = field(default_factory=dict)
    policies: PolicyBook = field(default_factory=PolicyBook)
    sites: tuple[EdgeSite, ...] = ()
    edges: Mapping[str, EdgeSettings] = field(default_factory=dict)
    site_address: SiteAddress = field(default_factory=SiteAddress)
    clock: ClockAnchor = ClockAnchor()
    latency: Latency = Latency()
    states: Mapping[str, EdgeState] = field(default_factory=dict)
    """Edges that are not up."""
    faults: Mapping[str, Fault] = field(default_factory=dict)
    invalidations: tuple[Invalidation, ...] = ()
    versions: Mapping[str, tuple[Version, ...]] = field(default_factory=dict)
    """Distributions that changed lately, oldest version first; empty while changes take no time."""
    records: Mapping[str, Mapping[str, Record]] = field(default_factory=dict)
    """Documents of the API by family and id, each family in the order of making."""
    base: Compiled = field(default_factory=lambda: Compiled(PolicyBook(), {}, (), {}))
    """What the file alone defines; ``policies`` and ``distributions`` are this and what follows from the records."""

    def simulated_now(self, real: float) -> float:
        """Simulated seconds since the epoch at a real time."""
        return self.clock.at(real)

    def beside(self, name: str) -> Path:
        """A file the world file names: relative names are relative to where it is."""
        return Path(self.source).parent / name

    def distribution_for(self, host: str) -> Distribution | None:
        """The distribution a Host header names: its own domain or an alias, exactly, else the most specific wildcard.

        A disabled distribution keeps its names, so it is returned too (spec §7.5).
        """
        id = self._hosts.find(host)
        return None if id is None else self.distributions[id]

    def distribution_at(self, pop: str, host: str, now: float) -> Distribution | None:
        """The same as one edge knows it: a change takes up to ``propagation.distributions`` to arrive there."""
        if not self.versions:
            return self.distribution_for(host)
        known = {id: self.version_at(pop, id, now) for id in (*self.distributions, *self.versions)}
        there = {id: distribution for id, distribution in known.items() if distribution is not None}
        id = HostTable.of(there.values()).find(host)
        return None if id is None else there[id]

    def version_at(self, pop: str, id: str, now: float) -> Distribution | None:
        """The distribution with an id as one edge knows it: the old configuration or the new, never a mix."""
        if id not in self.versions:
            return self.distributions.get(id)
        wait = self.file.propagation.distributions * share(id, pop)
        arrived = [version for version in self.versions[id] if version.at + wait <= now]
        return arrived[-1].distribution if arrived else None

    def deployed(self, id: str, now: float) -> bool:
        """True when every edge has the distribution as it is now."""
        versions = self.versions.get(id)
        return not versions or versions[-1].at + self.file.propagation.distributions <= now

    def spreading(self, now: float) -> bool:
        """Some edges have a distribution as it was: an answer holds only for the edge and the moment."""
        return bool(self.versions) and not all(self.deployed(id, now) for id in self.versions)

    @property
    def down(self) -> frozenset[str]:
        """POP codes of the edges that viewers cannot reach."""
        targets = (fault.target for fault in self.faults.values() if fault.kind == "stop")
        broken = (target.removeprefix("edge:") for target in targets if target.startswith("edge:"))
        return frozenset({pop for pop, state in self.states.items() if state == "stopped"}.union(broken))

    @property
    def switches(self) -> Switches:
        """The answers to open questions, for the core's caches."""
        chosen = self.file.switches
        return Switches(chosen.hit_for_miss, chosen.must_revalidate_allows_stale)

    @cached_property
    def _hosts(self) -> HostTable:
        return HostTable.of(self.distributions.values())


@dataclass(frozen=True, slots=True)
class HostTable:
    """Distribution ids by exact host name, and by what follows the ``*`` of a wildcard."""

    exact: Mapping[str, str]
    wildcards: Mapping[str, str]

    @classmethod
    def of(cls, distributions: Iterable[Distribution]) -> HostTable:
        """The table of all domains and aliases; a staging distribution has no aliases of its own (spec §9.4)."""
        exact, wildcards = dict[str, str](), dict[str, str]()
        for distribution in distributions:
            for name in (distribution.domain, *(() if distribution.staging else distribution.aliases)):
                (wildcards if name.startswith("*.") else exact)[name.removeprefix("*").lower()] = distribution.id
        return cls(exact, wildcards)

    def find(self, host: str) -> str | None:
        """The id for a Host header's value; its port and case do not count."""
        name = host_name(host)
        if (id := self.exact.get(name)) is not None or not self.wildcards:
            return id
        dot = name.find(".", 1)  # a wildcard stands for at least one character
        while dot > 0:
            if (id := self.wildcards.get(name[dot:])) is not None:
                return id
            dot = name.find(".", dot + 1)
        return None


def host_name(host: str) -> str:
    """The name in a Host header: lower case, without port, brackets and final dot."""
    name = host.strip().lower()
    if name.startswith("["):
        return name[1:].partition("]")[0]
    return name.partition(":")[0].removesuffix(".") if name.count(":") == 1 else name.removesuffix(".")
