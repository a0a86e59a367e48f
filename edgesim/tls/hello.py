"""The first message of a TLS connection, read just far enough to know which name the viewer asks for.

Source: RFC 8446 §4.1.2 and §5.1 (ClientHello, records), RFC 6066 §3 (server name).
"""

from __future__ import annotations

from dataclasses import dataclass

_HANDSHAKE_RECORD = 22
_CLIENT_HELLO = 1
_SERVER_NAME = 0
_HOST_NAME = 0
_MAX_HELLO = 65_536


@dataclass(frozen=True, slots=True)
class ClientHello:
    """What the viewer opened with: the name it asks for, lower case, or None when it names none."""

    server_name: str | None


class NotClientHelloError(ValueError):
    """The bytes are no ClientHello. OpenSSL has the right alert for each way of being wrong."""


def read_client_hello(data: bytes) -> ClientHello | None:
    """The ClientHello at the start of ``data``, or None while it is incomplete; raises NotClientHelloError."""
    message = _handshake_message(data)
    if message is None:
        return None
    try:
        return ClientHello(_server_name(message))
    except IndexError:
        raise NotClientHelloError("a length in the message points past its end") from None


def _handshake_message(data: bytes) -> bytes | None:
    """The body of the first handshake message, put together from its records; None while it is incomplete."""
    message = bytearray()
    at = 0
    while True:
        if message[:1] not in (b"", bytes((_CLIENT_HELLO,))):
            raise NotClientHelloError("not a ClientHello")
        if len(message) >= 4:
            length = 4 + int.from_bytes(message[1:4], "big")
            if length > _MAX_HELLO:
                raise NotClientHelloError("too long for a ClientHello")
            if len(message) >= length:
                return bytes(message[4:length])
        if data[at : at + 1] not in (b"", bytes((_HANDSHAKE_RECORD,))):
            raise NotClientHelloError("not a TLS handshake record")
        if len(data) < at + 5:
            return None
        size = int.from_bytes(data[at + 3 : at + 5], "big")
        if size == 0:
            raise NotClientHelloError("an empty handshake record")
        if len(data) < at + 5 + size:
            return None
        message += data[at + 5 : at + 5 + size]
        at += 5 + size


def _server_name(message: bytes) -> str | None:
    body = _Reader(message)
    body.take(2 + 32)  # version, random
    body.vector(1)  # session id
    body.vector(2)  # cipher suites
    body.vector(1)  # compression methods
    if not body.left:
        return None  # SSLv3 and bare TLS 1.0 hellos end here
    extensions = _Reader(body.vector(2))
    while extensions.left:
        kind, value = extensions.number(2), extensions.vector(2)
        if kind == _SERVER_NAME:
            return _host_name(_Reader(_Reader(value).vector(2)))
    return None


def _host_name(names: _Reader) -> str | None:
    while names.left:
        kind, value = names.number(1), names.vector(2)
        if kind == _HOST_NAME:
            return value.decode("ascii").lower() if value and value.isascii() else None
    return None


class _Reader:
    """Takes lengths and values off the front of a message; raises IndexError at its end."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def left(self) -> int:
        return len(self._data) - self._at

    def take(self, size: int) -> bytes:
        if size > self.left:
            raise IndexError
        self._at += size
        return self._data[self._at - size : self._at]

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def vector(self, size: int) -> bytes:
        return self.take(self.number(size))
