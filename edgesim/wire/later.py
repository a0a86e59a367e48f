"""Answers that the fast path owes: given later, or handed over to the full path with what has been done for them."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable
from typing import TYPE_CHECKING

from edgesim.wire.closing import State
from edgesim.wire.flow import NEVER
from edgesim.wire.grammar import Headers, parse_request

if TYPE_CHECKING:
    from edgesim.wire.connection import Connection
    from edgesim.wire.response import OriginResponse
    from edgesim.wire.upstream import OnInterim, OriginConnection


class Ahead:
    """A request that went to its origin before the full path took it up, under the ``id`` it has.

    The full path uses what comes of it if it would have sent the very same bytes to the same place; else they were
    sent in vain, as the World has changed.
    """

    __slots__ = ("_answer", "_connection", "_head", "_interims", "id")

    def __init__(self, id: str, head: bytes, connection: OriginConnection) -> None:
        self.id = id
        self._head = head
        self._connection: OriginConnection | None = connection
        self._interims: list[tuple[int, Headers]] = []
        self._answer = connection.awaited(lambda *interim: self._interims.append(interim))

    def claim(
        self, key: Hashable, head: bytes, on_interim: OnInterim | None
    ) -> tuple[OriginConnection, asyncio.Future[OriginResponse]] | None:
        """The connection on which exactly this was asked, and its answer to be; once."""
        connection = self._connection
        if connection is None or connection.key != key or head != self._head:
            return None
        self._connection = None
        if not self._answer.done():
            connection.awaited(on_interim)
        for interim in self._interims:
            if on_interim is not None:
                on_interim(*interim)
        return connection, self._answer

    def drop(self) -> None:
        """Nobody will claim it any more."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        if self._answer.cancel():
            connection.abort()
        elif self._answer.exception() is None:  # the connection may be another's by now
            self._answer.result().release()


class Later:
    """One request that the fast path has taken off an idle connection. What comes behind it waits."""

    __slots__ = ("connection", "data", "started")

    def __init__(self, connection: Connection, data: bytes, started: float) -> None:
        self.connection = connection
        self.data = data
        self.started = started
        connection._state = State.WAIT
        connection._wait_until(NEVER)

    @property
    def plain(self) -> bool:
        """The viewer waits for its answer, and that need not be its last one."""
        connection = self.connection
        return connection._state is State.WAIT and not connection.lost and not connection.must_close

    def answer(self, head: bytes, body: bytes, joined: int) -> None:
        """The whole answer, in one piece up to ``joined`` bytes; then it is the next request's turn."""
        connection = self.connection
        if len(body) <= joined:
            connection.send(head + body)
        else:
            connection.send(head, body)
        connection._between()

    def hand_over(self, ahead: Ahead) -> None:
        """The full path is to answer, though the viewer be gone: its request is one that was made."""
        connection = self.connection
        limits, listener = connection.limits, connection._listener
        connection.requests -= 1  # it is counted again
        connection._started = self.started
        connection._buffer = self.data + connection._buffer
        head = parse_request(self.data, limits.url_bytes, limits.head_bytes)
        connection._take_request(head, len(self.data), self.data)
        turn = connection._turn
        assert turn is not None, "it has just been taken"
        turn[0].ahead = ahead
        if connection.lost:
            connection._turn = None
            if listener.closing:
                ahead.drop()
            else:
                listener.tasks.start(listener.handler(*turn))
