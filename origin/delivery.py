"""From a reply to bytes on the connection of an app node, faults included.

An honest reply goes through aiohttp. A fault is made on the transport itself, because a server library will not lie.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from http import HTTPStatus

from aiohttp import web
from multidict import CIMultiDict

from origin.conditions import Reply
from origin.document import http_date
from origin.lab import LONGEST_WAIT, Faults

SERVER = "harbour"
GARBAGE = b"\x16\x03\x01 AHOY this is not HTTP \x00\xff\xfe\r\n\r\n"
BODILESS = frozenset({204, 304})


def reason_of(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Status"


def abort(transport: asyncio.BaseTransport) -> None:
    """Reset the connection: the other side sees a RST, and what was not yet delivered is lost."""
    if (connection := transport.get_extra_info("socket")) is not None and connection.fileno() >= 0:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    if isinstance(transport, asyncio.WriteTransport):
        transport.abort()


class Delivery:
    """Sends replies in the name of one node."""

    def __init__(self, node: str) -> None:
        self._node = node

    async def send(self, request: web.BaseRequest, reply: Reply, faults: Faults | None = None) -> web.StreamResponse:
        """Send ``reply``; every response carries X-Served-By, Server and Date."""
        response = self._response(request, reply, faults or Faults())
        if faults is None:
            await response.prepare(request)
            return await self._finish(request, response, reply)
        return await self._faulty(request, response, reply, faults)

    def _response(self, request: web.BaseRequest, reply: Reply, faults: Faults) -> web.StreamResponse:
        fields = CIMultiDict(reply.fields)
        fields.add("X-Served-By", self._node)
        fields.setdefault("Server", SERVER)
        response = web.StreamResponse(status=reply.status, reason=reason_of(reply.status), headers=fields)
        if fields.get("Connection", "").lower() == "close":
            response.force_close()
        if reply.status in BODILESS:
            return response
        if faults.chunked and request.version >= (1, 1):
            response.enable_chunked_encoding()
        elif faults.chunked:
            response.force_close()
        else:
            response.content_length = reply.length
        return response

    async def _finish(
        self, request: web.BaseRequest, response: web.StreamResponse, reply: Reply, pause: float = 0.0
    ) -> web.StreamResponse:
        if request.method != "HEAD" and reply.status not in BODILESS:
            middle = reply.start + (reply.length // 2 if pause else 0)
            await _write(response, reply, reply.start, middle)
            await asyncio.sleep(pause)
            await _write(response, reply, middle, reply.stop)
        await response.write_eof()
        return response

    async def _faulty(
        self, request: web.BaseRequest, response: web.StreamResponse, reply: Reply, faults: Faults
    ) -> web.StreamResponse:
        transport = request.transport
        if transport is None:
            return response
        await asyncio.sleep(faults.delay)
        for status in faults.interim:
            link = b"Link: </wp-content/themes/harbour/style.css>; rel=preload; as=style\r\n" if status == 103 else b""
            transport.write(f"HTTP/1.1 {status} {reason_of(status)}\r\n".encode() + link + b"\r\n")
        if faults.hang == "head":
            await _hang(transport)
        elif faults.reset and faults.break_at is None:
            abort(transport)
        elif faults.garbage:
            transport.write(GARBAGE)
            transport.close()
        elif faults.misstated:
            await self._misstate(request, transport, reply, faults.misstated)
        else:
            await response.prepare(request)
            if faults.hang:
                await _hang(transport)
            elif faults.break_at is not None:
                await _break(request, response, reply, faults)
            else:
                await self._finish(request, response, reply, faults.pause)
        return response

    async def _misstate(
        self, request: web.BaseRequest, transport: asyncio.Transport, reply: Reply, difference: int
    ) -> None:
        """A head by hand whose Content-Length is ``difference`` bytes off the truth, the body, and the end."""
        announced = ("Content-Length", str(max(0, reply.length + difference)))
        own = (
            ("X-Served-By", self._node),
            ("Server", SERVER),
            ("Date", http_date(time.time())),
            ("Connection", "close"),
        )
        lines = [f"HTTP/1.1 {reply.status} {reason_of(reply.status)}"]
        lines += [f"{name}: {value}" for name, value in (*reply.fields, announced, *own)]
        transport.write("\r\n".join([*lines, "", ""]).encode("latin-1"))
        if request.method != "HEAD":
            for piece in reply.body.pieces(reply.start, reply.stop):
                transport.write(piece)
                await request.writer.drain()
        transport.close()


async def _write(response: web.StreamResponse, reply: Reply, start: int, stop: int) -> None:
    for piece in reply.body.pieces(start, stop):
        await response.write(piece)


async def _hang(transport: asyncio.Transport) -> None:
    """Silence, until the client leaves (which cancels the handler) or two minutes have passed."""
    await asyncio.sleep(LONGEST_WAIT)
    transport.close()


async def _break(request: web.BaseRequest, response: web.StreamResponse, reply: Reply, faults: Faults) -> None:
    if request.method != "HEAD" and faults.break_at:
        await _write(response, reply, reply.start, min(reply.stop, reply.start + faults.break_at))
    transport = request.transport
    if transport is None:
        return
    if faults.reset:
        transport.set_write_buffer_limits(high=0)
        await request.writer.drain()
        abort(transport)
    else:
        transport.close()
