"""A body on its way: chunks that arrive, readers that follow at their own pace, and one writer.

Plain data without any waiting: readers ask what is there and leave a callback for more. Once a body is known not to be
kept (:meth:`Body.release`), chunks that every reader has passed are dropped, so an object of any size passes in bounded
memory (ARCHITECTURE rule 8).
"""

from __future__ import annotations

from collections.abc import Callable

from edgesim.core.failures import Failure


class Body:
    """Bytes from one writer to any number of readers. ``size`` counts all bytes ever appended."""

    __slots__ = (
        "_base",
        "_chunks",
        "_first",
        "complete",
        "failure",
        "kept",
        "on_abandoned",
        "readers",
        "size",
        "watchers",
    )

    def __init__(self, data: bytes | None = None, *, kept: bool = True) -> None:
        self._chunks: list[bytes] = [data] if data else []
        self._base = 0
        self._first = 0
        self.size = len(data) if data else 0
        self.complete = data is not None
        self.failure: Failure | None = None
        self.kept = kept
        self.readers: set[Reader] | None = None
        self.watchers: list[Callable[[], None]] | None = None
        self.on_abandoned: Callable[[], None] | None = None
        """Called when the last reader closes before the end."""

    @property
    def ended(self) -> bool:
        """True when nothing more will come, well or badly."""
        return self.complete or self.failure is not None

    def append(self, chunk: bytes) -> None:
        """Add bytes and wake whoever waits for them."""
        self._chunks.append(chunk)
        self.size += len(chunk)
        self._notify()

    def finish(self) -> None:
        """No more bytes: the body is whole."""
        self.complete = True
        if self.kept and len(self._chunks) > 1:
            self._chunks = [b"".join(self._chunks)]
            self._first, self._base = 0, 0
            for reader in self.readers or ():
                reader.rewind()
        self._notify()

    def fail(self, failure: Failure) -> None:
        """No more bytes: the body broke off."""
        self.failure = failure
        self._notify()

    def release(self) -> None:
        """Stop keeping: from here on only what some reader still needs is held."""
        self.kept = False
        self.trim()

    @property
    def data(self) -> bytes:
        """All of a complete, kept body."""
        return self._chunks[0] if self._chunks else b""

    @property
    def backlog(self) -> int:
        """Bytes still held."""
        return self.size - self._base

    def watch(self, callback: Callable[[], None]) -> None:
        """Call ``callback`` once at the next change."""
        if self.watchers is None:
            self.watchers = []
        self.watchers.append(callback)

    def _notify(self) -> None:
        watchers, self.watchers = self.watchers, None
        for callback in watchers or ():
            callback()

    def reader(self) -> Reader:
        """A new reader from the first byte that is still held."""
        made = Reader(self)
        if self.readers is None:
            self.readers = set()
        self.readers.add(made)
        return made

    def trim(self) -> None:
        """Drop what every reader has passed, if the body is not kept."""
        if self.kept or not self._chunks:
            return
        behind = min((reader.index for reader in self.readers or ()), default=self._first + len(self._chunks))
        count = behind - self._first
        if count > 0:
            self._base += sum(map(len, self._chunks[:count]))
            del self._chunks[:count]
            self._first = behind
            self._notify()

    def chunk(self, index: int) -> bytes | None:
        """The chunk with this number, ``None`` when it has not come yet."""
        place = index - self._first
        return self._chunks[place] if place < len(self._chunks) else None


class Reader:
    """One follower of a body; :meth:`next` gives what has come since the last call."""

    __slots__ = ("_body", "index", "position")

    def __init__(self, body: Body) -> None:
        self._body = body
        self.index = body._first
        self.position = body._base

    def next(self) -> bytes | None:
        """The next bytes, or ``None`` when there are none yet (or no more: see ``Body.ended``)."""
        chunk = self._body.chunk(self.index)
        if chunk is None:
            return None
        self.index += 1
        skip = self.position - self._body_offset(chunk)
        self.position += len(chunk) - skip
        self._body.trim()
        return chunk[skip:] if skip else chunk

    def _body_offset(self, chunk: bytes) -> int:
        # after the writer joined all chunks into one, a reader half-way skips what it has had
        return 0 if self._body.complete and self._body.kept and self.index == 1 else self.position

    def rewind(self) -> None:
        """The chunks became one: go on inside it, or stay at its end."""
        self.index = 0 if self.position < self._body.size else 1

    def close(self) -> None:
        """Read no more."""
        body = self._body
        if body.readers is not None:
            body.readers.discard(self)
        body.trim()
        if not body.readers and not body.ended and body.on_abandoned is not None:
            body.on_abandoned()
