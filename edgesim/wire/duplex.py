"""A connection after ``101 Switching Protocols``: bytes both ways, and the relay of two such connections."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from edgesim.wire.body import Body
from edgesim.wire.flow import Flow

_BUFFER = 256 * 1024


class Duplex:
    """Raw bytes of one upgraded connection; ``first`` is what came right behind the head, and is read first."""

    __slots__ = ("_body", "_flow", "bytes_in", "bytes_out")

    def __init__(self, flow: Flow, first: bytes = b"") -> None:
        self._flow = flow
        self._body = Body(flow, _BUFFER)
        self.bytes_in = 0
        self.bytes_out = 0
        self.feed(first)

    def feed(self, data: bytes) -> None:
        """More bytes came (called by the connection)."""
        self.bytes_in += len(data)
        self._body.feed(data)

    def ended(self) -> None:
        """No more bytes will come (called by the connection)."""
        self._body.end()

    async def read(self) -> bytes:
        """What has arrived, at least one byte; ``b""`` when the peer has ended or is lost."""
        return await self._body.readany()

    async def write(self, data: bytes) -> None:
        """Send, and wait while the peer is slow.

        Raises:
            ConnectionError: the peer is lost.
        """
        self._flow.send(data)
        self.bytes_out += len(data)
        if self._flow.paused:
            await self._flow.drain()
        if self._flow.lost:
            raise ConnectionError("the connection is lost")

    def close(self) -> None:
        """Send what is buffered, then close."""
        if not self._flow.lost:
            self._flow.transport.close()


@dataclass(frozen=True, slots=True)
class Relayed:
    """Totals of a relay in bytes, and whether it ended for want of bytes from the origin."""

    to_viewer: int
    to_origin: int
    idle: bool


async def relay(viewer: Duplex, origin: Duplex, idle_s: float = 600.0) -> Relayed:
    """Copy both ways until either side ends, or the origin has sent nothing for ``idle_s``; closes both.

    Source: CloudFront guide, WebSocket idle timeout of 10 minutes without bytes from the origin.
    """
    loop = asyncio.get_running_loop()
    upward = loop.create_task(_copy(viewer, origin))
    downward = loop.create_task(_copy(origin, viewer))
    idle = False
    seen, since = origin.bytes_in, loop.time()
    try:
        while not (upward.done() or downward.done()):
            await asyncio.wait((upward, downward), timeout=since + idle_s - loop.time(), return_when="FIRST_COMPLETED")
            if origin.bytes_in != seen:
                seen, since = origin.bytes_in, loop.time()
            elif loop.time() >= since + idle_s:
                idle = True
                break
    finally:
        upward.cancel()
        downward.cancel()
        await asyncio.gather(upward, downward, return_exceptions=True)
        viewer.close()
        origin.close()
    return Relayed(viewer.bytes_out, origin.bytes_out, idle)


async def _copy(source: Duplex, sink: Duplex) -> None:
    try:
        while data := await source.read():
            await sink.write(data)
    except ConnectionError:
        return
