"""A world whose edges are spread over worker processes: this is their parent, which a viewer never talks to.

It holds the World, the certificates and the toy site, binds the viewers' ports and leaves accepting to the workers.
Over a channel to each it sends every command, and hears of every request. Before the control port answers, all workers
have said that they took what was sent, and all that they had seen by then is counted here.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import socket
import sys
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgesim.assembly.channel import Channel, Message
from edgesim.assembly.cluster import certificates_json, certificates_revision
from edgesim.assembly.running import Address, Options, RunningWorld
from edgesim.assembly.shards import listening, shards
from edgesim.assembly.tallies import Hearer
from edgesim.assembly.worker import Start
from edgesim.core.cache import Tier
from edgesim.core.verdict import Verdict
from edgesim.errors import EdgesimError
from edgesim.observe.wire_verdict import decode_verdicts, encode_value
from edgesim.world.commands import Command, to_json
from edgesim.world.state import World

log = logging.getLogger("edgesim.workers")

PATIENCE = 1.0
"""Seconds a worker may take to say that it is in step."""

START_SECONDS = 60.0
STOP_SECONDS = 12.0
BACKOFF = (0.0, 0.2, 0.5, 1.0, 2.0)
"""Seconds before a worker that died is started again; the last goes on for ever."""

LOOK = 0.5
"""Seconds between two looks at whether a certificate has been renewed."""


@dataclass(slots=True, eq=False)
class Hand:
    """One worker as its parent sees it. ``facts`` are what it said last; ``past`` what its dead predecessors had."""

    index: int
    edges: tuple[str, ...]
    inbox: socket.socket
    outbox: socket.socket
    process: asyncio.subprocess.Process | None = None
    channel: Channel | None = None
    boot: str = ""
    port: int = 0
    ready: bool = False
    told: bool = False
    opened: asyncio.Event = field(default_factory=asyncio.Event)
    facts: dict[str, Any] = field(default_factory=dict)
    rows: int = 0
    rows_lost: int = 0

    def bury(self) -> None:
        """It is gone; what it wrote is still written."""
        self.ready, self.told, self.port = False, False, 0
        self.rows += self.facts.get("rows", 0)
        self.rows_lost += self.facts.get("rows_lost", 0)
        self.facts = {}
        self.opened.clear()


@dataclass(frozen=True, slots=True)
class WorkersOptions(Options):
    """How to start: ``workers`` is how many processes share the edges."""

    workers: int = 2


class WorkersWorld(RunningWorld):
    """The parent."""

    only = frozenset()
    options: WorkersOptions

    def __init__(self, options: Options, stack: AsyncExitStack) -> None:
        super().__init__(options, stack)
        self.hands: list[Hand] = []
        self._stopping = False
        self._watched = self._begun = False
        self._token = secrets.token_urlsafe(32)

    async def close(self) -> None:
        """Let the workers finish what is in flight, and end everything."""
        self._stopping = True
        await super().close()

    def _keep_log(self) -> None:
        """The workers write the access log; here is only where, and how it goes."""
        self.access_log.to(self._log_file(self.world))
        self._stack.callback(self.keeper.subscribe(lambda world, _: self.access_log.to(self._log_file(world))))

    async def _listen(self) -> None:
        self._doors: list[socket.socket] = []
        self._stack.callback(self._close_doors)
        options = self.options
        self._plain = self._bound(options.http)
        self.http = Address(options.http.host, _port(self._plain))
        self._secure: list[socket.socket] = []
        if self.world.file.tls.viewer:
            self._secure = self._bound(options.https)
            self.https = Address(options.https.host, _port(self._secure))
        self._edge_doors: list[tuple[str, bool, socket.socket]] = []
        if self.world.file.front.mode == "redirect":
            self._bind_per_edge(options.http.host)
        name = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="edgesim-workers-"))
        self._directory = Path(name)
        self._revision = certificates_revision(self.certificates)
        self._stack.callback(self.keeper.subscribe(self._told))
        self._make_hands()
        self._stack.push_async_callback(self._stop_workers)
        await self._start_workers()

    def _bound(self, at: Address) -> list[socket.socket]:
        found = listening(at.host, at.port)
        self._doors += found
        return found

    def _bind_per_edge(self, host: str) -> None:
        base, ports = self.world.file.front.redirect_base_port, dict[str, tuple[int, int]]()
        for index, pop in enumerate(self.world.edges):
            first = 0 if base is None else base + 2 * index
            plain = secure = self._bound(Address(host, first))
            self._edge_doors += [(pop, False, one) for one in plain]
            if self.world.file.tls.viewer:
                secure = self._bound(Address(host, first + 1 if base else 0))
                self._edge_doors += [(pop, True, one) for one in secure]
            ports[pop] = (_port(plain), _port(secure))
        self.door.edge_ports = ports

    def _close_doors(self) -> None:
        for door in self._doors:
            door.close()

    # The workers' lives

    def _make_hands(self) -> None:
        for index, edges in enumerate(shards(self.world.sites, self.options.workers)):
            inbox, outbox = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            self._doors += [inbox, outbox]
            self.hands.append(Hand(index, edges, inbox, outbox))

    async def _start_workers(self) -> None:
        for hand in self.hands:
            self.tasks.start(self._tend(hand), name=f"worker {hand.index}")
        self.tasks.start(self._look_at_certificates(), name="certificates")
        try:
            async with asyncio.timeout(START_SECONDS):
                for hand in self.hands:
                    await hand.opened.wait()
        except TimeoutError:
            raise EdgesimError("the workers do not start; what they said stands above") from None

    async def _tend(self, hand: Hand) -> None:
        """Keep one worker running."""
        failures = 0
        while True:
            code = await self._live(hand)
            failures = 0 if hand.opened.is_set() else failures + 1
            hand.bury()
            if self._stopping:
                return
            log.warning("worker %d (%s) ended with %s; starting it again", hand.index, ", ".join(hand.edges), code)
            self._introduce()
            await asyncio.sleep(BACKOFF[min(failures, len(BACKOFF) - 1)])

    async def _live(self, hand: Hand) -> int:
        """One worker's life, from its start to its end."""
        ours, theirs = socket.socketpair()
        numbers = [door.fileno() for door in self._doors]
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "edgesim.assembly.worker",
            str(theirs.fileno()),
            pass_fds=[theirs.fileno(), *numbers],
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
        )
        theirs.close()
        hand.process, hand.boot = process, secrets.token_hex(8)
        channel = await Channel.over(ours)
        hearer = Hearer(self.records)
        channel.listen(lambda message: self._heard(hand, hearer, message))
        channel.send(self._first_words(hand))
        hand.channel = channel  # from here on it is told of every change
        try:
            return await process.wait()
        finally:
            if not self._stopping:
                hand.channel = None
                channel.close()

    def _first_words(self, hand: Hand) -> Message:
        directory = self._directory / str(hand.index)
        directory.mkdir(mode=0o700, exist_ok=True)
        start = Start(
            hand.index,
            tuple(one.edges for one in self.hands),
            str(directory),
            self._token,
            _numbers(self._plain),
            _numbers(self._secure),
            tuple((pop, secure, one.fileno()) for pop, secure, one in self._edge_doors),
            tuple((pop, plain, secure) for pop, (plain, secure) in self.door.edge_ports.items()),
            hand.inbox.fileno(),
            tuple(one.outbox.fileno() for one in self.hands),
        )
        return {
            "kind": "start",
            "start": encode_value(Start, start),
            "certificates": certificates_json(self.certificates, keys=True),
            "commands": [[number, to_json(command)] for number, command in self.keeper.commands(0)],
            "sequence": self.keeper.sequence,
        }

    async def _stop_workers(self) -> None:
        """Let the workers finish what is in flight."""
        self._stopping = True
        await asyncio.gather(*[self._stop(hand) for hand in self.hands])

    async def _stop(self, hand: Hand) -> None:
        process = hand.process
        if process is None or process.returncode is not None:
            return
        if hand.channel is not None:
            hand.channel.send({"kind": "stop"})
        else:
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), STOP_SECONDS)
        except TimeoutError:
            log.warning("worker %d does not end, and is killed", hand.index)
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    # What workers say

    def _heard(self, hand: Hand, hearer: Hearer, message: Message) -> None:
        match message["kind"]:
            case "verdicts":
                hearer.verdicts(message)
            case "counts":
                hearer.counts(message)
            case "ready":
                hand.port, hand.ready = message["port"], True
                self._ready(hand)
            case "open":
                hand.opened.set()

    def _ready(self, hand: Hand) -> None:
        """Serve when, at the start, all are there: nobody should be sent to a farther edge."""
        if hand.channel is not None:
            hand.channel.send({"kind": "watch", "on": self._watched})
        self._introduce()
        self._begun = self._begun or all(one.ready for one in self.hands)
        for one in self.hands if self._begun else ():
            if one.ready and one.channel is not None and not one.told:
                one.told = True
                one.channel.send({"kind": "open"})

    def _introduce(self) -> None:
        members = [[one.index, one.boot, one.port] for one in self.hands if one.ready]
        self._send({"kind": "members", "members": members})

    def _send(self, message: Message) -> None:
        for hand in self.hands:
            if hand.channel is not None:
                hand.channel.send(message)

    # What they are told

    def _told(self, world: World, command: Command) -> None:
        self._send_certificates()
        self._send({"kind": "command", "command": to_json(command), "sequence": self.keeper.sequence})

    def _send_certificates(self) -> None:
        revision = certificates_revision(self.certificates)
        if revision != self._revision:
            self._revision = revision
            self._send({"kind": "certificates", "certificates": certificates_json(self.certificates, keys=True)})

    async def _look_at_certificates(self) -> None:
        while True:
            await asyncio.sleep(LOOK)
            self._send_certificates()

    def watch(self, on: bool) -> None:
        """Somebody wants to see every hit as it happens."""
        self._watched = on
        self._send({"kind": "watch", "on": on})

    # What the control port asks

    async def _ask(self, message: Message) -> list[tuple[Hand, Any]]:
        asked = [(hand, hand.channel) for hand in self.hands if hand.ready and hand.channel is not None]
        answers = await asyncio.gather(*[channel.ask(message, PATIENCE) for _, channel in asked])
        return [(hand, answer) for (hand, _), answer in zip(asked, answers, strict=True) if answer is not None]

    async def settle(self) -> None:
        """Every worker has taken what was sent, and what it has seen is counted here."""
        self._send_certificates()
        for hand, facts in await self._ask({"kind": "settle"}):
            hand.facts = facts
        gone = self.hands
        self.access_log.written = sum(hand.rows + hand.facts.get("rows", 0) for hand in gone)
        self.access_log.lost = sum(hand.rows_lost + hand.facts.get("rows_lost", 0) for hand in gone)
        self.access_log.warning = next((text for hand in gone if (text := hand.facts.get("warning", ""))), "")

    async def find(self, id: str) -> Verdict | None:
        """A verdict from wherever it is kept."""
        found = self.records.get(id)
        if found is not None:
            return found
        for _, batch in await self._ask({"kind": "find", "id": id}):
            return decode_verdicts(batch)[0]
        return None

    async def newest(self, count: int) -> list[Verdict]:
        """The newest verdicts of all workers; those of one that died as far as they were told."""
        found = {verdict.id: (at, verdict) for at, verdict in self.records.newest(count)}
        for _, answer in await self._ask({"kind": "newest", "count": count}):
            verdicts = decode_verdicts(answer["batch"])
            found |= {verdict.id: (at, verdict) for at, verdict in zip(answer["at"], verdicts, strict=True)}
        newest = sorted(found.values(), key=lambda one: one[0], reverse=True)
        return [verdict for _, verdict in newest[:count]]

    async def listing(self, tier: Tier, name: str, limit: int, prefix: str) -> dict[str, Any] | None:
        """What a worker's cache holds."""
        ask = {"kind": "listing", "tier": tier.name, "name": name, "limit": limit, "prefix": prefix}
        found = [answer for _, answer in await self._ask(ask)]
        return found[0] if found else None

    @property
    def absent(self) -> frozenset[str]:
        """Edges whose worker is being started again."""
        return frozenset(pop for hand in self.hands if not hand.ready for pop in hand.edges)

    @property
    def reported(self) -> Mapping[str, Mapping[str, int]]:
        """The edges' caches, as their workers said last."""
        return {name: facts for tier, name, facts in self._caches() if tier == Tier.EDGE.name}

    @property
    def reported_regional(self) -> Mapping[str, Mapping[str, int]]:
        """The regional caches likewise; a shield may be in several workers, and counts once with all it has."""
        found: dict[str, dict[str, int]] = {}
        for tier, name, facts in self._caches():
            if tier != Tier.EDGE.name:
                known = found.setdefault(name, {**facts, "entries": 0, "used_bytes": 0, "fetches_under_way": 0})
                for key in ("entries", "used_bytes", "fetches_under_way"):
                    known[key] += facts[key]
        return found

    def _caches(self) -> Iterable[tuple[str, str, dict[str, int]]]:
        for hand in self.hands:
            yield from hand.facts.get("caches", ())


def _port(doors: list[socket.socket]) -> int:
    return int(doors[0].getsockname()[1])


def _numbers(doors: list[socket.socket]) -> tuple[int, ...]:
    return tuple(door.fileno() for door in doors)


def shield_warning(world: World) -> str:
    """What a world with Origin Shield should know; "" for others."""
    used = any(origin.shield_region for one in world.distributions.values() for origin in one.origins.values())
    return "with --workers each worker has an Origin Shield of its own; the origin sees more requests" if used else ""
