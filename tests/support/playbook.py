"""The core in virtual time, for tests: an edge that answers at once, and an origin that answers as it is told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from multidict import CIMultiDict

from edgesim.core.behaviors import Behavior, Distribution, Origin
from edgesim.core.cache import Cache, Switches, Tier
from edgesim.core.failures import Failure, FailureKind
from edgesim.core.forwarding import Upstream
from edgesim.core.messages import Request
from edgesim.core.policies import CachePolicy, Ttls
from edgesim.sim.driver import Seen, Simulation
from edgesim.sim.origin import Silence, Told
from edgesim.world.changes import apply
from edgesim.world.commands import Configure
from edgesim.world.loading import check_text
from edgesim.world.state import World
from support.script import Arrived, Script

NOON = 1_772_366_400.0  # 2026-03-01T12:00:00Z

FAILURES = {
    "refused": FailureKind.REFUSED,
    "reset": FailureKind.RESET,
    "connect_timeout": FailureKind.CONNECT_TIMEOUT,
    "read_timeout": FailureKind.READ_TIMEOUT,
    "invalid": FailureKind.INVALID_RESPONSE,
}


class ScriptedOrigin:
    """The origin of a simulation: a :class:`Script`, ``delay`` seconds away."""

    def __init__(self) -> None:
        self.script = Script()
        self.delay = 0.0

    def answer(self, origin: Origin, request: Upstream, now: float) -> Told | Silence:
        arrived = Arrived(origin.id, request.method, request.target, CIMultiDict(request.headers))
        reply = self.script.answer(arrived, now)
        if reply.fail in FAILURES:
            return Silence(Failure(FAILURES[reply.fail]), self.delay)
        broken = reply.fail == "truncated"
        body = reply.body[: len(reply.body) // 2] if broken else reply.body
        pieces = ((0.0, body[: len(body) // 2]), (0.0, body[len(body) // 2 :])) if broken else ((0.0, body),)
        breaks = Failure(FailureKind.TRUNCATED) if broken else None
        return Told(reply.status, tuple(reply.headers), pieces, self.delay, breaks=breaks)


def behavior(
    pattern: str = "*", ttls: Ttls | None = None, *, policy: CachePolicy | None = None, **more: Any
) -> Behavior:
    """A behaviour in front of the origin ``main``."""
    return Behavior(pattern, "main", policy or CachePolicy("p", "p", ttls or Ttls()), **more)


def distribution(*behaviors: Behavior, **more: Any) -> Distribution:
    """A distribution with one origin and no regional caches, unless said otherwise."""
    settings: dict[str, Any] = {
        "origins": {"main": Origin("main", "main.test")},
        "regional_caches": False,
        **more,
    }
    return Distribution("E1", "d1.cloudfront.net", behaviors=behaviors or (behavior(),), **settings)


def world_of(text: str) -> World:
    """The World of a YAML snippet."""
    command = check_text(text).configure(NOON)
    assert isinstance(command, Configure)
    return apply(World(), command)


class VirtualEdge:
    """One CDN in virtual time that serves one distribution; simulated seconds begin at 0 here."""

    def __init__(self, served: Distribution | None = None, **options: Any) -> None:
        self.distribution = served or distribution()
        self.origin = ScriptedOrigin()
        self.sim = Simulation(self.origin, start=NOON, **options)

    @classmethod
    def from_yaml(cls, text: str, **options: Any) -> VirtualEdge:
        """The edge of a world file's first distribution."""
        world = world_of(text)
        pops = {site.pop: site.regional for site in world.sites} or None
        switches = Switches(world.switches.hit_for_miss, world.switches.must_revalidate_allows_stale)
        return cls(next(iter(world.distributions.values())), pops=pops, switches=switches, **options)

    @property
    def now(self) -> float:
        """Seconds since the beginning."""
        return self.sim.timeline.now - NOON

    @property
    def edge(self) -> Cache:
        """The first edge's cache."""
        return self.sim.caches[Tier.EDGE, next(iter(self.sim.pops))]

    @property
    def fetches(self) -> int:
        """How many requests the origin has seen."""
        return len(self.origin.script.arrived)

    def says(self, body: str = "one", status: int = 200, origin: str = "main", **orders: Any) -> None:
        """From now on the origin answers like this; see :class:`Script`."""
        self.origin.script.order(origin, {"body": body, "status": status, **orders})

    def request(
        self,
        target: str = "/",
        method: str = "GET",
        headers: Mapping[str, str] | list[tuple[str, str]] | None = None,
        **more: Any,
    ) -> Request:
        """A request, with a Host unless it has its own."""
        fields = CIMultiDict(headers or {})
        fields.setdefault("Host", self.distribution.domain)
        return Request(method, target, fields, **more)

    def get(self, target: str = "/", *, at: float | None = None, pop: str = "", **more: Any) -> Seen:
        """Ask, at a time if one is given, and wait for the whole answer."""
        self.until(at)
        return self.sim.get(self.distribution, self.request(target, **more), pop=pop)

    def send(
        self, target: str = "/", *, at: float | None = None, leaves_after: float | None = None, **more: Any
    ) -> Seen:
        """Ask without waiting."""
        self.until(at)
        return self.sim.send(self.distribution, self.request(target, **more), leaves_after=leaves_after)

    def until(self, at: float | None) -> None:
        """Let time pass."""
        if at is not None:
            self.sim.timeline.run(until=NOON + at)

    def settle(self) -> None:
        """Let everything end that has begun."""
        self.sim.timeline.run()

    def invalidate(self, *paths: str) -> None:
        """Take paths out of all caches."""
        self.sim.invalidate(self.distribution, paths)


def outcome(seen: Seen) -> str:
    """The word of X-Cache before ``from cloudfront``."""
    assert seen.headers is not None, "an answer came"
    return seen.headers["X-Cache"].partition(" ")[0]


def age(seen: Seen) -> int | None:
    """The Age it came with."""
    assert seen.headers is not None, "an answer came"
    value = seen.headers.get("Age")
    return None if value is None else int(value)
