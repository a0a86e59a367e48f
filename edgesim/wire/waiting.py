"""Requests that a fast path answers without parsing: at once, or when the time their way takes has passed.

A request that waits is in hand like any other: what comes behind it stays in the buffer, no idle timer runs, and a
graceful end waits for it. The fast path is asked again when its time has come, as the answer may be another by then;
if it has none any more, the request is parsed and goes the full path, which is told that it has waited.
"""

from __future__ import annotations

import asyncio
import logging
from time import monotonic
from typing import TYPE_CHECKING, Protocol

from edgesim.wire.closing import ClosingFlow, State
from edgesim.wire.flow import NEVER
from edgesim.wire.incoming import Wait

if TYPE_CHECKING:
    from edgesim.wire.listener import Listener

log = logging.getLogger("edgesim.wire")

Whole = bytes | tuple[bytes, bytes]
"""An answer, in one piece or in two; empty when it comes :mod:`later <edgesim.wire.later>`."""


INLINE = 1_000
"""Requests that the fast path answers in one turn of the loop; the others come with the next one."""


class FastPath(Protocol):
    """Sees the bytes that come in on an idle connection before anything else does."""

    def __call__(self, data: bytes, connection: WaitingFlow, waited: Wait | None = None) -> Whole | Wait | None:
        """The answer, or for how long it has to wait; ``None`` when the full path is to look at it.

        After the wait it is asked once more, with what it gave as ``waited``; the connection may be lost by then.
        """


class WaitingFlow(ClosingFlow):
    """A connection that asks the fast path first; its public attributes are for that and for handlers."""

    __slots__ = ("_buffer", "_listener", "_touched", "extra", "label", "peer", "requests", "scheme", "tls")

    def __init__(self, listener: Listener, scheme: str, label: str) -> None:
        super().__init__(listener.loop, listener.limits)
        self.scheme = scheme
        self.label = label
        self.peer = ("", 0)
        self.tls: object | None = None
        self.requests = 0
        self.extra: object | None = None  # the owner of the fast path may keep something here

        self._listener = listener
        self._buffer = b""
        self._touched = False

    def expired(self, now: float) -> None:
        if self._touched and self._state in (State.IDLE, State.WAIT):
            self._touched = False
            self._wait_until(now + self.limits.idle_s)
        else:
            super().expired(now)

    def _hurry(self, data: bytes) -> bool:
        """Let the fast path have what came in on the idle connection; False when it is the full path's."""
        if self._listener.fast is None or self.paused:
            return False
        turn = self._listener.turn
        if turn.left == 0:
            self._touched = True
            self._state = State.WAIT
            turn.later(self, data)
            return True
        turn.left -= 1
        return self._hurried(data)

    def again(self, data: bytes) -> None:
        """What came in is looked at now, a turn of the loop later."""
        if self._state is not State.WAIT:  # the viewer is gone
            return
        behind, self._buffer = self._buffer, b""
        self._state = State.IDLE
        plain = not (behind or self.half_closed or self._listener.closing)
        if not (plain and self._hurried(data)):
            self._begin_head(data + behind)

    def _hurried(self, data: bytes) -> bool:
        fast = self._listener.fast
        answer = fast(data, self) if fast is not None else None
        if answer is None:
            return False
        if isinstance(answer, Wait):
            self._state = State.WAIT
            self._wait_until(NEVER)
            self._listener.calendar.add(self, answer)
        else:
            self._touched = True
            self._give(answer)
        return True

    def _give(self, answer: Whole) -> None:
        self.requests += 1
        if not answer:
            return
        if isinstance(answer, bytes):
            self.bytes_out += len(answer)
            self.transport.write(answer)
        else:
            self.bytes_out += sum(map(len, answer))
            self.transport.writelines(answer)

    def due(self, wait: Wait) -> None:
        """The time of a request has come. A viewer who is gone gets nothing, but his request is on record."""
        listener = self._listener
        answer = None if listener.fast is None or listener.closing else listener.fast(wait.data, self, wait)
        if answer is None or isinstance(answer, Wait):
            self.take(wait, over=True)
        elif not self.lost:
            self._give(answer)
            self._between()

    def take(self, wait: Wait, *, over: bool) -> None:
        """Parse a request that waited after all, for the full path; ``over`` says that it need not wait there."""
        raise NotImplementedError

    def _begin_head(self, data: bytes) -> None:
        """A request begins, for the full path."""
        raise NotImplementedError

    def _between(self) -> None:
        """A message boundary."""
        raise NotImplementedError


class Turn:
    """How many requests are answered before the loop gets its turn.

    While each look at the sockets finds a thousand with something to read, libuv looks again, up to 48 times, and
    timers, tasks and new connections wait for half a second. What is not answered is not asked again, so a look finds
    less once this is used up.
    """

    def __init__(self) -> None:
        self.left = INLINE
        self._waiting: list[tuple[WaitingFlow, bytes]] = []

    def later(self, connection: WaitingFlow, data: bytes) -> None:
        """Call ``connection.again(data)`` when the loop has had its turn."""
        if not self._waiting:
            connection.loop.call_soon(self._next)
        self._waiting.append((connection, data))

    def _next(self) -> None:
        waiting, self._waiting = self._waiting, []
        self.left = INLINE
        for connection, data in waiting:
            connection.again(data)


class Calendar:
    """Requests that wait, by the millisecond in which they are due: one timer for all of one."""

    def __init__(self) -> None:
        self._pages: dict[int, list[tuple[WaitingFlow, Wait]]] = {}

    def add(self, connection: WaitingFlow, wait: Wait) -> None:
        """Call ``connection.due(wait)`` when its time has come."""
        page_at = int((wait.started + wait.seconds) * 1000) + 1
        page = self._pages.get(page_at)
        if page is None:
            page = self._pages[page_at] = []
            connection.loop.call_later(page_at / 1000 - monotonic(), self._turn, page_at)
        page.append((connection, wait))

    def _turn(self, page_at: int) -> None:
        for connection, wait in self._pages.pop(page_at, ()):
            try:
                connection.due(wait)
            except Exception:
                log.exception("a request that waited could not be answered")
                connection.transport.abort()

    async def close(self) -> None:
        """Nothing waits any longer: what does begins the full path anew, to be cut off and recorded there."""
        pages, self._pages = self._pages, {}
        for page in pages.values():
            for connection, wait in page:
                connection.take(wait, over=False)
        await asyncio.sleep(0)
