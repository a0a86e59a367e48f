"""One viewer's connection: heads are taken off the wire one at a time, and answered in order.

Bytes behind a message wait in the buffer until it is answered, so pipelined requests cannot overtake one another and
each head is judged at a true message boundary. One task per connection runs the handler.
"""

from __future__ import annotations

import asyncio
import logging
from time import monotonic
from typing import TYPE_CHECKING

from edgesim.wire.body import Body
from edgesim.wire.closing import State
from edgesim.wire.duplex import Duplex
from edgesim.wire.flow import NEVER
from edgesim.wire.framing import Chunked, ChunkingError, Counted, Framing
from edgesim.wire.grammar import Malformation, Malformed, RequestHead, parse_request, partial_fault
from edgesim.wire.incoming import BodyBroken, BodyFault, Incoming, MalformedFacts, ViewerGone, Wait
from edgesim.wire.reply import Reply
from edgesim.wire.waiting import WaitingFlow

if TYPE_CHECKING:
    from edgesim.wire.listener import Listener

log = logging.getLogger("edgesim.wire")

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_EXCERPT = 256
_UNBROKEN = 16  # pipelined requests answered before others get their turn


class Connection(WaitingFlow):
    """A viewer's connection. The first block of attributes is for handlers."""

    __slots__ = (
        "_body",
        "_duplex",
        "_expects",
        "_framing",
        "_scanned",
        "_started",
        "_task",
        "_turn",
        "_waiter",
        "id",
        "local_port",
    )

    def __init__(self, listener: Listener, scheme: str, label: str) -> None:
        super().__init__(listener, scheme, label)
        self.id = 0
        self.local_port = 0

        self._scanned = 0
        self._started = 0.0
        self._body: Body | None = None
        self._framing: Framing = Counted(0)
        self._expects = False
        self._turn: tuple[Incoming, Reply] | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._task: asyncio.Task[None] | None = None
        self._duplex: Duplex | None = None

    # -- what the transport says ------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        listener = self._listener
        self.transport.set_write_buffer_limits(high=self.limits.write_buffer)
        peer = transport.get_extra_info("peername")
        self.peer = (peer[0], peer[1]) if peer else ("", 0)
        self.local_port = transport.get_extra_info("sockname")[1]
        if self.scheme == "https" and listener.tls_facts is not None:
            self.tls = listener.tls_facts(transport.get_extra_info("ssl_object"))
        self._wait_until(monotonic() + self.limits.idle_s)
        if not listener.opened(self):
            self._refuse(Malformed(Malformation.TOO_MANY_CONNECTIONS))

    def data_received(self, data: bytes) -> None:
        state = self._state
        self.bytes_in += len(data)
        if state is State.IDLE:
            if not self._hurry(data):
                self._begin_head(data)
        elif state is State.HEAD:
            self._buffer += data
            self._take_head()
        elif state is State.BODY or state is State.DISCARD:
            self._take_body(data)
        elif state is State.WAIT:
            self._buffer += data
            if len(self._buffer) > self.limits.pipeline_bytes:
                self.hold()
        elif state is State.RAW and self._duplex is not None:
            self._duplex.feed(data)
        elif state is State.LINGER:
            self._lingering(data)

    def eof_received(self) -> bool:
        """The viewer sends no more; it may still read what it asked for (but not over TLS)."""
        self.half_closed = True
        if self._state in (State.IDLE, State.HEAD, State.DISCARD, State.LINGER):
            self.shut()
        elif self._state is State.BODY and self._body is not None:
            self._body.fail(BodyBroken(BodyFault.ENDED))
            self._wait_until(NEVER)
        elif self._duplex is not None:
            self._duplex.ended()
        return self.scheme == "http" and self._state is not State.CLOSING

    def connection_lost(self, error: BaseException | None) -> None:
        super().connection_lost(error)
        if self._body is not None:
            self._body.fail(BodyBroken(BodyFault.ENDED))
        if self._duplex is not None:
            self._duplex.ended()
        self._state = State.CLOSING
        self._wake_task()
        self._listener.closed(self)

    def release(self) -> None:
        super().release()
        if self._state is State.BODY and not self._expects and not self.half_closed:
            self._wait_until(monotonic() + self.limits.body_s)

    def hold(self) -> None:
        super().hold()
        if self._state is State.BODY:
            self._wait_until(NEVER)  # the reader is slow, not the viewer

    # -- time -------------------------------------------------------------------------------------------------------

    def expired(self, now: float) -> None:
        if self._state is State.BODY and self._body is not None and self._until <= now:
            self._wait_until(NEVER)
            self._body.fail(BodyBroken(BodyFault.TIMEOUT))
        else:
            super().expired(now)

    # -- taking requests off the wire -------------------------------------------------------------------------------

    def _begin_head(self, data: bytes) -> None:
        self._state = State.HEAD
        self._scanned = 0
        self._buffer = data
        self._started = now = monotonic()
        self._wait_until(now + self.limits.head_s)
        self._take_head()

    def _take_head(self) -> None:
        buffer = self._buffer
        end = buffer.find(b"\r\n\r\n", self._scanned)
        limits = self.limits
        whole = end + 4 == len(buffer) and not self._scanned
        try:
            if end <= 0 or buffer.startswith(b"\r"):
                if buffer.startswith(b"\r"):  # an empty line before a request is let pass (RFC 9112 §2.2)
                    self._skip_empty_lines()
                elif fault := partial_fault(buffer, limits.url_bytes, limits.head_bytes, scanned=self._scanned):
                    raise fault
                else:
                    self._scanned = max(0, len(buffer) - 3)
                return
            head = parse_request(buffer[: end + 4], limits.url_bytes, limits.head_bytes)
            self._take_request(head, end + 4, buffer if whole and not head.length else None)
        except Malformed as fault:
            self._refuse(fault)

    def _skip_empty_lines(self) -> None:
        if self._buffer == b"\r":
            return
        if not self._buffer.startswith(b"\r\n") or self._buffer.startswith(b"\r\n\r\n"):
            raise Malformed(Malformation.REQUEST_LINE, "empty lines")
        self._buffer = self._buffer[2:]
        if self._buffer:
            self._take_head()

    def take(self, wait: Wait, *, over: bool) -> None:
        self._started = wait.started
        self._buffer = wait.data + self._buffer
        head = parse_request(wait.data, self.limits.url_bytes, self.limits.head_bytes)
        self._take_request(head, len(wait.data), wait.data, wait if over else None)

    def _take_request(
        self, head: RequestHead, head_bytes: int, raw_head: bytes | None, waited: Wait | None = None
    ) -> None:
        rest = self._buffer[head_bytes:]
        self._buffer = b""
        self.requests += 1
        self._expects = head.expects_continue
        self._begin_body(head, rest)
        incoming = Incoming(
            head.method,
            head.target,
            head.version,
            head.headers,
            self._body,
            head_bytes,
            self.scheme,
            self.peer,
            self.local_port,
            self.tls,
            self.id,
            self.requests,
            self._started,
            self.label,
            raw_head,
            waited=waited,
        )
        self._turn = (incoming, Reply(self, head.method, head.version, close=not head.keep_alive))
        if self._task is None or self._task.done():  # it is, where a viewer left who had asked
            self._task = self._listener.tasks.start(self._serve())
        else:
            self._wake_task()

    def _begin_body(self, head: RequestHead, rest: bytes) -> None:
        """Take what came behind the head; a body that is broken already is refused with the request."""
        if head.length == 0:
            self._body = None
            self._buffer = rest
            self._state = State.WAIT
            self._wait_until(NEVER)
            return
        limits = self.limits
        self._body = body = Body(self, limits.body_buffer, self.continue_ if self._expects else None)
        self._framing = Chunked() if head.length < 0 else Counted(head.length)
        self._state = State.BODY
        self._wait_until(NEVER if self._expects else monotonic() + limits.body_s)
        if rest:
            self._take_body(rest)
            if isinstance(body.fault, BodyBroken):
                raise Malformed(Malformation.CHUNKING, body.fault.message)

    def _take_body(self, data: bytes) -> None:
        body, framing = self._body, self._framing
        if body is None or body.fault is not None:
            return
        self._expects = False
        wanted = self._state is State.BODY
        try:
            pieces = framing.feed(data)
        except ChunkingError as error:
            body.fail(BodyBroken(BodyFault.CHUNKING, str(error)))
            self._wait_until(NEVER)
            if not wanted:
                self.shut()
            return
        if framing.done:
            self._buffer = framing.rest
            self._state = State.WAIT
            self._wait_until(NEVER)
        elif wanted:
            self._wait_until(monotonic() + self.limits.body_s)
        if wanted:
            for piece in pieces:
                body.feed(piece)  # may hold reading, and with it the deadline
            if framing.done:
                body.end()
        elif framing.done:
            self._between()
        else:
            self._spare -= len(data)
            if self._spare < 0:
                self._linger()

    def continue_(self) -> None:
        """Tell a viewer that waits for it to send the body."""
        if self._expects and not self.lost:
            self._expects = False
            self.send(_CONTINUE)
            if not self._held:
                self._wait_until(monotonic() + self.limits.body_s)

    # -- answering --------------------------------------------------------------------------------------------------

    async def _serve(self) -> None:
        """Run the handler for one request after the other until the connection ends."""
        handler = self._listener.handler
        unbroken = 0
        while True:
            if self._turn is not None:
                unbroken += 1
                if unbroken % _UNBROKEN == 0:
                    await asyncio.sleep(0)
            elif not self.lost:
                self._waiter = self.loop.create_future()
                await self._waiter
                self._waiter = None
            if self._turn is None or (self.lost and self._turn[0].waited is None):
                return
            (incoming, reply), self._turn = self._turn, None
            try:
                await handler(incoming, reply)
            except ViewerGone:
                reply.abort()
            except BodyBroken as broken:
                self._answer_broken(reply, broken)
            except Exception:
                log.exception("the handler failed for %s %s", incoming.method, incoming.target)
            except BaseException:
                reply.abort()
                raise
            self._settle(reply)
            if self.paused:  # the next answer waits until this one is taken
                await self.drain()

    def _wake_task(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _answer_broken(self, reply: Reply, broken: BodyBroken) -> None:
        if reply.started:
            reply.abort()
        elif broken.why is BodyFault.CHUNKING:
            reply.finished = True
            self._refuse(Malformed(Malformation.CHUNKING, broken.message))
        else:
            reply.abort()

    def _settle(self, reply: Reply) -> None:
        """The handler is done: on to the next request, or to the end of the connection."""
        if self.lost or self._state in (State.CLOSING, State.LINGER):
            return
        if self._state is State.RAW:
            self.shut()
            return
        if not reply.finished:
            if reply.started:
                reply.abort()
                return
            reply.close = True
            reply.respond(500, "Internal Server Error", (), b"")
        body = self._body
        unread = self._state is State.BODY
        if reply.close or (body is not None and body.fault is not None) or (unread and self._expects):
            if unread or self._buffer:
                self._linger()
            else:
                self.shut()
        elif unread and body is not None:
            self._discard(body)
        else:
            self._between()

    def _discard(self, body: Body) -> None:
        """Throw away what is left of a body nobody wanted, if it is little."""
        limits = self.limits
        if isinstance(self._framing, Counted) and self._framing.left > limits.linger_bytes:
            self._linger()
            return
        self._state = State.DISCARD
        self._spare = limits.linger_bytes
        self._wait_until(monotonic() + limits.linger_s)
        body.discard()

    def _between(self) -> None:
        """A message boundary: the next head may already be here."""
        buffer, self._buffer = self._buffer, b""
        self._body = None
        if self._listener.closing or (self.half_closed and not buffer):
            self.shut()
            return
        if buffer:
            self._begin_head(buffer)
            self._read_on()
            if self.half_closed and self._state is State.HEAD:
                self.shut()
        else:
            self._state = State.IDLE
            self._wait_until(monotonic() + self.limits.idle_s)
            self.release()

    def _read_on(self) -> None:
        """Read more of the viewer, unless enough of it waits already."""
        if self._state is State.BODY and self._body is not None:
            if not self._body.full:
                self.release()
        elif len(self._buffer) <= self.limits.pipeline_bytes:
            self.release()

    # -- ending -----------------------------------------------------------------------------------------------------

    @property
    def must_close(self) -> bool:
        """Whether the answer that begins now is the last one: we shut down, or the body's fate is open."""
        return self._listener.closing or self._expects or (self._body is not None and self._body.fault is not None)

    @property
    def resting(self) -> bool:
        """No request is in hand."""
        return self._state in (State.IDLE, State.HEAD)

    def _refuse(self, fault: Malformed) -> None:
        """Answer with what the listener's owner has for this fault, and close."""
        facts = MalformedFacts(
            fault.why.status,
            fault.why,
            fault.detail,
            self.peer,
            self.scheme,
            self.local_port,
            self.label,
            self.bytes_in,
            self._buffer[:_EXCERPT],
        )
        answer = self._listener.on_malformed(facts)
        if answer:
            self.send(answer)
        self._linger()

    def upgrade(self) -> Duplex:
        """Hand over the raw bytes from here on."""
        self._state = State.RAW
        self._wait_until(NEVER)
        buffer, self._buffer = self._buffer, b""
        self._duplex = Duplex(self, buffer)
        if self.half_closed:
            self._duplex.ended()
        self.release()
        return self._duplex
