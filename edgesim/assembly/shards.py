"""Which worker runs which edges: those behind one regional cache stay together, so that they share it."""

from __future__ import annotations

import socket
from collections.abc import Iterable

from edgesim.core.routing import EdgeSite
from edgesim.errors import EdgesimError
from edgesim.wire.listener import BACKLOG


def shards(sites: Iterable[EdgeSite], workers: int) -> list[tuple[str, ...]]:
    """The POPs of each worker, none empty: regions go, the largest first, to whoever has the fewest edges."""
    regions: dict[str, list[str]] = {}
    for site in sites:
        regions.setdefault(site.regional, []).append(site.pop)
    found: list[list[str]] = [[] for _ in range(max(1, min(workers, len(regions))))]
    for _, pops in sorted(regions.items(), key=lambda region: (-len(region[1]), region[0])):
        min(found, key=len).extend(pops)
    return [tuple(pops) for pops in found]


def listening(host: str, port: int) -> list[socket.socket]:
    """Sockets that listen at every address of a host, all at one port. Raises EdgesimError."""
    bound: list[socket.socket] = []
    try:
        kinds = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, _, _, _, address in dict.fromkeys(kinds):
            at = (address[0], bound[0].getsockname()[1], *address[2:]) if bound and not port else address
            one = socket.socket(family, socket.SOCK_STREAM)
            bound.append(one)
            one.setblocking(False)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            one.bind(at)
            one.listen(BACKLOG)
    except OSError as error:
        for one in bound:
            one.close()
        hint = "choose another port, or 0 for a free one"
        raise EdgesimError(f"cannot listen on {host}:{port}: {error.strerror}; {hint}") from None
    return bound
