"""One cache of the hierarchy: its store, its fetches on their way, its invalidations."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from itertools import count

from edgesim.core.fences import Fences
from edgesim.core.flights import Flights
from edgesim.core.keys import Key
from edgesim.core.messages import Request
from edgesim.core.store import Found, Store


class Tier(Enum):
    """Where in the hierarchy a cache stands (spec §1.1)."""

    EDGE = "edge"
    REGIONAL = "regional"
    SHIELD = "shield"

    @property
    def layer(self) -> str:
        """Its name in Server-Timing (spec §1.9)."""
        return {"edge": "EDGE", "regional": "REC", "shield": "Origin Shield"}[self.value]


@dataclass(slots=True)
class Switches:
    """Choices where CloudFront is undocumented (spec §16), as a world sets them. Seconds."""

    hit_for_miss: float = 10.0
    must_revalidate_allows_stale: bool = False


@dataclass(slots=True)
class Cache:
    """One edge, regional or shield cache. ``name`` is the POP code or the AWS region."""

    name: str
    tier: Tier
    store: Store
    flights: Flights = field(default_factory=Flights)
    fences: Fences = field(default_factory=Fences)
    switches: Switches = field(default_factory=Switches)
    under_way: dict[int, int] = field(default_factory=dict)
    """Fetches whose answers may yet be stored: a token and the sequence number each began at."""
    unswept: bool = False
    """Invalidated entries may still take up space."""
    _tokens: count[int] = field(default_factory=count)

    def find(self, key: Key, request: Request) -> Found:
        """The stored answer for a request, if no invalidation has caught it."""
        found = self.store.find(key, request)
        if found.entry is not None and not self.fences.holds(found.entry):
            self.store.drop(found.entry)
            return Found(None, found.variants)
        return found

    def begin(self) -> int:
        """A fetch begins whose answer may be stored; the token to end it with."""
        token = next(self._tokens)
        self.under_way[token] = self.fences.now()
        return token

    def end(self, token: int) -> None:
        """The fetch is over, stored or not."""
        self.under_way.pop(token, None)

    def invalidate(self, distribution: str, paths: tuple[str, ...]) -> int:
        """Take out what matches, stored or on its way, from this instant. Sweep afterwards to free the space."""
        return self.fences.invalidate(distribution, paths)

    def forget(self, key: Key) -> None:
        """Take out exactly what is stored under a key, and keep out what is on its way (RFC 9111 §4.4)."""
        self.store.drop_key(key)
        if self.under_way:
            self.fences.invalidate_one(key.distribution, key.uri)
            self.unswept = True

    def sweep(self, names: list[str]) -> int:
        """Free the space of the named entries that an invalidation has caught; how many there were."""
        caught = self.fences.caught(self.store.named(self.fences.suspects(names)))
        for entry in caught:
            self.store.drop(entry)
        return len(caught)

    def swept(self, sequence: int) -> None:
        """The whole store was swept up to a fence: forget it, unless an older fetch is still on its way."""
        oldest = min(self.under_way.values(), default=sequence)
        self.fences.forget(min(sequence, oldest))
