"""The control plane's internal port: everything the other processes of a world need, for those who hold the token.

``GET /stream`` is the one question they keep asking: what is new of commands, members and certificates? It answers at
once when there is something, else when there is or the time to wait is over. It has private keys and takes verdicts,
so it is a port of its own that is never published.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from itertools import islice
from time import monotonic
from typing import Any

from aiohttp import web
from pydantic import ValidationError

from edgesim.assembly.certificates import Certificates
from edgesim.assembly.registry import Batches, Beat, Registry
from edgesim.core.verdict import Verdict
from edgesim.front.members import Registered
from edgesim.observe.wire_verdict import NotAVerdict, decode_verdicts, encode_value
from edgesim.world.keeper import WorldKeeper
from edgesim.world.log import CommandLog

PAGE = 500
"""Commands in one answer, at most."""

LONGEST_WAIT = 30.0
LOOK = 0.5
"""Seconds between two looks for what tells nobody when it changes: certificates, members that went silent."""

LARGEST = 64 * 1024 * 1024
HEALTH = "/_edgesim/health"

_Next = Callable[[web.Request], Awaitable[web.StreamResponse]]


class ClusterPort:
    """Serves the followers of a control plane."""

    def __init__(
        self,
        token: str,
        keeper: WorldKeeper,
        log: CommandLog,
        certificates: Certificates,
        registry: Registry,
        verdict: Callable[[Verdict], None],
    ) -> None:
        self._token = token.encode()
        self._keeper = keeper
        self._log = log
        self._certificates = certificates
        self._verdict = verdict
        self.registry = registry
        self.refused = 0
        self._history = history_of(log)
        self._news = asyncio.Event()
        self._closing = False
        self._runner: web.AppRunner | None = None
        self._unsubscribe = keeper.subscribe(lambda world, command: self.tell())

    async def start(self, host: str, port: int) -> int:
        """Listen, and return the port."""
        app = web.Application(middlewares=[self._guard()], client_max_size=LARGEST)
        app.add_routes(
            [
                web.get(HEALTH, self._health),
                web.get("/stream", self._stream),
                web.get("/members", self._members),
                web.post("/members", self._beat),
                web.delete("/members/{boot}", self._leave),
                web.post("/verdicts", self._verdicts),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port).start()
        return int(self._runner.addresses[0][1])

    async def close(self) -> None:
        """Answer those that wait, and end."""
        self._unsubscribe()
        self._closing = True
        self.tell()
        if self._runner is not None:
            await self._runner.cleanup()

    def tell(self) -> None:
        """Something is new: answer those that wait."""
        self._news.set()
        self._news = asyncio.Event()

    def _guard(self) -> Any:
        @web.middleware
        async def guard(request: web.Request, handler: _Next) -> web.StreamResponse:
            given = request.headers.get("Authorization", "").removeprefix("Bearer ").encode("utf-8", "surrogateescape")
            if request.path != HEALTH and not hmac.compare_digest(given, self._token):
                self.refused += 1
                return web.json_response({"error": "the token is not this world's"}, status=403)
            return await handler(request)

        return guard

    async def _health(self, _: web.Request) -> web.Response:
        return web.json_response({"role": "control", "ready": True, "sequence": self._keeper.sequence})

    # The stream

    async def _stream(self, request: web.Request) -> web.Response:
        query = request.query
        try:
            since, wait = int(query.get("since", "0")), float(query.get("wait", "0"))
        except ValueError:
            return web.json_response({"error": "since and wait are numbers"}, status=400)
        until = monotonic() + min(wait, LONGEST_WAIT)
        while True:
            news = self._news
            answer = self._answer(since, query.get("history", ""), query)
            left = until - monotonic()
            if len(answer) > 1 or left <= 0 or self._closing:
                return web.json_response(answer)
            try:
                await asyncio.wait_for(news.wait(), min(left, LOOK))
            except TimeoutError:
                self.registry.expire()

    def _answer(self, since: int, history: str, query: Any) -> dict[str, Any]:
        """What is new to somebody who knows what ``query`` says; only the history's name when nothing is."""
        answer: dict[str, Any] = {"history": self._history}
        if history != self._history or since > self._keeper.sequence:
            since, answer["again"] = 0, True
        if since < self._keeper.sequence:
            page = list(islice(self._log.read(since), PAGE))
            answer["commands"] = [[number, command.model_dump(mode="json")] for number, command in page]
            answer["sequence"] = self._keeper.sequence
        if (revision := self.registry.revision) != query.get("members"):
            edges = [encode_value(Registered, one) for one in self.registry.edges()]
            answer["members"] = {"revision": revision, "settling": self.registry.settling, "edges": edges}
        known = query.get("certificates")
        if known is not None and certificates_revision(self._certificates) != known:
            answer["certificates"] = certificates_json(self._certificates, keys=query.get("keys") == "1")
        return answer

    # Members and verdicts

    async def _members(self, _: web.Request) -> web.Response:
        self.registry.expire()
        verdicts = {boot: asdict(batches) for boot, batches in self.registry.batches.items()}
        return web.json_response({"members": self.registry.listed(), "verdicts": verdicts})

    async def _beat(self, request: web.Request) -> web.Response:
        try:
            beat = Beat.model_validate_json(await request.read())
        except ValidationError as error:
            return web.json_response({"error": f"not a beat: {error.errors()[0]['msg']}"}, status=400)
        if self.registry.beat(beat, request.remote or ""):
            self.tell()
        return web.json_response({"sequence": self._keeper.sequence})

    async def _leave(self, request: web.Request) -> web.Response:
        if self.registry.leave(request.match_info["boot"]):
            self.tell()
        return web.json_response({})

    async def _verdicts(self, request: web.Request) -> web.Response:
        try:
            data = json.loads(await request.read())
            boot, number, lost = str(data["boot"]), int(data["number"]), int(data["lost"])
            verdicts = decode_verdicts(data["batch"])
        except (ValueError, KeyError, TypeError, NotAVerdict) as error:
            return web.json_response({"error": f"not verdicts: {error}"}, status=400)
        batches = self.registry.batches.setdefault(boot, Batches())
        batches.lost = lost
        if number > batches.last:  # or the answer to it was lost, and it is here again
            batches.last = number
            batches.received += len(verdicts)
            for verdict in verdicts:
                self._verdict(verdict)
        return web.json_response({})


def history_of(log: CommandLog) -> str:
    """The name of a log: that of its first command, which says when it was given. A new log has another name."""
    first = next(iter(log.read()), None)
    return "" if first is None else hashlib.sha256(first[1].model_dump_json().encode()).hexdigest()[:16]


def certificates_revision(certificates: Certificates) -> str:
    """Another text whenever a certificate, its use, or the trust in origins has changed."""
    trust = [pem.decode() for pem in certificates.trust()]
    assigned = [f"{id} {one.arn} {one.serial}" for id, one in sorted(certificates.assigned().items())]
    return hashlib.sha256("\n".join([*trust, *assigned]).encode()).hexdigest()[:16]


def certificates_json(certificates: Certificates, *, keys: bool) -> dict[str, Any]:
    """Whom origins are trusted by, and, with ``keys``, each distribution's certificate with its private key."""
    assigned = certificates.assigned() if keys else {}
    return {
        "revision": certificates_revision(certificates),
        "authority": certificates.authority.pem.decode(),
        "trust": [pem.decode() for pem in certificates.trust()],
        "assigned": {id: one.path.name for id, one in assigned.items()},
        "files": {one.path.name: one.path.read_text(encoding="utf-8") for one in assigned.values()},
    }
