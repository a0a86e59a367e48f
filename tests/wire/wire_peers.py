"""The other ends of the wire: a listener to talk to over raw sockets, and hand-written origins to fail in every way."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable

from edgesim.wire.client import OriginPool, OriginResponse, Target, Timeouts
from edgesim.wire.listener import Incoming, Listener, ListenerLimits, MalformedFacts, Reply

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

REFUSED = "HTTP/1.1 {0} Refused\r\nX-Why: {1}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
HELLO = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def refuse(facts: MalformedFacts) -> bytes:
    return REFUSED.format(facts.status, facts.why.name).encode()


async def hello(incoming: Incoming, reply: Reply) -> None:
    """Say what was asked."""
    reply.respond(200, "OK", [("X-Method", incoming.method)], incoming.target.encode("utf-8", "surrogateescape"))


@contextlib.asynccontextmanager
async def listening(
    handler: Callable[[Incoming, Reply], Awaitable[None]] = hello,
    limits: ListenerLimits | None = None,
    *,
    context: ssl.SSLContext | None = None,
    tls_facts: Callable[[object], object] | None = None,
) -> AsyncIterator[tuple[Listener, int]]:
    listener = Listener(handler, refuse, limits, tls_facts)
    port = await listener.start("127.0.0.1", 0, context, label="here")
    try:
        yield listener, port
    finally:
        await listener.close(0.2)


class Viewer:
    """A raw connection to a listener."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    @contextlib.asynccontextmanager
    async def to(cls, port: int, **options: object) -> AsyncIterator[Viewer]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, **options)  # type: ignore[arg-type]
        try:
            yield cls(reader, writer)
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def rest(self) -> bytes:
        """Everything until the other side closes."""
        return await asyncio.wait_for(self.reader.read(), 5)

    async def head(self) -> bytes:
        return await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 5)

    async def answer(self) -> tuple[bytes, bytes]:
        """One answer with a Content-Length."""
        head = await self.head()
        length = head.lower().partition(b"\r\ncontent-length: ")[2].partition(b"\r\n")[0]
        return head, await asyncio.wait_for(self.reader.readexactly(int(length)), 5)


async def talk(port: int, *pieces: bytes) -> bytes:
    """Send, then read until the other side closes."""
    async with Viewer.to(port) as viewer:
        for piece in pieces:
            viewer.send(piece)
            await asyncio.sleep(0)
        return await viewer.rest()


class Origin:
    """A server that does with each connection what its script says; ``connections`` counts them."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.connections = 0

    def target(self, host: str = "127.0.0.1") -> Target:
        return Target("http", host, self.port, None, None, None, (host, self.port))


@contextlib.asynccontextmanager
async def origin(script: Script, context: ssl.SSLContext | None = None) -> AsyncIterator[Origin]:
    tasks: set[asyncio.Task[None]] = set()

    async def run(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        found.connections += 1
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await script(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(run, "127.0.0.1", 0, ssl=context)
    found = Origin(server.sockets[0].getsockname()[1])
    try:
        yield found
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)


@contextlib.asynccontextmanager
async def pooled(**options: int) -> AsyncIterator[OriginPool]:
    pool = OriginPool(**options)
    try:
        yield pool
    finally:
        await pool.close()


def saying(*answers: bytes) -> Script:
    """An origin that reads a request head and gives the next answer, then closes."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
        await writer.drain()

    return script


QUICK = Timeouts(connect_s=0.3, attempts=1, read_s=0.2, keepalive_s=2.0)


async def get(pool: OriginPool, target: Target, timeouts: Timeouts = QUICK, method: str = "GET") -> OriginResponse:
    return await pool.send(target, method, "/", [("Host", "o")], timeouts=timeouts)
