"""How a viewer's connection ends well: the last answer is read, a slow viewer is told from a dead one."""

from __future__ import annotations

import asyncio
from enum import Enum
from time import monotonic

from edgesim.wire.flow import NEVER, Flow
from edgesim.wire.limits import ListenerLimits


class State(Enum):
    """What the next bytes from the viewer are."""

    IDLE = "the first of a head"
    HEAD = "the rest of a head"
    BODY = "the body of the request in hand"
    WAIT = "behind the request in hand"
    DISCARD = "the rest of a body nobody read, before the next head"
    LINGER = "of no interest: the answer was the last one, and must be read before we close"
    RAW = "another protocol's"
    CLOSING = "never read"


class ClosingFlow(Flow):
    """A connection with one deadline for what it waits for from the viewer, and one for what the viewer has to take."""

    __slots__ = ("_pending", "_spare", "_state", "_until", "_write_until", "half_closed", "limits")

    def __init__(self, loop: asyncio.AbstractEventLoop, limits: ListenerLimits) -> None:
        super().__init__(loop)
        self.limits = limits
        self.half_closed = False  # the viewer sends no more
        self._state = State.IDLE
        self._spare = 0  # bytes we will still throw away
        self._until = NEVER
        self._write_until = NEVER
        self._pending = 0  # unsent bytes when we last looked

    def pause_writing(self) -> None:
        super().pause_writing()
        self._pending = self.transport.get_write_buffer_size()
        self._write_until = monotonic() + self.limits.write_s
        self.deadline = min(self._until, self._write_until)

    def resume_writing(self) -> None:
        super().resume_writing()
        self.deadline = self._until

    def _wait_until(self, until: float) -> None:
        self._until = until
        self.deadline = min(until, self._write_until) if self.paused else until

    def expired(self, now: float) -> None:
        if self._state is State.CLOSING or (self.paused and self._write_until <= now):
            self._untaken(now)
        else:
            self.shut()

    def _untaken(self, now: float) -> None:
        """The viewer had time to take what we sent: cut it off, unless it took some."""
        pending = self.transport.get_write_buffer_size()
        if pending >= self._pending:
            self.transport.abort()
            return
        self._pending = pending
        self._write_until = now + self.limits.write_s
        self._wait_until(self._write_until if self._state is State.CLOSING else self._until)

    def _linger(self) -> None:
        """Close so that the last answer is read: closing on unread bytes would reset it away."""
        self._state = State.LINGER
        self._spare = self.limits.linger_bytes
        self._wait_until(monotonic() + self.limits.linger_s)
        if self.half_closed:
            self.shut()
            return
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.release()

    def _lingering(self, data: bytes) -> None:
        """Bytes nobody will read, up to a bound."""
        self._spare -= len(data)
        if self._spare < 0:
            self.shut()

    def shut(self) -> None:
        """Send what is buffered, then close; a viewer that takes nothing of it is cut off in the end."""
        if self.lost or self._state is State.CLOSING:
            return
        self._state = State.CLOSING
        self._pending = self.transport.get_write_buffer_size()
        self._wait_until(monotonic() + self.limits.write_s)
        self.transport.close()
