"""WebSockets: the upgrade is passed to the origin and the bytes are relayed both ways (spec §4.5)."""

from __future__ import annotations

from edgesim.core.messages import Request, listed, tokens
from edgesim.core.reasons import Forwarded, NotStored, Outcome
from edgesim.edge.plan import Hop
from edgesim.edge.visit import Visit
from edgesim.wire.client import OriginResponse
from edgesim.wire.duplex import relay

IDLE = 600.0
"""Seconds without a byte after which a WebSocket is closed."""


def is_websocket(request: Request) -> bool:
    """A GET that asks to become a WebSocket, over HTTP/1.1."""
    if request.method != "GET" or request.version < (1, 1) or "Upgrade" not in request.headers:
        return False
    asked = "websocket" in tokens(listed(request.headers, "Upgrade"))
    return asked and "upgrade" in tokens(listed(request.headers, "Connection"))


async def relay_websocket(visit: Visit, hop: Hop, response: OriginResponse) -> None:
    """Answer 101 as the origin did, and relay until one side ends."""
    assert response.duplex is not None, "the origin switched protocols"
    hop.exchange.forwarded, hop.exchange.not_stored = Forwarded.METHOD, NotStored.UPGRADED
    hop.outcome, hop.status = Outcome.MISS, 101
    visit.hop = hop
    with response:
        viewer = visit.reply.upgrade(101, response.reason or "Switching Protocols", list(response.headers.items()))
        done = await relay(viewer, response.duplex, IDLE)
        visit.reply.bytes_sent += done.to_viewer
