"""The balancer's targets: which node is up, how many requests each has in flight, and its idle connections."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from origin.messages import Inbox

IDLE_SECONDS = 60.0  # far below a node's own patience, so that no node closes a connection as it is being used again
IDLE_KEPT = 256
CONNECT_SECONDS = 3.0


class Refused(Exception):
    """A node did not take the connection: nothing was sent to it."""


@dataclass(slots=True)
class Connection:
    """A connection to a node; ``used`` when it has carried a request before."""

    inbox: Inbox
    writer: asyncio.StreamWriter
    used: bool = False
    idle_since: float = 0.0

    @property
    def is_fit(self) -> bool:
        young = time.monotonic() - self.idle_since < IDLE_SECONDS
        return young and not self.inbox.gone.is_set() and not self.writer.is_closing()


@dataclass(slots=True)
class Target:
    """One node as the balancer sees it. ``stopped`` is an order, ``healthy`` an observation."""

    name: str
    url: str
    healthy: bool = False
    stopped: bool = False
    in_flight: int = 0
    served: int = 0
    failures: int = 0
    start: Callable[[], Awaitable[str]] | None = None
    stop: Callable[[], Awaitable[None]] | None = None
    idle: deque[Connection] = field(default_factory=deque)
    is_idle: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def netloc(self) -> str:
        return urlsplit(self.url).netloc

    @property
    def takes_requests(self) -> bool:
        return self.healthy and not self.stopped

    def described(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "url": self.url,
            "state": "stopped" if self.stopped else "running",
            "healthy": self.healthy,
            "in_flight": self.in_flight,
            "served": self.served,
        }

    def enter(self) -> None:
        self.in_flight += 1
        self.is_idle.clear()

    def leave(self) -> None:
        self.in_flight -= 1
        if self.in_flight == 0:
            self.is_idle.set()

    async def connect(self, fresh: bool = False) -> Connection:
        """An idle connection that is still fit, or a new one. Raises :class:`Refused`."""
        while self.idle and not fresh:
            connection = self.idle.pop()
            if connection.is_fit:
                return connection
            connection.writer.close()
        loop, parts, inbox = asyncio.get_running_loop(), urlsplit(self.url), Inbox()
        protocol = asyncio.StreamReaderProtocol(inbox)
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                host, port = parts.hostname or "127.0.0.1", parts.port or 80
                transport, _ = await loop.create_connection(lambda: protocol, host, port)
        except (OSError, TimeoutError) as error:
            raise Refused(str(error)) from error
        return Connection(inbox, asyncio.StreamWriter(transport, protocol, inbox, loop))

    def give_back(self, connection: Connection) -> None:
        connection.used, connection.idle_since = True, time.monotonic()
        if len(self.idle) < IDLE_KEPT and connection.is_fit:
            self.idle.append(connection)
        else:
            connection.writer.close()

    def drop_idle(self) -> None:
        while self.idle:
            self.idle.pop().writer.close()


class Pool:
    """Chooses among the targets: round robin, or the one that a sticky cookie names."""

    def __init__(self, targets: list[Target]) -> None:
        self.targets = targets
        self._turn = 0

    def choose(self, wanted: str | None, tried: set[str]) -> Target | None:
        """The next target that takes requests and was not tried, the ``wanted`` one if it does."""
        count = len(self.targets)
        turns = [self.targets[(self._turn + offset) % count] for offset in range(count)]
        able = [target for target in turns if target.takes_requests and target.url not in tried]
        for target in able:
            if target.name == wanted:
                return target
        if not able:
            return None
        self._turn = (self.targets.index(able[0]) + 1) % count
        return able[0]

    def find(self, name: str) -> Target | None:
        """By its name, or by the host and port of its address."""
        return next((target for target in self.targets if name in {target.name, target.netloc}), None)

    def close(self) -> None:
        """Close every idle connection."""
        for target in self.targets:
            target.drop_idle()
