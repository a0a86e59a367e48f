"""A world whose edges are spread over worker processes: this is their parent, which a viewer never talks to.

It holds the World, the certificates and the toy site, binds the viewers' ports and leaves accepting to the workers.
Over a channel to each it sends every command, and hears of every request. Before the control port answers, all workers
have said that they took what was sent, and all that they had seen by then is counted here.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import secrets
import socket
import tempfile
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from edgesim.assembly.channel import Message
from edgesim.assembly.cluster import certificates_json, certificates_revision
from edgesim.assembly.gathering import GatheringWorld
from edgesim.assembly.hand import Hand
from edgesim.assembly.running import Address, Options
from edgesim.assembly.shards import listening, shards
from edgesim.assembly.tallies import Hearer
from edgesim.assembly.worker import Start
from edgesim.errors import EdgesimError
from edgesim.observe.wire_verdict import encode_value
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


@dataclass(frozen=True, slots=True)
class WorkersOptions(Options):
    """How to start: ``workers`` is how many processes share the edges."""

    workers: int = 2


class WorkersWorld(GatheringWorld):
    """The parent."""

    only = frozenset()
    options: WorkersOptions

    def __init__(self, options: Options, stack: AsyncExitStack) -> None:
        super().__init__(options, stack)
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
            hearer = Hearer(self.records)
            heard = functools.partial(self._heard, hand, hearer)
            code = await hand.live(self._doors, heard, self._first_words)
            failures = 0 if hand.opened.is_set() else failures + 1
            hand.bury()
            if self._stopping:
                return
            log.warning("worker %d (%s) ended with %s; starting it again", hand.index, ", ".join(hand.edges), code)
            self._introduce()
            await asyncio.sleep(BACKOFF[min(failures, len(BACKOFF) - 1)])

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
        await asyncio.gather(*[hand.stop() for hand in self.hands])

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
        self.send({"kind": "members", "members": members})

    # What they are told

    def _told(self, world: World, command: Command) -> None:
        self.send_certificates()
        self.send({"kind": "command", "command": to_json(command), "sequence": self.keeper.sequence})

    def send_certificates(self) -> None:
        """Send the certificates, if they are others than the workers have."""
        revision = certificates_revision(self.certificates)
        if revision != self._revision:
            self._revision = revision
            self.send({"kind": "certificates", "certificates": certificates_json(self.certificates, keys=True)})

    async def _look_at_certificates(self) -> None:
        while True:
            await asyncio.sleep(LOOK)
            self.send_certificates()

    def watch(self, on: bool) -> None:
        """Somebody wants to see every hit as it happens."""
        self._watched = on
        self.send({"kind": "watch", "on": on})


def _port(doors: list[socket.socket]) -> int:
    return int(doors[0].getsockname()[1])


def _numbers(doors: list[socket.socket]) -> tuple[int, ...]:
    return tuple(door.fileno() for door in doors)


def shield_warning(world: World) -> str:
    """What a world with Origin Shield should know; "" for others."""
    used = any(origin.shield_region for one in world.distributions.values() for origin in one.origins.values())
    return "with --workers each worker has an Origin Shield of its own; the origin sees more requests" if used else ""
