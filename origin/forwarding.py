"""What the balancer adds to a request, and how it ends a client's connection as the node ended its own."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from origin.delivery import abort
from origin.messages import Inbox, RequestHead
from origin.node import VIA

STICKY = "HARBOURLB"


@dataclass(slots=True)
class Client:
    """A connection from outside; ``busy`` while a request of it is being answered."""

    inbox: Inbox
    writer: asyncio.StreamWriter
    scheme: str
    busy: bool = False

    @property
    def address(self) -> tuple[str, int]:
        peer = self.writer.get_extra_info("peername") or ("", 0)
        return str(peer[0]), int(peer[1])

    @property
    def port(self) -> int:
        """The port of the listener it came to."""
        return int((self.writer.get_extra_info("sockname") or ("", 0))[1])

    async def end(self, fault: bool = False) -> None:
        """Deliver what was written, then close, or reset for a ``fault``."""
        transport = self.writer.transport
        if fault:
            secure = self.scheme == "https"  # asyncio's TLS pauses at the mark, its TCP only above it
            transport.set_write_buffer_limits(high=1 if secure else 0, low=0)
            await self.writer.drain()
            abort(transport)
        else:
            transport.close()


def forwarded(head: RequestHead, client: Client) -> bytes:
    """The head for the node: every line as it came, and the X-Forwarded fields with this hop's value appended."""
    added = {b"X-Forwarded-For": client.address[0], b"X-Forwarded-Proto": client.scheme}
    copy = RequestHead(head.start, list(head.lines))
    for name, value in {**added, b"X-Forwarded-Port": str(client.port)}.items():
        earlier = copy.values(name.lower())[-1:]
        copy.replace(name, b", ".join([*filter(None, earlier), value.encode()]))
    via = "{} {}:{}".format(client.scheme, *client.address)
    copy.lines.append(f"{VIA}: {via}".encode())
    return copy.raw


def sticky_node(head: RequestHead) -> str | None:
    """The node that the client's cookie names."""
    for value in head.values(b"cookie"):
        for pair in value.decode("latin-1").split(";"):
            name, _, node = pair.strip().partition("=")
            if name == STICKY:
                return node
    return None
