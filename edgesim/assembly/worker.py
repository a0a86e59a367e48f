"""A worker of ``edgesim up --workers``: some edges of a world in a process of their own. Its parent starts it."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgesim.assembly import garbage
from edgesim.assembly.channel import Channel, Message
from edgesim.assembly.edge_process import RELAY_LIMITS
from edgesim.assembly.following import FollowedCertificates
from edgesim.assembly.handing import Handing
from edgesim.assembly.running import Options, RunningWorld
from edgesim.assembly.tallies import Teller
from edgesim.control.caches import cache_facts, listing
from edgesim.core.behaviors import Distribution
from edgesim.core.cache import Tier
from edgesim.core.entrance import Routed
from edgesim.core.messages import Request
from edgesim.core.reasons import Rejection
from edgesim.core.routing import Routes
from edgesim.front.members import Members, PresentRoutes, Registered
from edgesim.front.relay import Relay
from edgesim.front.relayed import NotSealed, Relayed, Seal, decided
from edgesim.observe.wire_verdict import decode_value, encode_verdicts
from edgesim.tls.facts import facts_of
from edgesim.wire.grammar import Malformed, parse_request
from edgesim.wire.limits import ListenerLimits
from edgesim.wire.listener import Incoming, Listener, Reply
from edgesim.world.changes import apply
from edgesim.world.commands import Command, Reset, from_json
from edgesim.world.keeper import WorldKeeper
from edgesim.world.state import World

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Start:
    """What the parent says first: who we are, the open sockets by number, and the other workers' edges."""

    index: int
    shards: tuple[tuple[str, ...], ...]
    directory: str
    token: str
    http: tuple[int, ...]
    https: tuple[int, ...]
    edge_doors: tuple[tuple[str, bool, int], ...]
    edge_ports: tuple[tuple[str, int, int], ...]
    inbox: int
    outboxes: tuple[int, ...]


class Worker(RunningWorld):
    """The edges of one shard. Requests for those of others are relayed, plain connections handed over."""

    def __init__(self, start: Start, channel: Channel, first: Message, stack: AsyncExitStack) -> None:
        super().__init__(Options(), stack)
        self.start_with = start
        self.channel = channel
        self.only = frozenset(start.shards[start.index])
        self._first = first
        self._owner = {pop: index for index, pops in enumerate(start.shards) for pop in pops}
        self._present: PresentRoutes | None = None

    @classmethod
    async def run(cls, channel: Channel, stop: asyncio.Event) -> None:
        """Serve until the parent says so, or is gone."""
        first = await channel.first()
        if not first:
            return
        async with AsyncExitStack() as stack:
            worker = cls(decode_value(Start, first["start"]), channel, first, stack)
            worker.stop = stop
            await worker._start()
            await stop.wait()

    stop: asyncio.Event

    async def _start(self) -> None:
        first, start = self._first, self.start_with
        self.directory = Path(start.directory)
        self.keeper = WorldKeeper(None, World())
        self.certificates = self.followed = FollowedCertificates(self.directory)
        self.followed.take(first["certificates"])
        world = World()
        for _, data in first["commands"]:
            world = apply(world, _command(data))
        self.keeper.install(world, first["sequence"], Reset(real=0.0))
        self._set_clock(self.world)
        self.followed.update(self.world, self.clock.now())
        self.members = Members(self._reach_changed)
        self._build()
        self.door.edge_ports = {pop: (plain, secure) for pop, plain, secure in start.edge_ports}
        self._tell()
        self._keep_log()
        await self._listen()
        self._stack.push_async_callback(self.tasks.close)
        self.tasks.start(self._keep_time(), name="due")
        self.tasks.start(self.members.probe(), name="probe")
        self.channel.listen(self._told)
        self.channel.send({"kind": "ready", "port": self.relayed_port})

    def _tell(self) -> None:
        self._stack.callback(self.channel.close)
        self.teller = Teller(self.channel)
        self._stack.callback(self.teller.flush)
        self._stack.callback(self.records.listen(self.teller.listen, self.teller.burst))

    # Serving

    async def _listen(self) -> None:
        seal = Seal(self.start_with.token)
        self._seal = seal
        relayed = Listener(self._relayed, self.service.malformed, RELAY_LIMITS)
        self._stack.callback(self.fast.flush)
        self._stack.push_async_callback(relayed.close)
        self.relayed_port = await relayed.start(LOOPBACK, 0)
        self.relay = Relay(self._distribution_for, self._route, self.service.handle, self.members, seal)
        self._stack.push_async_callback(self.relay.close)
        limits = ListenerLimits(head_bytes=self.world.file.switches.head_limit)
        self.listener = Listener(self._serve, self.service.malformed, limits, tls_facts=facts_of)
        self.listener.fast = self.fast
        self._stack.push_async_callback(self.listener.close)

    async def _open_doors(self) -> None:
        start = self.start_with
        outboxes = [socket.socket(fileno=number) for number in start.outboxes]
        inbox = socket.socket(fileno=start.inbox)
        self.handing = Handing(inbox, outboxes, self._choose, self.listener.adopt, self.listener.limits)
        self._stack.callback(self.handing.close)
        for number in start.http:
            self.handing.accept(socket.socket(fileno=number))
        context = self.certificates.contexts.context
        for number in start.https:
            await self.listener.start_at(socket.socket(fileno=number), context)
        for pop, secure, number in start.edge_doors:
            if pop in (self.only or ()):
                await self.listener.start_at(socket.socket(fileno=number), context if secure else None, pop)
        garbage.settle()
        self.channel.send({"kind": "open"})

    async def _serve(self, incoming: Incoming, reply: Reply) -> None:
        """A viewer's request: answered here if the edge is ours, else relayed to its owner."""
        if incoming.waited is not None:  # for an edge of ours, in the World of then
            await self.service.handle(incoming, reply)
            return
        distribution = self._distribution_for(incoming.headers.get("Host", ""))
        routed = self._route(_request(incoming), incoming, distribution)
        if routed.rejection is None and not routed.redirect and self.hierarchy.edge(routed.pop) is None:
            await self.relay.handle(incoming, reply)
        else:
            await self.service.handle(decided(incoming, routed), reply)

    async def _relayed(self, incoming: Incoming, reply: Reply) -> None:
        """A request from another worker; anybody else is turned away without a look at the caches."""
        try:
            request = self._seal.open(incoming)
        except NotSealed:
            reply.close = True
            reply.respond(403, "Forbidden", [("Content-Type", "text/plain")], b"This port is for edgesim's workers.\n")
            return
        await self.service.handle(request, reply)

    def _distribution_for(self, host: str) -> Distribution | None:
        return self.world.distribution_for(host)

    def _route(self, request: Request, incoming: Incoming, distribution: Distribution | None) -> Routed:
        if not isinstance(incoming, Relayed):
            return super()._route(request, incoming, distribution)
        routed = incoming.routed
        if routed.rejection is None and not routed.redirect and self.hierarchy.edge(routed.pop) is None:
            detail = f"Edge {routed.pop}: not one of this process's."
            return Routed("", routed.visitor, rejection=Rejection.NO_EDGE, status=503, detail=detail)
        return routed

    def _choose(self, head: bytes, peer: tuple[str, int]) -> int | None:
        """The worker that should serve a connection which begins with this head; None: this one."""
        limits = self.listener.limits
        try:
            parsed = parse_request(head, limits.url_bytes, limits.head_bytes)
        except Malformed:
            return None
        request = Request(parsed.method, parsed.target, parsed.headers, parsed.version, "http", peer[0], False)
        routed = self.door.route(request, self._distribution_for(parsed.headers.get("Host", "")), peer)
        index = self._owner.get(routed.pop)
        if routed.rejection is not None or routed.redirect or index == self.start_with.index:
            return None
        return index

    def _routes(self) -> Routes:
        """Edges whose worker is not there just now are not chosen."""
        routes = self.hierarchy.routes
        missing = frozenset(routes.sites) - self.members.reachable
        if not missing:
            return routes
        present = self._present
        if present is None or present.of is not routes:
            present = self._present = PresentRoutes(routes, missing)
        return present

    def _reach_changed(self) -> None:
        self._present = None
        if hasattr(self, "fast"):
            self.fast.forget()

    # What the parent says

    def _told(self, message: Message) -> None:
        match message["kind"]:
            case "command":
                self.keeper.apply(_command(message["command"]))
                self.keeper.sequence = message["sequence"]
            case "certificates":
                self.followed.take(message["certificates"])
                self.origins.forget_trust()
            case "members":
                self._members(message["members"])
            case "open":
                self.tasks.start(self._open_doors(), name="doors")
            case "watch":
                self.teller.watched = message["on"]
            case "stop":
                self.stop.set()
            case kind:
                value = self._answer(kind, message)
                self.channel.send({"kind": "answer", "number": message["number"], "value": value})

    def _members(self, members: Sequence[tuple[int, str, int]]) -> None:
        shards = self.start_with.shards
        found = [Registered(str(index), boot, shards[index], LOOPBACK, port) for index, boot, port in members]
        self.members.update(found, settling=False)

    def _answer(self, kind: str, message: Message) -> Any:
        match kind:
            case "settle":
                self.records.settle()
                self.teller.flush()
                return self._facts()
            case "find":
                found = self.records.get(message["id"])
                return None if found is None else encode_verdicts([found])
            case "newest":
                newest = self.records.newest(message["count"])
                return {"at": [at for at, _ in newest], "batch": encode_verdicts([one for _, one in newest])}
            case "listing":
                cache = self.hierarchy.caches.get((Tier[message["tier"]], message["name"]))
                limit, prefix = message["limit"], message["prefix"]
                return None if cache is None else listing(message["name"], cache, self.clock.now(), limit, prefix)
        return None

    def _facts(self) -> Any:
        log = self.access_log
        return {
            "sequence": self.keeper.sequence,
            "lost": self.teller.lost,
            "rows": log.written,
            "rows_lost": log.lost,
            "warning": log.warning,
            "fast": self.fast.hits,
            "caches": [[key[0].name, key[1], cache_facts(cache)] for key, cache in self.hierarchy.caches.items()],
        }


def _request(incoming: Incoming) -> Request:
    return Request(
        incoming.method,
        incoming.target,
        incoming.headers,
        incoming.version,
        incoming.scheme,
        incoming.peer[0],
        incoming.body is not None,
    )


def _command(data: Any) -> Command:
    return from_json(data)


async def _main(number: int) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    channel = await Channel.over(socket.socket(fileno=number))
    gone = loop.create_task(_when_lost(channel, stop))
    try:
        await Worker.run(channel, stop)
    finally:
        gone.cancel()


async def _when_lost(channel: Channel, stop: asyncio.Event) -> None:
    await channel.lost.wait()
    stop.set()


def main() -> None:
    """The process: its only argument is the number of the open socket that leads to its parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent too, which tells us when to end
    logging.basicConfig(format="edgesim: %(message)s", level=logging.WARNING)
    try:
        import uvloop
    except ImportError:
        runner = asyncio.Runner()
    else:
        runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
    with runner:
        runner.run(_main(int(sys.argv[1])))


if __name__ == "__main__":
    main()
