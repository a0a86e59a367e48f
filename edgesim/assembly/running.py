"""A running world: everything started in order, kept in step with its World, and ended in reverse."""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from edgesim.assembly.certificates import Certificates
from edgesim.assembly.site import ToySite
from edgesim.core.behaviors import Distribution
from edgesim.core.cache import Cache, Tier
from edgesim.core.entrance import Routed
from edgesim.core.messages import Request
from edgesim.core.routing import Routes
from edgesim.core.verdict import Verdict
from edgesim.edge.fast import FastPath
from edgesim.edge.hierarchy import SWEEP_PIECE, Hierarchy
from edgesim.edge.origins import Origins
from edgesim.edge.plan import Errands
from edgesim.edge.roads import Roads
from edgesim.edge.service import EdgeService
from edgesim.errors import EdgesimError
from edgesim.front.door import FrontDoor
from edgesim.observe.access_log import AccessLog
from edgesim.observe.clock import Anchor, Clock
from edgesim.observe.records import Records
from edgesim.observe.tasks import TaskOwner
from edgesim.tls.facts import facts_of
from edgesim.wire.listener import Handler, Incoming, Listener, ListenerLimits
from edgesim.world.commands import BindSite, Command, Configure, Reset
from edgesim.world.gazetteer import Gazetteer
from edgesim.world.keeper import WorldKeeper
from edgesim.world.log import CommandLog
from edgesim.world.state import World

TICK = 0.05
"""Real seconds between two looks at what the simulated clock has made due."""

RUNNING_FILE = "running.json"


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen; port 0 lets the system choose."""

    host: str = "127.0.0.1"
    port: int = 0

    def url(self, scheme: str) -> str:
        """As a URL; an address that means every interface is named as loopback."""
        host = "127.0.0.1" if self.host in ("0.0.0.0", "::", "") else self.host
        return f"{scheme}://[{host}]:{self.port}" if ":" in host else f"{scheme}://{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Options:
    """How to start. Without ``state`` nothing outlives the process; without ``configure`` there is a World already."""

    configure: Configure | None = None
    http: Address = field(default_factory=Address)
    https: Address = field(default_factory=Address)
    state: Path | None = None


class RunningWorld:
    """Everything of a world in this process. Get it from :meth:`start`, end it with :meth:`close`."""

    only: frozenset[str] | None = None
    """The edges whose caches are in this process; None: all."""

    def __init__(self, options: Options, stack: AsyncExitStack) -> None:
        self.options = options
        self._stack = stack
        self.http: Address | None = None
        self.https: Address | None = None
        self.site: ToySite | None = None
        self.clock = Clock()
        self.records = Records()
        self.access_log = AccessLog()
        self.tasks = TaskOwner()
        self.keeper: WorldKeeper
        self.certificates: Certificates
        self.hierarchy: Hierarchy
        self.origins: Origins
        self.service: EdgeService
        self.door: FrontDoor
        self.listener: Listener
        self.directory: Path

    @property
    def world(self) -> World:
        """The World as it is now."""
        return self.keeper.world

    @property
    def ephemeral(self) -> bool:
        """Nothing outlives the process."""
        return self.options.state is None

    @property
    def absent(self) -> frozenset[str]:
        """Edges of this world that no process runs."""
        return frozenset()

    @property
    def reported(self) -> Mapping[str, Mapping[str, int]]:
        """``entries`` and ``used_bytes`` of the edges' caches that other processes have, as they said last."""
        return {}

    @property
    def reported_regional(self) -> Mapping[str, Mapping[str, int]]:
        """The same of regional caches."""
        return {}

    async def settle(self) -> None:
        """Wait until all processes are in step with this one; nothing to do where there is only one."""

    async def find(self, id: str) -> Verdict | None:
        """The verdict of a request, while it is remembered."""
        return self.records.get(id)

    async def newest(self, count: int) -> list[Verdict]:
        """The newest verdicts, newest first."""
        return self.records.last(count)

    async def listing(self, tier: Tier, name: str, limit: int, prefix: str) -> dict[str, Any] | None:
        """What a cache of another process holds."""
        return None

    def watch(self, on: bool) -> None:
        """Whether somebody wants to see every verdict as it comes; in one process all of them can be seen anyway."""

    @classmethod
    async def start(cls, options: Options) -> Self:
        """Start everything; when this returns, viewers are served. Raises ConfigError or another EdgesimError."""
        async with AsyncExitStack() as stack:
            running = cls(options, stack)
            await running._start()
            running._stack = stack.pop_all()
            return running

    async def close(self) -> None:
        """Finish what is in flight and end everything."""
        await self._stack.aclose()

    async def _start(self) -> None:
        self._open_state()
        await self._start_site()
        self._build()
        self._keep_log()
        await self._listen()
        self._stack.push_async_callback(self.tasks.close)
        self.tasks.start(self._keep_time(), name="due")

    def _open_state(self) -> None:
        self._open_log()
        self._set_clock(self.world)
        self.certificates = Certificates(self.directory, self.world, self.clock.now(), self.clock.real())

    def _open_log(self) -> None:
        state = self.options.state
        if state is None:
            self.directory = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="edgesim-")))
            self.keeper = WorldKeeper.open(None, self.options.configure)
        else:
            self.directory = state
            log = self._stack.enter_context(CommandLog(state / "world.db"))
            self.keeper = WorldKeeper.open(log, self.options.configure)

    def _set_clock(self, world: World) -> None:
        anchor = world.clock
        self.clock.anchor = Anchor(anchor.real, anchor.simulated, anchor.speed)

    async def _start_site(self) -> None:
        section = self.world.file.site
        if section is None:
            return
        certificate = self._site_certificate()
        self.site = await ToySite.start(section, certificate)
        self._stack.push_async_callback(self.site.close)
        self.keeper.apply(BindSite(http_port=self.site.http_port, https_port=self.site.https_port))

    def _site_certificate(self) -> Path | None:
        section = self.world.file.site
        if section is None or not section.https:
            return None
        return self.certificates.for_names([section.domain], self.clock.now()).path

    def _build(self) -> None:
        gazetteer = Gazetteer.load()
        self.hierarchy = Hierarchy(self.world, gazetteer, self.only)
        self.origins = Origins(self.clock, self.certificates.trust)
        self._stack.push_async_callback(self.origins.close)
        errands = Errands(self.hierarchy, self.origins, Roads(self.hierarchy), self.clock, self.tasks)
        self.door = FrontDoor(gazetteer, self.world, self._routes)
        self.fast = FastPath(self.hierarchy, self.clock, self.records, self.origins.pool)
        self.service = EdgeService(errands, self._route, self.records, self.fast)
        self._stack.callback(self.keeper.subscribe(self._changed))

    def _route(self, request: Request, incoming: Incoming, distribution: Distribution | None) -> Routed:
        return self.door.route(request, distribution, incoming.peer, incoming.label)

    def _routes(self) -> Routes:
        """The edges to choose from."""
        return self.hierarchy.routes

    def _handler(self) -> Handler:
        """What answers the viewers."""
        return self.service.handle

    async def _listen(self) -> None:
        limits = ListenerLimits(head_bytes=self.world.file.switches.head_limit)
        self.listener = Listener(self._handler(), self.service.malformed, limits, tls_facts=facts_of)
        self.listener.fast = self.fast
        self._stack.callback(self.fast.flush)
        self._stack.push_async_callback(self.listener.close)
        options = self.options
        self.http = await self._bind(options.http)
        if self.world.file.tls.viewer:
            self.https = await self._bind(options.https, secure=True)
        if self.world.file.front.mode == "redirect":
            await self._listen_per_edge(options.http.host)

    async def _bind(self, address: Address, *, secure: bool = False, label: str = "") -> Address:
        context = self.certificates.contexts.context if secure else None
        try:
            port = await self.listener.start(address.host, address.port, context, label)
        except OSError as error:
            hint = "choose another port, or 0 for a free one"
            raise EdgesimError(f"cannot listen on {address.host}:{address.port}: {error.strerror}; {hint}") from None
        return Address(address.host, port)

    async def _listen_per_edge(self, host: str) -> None:
        base = self.world.file.front.redirect_base_port
        ports: dict[str, tuple[int, int]] = {}
        for index, pop in enumerate(self.world.edges):
            first = 0 if base is None else base + 2 * index
            plain = await self._bind(Address(host, first), label=pop)
            secure = plain
            if self.world.file.tls.viewer:
                secure = await self._bind(Address(host, first + 1 if base else 0), secure=True, label=pop)
            ports[pop] = (plain.port, secure.port)
        self.door.edge_ports = ports

    # Keeping in step

    def _changed(self, world: World, command: Command) -> None:
        self._set_clock(world)
        now = self.clock.now()
        self.fast.forget()
        self.hierarchy.update(world, now)
        self.door.update(world)
        if isinstance(command, Reset):
            self.hierarchy.clear()
        self._renew(now)
        self.certificates.update(world, now)

    def _renew(self, now: float) -> None:
        renewed = self.certificates.renew(now)
        site = self.world.file.site
        if self.site is not None and site is not None and any(site.domain in one.names for one in renewed):
            self.site.reload_certificate()

    def _keep_log(self) -> None:
        """The access log, where the world file says at the moment; closed after the last viewer has gone."""
        self.access_log.to(self._log_file(self.world))
        self._stack.callback(self.access_log.close)
        self._stack.callback(self.records.listen(self.access_log.listen, self.access_log.burst))
        self._stack.callback(self.keeper.subscribe(lambda world, _: self.access_log.to(self._log_file(world))))
        self.tasks.start(self.access_log.run(), name="access log")

    @staticmethod
    def _log_file(world: World) -> Path | None:
        name = world.file.logs.access
        return world.beside(name) if name else None

    async def _keep_time(self) -> None:
        """Carry out what the simulated clock has made due, and free what invalidations left behind."""
        renewal_looked = 0.0
        while True:
            await asyncio.sleep(TICK)
            now = self.clock.now()
            due = self.hierarchy.next_due()
            if due is not None and due <= now:
                self.hierarchy.carry_out(now)
            for cache in self.hierarchy.sweepers():
                await _sweep(cache)
            if now - renewal_looked >= 3600:
                renewal_looked = now
                self._renew(now)

    def write_running_file(self, control: str) -> None:
        """Leave word in the state directory where this world's control port is."""
        path = self.directory / RUNNING_FILE
        path.write_text(json.dumps({"control": control, "pid": os.getpid()}), encoding="utf-8")
        self._stack.callback(lambda: path.unlink(missing_ok=True))


async def _sweep(cache: Cache) -> None:
    """Free the space of invalidated entries, in pieces."""
    fence = cache.fences.now()
    cache.unswept = False
    names = cache.store.names()
    for start in range(0, len(names), SWEEP_PIECE):
        cache.sweep(names[start : start + SWEEP_PIECE])
        await asyncio.sleep(0)
    cache.swept(fence)
