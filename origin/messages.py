"""HTTP/1 as the balancer needs it: heads kept line for line, and where a body ends (RFC 9112)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

HEAD_BYTES = 1 << 18
PIECE = 1 << 16


class Malformed(Exception):
    """The bytes are not an HTTP/1 message; ``seen`` is what was taken from the stream."""

    def __init__(self, why: str, seen: bytes = b"") -> None:
        super().__init__(why)
        self.seen = seen


class Inbox(asyncio.StreamReader):
    """A stream reader that gives what was received before a reset, and tells when the other side has gone.

    ``gone`` is set, and ``when_gone`` called, at the end of the stream or at a failure; ``fault`` is the failure.
    """

    def __init__(self) -> None:
        super().__init__(limit=HEAD_BYTES)
        self.gone = asyncio.Event()
        self.fault: Exception | None = None
        self.when_gone: Callable[[], None] | None = None

    def feed_eof(self) -> None:
        super().feed_eof()
        self.gone.set()
        if self.when_gone is not None:
            self.when_gone()

    def set_exception(self, exc: Exception) -> None:
        self.fault = exc
        self.feed_eof()


@dataclass(slots=True)
class Head:
    """A start line and field lines, as received, without line ends."""

    start: bytes
    lines: list[bytes]

    @property
    def raw(self) -> bytes:
        return b"\r\n".join([self.start, *self.lines, b"", b""])

    def values(self, name: bytes) -> list[bytes]:
        """Every value of a field, in order; ``name`` in lower case."""
        found = (line.partition(b":") for line in self.lines)
        return [value.strip() for given, _, value in found if given.lower() == name]

    def has_token(self, name: bytes, token: bytes) -> bool:
        return any(token == part.strip().lower() for value in self.values(name) for part in value.split(b","))

    def replace(self, name: bytes, value: bytes) -> None:
        """Set the last line of that name, where it stands, or add one; ``name`` as it is to be written."""
        line = name + b": " + value
        for at in range(len(self.lines) - 1, -1, -1):
            if self.lines[at].partition(b":")[0].lower() == name.lower():
                self.lines[at] = line
                return
        self.lines.append(line)


class RequestHead(Head):
    """The head of a request."""

    @property
    def method(self) -> str:
        return self.start.split(b" ")[0].decode("latin-1")

    @property
    def target(self) -> str:
        return self.start.split(b" ")[1].decode("latin-1")

    @property
    def keeps_alive(self) -> bool:
        if self.start.endswith(b"/1.0"):
            return self.has_token(b"connection", b"keep-alive")
        return not self.has_token(b"connection", b"close")

    @property
    def body_length(self) -> int | None:
        """Bytes of body, None when it is chunked. Raises :class:`Malformed` for a framing that is not safe."""
        lengths, codings = set(self.values(b"content-length")), self.values(b"transfer-encoding")
        if codings:
            if lengths or [coding.lower() for coding in codings] != [b"chunked"]:
                raise Malformed("a body with Transfer-Encoding must be chunked and have no Content-Length")
            return None
        return _one_length(lengths) or 0


class ResponseHead(Head):
    """The head of a response."""

    @property
    def status(self) -> int:
        return int(self.start[9:12])

    @property
    def is_chunked(self) -> bool:
        return self.has_token(b"transfer-encoding", b"chunked")

    @property
    def length(self) -> int | None:
        """The announced length, None when there is none."""
        return _one_length(set(self.values(b"content-length")))

    @property
    def ends_by_closing(self) -> bool:
        return not self.is_chunked and not self.values(b"content-length")

    @property
    def keeps_alive(self) -> bool:
        if self.start.startswith(b"HTTP/1.0"):
            return self.has_token(b"connection", b"keep-alive")
        return not self.has_token(b"connection", b"close")


def _one_length(lengths: set[bytes]) -> int | None:
    if not lengths:
        return None
    if len(lengths) > 1 or not (value := lengths.pop()).isdigit():
        raise Malformed("Content-Length is not one whole number")
    return int(value)


async def read_request(inbox: Inbox) -> RequestHead | None:
    """The next request, or None when the client has nothing more to say."""
    lines = await _head_lines(inbox)
    if not lines:
        return None
    parts = lines[0].split(b" ")
    if len(parts) != 3 or parts[2] not in {b"HTTP/1.1", b"HTTP/1.0"} or not all(parts):
        raise Malformed("the request line is not METHOD TARGET HTTP/1.1")
    if any(b":" not in line or line[:1] in b" \t" for line in lines[1:]):
        raise Malformed("a field line has no name")
    return RequestHead(lines[0], lines[1:])


async def read_response(inbox: Inbox) -> ResponseHead | None:
    """The next response head, or None when the node closed without a byte."""
    lines = await _head_lines(inbox)
    if not lines:
        return None
    if not lines[0].startswith(b"HTTP/1.") or not lines[0][9:12].isdigit():
        raise Malformed("not an HTTP/1 response", b"\r\n".join([*lines, b"", b""]))
    return ResponseHead(lines[0], lines[1:])


async def _head_lines(inbox: Inbox) -> list[bytes]:
    try:
        head = await inbox.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise Malformed("the head is not complete", error.partial) from None
        return []
    except asyncio.LimitOverrunError:
        raise Malformed("the head is too large") from None
    return head[:-4].split(b"\r\n")


class Relay:
    """Bytes from one connection to another, in bounded memory, untouched."""

    def __init__(self, source: Inbox, sink: asyncio.StreamWriter) -> None:
        self._source = source
        self._sink = sink

    async def exactly(self, length: int) -> bool:
        """False when the source ended before."""
        while length:
            piece = await self._source.read(min(PIECE, length))
            if not piece:
                return False
            length -= len(piece)
            await self._put(piece)
        return True

    async def chunked(self) -> bool:
        """A chunked body with its trailers, framing included. False when it ended before, or is not chunked at all."""
        while True:
            line = await self._line()
            size_text = line.partition(b";")[0].strip()
            if not line.endswith(b"\n") or not _is_hexadecimal(size_text):
                return False
            size = int(size_text, 16)
            if size == 0:
                break
            if not await self.exactly(size + 2):
                return False
        while (line := await self._line()) not in {b"\r\n", b"\n"}:
            if not line.endswith(b"\n"):
                return False
        return True

    async def rest(self) -> None:
        """Everything up to the end of the source."""
        while piece := await self._source.read(PIECE):
            await self._put(piece)

    async def _line(self) -> bytes:
        try:
            line = await self._source.readuntil(b"\n")
        except asyncio.IncompleteReadError as error:
            line = error.partial
        except asyncio.LimitOverrunError:
            return b""
        await self._put(line)
        return line

    async def _put(self, piece: bytes) -> None:
        self._sink.write(piece)
        await self._sink.drain()


def _is_hexadecimal(text: bytes) -> bool:
    return 0 < len(text) <= 16 and all(character in b"0123456789abcdefABCDEF" for character in text)
