"""Moving bodies: from an origin or another tier into a core ``Body``, and from there to a viewer."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import closing
from typing import Protocol

import brotli

from edgesim.core.answers import Answer, BrokenOff
from edgesim.core.bodies import Body
from edgesim.core.failures import Failure, FailureKind
from edgesim.core.reasons import NotStored
from edgesim.observe.tasks import TaskOwner
from edgesim.wire.client import OriginFailed

WINDOW = 512 * 1024
"""Bytes that may wait in a body that is not kept before the upstream is held back."""

SECOND_LOOK = 0.05
"""Seconds between the last reader's leaving and giving up, in which a follower may still turn up."""


class Source(Protocol):
    """Where a body comes from."""

    @property
    def ready(self) -> bytes | None:
        """The whole body, if it is all there."""

    def chunks(self) -> AsyncIterator[bytes]:
        """The body as it comes; raises OriginFailed when it breaks off."""

    def close(self) -> None:
        """Nobody wants the rest."""


class Encoder(Protocol):
    """A compressor."""

    def add(self, data: bytes) -> bytes:
        """More input; the output so far."""

    def end(self) -> bytes:
        """The rest of the output."""


class Gzip:
    """gzip, at the level CDNs use on the fly."""

    def __init__(self) -> None:
        self._stream = zlib.compressobj(6, zlib.DEFLATED, 31)

    def add(self, data: bytes) -> bytes:
        """More input; the output so far."""
        return self._stream.compress(data)

    def end(self) -> bytes:
        """The rest of the output."""
        return self._stream.flush()


class Brotli:
    """Brotli, at a quality meant for on-the-fly use."""

    def __init__(self) -> None:
        self._stream = brotli.Compressor(quality=5)

    def add(self, data: bytes) -> bytes:
        """More input; the output so far."""
        return bytes(self._stream.process(data))

    def end(self) -> bytes:
        """The rest of the output."""
        return bytes(self._stream.finish())


def encoder_for(coding: str) -> Encoder:
    """A new compressor for ``br`` or ``gzip``."""
    return Brotli() if coding == "br" else Gzip()


class Pump:
    """Fills one body. ``ended`` is called once, with why the body is not to be kept, before any reader sees its end."""

    def __init__(
        self,
        source: Source,
        body: Body,
        ended: Callable[[NotStored | None], None],
        *,
        largest: int,
        encoder: Encoder | None = None,
    ) -> None:
        self._source = source
        self._body = body
        self._ended = ended
        self._largest = largest
        self._encoder = encoder
        self._refused: NotStored | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self, tasks: TaskOwner) -> None:
        """Fill the body now if all of it is there, else in the background."""
        ready = self._source.ready
        if ready is not None:
            self._put(ready)
            self._finish()
            return
        self._body.on_abandoned = self._look_again
        self._task = tasks.start(self._run(), name="body")

    def _put(self, data: bytes) -> None:
        if self._encoder is not None:
            data = self._encoder.add(data)
        if data:
            self._body.append(data)
        if self._body.kept and self._body.size > self._largest:
            self._refused = NotStored.TOO_LARGE
            self._body.release()

    def _finish(self) -> None:
        if self._encoder is not None and (rest := self._encoder.end()):
            self._body.append(rest)
        self._body.finish()
        self._ended(self._refused)

    async def _run(self) -> None:
        body = self._body
        try:
            async for chunk in self._source.chunks():
                self._put(chunk)
                while not body.kept and body.backlog > WINDOW:
                    await changed(body)
        except OriginFailed as failed:
            self._ended(NotStored.TRUNCATED)
            body.fail(failed.failure)
            self._source.close()
        except asyncio.CancelledError:
            self._ended(NotStored.VIEWER_LEFT)
            body.fail(Failure(FailureKind.RESET, "nobody was waiting for the rest"))
            self._source.close()
            raise
        else:
            self._finish()

    def _look_again(self) -> None:
        asyncio.get_running_loop().call_later(SECOND_LOOK, self._give_up)

    def _give_up(self) -> None:
        if not self._body.readers and not self._body.ended and self._task is not None:
            self._task.cancel()


async def changed(body: Body) -> None:
    """Wait for the next change of a body."""
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    body.watch(lambda: None if future.done() else future.set_result(None))
    await future


class AnswerSource:
    """Another tier's answer as a source."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    @property
    def ready(self) -> bytes | None:
        """The whole body, if it is all there."""
        return self._answer.data

    def chunks(self) -> AsyncIterator[bytes]:
        """The body as it comes; raises OriginFailed when it breaks off."""
        return chunks_of(self._answer)

    def close(self) -> None:
        """Nobody wants the rest."""
        self._answer.close()


async def chunks_of(answer: Answer) -> AsyncGenerator[bytes, None]:
    """The body of an answer as it comes; raises OriginFailed when it breaks off."""
    with closing(answer.pieces()) as pieces:
        try:
            for piece in pieces:
                if isinstance(piece, bytes):
                    yield piece
                else:
                    await changed(piece)
        except BrokenOff as broken:
            raise OriginFailed(broken.failure) from None
