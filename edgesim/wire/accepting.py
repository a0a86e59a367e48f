"""Accepting a crowd: libuv takes one connection each time it looks at a listening socket, and a busy loop looks seldom.

With 1,500 viewers asking all the time, 500 more waited 4.6 s to be accepted. So each connection that is accepted takes
those along that wait behind it.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable

AT_ONCE = 256
"""Connections that come along with one."""


class Door:
    """A second hand at a listening socket; ``adopt`` gets what it accepts."""

    def __init__(self, listening: int, adopt: Callable[[socket.socket], None]) -> None:
        self._socket = socket.socket(fileno=os.dup(listening))
        self._socket.setblocking(False)
        self._adopt = adopt

    def crowd(self) -> None:
        """Take those who wait at the door, some at a time."""
        for _ in range(AT_ONCE):
            try:
                accepted, _ = self._socket.accept()
            except OSError:
                return
            with contextlib.suppress(OSError):
                accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._adopt(accepted)

    def close(self) -> None:
        """Let go of the socket."""
        self._socket.close()
