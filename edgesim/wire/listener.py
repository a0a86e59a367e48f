"""The viewers' side: listening sockets, their limits, and the connections that came in by them."""

from __future__ import annotations

import asyncio
import itertools
import socket
import ssl as tls
from collections.abc import Callable, Coroutine
from typing import Any

from edgesim.observe.tasks import TaskOwner
from edgesim.wire.accepting import Door
from edgesim.wire.connection import Connection
from edgesim.wire.flow import Deadlines
from edgesim.wire.grammar import Malformation
from edgesim.wire.incoming import BodyBroken, BodyFault, Incoming, MalformedFacts, ViewerGone
from edgesim.wire.limits import ListenerLimits
from edgesim.wire.reply import Reply
from edgesim.wire.waiting import Calendar, FastPath, Turn

__all__ = [
    "BodyBroken",
    "BodyFault",
    "Connection",
    "Incoming",
    "Listener",
    "ListenerLimits",
    "Malformation",
    "MalformedFacts",
    "Reply",
    "ViewerGone",
]

Handler = Callable[[Incoming, Reply], Coroutine[Any, Any, None]]
Refusal = Callable[[MalformedFacts], bytes | None]


BACKLOG = 4096
"""Connections that may wait to be accepted. Too few, and a viewer of a crowd waits seconds until he sends again."""


class Listener:
    """Takes requests off sockets and hands each, with its :class:`Reply`, to ``handler``.

    ``on_malformed`` gives the whole answer, as bytes, for what is no acceptable request (None: close without a word).
    ``fast`` sees the bytes that come in on an idle connection before anything else does; see :class:`FastPath`.
    ``tls_facts`` is asked once per TLS connection.
    """

    def __init__(
        self,
        handler: Handler,
        on_malformed: Refusal,
        limits: ListenerLimits | None = None,
        tls_facts: Callable[[Any], object] | None = None,
    ) -> None:
        self.handler = handler
        self.on_malformed = on_malformed
        self.limits = limits or ListenerLimits()
        self.tls_facts = tls_facts
        self.fast: FastPath | None = None
        self.calendar = Calendar()
        self.turn = Turn()
        self.tasks = TaskOwner()
        self.closing = False
        self.accepted = 0
        self._ids = itertools.count(1)
        self._servers: list[asyncio.Server] = []
        self._doors: list[Door] = []
        self._empty: asyncio.Future[None] | None = None
        self._deadlines: Deadlines | None = None

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop this listener runs in."""
        return asyncio.get_running_loop()

    @property
    def connections(self) -> int:
        """Connections that are open now."""
        return 0 if self._deadlines is None else len(self._deadlines)

    async def start(self, host: str, port: int, ssl: tls.SSLContext | None = None, label: str = "") -> int:
        """Listen on one more address and return its port (chosen by the system when ``port`` is 0)."""
        server = await self._serve(ssl, label, host=host, port=port)
        return int(server.sockets[0].getsockname()[1])

    async def start_at(self, door: socket.socket, ssl: tls.SSLContext | None = None, label: str = "") -> None:
        """Listen at a socket that is bound already, and may be shared with other processes."""
        await self._serve(ssl, label, sock=door)

    async def _serve(self, ssl: tls.SSLContext | None, label: str, **where: Any) -> asyncio.Server:
        making, seconds, doors = self._making(ssl, label), self._handshake(ssl), list[Door]()

        def accepting() -> Connection:
            for door in doors:
                door.crowd()
            return making()

        server = await self.loop.create_server(
            accepting, ssl=ssl, ssl_handshake_timeout=seconds, backlog=BACKLOG, **where
        )
        doors += [Door(one.fileno(), lambda accepted: self.adopt(accepted, ssl, label)) for one in server.sockets]
        self._servers.append(server)
        self._doors += doors
        return server

    def adopt(self, accepted: socket.socket, ssl: tls.SSLContext | None = None, label: str = "") -> None:
        """Serve a connection that was accepted already."""
        if self.closing:
            accepted.close()
        else:
            self.tasks.start(self._adopt(accepted, ssl, label))

    async def _adopt(self, accepted: socket.socket, ssl: tls.SSLContext | None, label: str) -> None:
        making, seconds = self._making(ssl, label), self._handshake(ssl)
        try:
            await self.loop.connect_accepted_socket(making, accepted, ssl=ssl, ssl_handshake_timeout=seconds)
        except OSError:
            accepted.close()

    def _making(self, ssl: tls.SSLContext | None, label: str) -> Callable[[], Connection]:
        limits = self.limits
        if self._deadlines is None:
            self._deadlines = Deadlines(self.loop)
            for seconds in (limits.head_s, limits.idle_s, limits.body_s, limits.write_s, limits.linger_s):
                self._deadlines.refine(seconds)
        return lambda: Connection(self, "http" if ssl is None else "https", label)

    def _handshake(self, ssl: tls.SSLContext | None) -> float | None:
        return None if ssl is None else self.limits.head_s

    def opened(self, connection: Connection) -> bool:
        """A connection is there (called by it); False when it is one too many."""
        self.accepted += 1
        connection.id = next(self._ids)
        if self._deadlines is not None:
            self._deadlines.add(connection)
        return self.connections <= self.limits.connections

    def closed(self, connection: Connection) -> None:
        """A connection has ended (called by it)."""
        if self._deadlines is not None:
            self._deadlines.discard(connection)
        if self._empty is not None and not self._empty.done() and not self.connections:
            self._empty.set_result(None)

    async def close(self, grace_s: float = 5.0) -> None:
        """Stop listening; idle connections end now, requests in hand have ``grace_s`` to end, the rest is cut."""
        self.closing = True
        for server in self._servers:
            server.close()
        for door in self._doors:
            door.close()
        self._doors.clear()
        for connection in self._open():
            if connection.resting:
                connection.shut()
        if self.connections:
            self._empty = self.loop.create_future()
            await asyncio.wait([self._empty], timeout=grace_s)
        await self.calendar.close()
        await self.tasks.close()
        for connection in self._open():
            connection.transport.abort()
        for server in self._servers:
            await server.wait_closed()
        self._servers.clear()

    def _open(self) -> list[Connection]:
        if self._deadlines is None:
            return []
        return [flow for flow in self._deadlines if isinstance(flow, Connection)]
