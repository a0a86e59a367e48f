"""The edge processes a front door knows: where each edge answers, and which of them do not answer just now."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from cachetools import LRUCache

from edgesim.core.latency import REMEMBERED
from edgesim.core.places import Place
from edgesim.core.routing import Choice, Exclusion, Routes
from edgesim.wire.client import Target

PROBE_SECONDS = 1.0
"""Between two tries to reach a process that did not answer."""


@dataclass(frozen=True, slots=True)
class Registered:
    """An edge process as it made itself known: ``boot`` is another after each start, ports are 0 where it has none."""

    name: str
    boot: str
    edges: tuple[str, ...]
    host: str
    port: int
    http: int = 0
    https: int = 0


@dataclass(slots=True, eq=False)
class Member:
    """An edge process, and the requests that wait for it."""

    registered: Registered
    target: Target
    silent: bool = False
    waiting: set[asyncio.Timeout] = field(default_factory=set)

    @classmethod
    def of(cls, registered: Registered) -> Member:
        """A member that has not failed yet."""
        at = registered
        return cls(at, Target("http", at.host, at.port, None, None, None, ("member", at.boot, at.host, at.port)))

    def give_up(self) -> None:
        """Nobody waits for it any longer."""
        now = asyncio.get_running_loop().time()
        for timeout in self.waiting:
            with contextlib.suppress(RuntimeError):  # it has just ended by itself
                timeout.reschedule(now)


class Members:
    """All edge processes. ``changed`` is called whenever other edges can be reached than before."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._by_boot: dict[str, Member] = {}
        self._by_pop: dict[str, list[Member]] = {}

    def update(self, registered: Iterable[Registered], *, settling: bool) -> None:
        """These are there now. While the control plane is ``settling`` it has not heard of all of them yet, so those
        it does not name stay."""
        found = {one.boot: one for one in registered}
        restarted = {one.name for one in found.values()}
        for boot, member in list(self._by_boot.items()):
            gone = boot not in found and (not settling or member.registered.name in restarted)
            if gone or (boot in found and found[boot] != member.registered):
                del self._by_boot[boot]
                member.give_up()
        for boot, one in found.items():
            if boot not in self._by_boot:
                self._by_boot[boot] = Member.of(one)
        self._index()

    def of(self, pop: str) -> Member | None:
        """The process that answers for an edge."""
        return next((member for member in self._by_pop.get(pop, ()) if not member.silent), None)

    @property
    def reachable(self) -> frozenset[str]:
        """The edges that some process answers for."""
        return frozenset(pop for pop in self._by_pop if self.of(pop) is not None)

    @property
    def registered(self) -> list[Registered]:
        """All that are known, silent ones too."""
        return [member.registered for member in self._by_boot.values()]

    @property
    def silent(self) -> list[str]:
        """The names of those that did not answer."""
        return [member.registered.name for member in self._by_boot.values() if member.silent]

    def silence(self, member: Member) -> None:
        """It did not answer: down, until a probe or a new start says otherwise."""
        if not member.silent:
            member.silent = True
            self._changed()

    async def probe(self) -> None:
        """Try those that did not answer again and again, until cancelled."""
        while True:
            await asyncio.sleep(PROBE_SECONDS)
            for member in [one for one in self._by_boot.values() if one.silent]:
                if await _connects(member.target):
                    member.silent = False
                    self._changed()

    def _index(self) -> None:
        self._by_pop = {}
        for member in self._by_boot.values():
            for pop in member.registered.edges:
                self._by_pop.setdefault(pop, []).append(member)
        self._changed()


class PresentRoutes(Routes):
    """Choices among the edges of a world of which some are run by no process."""

    def __init__(self, of: Routes, absent: frozenset[str]) -> None:
        super().__init__(tuple(of.sites.values()), of.model, of.access)
        self.of = of
        self.absent = absent
        self._told: LRUCache[tuple[Place, str, frozenset[str], str | None], Choice] = LRUCache(REMEMBERED)

    def choose(self, viewer: Place, price_class: str, down: frozenset[str], pinned: str | None = None) -> Choice:
        """As for other routes; an absent edge is down, by its own reason."""
        ask = (viewer, price_class, down, pinned)
        told = self._told.get(ask)
        if told is None:
            choice = super().choose(viewer, price_class, down | self.absent, pinned)
            told = self._told[ask] = _with_absent(choice, self.absent - down)
        return told


def _with_absent(choice: Choice, missing: frozenset[str]) -> Choice:
    return replace(
        choice,
        candidates=tuple(
            replace(one, excluded=Exclusion.NOT_RUNNING)
            if one.pop in missing and one.excluded is Exclusion.STOPPED
            else one
            for one in choice.candidates
        ),
    )


async def _connects(target: Target) -> bool:
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            _, writer = await asyncio.open_connection(target.host, target.port)
    except OSError:
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True
