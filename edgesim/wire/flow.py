"""What both ends of a connection share: flow control both ways, and deadlines swept by one timer."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from time import monotonic
from typing import cast

NEVER = float("inf")


class Flow(asyncio.Protocol):
    """One connection's transport with its two brakes: ``drain`` for writing, ``hold``/``release`` for reading.

    Times are ``time.monotonic()``: a loop's own clock may tick in milliseconds only. ``deadline`` is one of them;
    :class:`Deadlines` calls ``expired`` once it has passed.
    """

    __slots__ = ("_drained", "_held", "bytes_in", "bytes_out", "deadline", "loop", "lost", "paused", "transport")

    transport: asyncio.Transport

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.deadline = NEVER
        self.paused = False
        self.lost = False
        self.bytes_in = 0
        self.bytes_out = 0
        self._held = False
        self._drained: asyncio.Future[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def connection_lost(self, error: BaseException | None) -> None:
        self.lost = True
        self.deadline = NEVER
        self._wake()

    def expired(self, now: float) -> None:
        """The deadline has passed."""
        raise NotImplementedError

    def send(self, *parts: bytes) -> None:
        """Hand bytes to the transport, in one go."""
        if self.lost:
            return
        if len(parts) == 1:
            self.bytes_out += len(parts[0])
            self.transport.write(parts[0])
        else:
            self.bytes_out += sum(map(len, parts))
            self.transport.writelines(parts)

    def pause_writing(self) -> None:
        self.paused = True

    def resume_writing(self) -> None:
        self.paused = False
        self._wake()

    async def drain(self) -> None:
        """Wait until the peer has taken enough of what was sent, or the connection is lost."""
        while self.paused and not self.lost:
            if self._drained is None or self._drained.done():
                self._drained = self.loop.create_future()
            await self._drained

    def _wake(self) -> None:
        if self._drained is not None:
            if not self._drained.done():
                self._drained.set_result(None)
            self._drained = None

    def hold(self) -> None:
        """Stop reading: a buffer is full."""
        if not self._held and not self.lost:
            self._held = True
            with contextlib.suppress(RuntimeError):  # closing: nothing more will come
                self.transport.pause_reading()

    def release(self) -> None:
        """Read again."""
        if self._held and not self.lost:
            self._held = False
            with contextlib.suppress(RuntimeError):
                self.transport.resume_reading()


class Deadlines:
    """One timer for many connections: each sweep ends those past their deadline.

    Setting a deadline is one attribute assignment. A deadline is noticed up to one ``tick`` late.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, tick: float = 0.25) -> None:
        self.loop = loop
        self._tick = tick
        self._timer: asyncio.TimerHandle | None = None
        self._flows: set[Flow] = set()

    def __len__(self) -> int:
        return len(self._flows)

    def __iter__(self) -> Iterator[Flow]:
        return iter(list(self._flows))

    def add(self, flow: Flow) -> None:
        """Watch ``flow`` from now on."""
        self._flows.add(flow)
        if self._timer is None:
            self._timer = self.loop.call_later(self._tick, self._sweep)

    def discard(self, flow: Flow) -> None:
        """Watch ``flow`` no more; the timer ends with the last one."""
        self._flows.discard(flow)
        if not self._flows and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def refine(self, seconds: float) -> None:
        """Sweep often enough for a timeout of ``seconds``."""
        tick = max(seconds / 8, 0.01)
        if tick < self._tick:
            self._tick = tick
            if self._timer is not None:
                self._timer.cancel()
                self._timer = self.loop.call_later(tick, self._sweep)

    def _sweep(self) -> None:
        self._timer = None
        now = monotonic()
        for flow in [flow for flow in self._flows if flow.deadline <= now]:
            flow.expired(now)
        if self._flows and self._timer is None:
            self._timer = self.loop.call_later(self._tick, self._sweep)
