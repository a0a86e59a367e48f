"""Some edges of a world as a process: their caches, and the regional caches behind them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from edgesim.assembly.joined import JoinedProcess, JoinOptions
from edgesim.assembly.registry import Beat
from edgesim.assembly.running import Address
from edgesim.core.behaviors import Distribution
from edgesim.core.cache import Tier
from edgesim.core.entrance import Routed
from edgesim.core.messages import Request
from edgesim.core.reasons import Rejection
from edgesim.core.routing import Routes
from edgesim.errors import EdgesimError
from edgesim.front.members import PresentRoutes
from edgesim.front.relayed import NotSealed, Relayed, Seal
from edgesim.tls.facts import facts_of
from edgesim.wire.limits import ListenerLimits
from edgesim.wire.listener import Incoming, Listener, Reply

RELAY_LIMITS = ListenerLimits(head_bytes=32_768 + 65_536)
"""For relayed requests: the viewer's limits hold at the front door, and what it adds needs room."""

_REFUSAL = b"This port is for the front door of this world, and the request does not carry its seal.\n"


@dataclass(frozen=True, slots=True)
class EdgeOptions(JoinOptions):
    """How to start edges. ``own_http`` and ``own_https`` are for viewers who come without the front door (redirect
    mode), ``published`` the ports by which these are reached from outside, where those are other ones."""

    edges: tuple[str, ...] = ()
    internal: Address = field(default_factory=Address)
    advertise: Address | None = None
    own_http: Address | None = None
    own_https: Address | None = None
    published: tuple[int, int] = (0, 0)


class EdgeProcess(JoinedProcess):
    """The edges named in the options."""

    role = "edge"
    options: EdgeOptions

    @property
    def keys(self) -> bool:
        """Only where viewers come without the front door."""
        return self.options.own_https is not None

    def _joined(self) -> None:
        edges = self.options.edges
        unknown = [pop for pop in edges if pop not in self.world.edges]
        if unknown or not edges:
            known = ", ".join(self.world.edges)
            raise EdgesimError(f"--edges {','.join(edges)}: this world has no {', '.join(unknown)}; it has {known}")
        self.only = frozenset(edges)
        self.refused = 0
        self._own_routes: PresentRoutes | None = None

    def _routes(self) -> Routes:
        """For viewers who come without the front door: only our own edges."""
        routes = self.hierarchy.routes
        own = self._own_routes
        if own is None or own.of is not routes:
            absent = frozenset(routes.sites) - (self.only or frozenset())
            own = self._own_routes = PresentRoutes(routes, absent)
        return own

    def _route(self, request: Request, incoming: Incoming, distribution: Distribution | None) -> Routed:
        if not isinstance(incoming, Relayed):
            return replace(super()._route(request, incoming, distribution), redirect="")
        routed = incoming.routed
        if self.hierarchy.edge(routed.pop) is None:
            detail = f"Edge {routed.pop}: not one of this process's."
            return Routed("", routed.visitor, rejection=Rejection.NO_EDGE, status=503, detail=detail)
        return routed

    async def _listen(self) -> None:
        options = self.options
        self._seal = Seal(options.token)
        relayed = Listener(self._relayed, self.service.malformed, RELAY_LIMITS)
        self._stack.push_async_callback(relayed.close)
        self.internal = await self._bind_to(relayed, options.internal)
        self.listener = Listener(self._handler(), self.service.malformed, tls_facts=facts_of)
        self._stack.push_async_callback(self.listener.close)
        label = options.edges[0] if len(options.edges) == 1 else ""
        if options.own_http is not None:
            self.http = await self._bind_to(self.listener, options.own_http, label)
        if options.own_https is not None and self.world.file.tls.viewer:
            self.https = await self._bind_to(self.listener, options.own_https, label, secure=True)

    async def _relayed(self, incoming: Incoming, reply: Reply) -> None:
        """A request from the front door; anybody else is turned away without a look at the caches."""
        try:
            request = self._seal.open(incoming)
        except NotSealed:
            self.refused += 1
            reply.close = True
            reply.respond(403, "Forbidden", [("Content-Type", "text/plain")], _REFUSAL)
            return
        await self.service.handle(request, reply)

    def _beat(self) -> Beat:
        at, published = self.options.advertise, self.options.published
        return (
            super()
            ._beat()
            .model_copy(
                update={
                    "name": self.options.name or "+".join(self.options.edges),
                    "edges": self.options.edges,
                    "host": at.host if at is not None else "",
                    "port": at.port if at is not None and at.port else self.internal.port,
                    "http": published[0] or (self.http.port if self.http is not None else 0),
                    "https": published[1] or (self.https.port if self.https is not None else 0),
                }
            )
        )

    def counts(self) -> dict[str, Any]:
        """With the size of every cache."""
        caches = {
            f"{key[0].name.lower()} {key[1]}" if key[0] is not Tier.EDGE else key[1]: {
                "objects": len(cache.store),
                "bytes": cache.store.used,
            }
            for key, cache in self.hierarchy.caches.items()
        }
        return {**super().counts(), "refused": self.refused, "caches": caches}
