"""The front door of a world in several processes: chooses the edge, and relays to the process that runs it.

Both ways stream in bounded memory. What the edge answers reaches the viewer with every header as it is. An edge that
does not answer is down: the next nearest is asked, as far as a request may be sent again (RFC 9110 §9.2.2).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from edgesim.core.behaviors import Distribution
from edgesim.core.entrance import Routed
from edgesim.core.failures import Failure, FailureKind
from edgesim.core.messages import Headers, Request, tokens
from edgesim.core.reasons import Rejection
from edgesim.front.members import Member, Members
from edgesim.front.relayed import Seal, decided
from edgesim.wire.client import OriginFailed, OriginPool, OriginResponse, Timeouts
from edgesim.wire.duplex import relay as relay_duplex
from edgesim.wire.listener import BodyBroken, Incoming, Reply

Route = Callable[[Request, Incoming, Distribution | None], Routed]
Answer = Callable[[Incoming, Reply], Awaitable[None]]

TIMEOUTS = Timeouts(connect_s=2.0, attempts=1, read_s=600.0, keepalive_s=30.0)
"""An edge may wait long for its origin, and says so itself when that takes too long."""

_UNSENT = frozenset({FailureKind.DNS, FailureKind.REFUSED, FailureKind.CONNECT_TIMEOUT})
_LOST = frozenset({FailureKind.RESET, FailureKind.READ_TIMEOUT})
_REPEATABLE = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(slots=True)
class Counts:
    """Requests since the start: relayed to an edge, answered here, and sent on to another edge after a failure."""

    relayed: int = 0
    own: int = 0
    failed_over: int = 0


class Relay:
    """Handles viewers' requests. ``answer`` is for those that reach no edge: refusals and redirects."""

    def __init__(
        self,
        distribution_for: Callable[[str], Distribution | None],
        route: Route,
        answer: Answer,
        members: Members,
        seal: Seal,
    ) -> None:
        self._distribution_for = distribution_for
        self._route = route
        self._answer = answer
        self._members = members
        self._seal = seal
        self.pool = OriginPool(max_open=8192, max_idle=1024)
        self.counts = Counts()

    async def handle(self, incoming: Incoming, reply: Reply) -> None:
        """One request: the listener's handler."""
        request = Request(
            incoming.method,
            incoming.target,
            incoming.headers,
            incoming.version,
            incoming.scheme,
            incoming.peer[0],
            incoming.body is not None,
        )
        distribution = self._distribution_for(request.headers.get("Host", ""))
        while True:
            routed = self._route(request, incoming, distribution)
            member = self._members.of(routed.pop)
            if routed.rejection is not None or routed.redirect:
                return await self._own(incoming, routed, reply)
            if member is None:
                return await self._own(incoming, _nobody(routed, "no process runs it"), reply)
            try:
                response = await self._ask(member, incoming, routed, reply)
            except BodyBroken as broken:
                gone = Routed("", routed.visitor, 0.0, Rejection.MALFORMED, broken.status, str(broken))
                return await self._own(incoming, gone, reply)
            except OriginFailed as failed:
                if failed.failure.kind in _UNSENT | _LOST:
                    self._members.silence(member)
                if reply.started or not _may_repeat(failed, incoming):
                    return await self._own(incoming, _nobody(routed, str(failed)), reply)
                self.counts.failed_over += 1
                continue
            self.counts.relayed += 1
            with response:
                return await self._pass_on(response, incoming, reply)

    async def close(self) -> None:
        """Close the connections to the edges."""
        await self.pool.close()

    async def _own(self, incoming: Incoming, routed: Routed, reply: Reply) -> None:
        self.counts.own += 1
        await self._answer(decided(incoming, routed), reply)

    async def _ask(self, member: Member, incoming: Incoming, routed: Routed, reply: Reply) -> OriginResponse:
        """The edge's answer, as far as its head. A process that is given up meanwhile counts as lost."""
        headers = self._seal.headers(incoming, routed)
        body = incoming.body.iter_any() if incoming.body is not None else None

        def interim(status: int, fields: Headers) -> None:
            if not reply.started:
                reply.interim(status, "Early Hints" if status == 103 else "Processing", list(fields.items()))

        timeout = asyncio.timeout(None)
        try:
            async with timeout:
                member.waiting.add(timeout)
                return await self.pool.send(
                    member.target,
                    incoming.method,
                    incoming.target,
                    headers,
                    body,
                    _content_length(incoming.headers),
                    TIMEOUTS,
                    on_interim=interim,
                )
        except TimeoutError as error:
            raise OriginFailed(Failure(FailureKind.RESET, "its process is gone")) from error
        finally:
            member.waiting.discard(timeout)

    async def _pass_on(self, response: OriginResponse, incoming: Incoming, reply: Reply) -> None:
        headers = list(response.headers.items())
        if response.duplex is not None:
            await relay_duplex(reply.upgrade(response.status, response.reason, headers), response.duplex)
            return
        if "close" in tokens(response.headers.get("Connection")):
            reply.close = True
        bodyless = incoming.method == "HEAD" or response.status in (204, 304)
        try:
            if bodyless:
                reply.head(response.status, response.reason, headers, length=None)
            elif response.body is None:
                reply.respond(response.status, response.reason, headers, response.whole or b"")
                return
            else:
                reply.head(response.status, response.reason, headers, length=response.length)
                async for chunk in response.chunks():
                    await reply.write(chunk)
            await reply.finish()
        except OriginFailed:
            reply.abort()  # the edge broke off, and so is the viewer's answer


def _may_repeat(failed: OriginFailed, incoming: Incoming) -> bool:
    """Whether another edge may be asked: the request has reached nobody, or changes nothing."""
    if failed.failure.kind in _UNSENT:
        return True
    return failed.failure.kind in _LOST and incoming.method in _REPEATABLE and incoming.body is None


def _nobody(routed: Routed, why: str) -> Routed:
    detail = f"Edge {routed.pop}: {why}."
    return Routed("", routed.visitor, rejection=Rejection.NO_EDGE, status=503, detail=detail)


def _content_length(headers: Headers) -> int | None:
    value = headers.get("Content-Length", "")
    return int(value) if value.isascii() and value.isdigit() else None
