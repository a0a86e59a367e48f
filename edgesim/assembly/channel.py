"""Messages between a world's parent process and one of its workers, over a pair of connected sockets, in order.

A message is a JSON object behind its length. An ``ask`` gets an ``answer`` with the same number. Because order holds,
an answer also says that everything sent before the question was taken.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import socket
import struct
from collections.abc import Callable
from typing import Any, cast

Message = dict[str, Any]
Taker = Callable[[Message], None]

MOST_UNSENT = 64 * 1024 * 1024
"""Bytes that may wait for the other side before it counts as stuck."""

_LENGTH = struct.Struct("!I")


class Channel(asyncio.Protocol):
    """One end. What comes before :meth:`listen` waits; ``lost`` is set when the other end is gone."""

    def __init__(self) -> None:
        self.lost = asyncio.Event()
        self._buffer = bytearray()
        self._early: list[Message] = []
        self._some = asyncio.Event()
        self._take: Taker = self._keep
        self._numbers = itertools.count(1)
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self._transport: asyncio.Transport | None = None

    @classmethod
    async def over(cls, end: socket.socket) -> Channel:
        """The channel over one of a pair of sockets."""
        end.setblocking(False)
        _, channel = await asyncio.get_running_loop().create_unix_connection(cls, sock=end)
        return channel

    def listen(self, take: Taker) -> None:
        """Hand over every message, the early ones first."""
        self._take = take
        early, self._early = self._early, []
        for message in early:
            take(message)

    async def first(self) -> Message:
        """The first message, before anybody listens; empty when the other end is gone."""
        await self._some.wait()
        return self._early.pop(0) if self._early else {}

    @property
    def stuck(self) -> bool:
        """The other end does not read."""
        return self._transport is None or self._transport.get_write_buffer_size() > MOST_UNSENT

    def send(self, message: Message) -> None:
        """Send; to an end that is gone, nothing."""
        if self._transport is not None and not self.lost.is_set():
            data = json.dumps(message, separators=(",", ":")).encode()
            self._transport.write(_LENGTH.pack(len(data)) + data)

    async def ask(self, message: Message, seconds: float) -> Any:
        """What the other end answers; ``None`` when it does not in time."""
        if self.lost.is_set():
            return None
        number = next(self._numbers)
        future = self._asked[number] = asyncio.get_running_loop().create_future()
        self.send({**message, "number": number})
        try:
            return await asyncio.wait_for(future, seconds)
        except TimeoutError:
            return None
        finally:
            self._asked.pop(number, None)

    def close(self) -> None:
        """Send what waits, and end."""
        if self._transport is not None:
            self._transport.close()

    # what the transport says

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer
        buffer += data
        at = 0
        while len(buffer) - at >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(buffer, at)
            begin = at + _LENGTH.size
            if len(buffer) - begin < length:
                break
            at = begin + length
            self._came(json.loads(buffer[begin:at]))
        del buffer[:at]

    def connection_lost(self, error: BaseException | None) -> None:
        self.lost.set()
        self._some.set()
        for future in self._asked.values():
            if not future.done():
                future.set_result(None)

    def _keep(self, message: Message) -> None:
        self._early.append(message)
        self._some.set()

    def _came(self, message: Message) -> None:
        if message.get("kind") != "answer":
            self._take(message)
            return
        future = self._asked.get(message["number"])
        if future is not None and not future.done():
            future.set_result(message["value"])
