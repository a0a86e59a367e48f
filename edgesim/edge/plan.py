"""What a journey starts from and what it leaves behind: the plan of a request, and the record of each cache it met."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field

from edgesim.core.behaviors import Behavior, Distribution, Match
from edgesim.core.cache import Cache, Tier
from edgesim.core.exchange import Exchange
from edgesim.core.failures import Failure
from edgesim.core.keys import Key
from edgesim.core.messages import Request, Response
from edgesim.core.reasons import NotCompressed, Outcome
from edgesim.core.store import Entry
from edgesim.core.values import record
from edgesim.core.verdict import Leg, OriginTrip
from edgesim.edge.hierarchy import Hierarchy
from edgesim.edge.origins import OnInterim, Origins
from edgesim.edge.roads import Roads
from edgesim.observe.clock import Clock
from edgesim.observe.tasks import TaskOwner
from edgesim.wire.client import OriginResponse
from edgesim.wire.later import Ahead


@dataclass(slots=True)
class Hop:
    """What happened at one cache; the raw material of its verdict."""

    tier: Tier
    cache: Cache
    exchange: Exchange
    outcome: Outcome = Outcome.MISS
    status: int = 0
    trip: OriginTrip | None = None
    failure: Failure | None = None
    above: Hop | None = None
    legs: list[Leg] = field(default_factory=list)
    encoding: str = ""
    not_compressed: NotCompressed | None = None
    ttl: float | None = None
    age: int | None = None
    evicted: int = 0
    response: Response | None = None
    entry: Entry | None = None
    """The entry it answered from."""
    from_origin: OriginResponse | None = None

    @property
    def status_from_above(self) -> int:
        """The status the next tier or the origin answered, 0 when it was not asked."""
        if self.trip is not None:
            return self.trip.status
        return self.above.status if self.above is not None else 0


@dataclass(frozen=True, slots=True)
class Errands:
    """What a journey needs of the process it runs in."""

    hierarchy: Hierarchy
    origins: Origins
    roads: Roads
    clock: Clock
    tasks: TaskOwner


@record(frozen=True, slots=True)
class Plan:
    """A request that was admitted: where it is, what it asks, and what the distribution says."""

    id: str
    pop: str
    request: Request
    distribution: Distribution
    match: Match
    path: str
    key: Key
    cloudfront: Mapping[str, str]
    body: AsyncIterator[bytes] | None = None
    body_length: int | None = None
    on_interim: OnInterim | None = None
    on_refresh: Callable[[Hop], None] | None = None
    """Told of a refresh that ran behind a stale answer."""
    ahead: Ahead | None = None
    """What was asked of an origin before there was a plan."""

    @property
    def behavior(self) -> Behavior:
        """The behaviour that matched."""
        return self.match.behavior
