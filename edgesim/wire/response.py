"""An origin's response: its head, and its body as it comes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from edgesim.core.failures import FailureKind
from edgesim.wire.body import Body
from edgesim.wire.dial import OriginFailed
from edgesim.wire.duplex import Duplex
from edgesim.wire.grammar import Headers, ResponseHead

if TYPE_CHECKING:
    from edgesim.wire.upstream import OriginConnection


@dataclass(frozen=True, slots=True)
class Timings:
    """Milliseconds. ``connect_ms`` includes TLS; both are 0 on a reused connection. ``first_byte_ms`` counts from the
    end of the request."""

    dns_ms: float
    connect_ms: float
    first_byte_ms: float


class OriginResponse:
    """``length`` is the announced body size in bytes, None when chunked or ended by the connection's end.

    ``bytes_in`` and ``bytes_out`` are on the wire, heads and framing included. ``duplex`` is set for a 101.
    Whoever takes a response must :meth:`release` it, or use it as a context manager, which does the same: one whose
    body is neither read nor released keeps its connection.
    ``reused``: over a connection that had served before. ``retried``: sent a second time, because an idle connection
    turned out to be closed. ``attempts``: connection attempts made, 0 when reused. ``asked`` and ``head`` are the heads
    of request and response as bytes.
    """

    __slots__ = (
        "_bytes_in",
        "_connection",
        "asked",
        "attempts",
        "body",
        "bytes_out",
        "chunked",
        "duplex",
        "framed",
        "head",
        "headers",
        "length",
        "reason",
        "remote",
        "retried",
        "reused",
        "status",
        "timings",
        "version",
        "whole",
    )

    def __init__(
        self, connection: OriginConnection, raw: bytes, head: ResponseHead, length: int | None, first_byte_ms: float
    ) -> None:
        self._connection = connection
        self._bytes_in: int | None = None
        self.head = raw
        self.asked = b""
        self.status = head.status
        self.reason = head.reason
        self.version = head.version
        self.headers: Headers = head.headers
        self.chunked = length == -1
        self.framed = length is not None
        self.length = None if length == -1 else length
        self.remote = connection.remote
        self.bytes_out = connection.bytes_out
        self.whole: bytes | None = None  # a body that came with its head
        self.body: Body | None = None
        self.duplex: Duplex | None = None
        self.reused = False
        self.retried = False
        self.attempts = 0
        self.timings = Timings(0.0, 0.0, first_byte_ms)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    @property
    def key(self) -> Hashable:
        """Whose connections would do for the same request."""
        return self._connection.key

    @property
    def bytes_in(self) -> int:
        """Bytes received for this response so far."""
        return self._connection.bytes_in if self._bytes_in is None else self._bytes_in

    @bytes_in.setter
    def bytes_in(self, total: int) -> None:
        self._bytes_in = total

    @property
    def complete(self) -> bool:
        """The whole body has arrived, read or not."""
        return self.body is None or self.body.complete

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as it comes; the origin is held back while nobody takes it.

        Raises:
            OriginFailed: TRUNCATED, RESET, READ_TIMEOUT, COMPLETION_TIMEOUT or INVALID_RESPONSE, after the bytes that
                came before.
        """
        if self.whole:
            whole, self.whole = self.whole, b""
            yield whole
        if self.body is not None:
            while data := await self.body.readany():
                yield data

    async def read(self, limit: int | None = None) -> bytes:
        """The whole body.

        Raises:
            OriginFailed: as :meth:`chunks`, and TOO_LARGE above ``limit`` bytes.
        """
        pieces = []
        size = 0
        async for piece in self.chunks():
            pieces.append(piece)
            size += len(piece)
            if limit is not None and size > limit:
                self.abort()
                raise OriginFailed.of(FailureKind.TOO_LARGE, f"over {limit} bytes")
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def release(self) -> None:
        """Done with it; a body that has not arrived whole costs the connection."""
        if not self.complete or self.duplex is not None:
            self._connection.abort()

    abort = release
