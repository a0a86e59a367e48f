"""What an app node can answer with: a body that may be huge, its fields, and its validators."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import formatdate, parsedate_to_datetime
from typing import Protocol

PIECE = 65_536
Fields = tuple[tuple[str, str], ...]


class Body(Protocol):
    """Bytes that can be cut out of the middle without holding the whole."""

    @property
    def length(self) -> int: ...

    def pieces(self, start: int, stop: int) -> Iterator[bytes]:
        """The bytes of ``[start, stop)`` in pieces of at most 64 KiB."""
        ...


@dataclass(frozen=True, slots=True)
class Octets:
    """A body that is in memory."""

    data: bytes

    @property
    def length(self) -> int:
        return len(self.data)

    def pieces(self, start: int, stop: int) -> Iterator[bytes]:
        for at in range(start, stop, PIECE):
            yield self.data[at : min(at + PIECE, stop)]


PLAIN_BLOCK = (b"The harbour keeps its own tide table, whatever the sea says.\r\n" * 1100)[:PIECE]


@dataclass(frozen=True, slots=True)
class Pattern:
    """A body of any length whose every byte follows from its position alone.

    Each block of 64 KiB begins with ``block NNNNNNNNN\\n`` (16 bytes), so a piece out of place is seen.
    """

    length: int

    def pieces(self, start: int, stop: int) -> Iterator[bytes]:
        at = start
        while at < stop:
            number, offset = divmod(at, PIECE)
            end = min(PIECE, offset + stop - at)
            block = b"block %09d\n" % (number % 10**9) + PLAIN_BLOCK[16:]
            yield block if (offset, end) == (0, PIECE) else block[offset:end]
            at += end - offset


@dataclass(frozen=True, slots=True)
class Document:
    """A response before the request's conditions are applied to it.

    ``etag`` is a whole entity tag, quotes included; ``last_modified`` is in seconds since the epoch.
    """

    body: Body
    fields: Fields
    status: int = 200
    etag: str | None = None
    last_modified: int | None = None
    ranges: bool = False


def strong_etag(data: bytes) -> str:
    """A strong entity tag that follows from the bytes alone, so every node gives the same."""
    return f'"{hashlib.sha256(data).hexdigest()[:24]}"'


def http_date(seconds: float) -> str:
    """An IMF-fixdate (RFC 9110 section 5.6.7)."""
    return formatdate(seconds, usegmt=True)


def parse_http_date(text: str) -> int | None:
    """Seconds since the epoch, or None for anything that is not a date."""
    try:
        return int(parsedate_to_datetime(text).timestamp())
    except (ValueError, TypeError, OverflowError):
        return None
