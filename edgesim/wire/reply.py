"""The answer to one request: the head as given, the framing that the connection needs, the body as it comes."""

from __future__ import annotations

import socket
import struct
from collections.abc import Sequence
from time import monotonic
from typing import TYPE_CHECKING

from edgesim.wire.duplex import Duplex
from edgesim.wire.framing import LAST_CHUNK, chunk, encode_head
from edgesim.wire.grammar import decimal
from edgesim.wire.incoming import ViewerGone

if TYPE_CHECKING:
    from edgesim.wire.connection import Connection

Fields = Sequence[tuple[str, str]]

_JOINED = 64 * 1024  # below this, one copy is cheaper than a second write
_RESET = struct.pack("ii", 1, 0)


class Reply:
    """Answers one request. Owns ``Connection`` and ``Transfer-Encoding``, and adds ``Content-Length`` where due.

    ``bytes_sent`` counts all bytes on the wire, heads and framing included; ``first_byte_at`` and ``last_byte_at`` are
    ``time.monotonic()``, None before.
    """

    __slots__ = (
        "_bodyless",
        "_chunked",
        "_connection",
        "_head",
        "_left",
        "_method",
        "_version",
        "bytes_sent",
        "close",
        "finished",
        "first_byte_at",
        "last_byte_at",
        "started",
        "status",
    )

    def __init__(self, connection: Connection, method: str, version: tuple[int, int], *, close: bool) -> None:
        self._connection = connection
        self._method = method
        self._version = version
        self._head: bytes | None = None
        self._left: int | None = None
        self._chunked = False
        self._bodyless = False
        self.close = close
        self.started = False
        self.finished = False
        self.status = 0
        self.bytes_sent = 0
        self.first_byte_at: float | None = None
        self.last_byte_at: float | None = None

    @property
    def connection(self) -> Connection:
        """The connection it goes out by."""
        return self._connection

    @property
    def gone(self) -> bool:
        """The viewer hung up: it closed its side, or the connection is lost.

        A viewer that only closed its sending side can still be answered; writing fails once the connection is lost.
        """
        return self._connection.lost or self._connection.half_closed

    def head(
        self,
        status: int,
        reason: str,
        headers: Fields,
        *,
        length: int | None,
        body_allowed: bool = True,
        close: bool = False,
    ) -> None:
        """Begin the answer. It leaves with the first of the body, or at the end of this turn of the loop.

        A body of unknown ``length`` is chunked, or ends with the connection for an HTTP/1.0 viewer. A
        ``Content-Length`` among the headers is taken for the length. HEAD, 204 and 304 have no body, whatever is
        written.

        Raises:
            ValueError: a header cannot be sent as it is, or two lengths disagree.
        """
        self._head = self._begin(status, reason, headers, length, body_allowed, close)
        self._connection.loop.call_soon(self._flush)

    def respond(self, status: int, reason: str, headers: Fields, body: bytes | None) -> None:
        """The whole answer in one write; ``body`` is ``None`` where there is none: HEAD, 204 and 304."""
        head = self._begin(status, reason, headers, None if body is None else len(body), body is not None, False)
        self.finished = True
        if self._bodyless or not body:
            self._send(head)
        else:
            self._send(head, body)

    async def write(self, data: bytes) -> None:
        """Send a piece of the body, and wait while the viewer is slow.

        Raises:
            ViewerGone: the connection is lost.
            RuntimeError: more than the announced length, or no head yet.
        """
        connection = self._connection
        if not self.started or self.finished:
            raise RuntimeError("a body is written between head() and finish()")
        if connection.lost:
            raise ViewerGone("the viewer hung up")
        if data and not self._bodyless:
            if self._left is not None:
                if len(data) > self._left:
                    raise RuntimeError("more body than was announced")
                self._left -= len(data)
            self._send_with_head(chunk(data) if self._chunked else data)
        if connection.paused:
            await connection.drain()
            if connection.lost:
                raise ViewerGone("the viewer hung up")

    async def finish(self) -> None:
        """The body is complete.

        Raises:
            RuntimeError: less than the announced length was written; the connection is cut.
        """
        if self.finished:
            return
        if not self.started:
            raise RuntimeError("an answer begins with head()")
        if self._left:
            self.abort()
            raise RuntimeError("less body than was announced")
        self.finished = True
        if self._chunked:
            self._send_with_head(LAST_CHUNK)
        else:
            self._flush()

    def interim(self, status: int, reason: str, headers: Fields) -> None:
        """A 1xx before the answer; not sent to HTTP/1.0 viewers, which do not know them."""
        if self.started:
            raise RuntimeError("an interim response comes before the answer")
        if self._version >= (1, 1):
            self._send(encode_head(f"HTTP/1.1 {status} {reason}", headers))

    def continue_(self) -> None:
        """Ask a viewer that waits with ``Expect: 100-continue`` for its body, now; reading the body does it as well."""
        self._connection.continue_()

    def abort(self) -> None:
        """Cut the connection so that the viewer sees that the answer is not whole; what was written still goes out,
        except where only a reset can tell (a body that ends with the connection)."""
        self.finished = True
        self.close = True
        connection = self._connection
        if connection.lost:
            return
        if self.started and not self._chunked and self._left is None and not self._bodyless:
            sock = connection.transport.get_extra_info("socket")
            if sock is not None:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            connection.transport.abort()
            return
        self._flush()
        connection.shut()

    def upgrade(self, status: int, reason: str, headers: Fields) -> Duplex:
        """Answer 101 with exactly these headers (``Connection`` and ``Upgrade`` among them): the connection is yours
        until the handler returns, beginning with what the viewer had sent behind its head."""
        if self.started:
            raise RuntimeError("an upgrade is the answer")
        self.started = self.finished = self.close = True
        self.status = status
        self._send(encode_head(f"HTTP/1.1 {status} {reason}", headers))
        return self._connection.upgrade()

    def _begin(
        self, status: int, reason: str, headers: Fields, length: int | None, body_allowed: bool, close: bool
    ) -> bytes:
        if self.started:
            raise RuntimeError("the answer has begun already")
        names = [name.lower() for name, _ in headers]
        if "connection" in names or "transfer-encoding" in names:
            headers = [field for field, name in zip(headers, names, strict=True) if name not in _OWNED]
            names = [name for name in names if name not in _OWNED]
        bodyless = not body_allowed or self._method == "HEAD" or status in (204, 304)
        framing = ""
        if "content-length" in names:
            announced = decimal(headers[names.index("content-length")][1])
            if announced is None or (length is not None and length != announced):
                raise ValueError(f"the announced length is {announced}, the body's is {length}")
            length = announced
        elif length is not None and status != 204:
            framing = f"Content-Length: {length}\r\n"
        if bodyless:
            self._left = 0
        elif length is not None:
            self._left = length
        elif self._version >= (1, 1):
            self._chunked = True
            framing = "Transfer-Encoding: chunked\r\n"
        else:
            close = True
        self._bodyless = bodyless
        self.close = self.close or close or self._connection.must_close
        framing += "Connection: close\r\n" if self.close else "Connection: keep-alive\r\n"
        head = encode_head(f"HTTP/1.1 {status} {reason}", headers, framing)
        self.started = True
        self.status = status
        return head

    def _flush(self) -> None:
        """Send the head, when nothing took it along."""
        if self._head is not None:
            head, self._head = self._head, None
            self._send(head)

    def _send_with_head(self, data: bytes) -> None:
        if self._head is None:
            self._send(data)
        else:
            head, self._head = self._head, None
            self._send(head, data)

    def _send(self, first: bytes, second: bytes = b"") -> None:
        connection = self._connection
        if connection.lost:
            return
        if self.first_byte_at is None:
            self.first_byte_at = self.last_byte_at = monotonic()
        else:
            self.last_byte_at = monotonic()
        self.bytes_sent += len(first) + len(second)
        if not second:
            connection.send(first)
        elif len(second) < _JOINED:
            connection.send(first + second)
        else:
            connection.send(first, second)


_OWNED = ("connection", "transfer-encoding")
