"""The front door as a process: viewers come in here and are relayed to the edges' processes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from edgesim.assembly.joined import JoinedProcess, JoinOptions
from edgesim.core.behaviors import Distribution
from edgesim.core.entrance import Routed
from edgesim.core.messages import Request
from edgesim.core.routing import Routes
from edgesim.front.members import Members, PresentRoutes, Registered
from edgesim.front.relay import Relay
from edgesim.front.relayed import Relayed, Seal
from edgesim.tls.facts import facts_of
from edgesim.wire.listener import Handler, Incoming, Listener
from edgesim.world.commands import Command
from edgesim.world.state import World


@dataclass(frozen=True, slots=True)
class FrontOptions(JoinOptions):
    """How to start a front door."""


class FrontProcess(JoinedProcess):
    """The front door. It has no caches; its own answers are refusals and redirects."""

    role = "front"
    only = frozenset()
    options: FrontOptions
    _present: PresentRoutes | None = None
    _known: tuple[Sequence[Registered], bool] = ((), False)

    @property
    def keys(self) -> bool:
        """Viewers come with TLS."""
        return True

    def _joined(self) -> None:
        self.members = Members(self._reach_changed)
        self.members.update(self._known[0], settling=False)

    def _members_changed(self, edges: Sequence[Registered], settling: bool) -> None:
        self._known = edges, settling
        if hasattr(self, "members"):
            self.members.update(edges, settling=settling)

    def _reach_changed(self) -> None:
        """Other edges can be reached: choose afresh."""
        self._present = None
        if hasattr(self, "door"):
            self._publish()

    def _publish(self) -> None:
        ports = {pop: (one.http, one.https) for one in self.members.registered for pop in one.edges}
        self.door.edge_ports = ports if self.world.file.front.mode == "redirect" else {}

    def _changed(self, world: World, command: Command) -> None:
        super()._changed(world, command)
        self._publish()

    def _routes(self) -> Routes:
        routes = self.hierarchy.routes
        present = self._present
        if present is None or present.of is not routes:
            present = self._present = PresentRoutes(routes, frozenset(routes.sites) - self.members.reachable)
        return present

    def _route(self, request: Request, incoming: Incoming, distribution: Distribution | None) -> Routed:
        return incoming.routed if isinstance(incoming, Relayed) else super()._route(request, incoming, distribution)

    def _handler(self) -> Handler:
        return self.relay.handle

    async def _listen(self) -> None:
        self.relay = Relay(
            lambda host: self.world.distribution_for(host),
            self._route,
            self.service.handle,
            self.members,
            Seal(self.options.token),
        )
        self._stack.push_async_callback(self.relay.close)
        self._publish()
        self.listener = Listener(self._handler(), self.service.malformed, tls_facts=facts_of)
        self._stack.push_async_callback(self.listener.close)
        self.http = await self._bind(self.options.http)
        if self.world.file.tls.viewer:
            self.https = await self._bind(self.options.https, secure=True)
        self.tasks.start(self.members.probe(), name="probe")

    def counts(self) -> dict[str, Any]:
        """With what became of the viewers' requests, and the edges that can be reached."""
        reach = sorted(self.members.reachable)
        return {**super().counts(), **asdict(self.relay.counts), "edges": reach, "silent": self.members.silent}
