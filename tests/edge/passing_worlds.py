"""Worlds for the tests of the learned relay: the same as for the fast path, behind an origin that tests can script."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from fast_worlds import PATIENCE, FastWorld, Got, Viewer, document, fast_world, request

from edgesim.core.verdict import Verdict

ONE = request("/off/one.plain", "User-Agent: x")
DATE = "Sun, 01 Mar 2026 11:59:00 GMT"

Script = Callable[["Talk", int], None]


def wire(status: int = 200, *lines: str, body: bytes = b"hello", length: int | None = None, date: str = DATE) -> bytes:
    """An answer as bytes; ``length`` is another Content-Length than the body's, -1 for none."""
    framing = [] if length == -1 else [f"Content-Length: {len(body) if length is None else length}"]
    head = [f"HTTP/1.1 {status} Told", f"Date: {date}", "Content-Type: text/css", *framing, *lines, "", ""]
    return "\r\n".join(head).encode("latin-1") + body


class Talk(asyncio.Protocol):
    """One connection of the origin; ``script`` is called with it and the number of the request in all."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.stage.talks.append(self)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while b"\r\n\r\n" in self.buffer:
            head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
            self.stage.heads.append(head)
            self.stage.script(self, len(self.stage.heads))

    def connection_lost(self, error: BaseException | None) -> None:
        self.stage.talks.remove(self)


@dataclass
class Stage:
    """What the origin does, and what it was sent."""

    script: Script = lambda talk, number: talk.transport.write(wire())
    heads: list[bytes] = field(default_factory=list)
    talks: list[Talk] = field(default_factory=list)


@asynccontextmanager
async def staged(
    *, fast: bool = True, settings: dict[str, Any] | None = None, **sections: Any
) -> AsyncIterator[tuple[FastWorld, Stage]]:
    """A running world whose origin follows a script; ``settings`` are more of that origin's."""
    stage = Stage()
    server = await asyncio.get_running_loop().create_server(lambda: Talk(stage), "127.0.0.1", 0)
    try:
        port = server.sockets[0].getsockname()[1]
        main = {**document(port)["origins"]["main"], **(settings or {})}
        async with fast_world(fast=fast, port=port, **{"origins": {"main": main}, **sections}) as world:
            yield world, stage
    finally:
        server.close()


def passed(world: FastWorld) -> int:
    """Answers of the relay so far."""
    world.fast.flush()
    return world.fast.passed


async def relayed(world: FastWorld, sent: bytes = ONE, viewer: Viewer | None = None) -> tuple[Viewer, Got]:
    """Ask until the relay answers; the connection, and its answer."""
    viewer = viewer or await world.viewer()
    before = passed(world)
    for _ in range(4):
        got = await viewer.ask(sent)
        if passed(world) > before:
            return viewer, got
    raise AssertionError(f"the relay does not take it: {got.head!r}")


async def answered(world: FastWorld, viewer: Viewer, sent: bytes = ONE) -> tuple[bool, Got]:
    """Whether the relay answered, and what was answered."""
    before = passed(world)
    got = await viewer.ask(sent)
    return passed(world) > before, got


def reset(viewer: Viewer) -> None:
    """The viewer is gone, and its machine says so; a mere end of sending would leave it able to read."""
    sock = viewer.writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    viewer.writer.transport.abort()


async def patient(what: Any) -> Any:
    """What comes of something, if it comes in time."""
    async with asyncio.timeout(PATIENCE):
        return await what


def bare(verdict: Verdict) -> Verdict:
    """A verdict without what every request has of its own."""
    origin = verdict.origin
    if origin is not None:
        sent = tuple((name, "ID" if name == "X-Amz-Cf-Id" else value) for name, value in origin.sent)
        origin = replace(origin, address="", first_byte_ms=0.0, connect_ms=0.0, dns_ms=0.0, sent=sent)
    visitor = replace(verdict.visitor, port=0)
    return replace(verdict, id="", first_byte_ms=0.0, total_ms=0.0, visitor=visitor, origin=origin)
