"""A body on its way: fed by a connection, read by a coroutine, bounded in memory."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable

from edgesim.wire.flow import Flow


class Body:
    """The bytes of one body, in order; what has arrived can be read even when the rest never comes.

    Holds the connection's reading above ``limit`` buffered bytes and releases it when they were taken.
    ``on_wait`` is called once, when the reader first has to wait.
    """

    __slots__ = ("_ended", "_fault", "_flow", "_limit", "_pieces", "_size", "_waiter", "on_wait", "total_bytes")

    def __init__(self, flow: Flow, limit: int, on_wait: Callable[[], None] | None = None) -> None:
        self._flow = flow
        self._limit = limit
        self._pieces: deque[bytes] = deque()
        self._size = 0
        self._ended = False
        self._fault: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None
        self.on_wait = on_wait
        self.total_bytes = 0

    def feed(self, data: bytes) -> None:
        """More bytes came."""
        if data:
            self._pieces.append(data)
            self._size += len(data)
            self.total_bytes += len(data)
            if self.full:
                self._flow.hold()
            self._wake()

    def end(self) -> None:
        """The body is complete."""
        self._ended = True
        self._flow.release()
        self._wake()

    def fail(self, fault: Exception) -> None:
        """The rest will not come: ``fault`` is raised after the bytes that did."""
        if not self._ended and self._fault is None:
            self._fault = fault
            self._wake()

    @property
    def complete(self) -> bool:
        """All of it has arrived, read or not."""
        return self._ended

    @property
    def fault(self) -> Exception | None:
        """Why the rest will not come."""
        return self._fault

    @property
    def full(self) -> bool:
        """More is buffered than should be; reading is held."""
        return self._size > self._limit

    def at_eof(self) -> bool:
        """All of it has been read."""
        return self._ended and not self._pieces

    async def readany(self) -> bytes:
        """What has arrived, at least one byte; ``b""`` at the end.

        Raises:
            Exception: the one given to :meth:`fail`.
        """
        await self._something()
        if not self._pieces:
            return b""
        data = self._pieces.popleft() if len(self._pieces) == 1 else b"".join(self._pieces)
        self._pieces.clear()
        self._took(len(data))
        return data

    async def read(self, size: int = -1) -> bytes:
        """At most ``size`` bytes, as soon as there are any; all of the body when ``size`` is negative."""
        if size < 0:
            return b"".join([data async for data in self.iter_any()])
        if size == 0:
            return b""
        await self._something()
        if not self._pieces:
            return b""
        data = self._pieces.popleft()
        if len(data) > size:
            self._pieces.appendleft(data[size:])
            data = data[:size]
        self._took(len(data))
        return data

    async def iter_any(self) -> AsyncIterator[bytes]:
        """The rest of the body, as it arrives."""
        while data := await self.readany():
            yield data

    async def iter_chunked(self, size: int) -> AsyncIterator[bytes]:
        """The rest of the body in pieces of at most ``size`` bytes."""
        while data := await self.read(size):
            yield data

    def discard(self) -> None:
        """Forget what has arrived and was not read."""
        self._pieces.clear()
        self._took(self._size)

    async def _something(self) -> None:
        """Wait until there are bytes, the end, or a fault, which is raised."""
        while not self._pieces and not self._ended:
            if self._fault is not None:
                raise self._fault
            if self._waiter is not None:
                raise RuntimeError("two coroutines read one body")
            if self.on_wait is not None:
                waited, self.on_wait = self.on_wait, None
                waited()
            self._waiter = self._flow.loop.create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None

    def _took(self, size: int) -> None:
        self._size -= size
        if self._size <= self._limit // 2 and not self._ended:  # ended: the connection is another message's now
            self._flow.release()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
