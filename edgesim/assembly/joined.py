"""A process that joins a world: it follows the control plane, says that it is there, and reports what it sees."""

from __future__ import annotations

import secrets
import socket
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

from edgesim.assembly.cluster import HEALTH
from edgesim.assembly.following import ControlPlane, FollowedCertificates, Follower, Heart, Reporter
from edgesim.assembly.registry import Beat
from edgesim.assembly.running import Address, Options, RunningWorld
from edgesim.errors import EdgesimError
from edgesim.front.members import Registered
from edgesim.wire.listener import Listener
from edgesim.world.keeper import WorldKeeper
from edgesim.world.state import World

LAST_WORDS = 2.0
"""Seconds an ending process has to report its last verdicts."""


@dataclass(frozen=True, slots=True)
class JoinOptions(Options):
    """How to join. ``status`` is where the process answers for its own health."""

    join: str = ""
    token: str = ""
    name: str = ""
    status: Address = field(default_factory=Address)


class JoinedProcess(RunningWorld):
    """What an edge and a front door in processes of their own have in common."""

    role: str
    options: JoinOptions

    @property
    def keys(self) -> bool:
        """Whether it serves TLS, and so needs the certificates' private keys."""
        return False

    async def _start(self) -> None:
        self.directory = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="edgesim-")))
        self.boot = secrets.token_hex(8)
        self.keeper = WorldKeeper(None, World())
        self.certificates = followed = FollowedCertificates(self.directory)
        self.control = ControlPlane(self.options.join, self.options.token)
        self._stack.push_async_callback(self.control.close)
        self.follower = Follower(
            self.control,
            self.keeper,
            followed,
            keys=self.keys,
            on_members=self._members_changed,
            on_trust=self._trust_changed,
        )
        await self.follower.catch_up()
        self._set_clock(self.world)
        followed.update(self.world, self.clock.now())
        self._joined()
        self._build()
        await self._listen()
        await self._listen_status()
        self._report()
        self._stack.push_async_callback(self.tasks.close)
        self.tasks.start(self._keep_time(), name="due")
        self.tasks.start(self.follower.run(), name="follower")

    def _report(self) -> None:
        self.reporter = Reporter(self.control, self.boot)
        self._stack.callback(self.records.listen(self.reporter))
        self.heart = Heart(self.control, self._beat)
        self._stack.push_async_callback(self.reporter.flush, LAST_WORDS)
        self._stack.push_async_callback(self.heart.stop)
        self.tasks.start(self.reporter.run(), name="reporter")
        self.tasks.start(self.heart.run(), name="heart")

    def _joined(self) -> None:
        """There is a World now, and nothing that uses it."""

    def _members_changed(self, edges: Sequence[Registered], settling: bool) -> None:
        """Other edge processes are there than before."""

    def _trust_changed(self) -> None:
        """Other authorities vouch for origins than before."""
        if hasattr(self, "origins"):
            self.origins.forget_trust()

    def _beat(self) -> Beat:
        name = self.options.name or f"{self.role}-{socket.gethostname()}"
        return Beat(name=name, boot=self.boot, role=self.role, sequence=self.keeper.sequence, counts=self.counts())

    def counts(self) -> dict[str, Any]:
        """What a look from outside should show."""
        return {"requests": self.records.total, "verdicts_waiting": self.reporter.waiting, "lost": self.reporter.lost}

    # Health

    async def _listen_status(self) -> None:
        app = web.Application()
        app.router.add_get(HEALTH, self._health)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        self._stack.push_async_callback(runner.cleanup)
        at = self.options.status
        try:
            await web.TCPSite(runner, at.host, at.port).start()
        except OSError as error:
            raise _cannot_listen(at, error) from None
        self.status = Address(at.host, int(runner.addresses[0][1]))

    async def _health(self, _: web.Request) -> web.Response:
        """Well means: viewers are served. Whether the control plane answers is told, and no reason to be unwell."""
        return web.json_response(self.health())

    def health(self) -> dict[str, Any]:
        """For the health check, and for people."""
        follower = self.follower
        return {
            "role": self.role,
            "ready": True,
            "boot": self.boot,
            "sequence": self.keeper.sequence,
            "generation": self.world.generation,
            "connected": follower.connected,
            "fault": follower.fault,
            **self.counts(),
        }

    async def _bind_to(self, listener: Listener, at: Address, label: str = "", *, secure: bool = False) -> Address:
        try:
            port = await listener.start(at.host, at.port, self.certificates.contexts.context if secure else None, label)
        except OSError as error:
            raise _cannot_listen(at, error) from None
        return Address(at.host, port)


def _cannot_listen(at: Address, error: OSError) -> EdgesimError:
    return EdgesimError(f"cannot listen on {at.host}:{at.port}: {error.strerror}; choose another port, or 0")
