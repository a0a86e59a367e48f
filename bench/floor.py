"""The floor: a server that answers everything with the same bytes, so that reading and writing is all it does.

``python -m bench.floor PORT`` serves until it is told to stop. No server on this loop can cost less.
"""

from __future__ import annotations

import asyncio
import sys
from typing import cast

BODY = b"0" * 1_000
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nX-Filler: %b\r\n\r\n" % (len(BODY), b"f" * 500)
"""As large as the head of an edge's hit."""


class Constant(asyncio.Protocol):
    """Answers each chunk that arrives, whatever it says."""

    transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self.transport.write(HEAD + BODY)


async def _serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Constant, "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    import uvloop

    uvloop.run(_serve(int(sys.argv[1])))
