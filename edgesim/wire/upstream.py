"""One connection to an origin: a request goes out, a response comes in, one at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING

from edgesim.core.failures import FailureKind
from edgesim.wire.body import Body
from edgesim.wire.dial import OriginFailed
from edgesim.wire.duplex import Duplex
from edgesim.wire.flow import NEVER, Flow
from edgesim.wire.framing import Chunked, ChunkingError, Counted, Framing, UntilClose
from edgesim.wire.grammar import (
    CONTENT_LENGTH,
    TRANSFER_ENCODING,
    Headers,
    InvalidResponseHead,
    ResponseHead,
    decimal,
    keeps_alive,
    parse_response,
    response_fault,
)
from edgesim.wire.response import OriginResponse

if TYPE_CHECKING:
    from edgesim.wire.client import OriginPool

OnInterim = Callable[[int, Headers], None]
Taker = Callable[[bytes], bool]

HEAD_LIMIT = 32_768
_INTERIM_LIMIT = 16
_BODY_BUFFER = 256 * 1024


class OriginConnection(Flow):
    """A connection of the pool. ``idle_since`` is None while a request is on it."""

    __slots__ = (
        "_asked_upgrade",
        "_body",
        "_buffer",
        "_completion_at",
        "_continued",
        "_duplex",
        "_eof",
        "_first_at",
        "_framing",
        "_head",
        "_interims",
        "_keep",
        "_keepalive_s",
        "_method",
        "_on_interim",
        "_pool",
        "_read_s",
        "_response",
        "_sent_at",
        "_taker",
        "idle",
        "key",
        "remote",
        "sending",
        "served",
    )

    def __init__(self, pool: OriginPool, key: object) -> None:
        super().__init__(asyncio.get_running_loop())
        self.key = key
        self.idle = True
        self.served = 0  # requests so far
        self.sending: asyncio.Task[None] | None = None  # a request body on its way
        self.remote = ("", 0)
        self._pool = pool
        self._head: asyncio.Future[OriginResponse] | None = None
        self._eof = False
        self._response: OriginResponse | None = None
        self._duplex: Duplex | None = None
        self._taker: Taker | None = None
        self._reset()

    def _reset(self) -> None:
        self._buffer = b""
        self._body: Body | None = None
        self._framing: Framing = UntilClose()
        self._keep = False
        self._interims = 0
        self._continued = False
        self._first_at: float | None = None
        self._completion_at = NEVER

    # -- a request --------------------------------------------------------------------------------------------------

    def begin(
        self,
        method: str,
        read_s: float,
        keepalive_s: float,
        completion_at: float,
        on_interim: OnInterim | None,
        *,
        upgrade: bool,
        taker: Taker | None = None,
    ) -> asyncio.Future[OriginResponse]:
        """A request is about to be sent; the future is its response's head.

        ``taker`` is shown the first bytes that come (none: nothing comes any more) and says whether they are a whole
        response and it has taken it; if not, it is taken as any other.
        """
        self._reset()
        self.idle = False
        self.served += 1
        self.bytes_in = self.bytes_out = 0
        self._method = method
        self._read_s = read_s
        self._keepalive_s = keepalive_s
        self._completion_at = completion_at
        self._on_interim = on_interim
        self._asked_upgrade = upgrade
        self._taker = taker
        self._sent_at = now = monotonic()
        self.deadline = min(now + read_s, completion_at)
        self._head = answer = self.loop.create_future()
        if self.lost:  # while it was being made
            self._fail(FailureKind.RESET, "closed before the request")
        return answer

    def awaited(self, on_interim: OnInterim | None) -> asyncio.Future[OriginResponse]:
        """The response's head to be, for whoever waits for it from now on."""
        assert self._head is not None, "a request was begun"
        self._on_interim = on_interim
        return self._head

    @property
    def answered(self) -> bool:
        """Whether any byte of a response has come."""
        return self._first_at is not None

    def await_origin(self) -> None:
        """From now on it is the origin we wait for."""
        self._sent_at = now = monotonic()
        self.deadline = min(now + self._read_s, self._completion_at)

    def await_viewer(self) -> None:
        """It is the request body's source we wait for, not the origin."""
        self.deadline = self._completion_at

    # -- what the transport says ------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        peer = transport.get_extra_info("peername")
        self.remote = (peer[0], peer[1]) if peer else ("", 0)
        self._pool.opened(self)

    def data_received(self, data: bytes) -> None:
        self.bytes_in += len(data)
        if self._duplex is not None:
            self._duplex.feed(data)
            return
        if self.idle or (self._head is None and self._body is None):
            self.transport.abort()  # nobody asked: what came can belong to no request
            return
        if self._taker is not None and self._taken(data):
            return
        now = monotonic()
        self.deadline = min(now + self._read_s, self._completion_at)
        if self._head is None:
            self._take_body(data)
            return
        if self._first_at is None:
            self._first_at = now
        self._buffer = self._buffer + data if self._buffer else data
        self._take_heads()

    def _taken(self, data: bytes) -> bool:
        """Whether the taker took a whole response: then the connection is free again."""
        taker, self._taker = self._taker, None
        return taker is not None and taker(data)

    def free(self) -> None:
        """The taker has seen all of a response that leaves the connection alive."""
        self._head = None
        self._keep = True
        self._completed(b"")

    def eof_received(self) -> bool:
        self._eof = True
        return False

    def connection_lost(self, error: BaseException | None) -> None:
        super().connection_lost(error)
        if self._duplex is not None:
            self._duplex.ended()
        elif self._head is not None:
            words = f": {error}" if error else ""
            self._fail(FailureKind.RESET, f"closed {'in' if self._buffer else 'before'} the response head{words}")
        elif self._body is not None:
            self._body_cut(self._body, error)
        self._pool.closed(self)

    def expired(self, now: float) -> None:
        if self.idle:
            self.transport.close()
        elif now >= self._completion_at:
            self._fail(FailureKind.COMPLETION_TIMEOUT)
        else:
            self._fail(FailureKind.READ_TIMEOUT, f"nothing for {self._read_s:g} s")

    def hold(self) -> None:
        super().hold()
        self.deadline = self._completion_at  # our reader is slow, not the origin

    def release(self) -> None:
        held = self._held
        super().release()
        if held and self._body is not None:
            self.deadline = min(monotonic() + self._read_s, self._completion_at)

    # -- heads ------------------------------------------------------------------------------------------------------

    def _take_heads(self) -> None:
        """Take interim heads and the final one off the buffer."""
        while self._head is not None:
            end = self._buffer.find(b"\r\n\r\n") + 4
            if end > HEAD_LIMIT or (end < 4 and len(self._buffer) > HEAD_LIMIT):
                self._fail(FailureKind.HEAD_TOO_BIG)
                return
            if end < 4:
                if self._buffer and (fault := response_fault(self._buffer)):
                    self._fail(FailureKind.INVALID_RESPONSE, fault)
                return
            try:
                raw = self._buffer[:end]
                head = parse_response(raw)
                self._buffer = self._buffer[end:]
                if head.status >= 200 or head.status == 101:
                    self._final(raw, head)
                else:
                    self._interim(head)
            except InvalidResponseHead as error:
                self._fail(FailureKind.INVALID_RESPONSE, str(error))

    def _interim(self, head: ResponseHead) -> None:
        """One 100 is taken silently, a second is an error (CloudFront guide, custom origins); others are passed on."""
        if head.status == 100:
            if self._continued:
                raise InvalidResponseHead("a second 100 Continue")
            self._continued = True
            return
        self._interims += 1
        if self._interims > _INTERIM_LIMIT:
            raise InvalidResponseHead(f"more than {_INTERIM_LIMIT} interim responses")
        if self._on_interim is not None:
            self._on_interim(head.status, head.headers)

    def _final(self, raw: bytes, head: ResponseHead) -> None:
        length = self._length(head)
        if head.status == 101 and not self._asked_upgrade:
            raise InvalidResponseHead("101 Switching Protocols, though no upgrade was asked for")
        future, self._head = self._head, None
        rest, self._buffer = self._buffer, b""
        self._keep = keeps_alive(head.version, head.headers) and length is not None
        self._stop_sending()
        first_byte_ms = ((self._first_at or self._sent_at) - self._sent_at) * 1e3
        self._response = response = OriginResponse(self, raw, head, length, first_byte_ms)
        if head.status == 101:
            self.deadline = self._completion_at = NEVER
            self._duplex = response.duplex = Duplex(self, rest)
        elif length is not None and 0 <= length <= len(rest):
            response.whole = rest[:length]
            self._completed(rest[length:])
        else:
            if length is not None:
                self._framing = Chunked(lenient=True) if length < 0 else Counted(length)
            self._body = response.body = Body(self, _BODY_BUFFER)
            if rest:
                self._take_body(rest)
        if future is not None and not future.done():
            future.set_result(response)

    def _length(self, head: ResponseHead) -> int | None:
        """The body's size in bytes: -1 chunked, None until the connection closes (RFC 9112 §6.3, strictly)."""
        coding = head.headers.getall(TRANSFER_ENCODING, None)
        lengths = head.headers.getall(CONTENT_LENGTH, None)
        if coding is not None and lengths is not None:
            raise InvalidResponseHead("both Content-Length and Transfer-Encoding")
        if coding is not None and (head.version < (1, 1) or [c.strip().lower() for c in coding] != ["chunked"]):
            raise InvalidResponseHead(f"Transfer-Encoding: {', '.join(coding)[:80]}")
        length = None if lengths is None else decimal(lengths[0])
        if lengths is not None and (length is None or len(set(lengths)) > 1):
            raise InvalidResponseHead(f"Content-Length: {', '.join(lengths)[:80]}")
        if self._method == "HEAD" or head.status in (204, 304) or head.status < 200:
            return 0
        return -1 if coding is not None else length

    # -- bodies -----------------------------------------------------------------------------------------------------

    def _take_body(self, data: bytes) -> None:
        body, framing = self._body, self._framing
        if body is None:
            return
        try:
            for piece in framing.feed(data):
                body.feed(piece)
        except ChunkingError as error:
            self._fail(FailureKind.INVALID_RESPONSE, str(error))
            return
        if framing.done:
            self._completed(framing.rest)

    def _completed(self, rest: bytes) -> None:
        """The response is whole: the connection goes back to the pool, if nothing speaks against it."""
        body, self._body = self._body, None
        if body is not None:
            body.end()
        if self._response is not None:
            self._response.bytes_in = self.bytes_in - len(rest)
            self._response = None
        if self._keep and not rest and not self._eof and not self.transport.is_closing():
            super().release()
            self.idle = True
            self.deadline = monotonic() + self._keepalive_s
            self._pool.returned(self)
        else:
            self.deadline = NEVER
            self.transport.close()

    def _body_cut(self, body: Body, error: BaseException | None) -> None:
        """The connection ended with a body on it: the body's end, when nothing else marks it, or a truncation."""
        self._body = None
        if self._response is not None:
            self._response.bytes_in = self.bytes_in
        missing, words = self._framing.missing, f": {error}" if error else ""
        if missing:
            body.fail(OriginFailed.of(FailureKind.TRUNCATED, f"without {missing}{words}"))
        elif error is None:
            body.end()
        else:
            body.fail(OriginFailed.of(FailureKind.RESET, str(error)))

    # -- ending -----------------------------------------------------------------------------------------------------

    def upload_failed(self, error: Exception) -> None:
        """The request body's source failed: the request is void."""
        self._end(error)

    def abort(self) -> None:
        """Give up on this connection."""
        self._end(OriginFailed.of(FailureKind.RESET, "given up"))

    def _fail(self, kind: FailureKind, detail: str = "") -> None:
        self._end(OriginFailed.of(kind, detail))

    def _end(self, error: Exception) -> None:
        self.deadline = NEVER
        self._stop_sending()
        if self._taker is not None:
            self._taken(b"")
        future, self._head = self._head, None
        body, self._body = self._body, None
        if future is not None and not future.done():
            future.set_exception(error)
        elif body is not None:
            if self._response is not None:
                self._response.bytes_in = self.bytes_in
            body.fail(error)
        if not self.lost:
            self.transport.abort()

    def _stop_sending(self) -> None:
        """The response has won over the rest of the request body; a half-sent request spoils the connection."""
        if self.sending is not None:
            if not self.sending.done():
                self._keep = False
                if self.sending is not asyncio.current_task(self.loop):
                    self.sending.cancel()
            self.sending = None
