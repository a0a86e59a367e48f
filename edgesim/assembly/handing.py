"""The way of a plain connection to the worker whose edge its viewer is nearest to.

Every worker accepts. The first head is looked at without taking it off the socket (MSG_PEEK); if another worker has
the edge, the socket itself is handed over (SCM_RIGHTS), and the owner serves it as if it had accepted it. What shows
no whole head for a while is served here.
"""

from __future__ import annotations

import array
import asyncio
import contextlib
import socket
from collections.abc import Callable, Sequence
from time import monotonic

from edgesim.wire.limits import ListenerLimits

ACCEPTED_AT_ONCE = 64
AGAIN = 0.01
"""Seconds between two looks at a head that has not come whole."""

WHOLE = 1.0
"""Seconds from a head's first byte in which it can decide who serves the connection."""

Choose = Callable[[bytes, tuple[str, int]], int | None]
Adopt = Callable[[socket.socket], None]


class Handing:
    """Accepts plain connections, and takes over those that others hand to us.

    ``choose`` gives the index of the worker for a first head, ``None`` for this one; ``adopt`` serves a socket here.
    ``inbox`` is where sockets come in for us, ``outboxes`` lead to every worker's inbox by index.
    """

    def __init__(
        self,
        inbox: socket.socket,
        outboxes: Sequence[socket.socket],
        choose: Choose,
        adopt: Adopt,
        limits: ListenerLimits,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._inbox = inbox
        self._outboxes = outboxes
        self._choose = choose
        self._adopt = adopt
        self._limits = limits
        self._doors: list[socket.socket] = []
        self._waiting: dict[socket.socket, asyncio.TimerHandle] = {}
        self._began: dict[socket.socket, float] = {}
        self.handed = 0
        self.taken = 0
        inbox.setblocking(False)
        self._loop.add_reader(inbox.fileno(), self._take_over)

    def accept(self, door: socket.socket) -> None:
        """Accept at one more listening socket."""
        door.setblocking(False)
        self._doors.append(door)
        self._loop.add_reader(door.fileno(), self._accept, door)

    def close(self) -> None:
        """Accept no more; connections that have said nothing yet end, sockets on their way to us are served."""
        for door in self._doors:
            self._loop.remove_reader(door.fileno())
        self._take_over()
        self._loop.remove_reader(self._inbox.fileno())
        for one in list(self._waiting):
            self._done(one)
            one.close()

    def _accept(self, door: socket.socket) -> None:
        for _ in range(ACCEPTED_AT_ONCE):
            try:
                one, _ = door.accept()
            except OSError:
                return
            one.setblocking(False)
            with contextlib.suppress(OSError):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if len(self._waiting) >= self._limits.connections:
                self._adopt(one)
            else:
                self._waiting[one] = self._loop.call_later(self._limits.idle_s, self._here, one)
                self._look(one)

    def _look(self, one: socket.socket) -> None:
        """Decide as soon as the first head is whole."""
        try:
            data = one.recv(self._limits.head_bytes + 1, socket.MSG_PEEK)
        except BlockingIOError:
            self._loop.add_reader(one.fileno(), self._readable, one)
            return
        except OSError:
            data = b""
        end = data.find(b"\r\n\r\n")
        began = self._began.setdefault(one, monotonic())
        if not data:
            self._done(one)
            one.close()
        elif end > 0:
            self._decide(one, data[: end + 4])
        elif monotonic() - began > WHOLE or len(data) > self._limits.head_bytes:
            self._here(one)
        else:
            self._waiting[one].cancel()
            self._waiting[one] = self._loop.call_later(AGAIN, self._look, one)

    def _readable(self, one: socket.socket) -> None:
        self._loop.remove_reader(one.fileno())
        self._look(one)

    def _decide(self, one: socket.socket, head: bytes) -> None:
        try:
            peer = one.getpeername()
        except OSError:
            self._here(one)
            return
        index = self._choose(head, (peer[0], peer[1]))
        if index is not None and _give(self._outboxes[index], one):
            self._done(one)
            one.close()
            self.handed += 1
        else:
            self._here(one)

    def _here(self, one: socket.socket) -> None:
        self._done(one)
        self._adopt(one)

    def _done(self, one: socket.socket) -> None:
        self._waiting.pop(one).cancel()
        self._began.pop(one, None)
        self._loop.remove_reader(one.fileno())

    def _take_over(self) -> None:
        while True:
            try:
                _, ancillary, _, _ = self._inbox.recvmsg(16, socket.CMSG_SPACE(4), socket.MSG_CMSG_CLOEXEC)
            except OSError:
                return
            for level, kind, data in ancillary:
                if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                    for number in array.array("i", data):
                        self.taken += 1
                        self._adopt(socket.socket(fileno=number))


def _give(outbox: socket.socket, one: socket.socket) -> bool:
    """Hand a socket over; False when its way is full, and it has to be served here."""
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [one.fileno()]))]
    try:
        outbox.sendmsg([b"c"], rights, socket.MSG_DONTWAIT)
    except OSError:
        return False
    return True
