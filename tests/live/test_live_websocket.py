"""WebSockets pass through an edge, byte for byte (spec §4.5)."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from live_worlds import Starter

pytestmark = pytest.mark.live


class Echo:
    """An origin that switches protocols and then echoes bytes."""

    def __init__(self) -> None:
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        self.heads: list[bytes] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.server.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        with connection:
            head = b""
            while b"\r\n\r\n" not in head:
                head += connection.recv(4096)
            self.heads.append(head)
            if b"upgrade: websocket" not in head.lower():
                connection.sendall(b"HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n")
                return
            connection.sendall(
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
            )
            while data := connection.recv(4096):
                connection.sendall(data)


@pytest.fixture
def echo() -> Iterator[Echo]:
    made = Echo()
    yield made
    made.server.close()


WORLD = """
latency: {{ mode: reported }}
edges: [London]
origins: {{ app: {{ url: "http://127.0.0.1:{port}" }} }}
distributions:
  - name: app
    aliases: [localhost, 127.0.0.1]
    default_behavior: {{ origin: app, cache_policy: CachingDisabled, origin_request_policy: AllViewer }}
"""


def test_an_upgrade_is_relayed_and_recorded(start: Starter, echo: Echo, tmp_path: Path) -> None:
    config = tmp_path / "world.yaml"
    config.write_text(WORLD.format(port=echo.port))
    world = start(config, "--ephemeral")
    with socket.create_connection(("127.0.0.1", world.http), 10) as sock:
        sock.sendall(
            b"GET /chat HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        head = b""
        while b"\r\n\r\n" not in head:
            head += sock.recv(4096)
        assert head.startswith(b"HTTP/1.1 101 ")
        assert b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in head
        for message in (b"\x81\x05hello", bytes(range(256))):
            sock.sendall(message)
            got = b""
            while len(got) < len(message):
                got += sock.recv(4096)
            assert got == message
    assert b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==" in echo.heads[0]


def test_an_origin_that_refuses_is_heard(start: Starter, echo: Echo, tmp_path: Path) -> None:
    config = tmp_path / "world.yaml"
    config.write_text(WORLD.format(port=echo.port))
    world = start(config, "--ephemeral")
    assert world.get("/chat", headers={"Sec-WebSocket-Key": "x"}).status == 426
