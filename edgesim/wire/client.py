"""The origins' side: kept connections, and one request at a time over each of them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Hashable, Sequence
from dataclasses import dataclass
from time import monotonic

from edgesim.core.failures import FailureKind
from edgesim.observe.tasks import TaskOwner
from edgesim.wire.dial import Classify, Dialled, OriginFailed, Target, classify_tls, dial
from edgesim.wire.flow import NEVER, Deadlines
from edgesim.wire.framing import LAST_CHUNK, chunk, encode_head
from edgesim.wire.later import Ahead
from edgesim.wire.response import OriginResponse, Timings
from edgesim.wire.upstream import OnInterim, OriginConnection

__all__ = ["OriginFailed", "OriginPool", "OriginResponse", "PoolStats", "Target", "Timeouts", "Timings"]

RequestBody = None | bytes | AsyncIterator[bytes]

_REPEATABLE = frozenset({"GET", "HEAD", "OPTIONS"})  # safe: sending them twice changes nothing (RFC 9110 §9.2.1)
_EXPECTS_BODY = frozenset({"POST", "PUT", "PATCH"})
_FRAMING = ("content-length", "transfer-encoding")
_REUSED = Dialled(0.0, 0.0, 0)


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds, and the number of connection attempts (CloudFront guide, origin settings).

    ``read_s`` bounds the wait for the first byte and each gap after it; ``completion_s`` the whole request, connecting
    included.
    """

    connect_s: float = 10.0
    attempts: int = 3
    read_s: float = 30.0
    completion_s: float | None = None
    keepalive_s: float = 5.0


@dataclass(frozen=True, slots=True)
class PoolStats:
    """Connections now, and requests since the start."""

    open: int
    idle: int
    requests: int
    reused: int


class OriginPool:
    """Sends requests to origins, over idle connections where there are any (the last used first).

    ``classify`` names TLS failures, those raised by a target's ``verify`` included.
    """

    def __init__(self, classify: Classify = classify_tls, *, max_open: int = 1024, max_idle: int = 256) -> None:
        self._classify = classify
        self._max_open = max_open
        self._max_idle = max_idle
        self._idle: dict[Hashable, list[OriginConnection]] = {}
        self._idle_count = 0
        self._opening = 0
        self._queue: deque[asyncio.Future[None]] = deque()
        self._deadlines: Deadlines | None = None
        self._tasks = TaskOwner()
        self._requests = 0
        self._reused = 0
        self._closed = False

    @property
    def stats(self) -> PoolStats:
        """Counts of this moment."""
        open_now = 0 if self._deadlines is None else len(self._deadlines)
        return PoolStats(open_now, self._idle_count, self._requests, self._reused)

    async def send(
        self,
        target: Target,
        method: str,
        path: str,
        headers: Sequence[tuple[str, str]],
        body: RequestBody = None,
        body_length: int | None = None,
        timeouts: Timeouts = Timeouts(),
        *,
        on_interim: OnInterim | None = None,
        ahead: Ahead | None = None,
    ) -> OriginResponse:
        """Send a request and return when the response's head is there.

        The headers go out as given, but ``Content-Length`` and ``Transfer-Encoding`` are the client's own. An iterated
        body without ``body_length`` is chunked. A safe request whose reused connection turns out closed before any
        byte of a response is sent once more, over a new connection. With ``ahead`` it may have been sent already.

        Raises:
            OriginFailed: see :class:`~edgesim.core.failures.FailureKind`.
            Exception: what iterating ``body`` raised; the request is given up.
        """
        if self._closed:
            raise RuntimeError("the pool is closed")
        self._watch(timeouts)
        self._requests += 1
        completion_at = NEVER if timeouts.completion_s is None else monotonic() + timeouts.completion_s
        head = _request_head(method, path, headers, body, body_length)
        upgrade = any(len(name) == 7 and name.lower() == "upgrade" for name, _ in headers)
        retried = False
        while True:
            begun = None if ahead is None else ahead.claim(target.key, head, on_interim)
            if begun is not None:
                (connection, answer), dialled = begun, _REUSED
            else:
                connection, dialled = await self._connection(target, timeouts, completion_at, fresh=retried)
                answer = connection.begin(
                    method, timeouts.read_s, timeouts.keepalive_s, completion_at, on_interim, upgrade=upgrade
                )
                self._send_request(connection, head, body, body_length)
            try:
                response = await answer
            except OriginFailed as failed:
                if dialled is not _REUSED or connection.answered or not _repeatable(failed, method, body):
                    raise
                retried = True
            except asyncio.CancelledError:
                connection.abort()
                raise
            else:
                response.asked = head
                return self._received(response, dialled, retried)

    def _received(self, response: OriginResponse, dialled: Dialled, retried: bool) -> OriginResponse:
        """Note how the response was come by."""
        response.reused = dialled is _REUSED
        response.retried = retried
        response.attempts = dialled.attempts
        if response.reused:
            self._reused += 1
        else:
            response.timings = Timings(dialled.dns_ms, dialled.connect_ms, response.timings.first_byte_ms)
        return response

    async def close(self) -> None:
        """Close every connection; requests in hand fail."""
        self._closed = True
        await self._tasks.close()
        for flow in self._deadlines or ():
            if isinstance(flow, OriginConnection):
                flow.abort()
        await asyncio.sleep(0)  # let the transports tell

    # -- what connections say ---------------------------------------------------------------------------------------

    def opened(self, connection: OriginConnection) -> None:
        """A connection is there."""
        if self._deadlines is not None:
            self._deadlines.add(connection)

    def returned(self, connection: OriginConnection) -> None:
        """A connection is idle: keep it for the next, or close it when there are enough."""
        if self._closed or self._idle_count >= self._max_idle:
            connection.idle = False
            connection.transport.close()
            return
        self._idle.setdefault(connection.key, []).append(connection)
        self._idle_count += 1
        self._next_in_queue()

    def closed(self, connection: OriginConnection) -> None:
        """A connection has ended."""
        if self._deadlines is not None:
            self._deadlines.discard(connection)
        if connection.idle:
            self._forget(connection)
        self._next_in_queue()

    # -- connections ------------------------------------------------------------------------------------------------

    def _watch(self, timeouts: Timeouts) -> Deadlines:
        if self._deadlines is None:
            self._deadlines = Deadlines(asyncio.get_running_loop())
        self._deadlines.refine(min(timeouts.read_s, timeouts.keepalive_s, timeouts.completion_s or NEVER))
        return self._deadlines

    async def _connection(
        self, target: Target, timeouts: Timeouts, completion_at: float, *, fresh: bool
    ) -> tuple[OriginConnection, Dialled]:
        if not fresh and (kept := self.take_idle(target.key)) is not None:
            return kept, _REUSED
        if completion_at == NEVER:
            return await self._open(target, timeouts, fresh=fresh)
        try:
            async with asyncio.timeout(completion_at - monotonic()):
                return await self._open(target, timeouts, fresh=fresh)
        except TimeoutError as error:
            raise OriginFailed.of(FailureKind.COMPLETION_TIMEOUT, "while connecting") from error

    async def _open(self, target: Target, timeouts: Timeouts, *, fresh: bool) -> tuple[OriginConnection, Dialled]:
        while not self._room():
            await self._wait_for_room(timeouts.connect_s * timeouts.attempts)
            if not fresh and (kept := self.take_idle(target.key)) is not None:
                return kept, _REUSED
        self._opening += 1
        try:
            connection, dialled = await dial(
                target,
                lambda: OriginConnection(self, target.key),
                timeouts.connect_s,
                timeouts.attempts,
                self._classify,
            )
        finally:
            self._opening -= 1
            self._next_in_queue()
        connection.idle = False
        return connection, dialled

    def passed(self) -> None:
        """A request was sent and answered over a connection from :meth:`take_idle`."""
        self._requests += 1
        self._reused += 1

    def take_idle(self, key: Hashable) -> OriginConnection | None:
        """An idle connection, no longer the pool's until it comes back."""
        kept = self._idle.get(key)
        while kept:
            connection = kept.pop()
            self._idle_count -= 1
            if not kept:
                del self._idle[key]
            connection.idle = False
            if not connection.lost and not connection.transport.is_closing():
                return connection
        return None

    def _forget(self, connection: OriginConnection) -> None:
        kept = self._idle.get(connection.key)
        if kept and connection in kept:
            kept.remove(connection)
            self._idle_count -= 1
            if not kept:
                del self._idle[connection.key]

    def _room(self) -> bool:
        """Whether one more connection may be opened; an idle one of another origin gives way."""
        if self.stats.open + self._opening < self._max_open:
            return True
        if not self._idle:
            return False
        connection = self.take_idle(next(iter(self._idle)))
        if connection is not None:
            connection.transport.abort()
        return connection is not None

    async def _wait_for_room(self, seconds: float) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._queue.append(turn)
        try:
            async with asyncio.timeout(seconds):
                await turn
        except TimeoutError as error:
            raise OriginFailed.of(FailureKind.CONNECT_TIMEOUT, "no free connection in the pool") from error

    def _next_in_queue(self) -> None:
        while self._queue:
            turn = self._queue.popleft()
            if not turn.done():
                turn.set_result(None)
                return

    # -- requests ---------------------------------------------------------------------------------------------------

    def _send_request(self, connection: OriginConnection, head: bytes, body: RequestBody, length: int | None) -> None:
        if body is None or isinstance(body, bytes):
            if body:
                connection.send(head, body)
            else:
                connection.send(head)
        else:
            connection.send(head)
            connection.sending = self._tasks.start(_upload(connection, body, length))


async def _upload(connection: OriginConnection, body: AsyncIterator[bytes], length: int | None) -> None:
    """Send a body piece by piece, chunked when its ``length`` is None."""
    sent = 0
    try:
        connection.await_viewer()
        async for data in body:
            sent += len(data)
            if length is not None and sent > length:
                break
            if data:
                connection.send(chunk(data) if length is None else data)
            if connection.paused:
                connection.await_origin()
                await connection.drain()
            if connection.lost:
                return
            connection.await_viewer()
        if length is None:
            connection.send(LAST_CHUNK)
        elif sent != length:
            raise ValueError(f"a request body of other than the announced {length} bytes")
        connection.await_origin()
    except Exception as error:  # whatever the source raises is the caller's to see
        connection.upload_failed(error)


def _repeatable(failed: OriginFailed, method: str, body: RequestBody) -> bool:
    """Whether a request that was lost with a stale connection may be sent again (RFC 9110 §9.2.2, RFC 9112 §9.3.1)."""
    if failed.failure.kind is not FailureKind.RESET or method not in _REPEATABLE:
        return False
    return body is None or isinstance(body, bytes)


def _request_head(
    method: str, path: str, headers: Sequence[tuple[str, str]], body: RequestBody, body_length: int | None
) -> bytes:
    """The head as bytes, its framing ours."""
    kept = [field for field in headers if field[0].lower() not in _FRAMING]
    framing = ""
    if isinstance(body, bytes):
        framing = f"Content-Length: {len(body)}\r\n"
    elif body is not None:
        framing = "Transfer-Encoding: chunked\r\n" if body_length is None else f"Content-Length: {body_length}\r\n"
    elif method in _EXPECTS_BODY:
        framing = "Content-Length: 0\r\n"
    return encode_head(f"{method} {path} HTTP/1.1", kept, framing)
