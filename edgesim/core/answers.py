"""An answer on its way down: its head, and where its bytes come from, whoever moves them."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

from edgesim.core.bodies import Body, Reader
from edgesim.core.delivery import NotModified, Selection, Slice, Slices, Unsatisfiable
from edgesim.core.failures import Failure
from edgesim.core.messages import Field
from edgesim.core.outgoing import selected_head
from edgesim.core.ranges import Interval, content_range
from edgesim.core.store import Entry

BOUNDARY = "edgesim-byteranges-7d3f1c"


class BrokenOff(Exception):
    """A body ended before its end."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure)
        self.failure = failure


@dataclass(slots=True)
class Answer:
    """Status, headers and body. ``data`` is the whole body where it is there; else ``body`` is read from ``first``.

    ``length`` is the number of body bytes, ``None`` when only the end tells.
    """

    status: int
    reason: str
    headers: list[Field]
    data: bytes | None = b""
    body: Body | None = None
    first: int = 0
    length: int | None = 0
    reader: Reader | None = None

    def pieces(self) -> Generator[bytes | Body, None, None]:
        """The body as it comes: bytes, or the body to watch when there are none yet; raises BrokenOff."""
        if self.body is None or self.reader is None:
            if self.data:
                yield self.data
            return
        try:
            yield from self._cut(self.body, self.reader)
        finally:
            self.reader.close()

    def _cut(self, body: Body, reader: Reader) -> Generator[bytes | Body, None, None]:
        skip, left = self.first, self.length
        while left != 0:
            chunk = reader.next()
            if chunk is None:
                if body.failure is not None:
                    raise BrokenOff(body.failure)
                if body.complete:
                    return
                yield body
                continue
            skipped = min(skip, len(chunk))
            chunk, skip = chunk[skipped : None if left is None else skipped + left], skip - skipped
            if left is not None:
                left -= len(chunk)
            if chunk:
                yield chunk

    def close(self) -> None:
        """Nobody wants the rest."""
        if self.reader is not None:
            self.reader.close()


def entry_answer(entry: Entry, headers: list[Field], selection: Selection) -> Answer:
    """The answer that a stored (or still arriving) entry gives."""
    status, headers = selected_head(entry.status, headers, selection)
    if isinstance(selection, NotModified | Unsatisfiable):
        return Answer(status, "", headers)
    if isinstance(selection, Slice):
        return _slice(entry, status, headers, selection)
    if isinstance(selection, Slices):
        return _multipart(entry, status, headers, selection)
    return _whole(entry, status, headers)


def _whole(entry: Entry, status: int, headers: list[Field]) -> Answer:
    body = entry.body
    if body.complete and body.kept:
        return Answer(status, entry.reason, headers, body.data, length=body.size)
    return Answer(status, entry.reason, headers, None, body, 0, entry.total, body.reader())


def _slice(entry: Entry, status: int, headers: list[Field], wanted: Slice) -> Answer:
    length = wanted.interval[1] - wanted.interval[0] + 1
    data = _bytes(entry, wanted.interval, wanted.offset)
    if data is not None:
        return Answer(status, "", headers, data, length=length)
    return Answer(
        status, "", headers, None, entry.body, wanted.interval[0] - wanted.offset, length, entry.body.reader()
    )


def _bytes(entry: Entry, interval: Interval, offset: int = 0) -> bytes | None:
    if entry.parts is not None:
        return entry.parts.get(interval)
    if entry.body.complete and entry.body.kept:
        return entry.body.data[interval[0] - offset : interval[1] - offset + 1]
    return None


def _multipart(entry: Entry, status: int, headers: list[Field], wanted: Slices) -> Answer:
    """multipart/byteranges of a whole stored object (RFC 9110 §14.6)."""
    if not (entry.body.complete and entry.body.kept) and entry.parts is None:
        return _whole(entry, entry.status, headers)
    kind = next((value for name, value in headers if name.lower() == "content-type"), "application/octet-stream")
    pieces: list[bytes] = []
    for interval in wanted.intervals:
        place = content_range(interval, wanted.total)
        head = f"\r\n--{BOUNDARY}\r\nContent-Type: {kind}\r\nContent-Range: {place}\r\n\r\n"
        pieces += [head.encode("utf-8", "surrogateescape"), _bytes(entry, interval) or b""]
    pieces.append(f"\r\n--{BOUNDARY}--\r\n".encode())
    data = b"".join(pieces)
    kept = [pair for pair in headers if pair[0].lower() not in ("content-type", "content-length", "content-range")]
    kept += [("Content-Type", f"multipart/byteranges; boundary={BOUNDARY}"), ("Content-Length", str(len(data)))]
    return Answer(status, "", kept, data, length=len(data))
