"""Bodies on the wire: the strict chunked decoder, the chunk encoder, and heads as bytes (RFC 9112 §6, §7)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final, Protocol

_SIZE: Final = re.compile(rb"([0-9A-Fa-f]{1,15})([ \t]*)(?:;[\t\x20-\x7e\x80-\xff]*)?")
_TRAILER: Final = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*")
_LINE_LIMIT: Final = 1024
_TRAILERS_LIMIT: Final = 32_768
LAST_CHUNK: Final = b"0\r\n\r\n"


class ChunkingError(Exception):
    """The bytes are not a chunked body."""


class Framing(Protocol):
    """Takes one body's payload off the wire and knows its end."""

    done: bool
    rest: bytes  # what came behind the end, once done

    def feed(self, data: bytes) -> Sequence[bytes]:
        """The payload in ``data``."""

    @property
    def missing(self) -> str:
        """What a body that ends here lacks; empty when nothing."""


class Counted:
    """A body of ``length`` bytes (``Content-Length``)."""

    __slots__ = ("done", "left", "rest")

    def __init__(self, length: int) -> None:
        self.left = length
        self.done = length == 0
        self.rest = b""

    def feed(self, data: bytes) -> Sequence[bytes]:
        size = len(data)
        if size < self.left:
            self.left -= size
            return (data,)
        piece, self.rest = data[: self.left], data[self.left :]
        self.left = 0
        self.done = True
        return (piece,)

    @property
    def missing(self) -> str:
        return f"{self.left} bytes"


class UntilClose:
    """A body that ends with its connection."""

    __slots__ = ("done", "rest")

    missing = ""

    def __init__(self) -> None:
        self.done = False
        self.rest = b""

    def feed(self, data: bytes) -> Sequence[bytes]:
        return (data,)


class Chunked:
    """Takes a chunked body apart, piece by piece; trailers are checked and dropped.

    ``lenient`` allows blanks after a chunk size, which some origins pad with; a viewer's body gets no leniency.
    """

    __slots__ = ("_left", "_lenient", "_line", "_trailers", "done", "rest")

    missing = "the last chunk"

    def __init__(self, *, lenient: bool = False) -> None:
        self.done = False
        self.rest = b""
        self._lenient = lenient
        self._left = 0  # bytes of the current chunk still to come, its CRLF included
        self._line = b""
        self._trailers = -1  # bytes of trailers so far; -1 before the last chunk

    def feed(self, data: bytes) -> Sequence[bytes]:
        """The payload in ``data``. Sets ``done`` and ``rest`` at the end of the body.

        Raises:
            ChunkingError: a size, a chunk's end or a trailer is malformed or too long.
        """
        pieces: list[bytes] = []
        at, size = 0, len(data)
        while at < size and not self.done:
            at = self._chunk(data, at, pieces) if self._left else self._to_line_end(data, at)
        if self.done:
            self.rest = data[at:]
        return pieces

    def _chunk(self, data: bytes, at: int, pieces: list[bytes]) -> int:
        """Take payload up to the chunk's end, then the CRLF that closes it."""
        payload = self._left - 2
        if payload > 0:
            piece = data[at : at + payload]
            pieces.append(piece)
            self._left -= len(piece)
            return at + len(piece)
        expected = b"\r\n"[2 - self._left :]
        found = data[at : at + self._left]
        if not expected.startswith(found):
            raise ChunkingError(f"a chunk is not followed by CRLF but {found!r}")
        self._left -= len(found)
        return at + len(found)

    def _to_line_end(self, data: bytes, at: int) -> int:
        end = data.find(b"\n", at)
        self._line += data[at:] if end < 0 else data[at : end + 1]
        if len(self._line) > (_LINE_LIMIT if self._trailers < 0 else _TRAILERS_LIMIT):
            raise ChunkingError("a line of the chunked framing is too long")
        if end < 0:
            return len(data)
        line, self._line = self._line, b""
        if not line.endswith(b"\r\n"):
            raise ChunkingError("a line of the chunked framing ends with LF without CR")
        if self._trailers < 0:
            self._size(line[:-2])
        else:
            self._trailer(line[:-2])
        return end + 1

    def _size(self, line: bytes) -> None:
        match = _SIZE.fullmatch(line)
        if match is None or (match[2] and not self._lenient):
            raise ChunkingError(f"bad chunk size {line[:40]!r}")
        size = int(match[1], 16)
        if size:
            self._left = size + 2
        else:
            self._trailers = 0

    def _trailer(self, line: bytes) -> None:
        if not line:
            self.done = True
            return
        self._trailers += len(line) + 2
        if self._trailers > _TRAILERS_LIMIT or _TRAILER.fullmatch(line) is None:
            raise ChunkingError(f"bad trailer {line[:40]!r}")


def chunk(data: bytes) -> bytes:
    """One chunk; ``data`` must not be empty, for an empty chunk ends the body."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def encode_head(first_line: str, headers: Iterable[tuple[str, str]], framing: str = "") -> bytes:
    """A head as bytes, the headers exactly as given; ``framing`` is more lines, each ended by CRLF.

    Raises:
        ValueError: a name or value holds CR, LF or NUL, and would say something else on the wire.
    """
    lines = [first_line, *[f"{name}: {value}" for name, value in headers]]
    text = "\r\n".join(lines)
    if text.count("\n") != len(lines) - 1 or text.count("\r") != len(lines) - 1 or "\0" in text:
        raise ValueError("a header holds CR, LF or NUL")
    return f"{text}\r\n{framing}\r\n".encode("utf-8", "surrogateescape")
