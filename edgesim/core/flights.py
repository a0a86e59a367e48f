"""Request collapsing: who is fetching what, and who waits for the outcome (spec §4.1; ARCHITECTURE rule 6).

Followers wait for an *outcome*, not for a body: as soon as the leader knows whether its answer can be shared they all
go on at once, to share it or to fetch for themselves side by side. Keys whose answers cannot be shared are remembered
for a while, so that nobody queues for them (hit-for-miss).
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from cachetools import LRUCache

from edgesim.core.store import Entry

REMEMBERED = 10_000
"""Most keys whose hit-for-miss is remembered in one cache."""


class FlightState(Enum):
    """What is known of a fetch on its way."""

    UNDECIDED = "undecided"
    SHARED = "shared"
    ALONE = "alone"


class Flight:
    """One fetch on its way. ``entry`` is what it shares, complete or still arriving."""

    __slots__ = ("_waiting", "entry", "followers", "leader", "name", "sequence", "state")

    def __init__(self, name: str, leader: str, sequence: int) -> None:
        self.name = name
        self.leader = leader
        self.sequence = sequence
        self.state = FlightState.UNDECIDED
        self.entry: Entry | None = None
        self.followers = 0
        self._waiting: list[Callable[[], None]] = []

    def wait(self, callback: Callable[[], None]) -> None:
        """Call ``callback`` once the outcome is known; at once if it is."""
        if self.state is FlightState.UNDECIDED:
            self._waiting.append(callback)
        else:
            callback()

    def share(self, entry: Entry) -> None:
        """The answer is good for everybody."""
        self._decide(FlightState.SHARED, entry)

    def fan_out(self) -> None:
        """The answer is for the leader alone."""
        self._decide(FlightState.ALONE, None)

    def _decide(self, state: FlightState, entry: Entry | None) -> None:
        if self.state is not FlightState.UNDECIDED:
            return
        self.state, self.entry = state, entry
        waiting, self._waiting = self._waiting, []
        for callback in waiting:
            callback()


class Flights:
    """The fetches on their way in one cache, and the keys not worth waiting for."""

    def __init__(self) -> None:
        self._flying: dict[str, Flight] = {}
        self._hit_for_miss: LRUCache[str, float] = LRUCache(REMEMBERED)

    def __len__(self) -> int:
        return len(self._flying)

    def get(self, name: str) -> Flight | None:
        """The fetch on its way under a name."""
        return self._flying.get(name)

    def lead(self, name: str, leader: str, sequence: int) -> Flight:
        """Begin a fetch that others may wait for."""
        flight = Flight(name, leader, sequence)
        self._flying[name] = flight
        return flight

    def land(self, flight: Flight) -> None:
        """The fetch is over. Whoever still waits goes alone."""
        if self._flying.get(flight.name) is flight:
            del self._flying[flight.name]
        flight.fan_out()

    def oldest(self) -> int | None:
        """The lowest sequence number among fetches on their way."""
        return min((flight.sequence for flight in self._flying.values()), default=None)

    def remember_alone(self, name: str, until: float) -> None:
        """Nobody waits for this key before ``until``."""
        self._hit_for_miss[name] = until

    def forget_alone(self, name: str) -> None:
        """An answer for this key could be shared after all."""
        self._hit_for_miss.pop(name, None)

    def expected_alone(self, name: str, now: float) -> bool:
        """True when the last answer for the key could not be shared, not long ago."""
        return self._hit_for_miss.get(name, 0.0) > now
