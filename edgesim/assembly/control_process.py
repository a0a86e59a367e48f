"""The control plane as a process of its own: keeps the commands, issues the certificates, serves no viewers."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from edgesim.assembly.cluster import ClusterPort
from edgesim.assembly.registry import Registry
from edgesim.assembly.running import Address, Options, RunningWorld
from edgesim.errors import EdgesimError
from edgesim.tls import files
from edgesim.tls.store import StoredCertificate
from edgesim.world.commands import BindSite, Command
from edgesim.world.keeper import WorldKeeper
from edgesim.world.log import CommandLog
from edgesim.world.state import World

SITE_FILE = "site.pem"


@dataclass(frozen=True, slots=True)
class SiteAt:
    """A toy site that somebody else runs: its address and ports, and where to put the certificate it should show."""

    address: str
    http_port: int
    https_port: int = 0
    directory: Path | None = None


@dataclass(frozen=True, slots=True)
class ControlOptions(Options):
    """How to start a control plane. Without ``site`` the toy site is started here, if the world has one."""

    token: str = ""
    internal: Address = field(default_factory=Address)
    site: SiteAt | None = None


class ControlProcess(RunningWorld):
    """The control plane of a world whose edges are elsewhere."""

    only = frozenset()
    options: ControlOptions

    def _open_log(self) -> None:
        """As in one process, but there is always a log: those who follow read it."""
        state = self.options.state
        if state is None:
            state = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="edgesim-")))
        self.directory = state
        self.log = self._stack.enter_context(CommandLog(state / "world.db"))
        self.keeper = WorldKeeper.open(self.log, self.options.configure)

    async def _start_site(self) -> None:
        at = self.options.site
        if at is None:
            await super()._start_site()
            return
        self._write_site_certificate()
        self.keeper.apply(BindSite(address=at.address, http_port=at.http_port, https_port=at.https_port))

    def _site_certificate_now(self) -> StoredCertificate | None:
        section = self.world.file.site
        if section is None or not section.https:
            return None
        return self.certificates.for_names([section.domain], self.clock.now())

    def _write_site_certificate(self) -> None:
        """Put key and chain where the site reads them; it looks again by itself."""
        at = self.options.site
        certificate = self._site_certificate_now()
        if at is None or at.directory is None or certificate is None:
            return
        path, data = at.directory / SITE_FILE, certificate.path.read_bytes()
        try:
            at.directory.mkdir(parents=True, exist_ok=True)
            if not path.exists() or path.read_bytes() != data:
                files.replace(path, data, 0o600)
        except OSError as error:
            raise EdgesimError(f"cannot write the site's certificate to {path}: {error.strerror}") from None

    def _changed(self, world: World, command: Command) -> None:
        super()._changed(world, command)
        self._write_site_certificate()

    def _renew(self, now: float) -> None:
        super()._renew(now)
        self._write_site_certificate()

    @property
    def absent(self) -> frozenset[str]:
        """Edges of this world that no process runs."""
        return frozenset(self.world.edges).difference(*(one.edges for one in self.registry.edges()))

    @property
    def reported(self) -> Mapping[str, Mapping[str, int]]:
        """The sizes of the edges' caches, as their processes said last."""
        return self.registry.caches()

    async def _listen(self) -> None:
        """No viewers: only the other processes of this world."""
        options = self.options
        self.registry = Registry()
        self.cluster = ClusterPort(
            options.token, self.keeper, self.log, self.certificates, self.registry, self.records.add
        )
        self._stack.push_async_callback(self.cluster.close)
        at = options.internal
        try:
            port = await self.cluster.start(at.host, at.port)
        except OSError as error:
            raise EdgesimError(f"cannot listen on {at.host}:{at.port}: {error.strerror}; choose another port") from None
        self.internal = Address(at.host, port)
