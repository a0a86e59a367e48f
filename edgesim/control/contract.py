"""What the control port needs of a running world, whoever puts one together."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from edgesim.core.cache import Cache, Tier
from edgesim.core.verdict import Verdict
from edgesim.observe.access_log import AccessLog
from edgesim.observe.clock import Clock
from edgesim.observe.records import Records
from edgesim.tls.store import CertificateStore
from edgesim.world.keeper import WorldKeeper
from edgesim.world.state import World


class Address(Protocol):
    """Where something listens."""

    @property
    def host(self) -> str:
        """Name or address."""

    @property
    def port(self) -> int:
        """TCP port."""

    def url(self, scheme: str) -> str:
        """As a URL."""


class Caches(Protocol):
    """The caches of this process; in a world of many processes it may be none."""

    @property
    def caches(self) -> Mapping[tuple[Tier, str], Cache]:
        """Edges by (EDGE, POP code), regional caches by (REGIONAL, AWS region)."""


class Certificates(Protocol):
    """The world's certificates."""

    @property
    def store(self) -> CertificateStore:
        """All of them."""

    @property
    def path(self) -> Path:
        """The authority's own certificate."""


class Running(Protocol):
    """A running world."""

    @property
    def keeper(self) -> WorldKeeper:
        """Where its World changes."""

    @property
    def world(self) -> World:
        """The World as it is."""

    @property
    def ephemeral(self) -> bool:
        """Nothing outlives the process."""

    @property
    def clock(self) -> Clock:
        """Simulated time."""

    @property
    def records(self) -> Records:
        """The verdicts of late."""

    @property
    def hierarchy(self) -> Caches:
        """The caches of this process."""

    @property
    def absent(self) -> frozenset[str]:
        """Edges that no process runs."""

    @property
    def reported(self) -> Mapping[str, Mapping[str, int]]:
        """``entries`` and ``used_bytes`` of the edges' caches that other processes have."""

    @property
    def reported_regional(self) -> Mapping[str, Mapping[str, int]]:
        """The same of regional caches."""

    async def settle(self) -> None:
        """Wait until all processes have taken what they were told, and what they have seen is counted."""

    async def find(self, id: str) -> Verdict | None:
        """The verdict of a request, while any process remembers it."""

    async def newest(self, count: int) -> list[Verdict]:
        """The newest verdicts of all processes, newest first."""

    async def listing(self, tier: Tier, name: str, limit: int, prefix: str) -> dict[str, Any] | None:
        """What a cache of another process holds."""

    def watch(self, on: bool) -> None:
        """Somebody wants to see every verdict as it comes, or nobody does any more."""

    @property
    def certificates(self) -> Certificates:
        """Certificates."""

    @property
    def access_log(self) -> AccessLog:
        """The access log; without a file it does nothing."""

    @property
    def http(self) -> Address | None:
        """Where viewers are served over HTTP."""

    @property
    def https(self) -> Address | None:
        """And over HTTPS."""
