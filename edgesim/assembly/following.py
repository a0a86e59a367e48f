"""What the other processes of a world do with its control plane: follow its commands, beat, and report verdicts.

The control plane may be away for as long as it likes. Whoever has a World goes on with it, keeps asking, and keeps the
newest verdicts until they can be told.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import deque
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Any

import aiohttp

from edgesim.assembly.certificates import Certificates
from edgesim.assembly.registry import BEAT_SECONDS, Beat
from edgesim.core.verdict import Verdict
from edgesim.errors import ControlError, EdgesimError
from edgesim.front.members import Registered
from edgesim.observe.wire_verdict import decode_value, encode_verdicts
from edgesim.tls import files
from edgesim.tls.store import StoredCertificate, read_stored
from edgesim.tls.viewer import ContextChoice, ViewerContexts
from edgesim.world.changes import apply
from edgesim.world.commands import Command, Reset, from_json
from edgesim.world.keeper import WorldKeeper
from edgesim.world.loading import ConfigErrors
from edgesim.world.state import World

log = logging.getLogger("edgesim.following")

WAIT = 20.0
"""Seconds one question for news may wait for an answer."""

BACKOFF = (0.1, 0.2, 0.5, 1.0, 2.0)
"""Seconds between tries while the control plane does not answer; the last goes on for ever."""

BATCH = 500
KEPT = 20_000
"""Verdicts kept for a control plane that is away; beyond that the oldest are lost, and counted."""

GATHERING = 0.05
"""Seconds between a verdict and its departure, in which others may join it."""


class Refused(EdgesimError):
    """The control plane does not know our token."""


class Away(EdgesimError):
    """The control plane does not answer, or not sensibly."""


class NotTaken(Away):
    """The control plane answered that it cannot use what it was sent, so sending it again is of no use."""


class ControlPlane:
    """The control plane's internal port, asked over kept connections."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}"}
        self._session: aiohttp.ClientSession | None = None

    async def ask(self, method: str, path: str, seconds: float, **more: Any) -> Any:
        """The JSON of an answer. Raises Refused or Away."""
        session = self._session or aiohttp.ClientSession(headers=self._headers)
        self._session = session
        timeout = aiohttp.ClientTimeout(total=seconds, sock_connect=3)
        try:
            async with session.request(method, self.url + path, timeout=timeout, **more) as response:
                answer = await response.json(content_type=None)
                if response.status == 403:
                    raise Refused(f"{self.url} refused us: its token is another one")
                if response.status in (400, 413):
                    raise NotTaken(f"{self.url}{path}: {str(answer)[:200]}")
                if response.status != 200:
                    raise Away(f"{self.url}{path} answered {response.status}: {str(answer)[:200]}")
                return answer
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise Away(f"{self.url} does not answer: {str(error) or type(error).__name__}") from None

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()


class FollowedCertificates(Certificates):
    """The control plane's certificates, in a directory of this process's own."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory / "certificates"
        self._directory.mkdir(parents=True, exist_ok=True)
        self._root = directory / "ca.pem"
        self._trust: list[bytes] = []
        self._of: dict[str, StoredCertificate] = {}
        self._world = World()
        self.contexts = ViewerContexts(self._resolve, self._default)
        self.revision = ""

    @property
    def path(self) -> Path:
        """The authority's certificate, for ``curl --cacert``."""
        return self._root

    def trust(self) -> list[bytes]:
        """PEM of every authority that origins' certificates may end at."""
        return self._trust

    def take(self, data: Any) -> None:
        """Take over what the control plane sent."""
        files.replace(self._root, data["authority"].encode(), 0o644)
        self._trust = [pem.encode() for pem in data["trust"]]
        found: dict[str, StoredCertificate] = {}
        for name, text in data["files"].items():
            path = self._directory / Path(name).name
            files.replace(path, text.encode(), 0o600)
            certificate = read_stored(path)
            if isinstance(certificate, str):
                log.error("certificate: %s", certificate)
            else:
                found[name] = certificate
        self._of = {id: found[name] for id, name in data["assigned"].items() if name in found}
        self.revision = data["revision"]

    def update(self, world: World, now: float) -> None:
        """The control plane sees to it that every distribution has a certificate."""
        self._world = world

    def renew(self, now: float) -> tuple[StoredCertificate, ...]:
        """The control plane renews."""
        return ()

    def for_names(self, names: list[str], now: float) -> StoredCertificate:
        """Only the control plane issues."""
        raise EdgesimError("only the control plane issues certificates")

    def _choice(self, distribution: Any) -> ContextChoice:
        certificate = self._of.get(distribution.id)
        return self._default() if certificate is None else ContextChoice(certificate, distribution.security_policy)

    def _default(self) -> ContextChoice:
        return ContextChoice(self._of[""])


class Follower:
    """Keeps a World, its certificates and the list of edge processes as the control plane has them."""

    def __init__(
        self,
        control: ControlPlane,
        keeper: WorldKeeper,
        certificates: FollowedCertificates,
        *,
        keys: bool,
        on_members: Callable[[list[Registered], bool], None],
        on_trust: Callable[[], None],
    ) -> None:
        self._control = control
        self._keeper = keeper
        self._certificates = certificates
        self._keys = keys
        self._on_members = on_members
        self._on_trust = on_trust
        self._history = ""
        self._members = ""
        self.behind = False
        self.connected = False
        self.failures = 0
        self.fault = ""

    async def catch_up(self) -> None:
        """Wait for the control plane, for as long as it takes, until our World is its World. Raises Refused."""
        while True:
            try:
                await self._once(0)
                if self._keeper.sequence and self._certificates.revision and not self.behind:
                    return
            except Away as away:
                await self._failed(away)

    async def run(self) -> None:
        """Follow until cancelled."""
        while True:
            try:
                await self._once(WAIT)
            except (Away, Refused) as away:
                await self._failed(away)
            except (KeyError, ValueError, TypeError, EdgesimError) as error:
                await self._failed(Away(f"an answer of another edgesim: {error!r}"))

    async def _failed(self, why: EdgesimError) -> None:
        self.connected = False
        if not self.failures:
            log.warning("%s; trying again until it does", why)
        seconds = BACKOFF[min(self.failures, len(BACKOFF) - 1)]
        self.failures += 1
        await asyncio.sleep(seconds)

    async def _once(self, wait: float) -> None:
        """One question, and what its answer changes."""
        query = {
            "since": str(self._keeper.sequence),
            "history": self._history,
            "members": self._members,
            "certificates": self._certificates.revision,
            "keys": "1" if self._keys else "0",
            "wait": str(wait),
        }
        answer = await self._control.ask("GET", "/stream", wait + 10, params=query)
        if self.failures:
            log.warning("%s answers again", self._control.url)
        self.connected, self.failures = True, 0
        if "certificates" in answer:
            self._certificates.take(answer["certificates"])
            self._on_trust()
        if answer.get("again"):
            await self._from_the_beginning(answer)
        else:
            self._apply(answer)
        if "members" in answer:
            members = answer["members"]
            edges = [decode_value(Registered, one) for one in members["edges"]]
            self._on_members(edges, bool(members["settling"]))
            self._members = members["revision"]

    def _apply(self, answer: Any) -> None:
        for number, data in answer.get("commands", ()):
            command = _command(data)
            try:
                self._keeper.apply(command)
            except (ControlError, ConfigErrors) as error:
                self._disagree(number, error)
            self._keeper.sequence = number
        self.behind = self._keeper.sequence < answer.get("sequence", 0)

    async def _from_the_beginning(self, answer: Any) -> None:
        """Another history: make its World aside, and change over in one step. Caches of the old one are emptied."""
        world, sequence, history = World(), 0, answer["history"]
        while True:
            for number, data in answer.get("commands", ()):
                try:
                    world = apply(world, _command(data))
                except (ControlError, ConfigErrors) as error:
                    self._disagree(number, error)
                sequence = number
            if sequence >= answer.get("sequence", 0):
                break
            query = {"since": str(sequence), "history": history, "members": self._members}
            answer = await self._control.ask("GET", "/stream", 10, params=query)
            if answer.get("again"):
                raise Away("the history changed while it was read")
        self._history = history
        self._keeper.install(world, sequence, Reset(real=0.0))
        self.behind = False

    def _disagree(self, number: int, error: Exception) -> None:
        """The control plane took a command that we refuse: we are of another version, and say so."""
        self.fault = f"command {number}: {error}"
        log.error("the control plane's command %d makes no sense here: %s", number, error)


class Heart:
    """Tells the control plane once a second that we are here."""

    def __init__(self, control: ControlPlane, beat: Callable[[], Beat]) -> None:
        self._control = control
        self._beat = beat

    async def run(self) -> None:
        """Beat until cancelled."""
        while True:
            began = monotonic()
            await self.once()
            await asyncio.sleep(max(0.0, BEAT_SECONDS - (monotonic() - began)))

    async def once(self) -> None:
        """One beat; if nobody hears it, the next one may be heard."""
        try:
            await self._control.ask("POST", "/members", 3, data=self._beat().model_dump_json())
        except (Away, Refused):
            return

    async def stop(self) -> None:
        """Say that we end, so that nobody has to find out."""
        try:
            await self._control.ask("DELETE", f"/members/{self._beat().boot}", 1)
        except (Away, Refused):
            return


class Reporter:
    """Reports verdicts to the control plane, in batches and in order. It is a listener of ``Records``."""

    def __init__(self, control: ControlPlane, boot: str, kept: int = KEPT) -> None:
        self._control = control
        self._boot = boot
        self._kept = kept
        self._queue: deque[Verdict] = deque()
        self._sending: list[Verdict] = []
        self._number = 0
        self._some = asyncio.Event()
        self.lost = 0
        self.reported = 0

    def __call__(self, verdict: Verdict) -> None:
        if len(self._queue) >= self._kept:
            self._queue.popleft()
            self.lost += 1
        self._queue.append(verdict)
        self._some.set()

    @property
    def waiting(self) -> int:
        """Verdicts not reported yet."""
        return len(self._queue) + len(self._sending)

    async def run(self) -> None:
        """Report until cancelled."""
        failures = 0
        while True:
            await self._some.wait()
            await asyncio.sleep(GATHERING)
            try:
                await self._send(10)
                failures = 0
            except (Away, Refused):
                await asyncio.sleep(BACKOFF[min(failures, len(BACKOFF) - 1)])
                failures += 1

    async def flush(self, seconds: float) -> None:
        """Report what is left, if that takes no longer than ``seconds``."""
        try:
            async with asyncio.timeout(seconds):
                while self.waiting:
                    await self._send(seconds)
        except (TimeoutError, Away, Refused):
            log.warning("%d verdicts were not reported", self.waiting)

    async def _send(self, seconds: float) -> None:
        """One batch. It keeps its number until it has been taken, so that it is counted once however often it comes."""
        if not self._sending:
            self._sending = [self._queue.popleft() for _ in range(min(BATCH, len(self._queue)))]
        if self._sending:
            batch = encode_verdicts(self._sending)
            data = {"boot": self._boot, "number": self._number, "lost": self.lost, "batch": batch}
            try:
                await self._control.ask("POST", "/verdicts", seconds, json=data)
                self.reported += len(self._sending)
            except NotTaken as error:
                log.error("%d verdicts are lost: %s", len(self._sending), error)
                self.lost += len(self._sending)
            self._sending = []
            self._number += 1
        if not self._queue:
            self._some.clear()


def _command(data: Any) -> Command:
    return from_json(json.dumps(data))
