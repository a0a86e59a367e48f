"""What happens, as it happens, for any number of listeners, each with a queue of its own that cannot grow.

A listener that does not keep up loses the oldest events and is told how many.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from edgesim.core.verdict import Verdict
from edgesim.observe.explain import summary
from edgesim.observe.records import Burst
from edgesim.world.commands import Command, SetClock
from edgesim.world.state import World

QUEUE = 512
"""Events that wait for one listener."""

MOST = 64
"""Listeners at a time."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event: its name in the stream, and its data."""

    name: str
    data: dict[str, Any]


class Subscriber:
    """One listener's queue. ``lost`` counts all events that were dropped for it."""

    def __init__(self, names: frozenset[str]) -> None:
        self.names = names
        self.lost = 0
        self._told = 0
        self._waiting: deque[Verdict | Event] = deque()
        self._wake = asyncio.Event()
        self.closed = False

    def offer(self, name: str, what: Verdict | Event) -> None:
        """Queue an event it asked for."""
        if name not in self.names:
            return
        if len(self._waiting) >= QUEUE:
            self._waiting.popleft()
            self.lost += 1
        self._waiting.append(what)
        self._wake.set()

    def close(self) -> None:
        """Nothing more will come."""
        self.closed = True
        self._wake.set()

    def take(self) -> list[Event]:
        """What has come since the last time; first of all how much was lost."""
        self._wake.clear()
        found: list[Event] = []
        if self.lost > self._told:
            found.append(Event("lost", {"events": self.lost - self._told, "in_all": self.lost}))
            self._told = self.lost
        while self._waiting:
            what = self._waiting.popleft()
            found.append(Event("verdict", summary(what)) if isinstance(what, Verdict) else what)
        return found

    async def wait(self, seconds: float) -> None:
        """Until there is something to take, or this long at most."""
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            return


class Hub:
    """Passes verdicts and changes of the World on to subscribers; ``watch`` is told whether there are any."""

    NAMES = frozenset({"verdict", "world"})

    def __init__(self, watch: Callable[[bool], None] = lambda on: None) -> None:
        self._watch = watch
        self.subscribers: set[Subscriber] = set()
        self.lost = 0

    def subscribe(self, names: frozenset[str] = NAMES) -> Subscriber:
        """A new subscriber to events of these names; raises OverflowError when there are too many."""
        if len(self.subscribers) >= MOST:
            raise OverflowError
        subscriber = Subscriber(names)
        self.subscribers.add(subscriber)
        self._watch(True)
        return subscriber

    def leave(self, subscriber: Subscriber) -> None:
        """Stop."""
        self.subscribers.discard(subscriber)
        self._watch(bool(self.subscribers))
        self.lost += subscriber.lost

    def verdict(self, verdict: Verdict) -> None:
        """A listener of ``Records``; next to nothing while nobody subscribes."""
        for subscriber in self.subscribers:
            subscriber.offer("verdict", verdict)

    def burst(self, burst: Burst) -> None:
        """Hits of the fast path; no more of them are made into verdicts than a subscriber could keep."""
        if self.subscribers:
            for hit in burst.hits[-QUEUE:]:
                self.verdict(hit.verdict())

    def changed(self, world: World, command: Command) -> None:
        """A listener of the World's keeper."""
        if self.subscribers:
            event = Event("world", change(world, command))
            for subscriber in self.subscribers:
                subscriber.offer("world", event)

    def close(self) -> None:
        """End every subscription."""
        for subscriber in self.subscribers:
            subscriber.close()


def change(world: World, command: Command) -> dict[str, Any]:
    """A change of the World in short: its command, without the whole document of a new configuration."""
    data = command.model_dump(mode="json", exclude={"document", "distribution"} if _large(command) else None)
    if isinstance(command, SetClock):
        data["speed"] = world.clock.speed
    return {"generation": world.generation, **data}


def _large(command: Command) -> bool:
    return command.command in ("configure", "put_distribution")
