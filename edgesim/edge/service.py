"""What an edge does with a viewer's request, from the parsed head to the verdict (spec §1.2)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from multidict import CIMultiDict

from edgesim.core.admission import Admitted, Rejected, admit
from edgesim.core.behaviors import Behavior, Distribution
from edgesim.core.cache import Tier
from edgesim.core.cache_status import exchange_member, joined_members, rejected_member
from edgesim.core.dates import format_date
from edgesim.core.entrance import Routed
from edgesim.core.keys import cache_key
from edgesim.core.messages import Field, Headers, Request, listed
from edgesim.core.outgoing import filtered_vary, own_headers
from edgesim.core.pages import STATUS_TEXT, closes, generated_head, redirect_page, rejection_message
from edgesim.core.reasons import Outcome, Rejection
from edgesim.core.verdict import Leg, Verdict, Visitor
from edgesim.edge.answers import Answer
from edgesim.edge.ids import request_id, via_name
from edgesim.edge.journey import Errands, Hop, Journey, Plan, generated
from edgesim.edge.origins import pause
from edgesim.observe.records import Records
from edgesim.tls.facts import TlsFacts
from edgesim.wire.client import OriginFailed
from edgesim.wire.listener import BodyBroken, Incoming, MalformedFacts, Reply, ViewerGone

Route = Callable[[Request, Incoming, Distribution | None], Routed]


@dataclass(slots=True)
class Visit:
    """One request being served, as far as it has come."""

    incoming: Incoming
    reply: Reply
    id: str
    request: Request
    started: float
    distribution: Distribution | None = None
    routed: Routed = field(default_factory=lambda: Routed("", Visitor()))
    behavior: Behavior | None = None
    passed_over: tuple[str, ...] = ()
    rejected: Rejection | None = None
    detail: str = ""
    hop: Hop | None = None
    key: str = ""
    answer: Answer | None = None
    complete: bool = True
    age: int | None = None


class EdgeService:
    """Serves the viewers of every edge in this process."""

    def __init__(self, errands: Errands, route: Route, records: Records) -> None:
        self._errands = errands
        self._route = route
        self._records = records

    async def handle(self, incoming: Incoming, reply: Reply) -> None:
        """One request: the listener's handler."""
        visit = self._admit_head(incoming, reply)
        try:
            answer = await self._answer(visit)
            await self._send(visit, answer)
        except BodyBroken as broken:
            visit.complete = False
            if not reply.started:
                await self._reject(visit, Rejection.MALFORMED, broken.status, str(broken))
        except ViewerGone:
            visit.complete = False
        except asyncio.CancelledError:
            visit.complete = False
            raise
        finally:
            self._record(visit)

    def _admit_head(self, incoming: Incoming, reply: Reply) -> Visit:
        request = Request(
            incoming.method,
            incoming.target,
            incoming.headers,
            incoming.version,
            incoming.scheme,
            incoming.peer[0],
            incoming.body is not None,
        )
        world = self._errands.hierarchy.world
        visit = Visit(incoming, reply, request_id(), request, self._errands.clock.monotonic())
        visit.distribution = world.distribution_for(request.headers.get("Host", ""))
        visit.routed = self._route(request, incoming, visit.distribution)
        return visit

    async def _answer(self, visit: Visit) -> Answer:
        world, routed, distribution = self._errands.hierarchy.world, visit.routed, visit.distribution
        if routed.rejection is not None:
            return self._rejection(visit, routed.rejection, routed.status, routed.detail)
        if routed.redirect:
            return self._to_edge(visit, routed.redirect)
        if distribution is None:
            return self._rejection(visit, Rejection.UNKNOWN_HOST, 403)
        if world.versions:
            distribution = world.distribution_at(
                routed.pop, visit.request.headers.get("Host", ""), self._errands.clock.now()
            )
            if distribution is None:
                return self._rejection(visit, Rejection.UNKNOWN_HOST, 403)
            visit.distribution = distribution
        await self._from_viewer(visit)
        admitted = admit(visit.request, distribution, routed.visitor.country)
        if admitted.match is not None:
            visit.behavior, visit.passed_over = admitted.match.behavior, admitted.match.passed_over
        if isinstance(admitted, Rejected):
            return self._rejected(visit, admitted)
        return await self._through_caches(visit, distribution, admitted)

    async def _from_viewer(self, visit: Visit) -> None:
        """The way from the viewer to the edge and back takes its time."""
        hierarchy = self._errands.hierarchy
        latency, pop = hierarchy.world.latency, visit.routed.pop
        ms = visit.routed.rtt_ms * latency.scale
        if hierarchy.world.faults:
            ms += sum(fault.value for fault in hierarchy.faults_on(f"edge:{pop}") if fault.kind == "slow")
        if latency.mode == "real":
            await pause(ms)

    async def _through_caches(self, visit: Visit, distribution: Distribution, admitted: Admitted) -> Answer:
        for fault in self._errands.hierarchy.faults_on(f"edge:{visit.routed.pop}"):
            if fault.kind == "error":
                message = f"The edge answers with an error (simulated by fault {fault.id})."
                return generated(int(fault.value), message, visit.id)
        behavior, request, incoming = admitted.match.behavior, visit.request, visit.incoming
        key = cache_key(distribution, behavior, request, admitted.path)
        visit.key = key.text
        plan = Plan(
            visit.id,
            visit.routed.pop,
            request,
            distribution,
            admitted.match,
            admitted.path,
            key,
            lambda: {},
            incoming.body.iter_any() if incoming.body is not None else None,
            _content_length(request.headers),
            self._interim(visit),
        )
        answer, visit.hop = await Journey(self._errands, plan).run()
        return answer

    @staticmethod
    def _interim(visit: Visit) -> Callable[[int, Headers], None]:
        """1xx from the origin pass on to the viewer who caused the fetch (RFC 9110 §15.2)."""

        def pass_on(status: int, headers: Headers) -> None:
            if not visit.reply.started:
                visit.reply.interim(status, "Early Hints" if status == 103 else "Processing", list(headers.items()))

        return pass_on

    # Answers made here

    def _rejected(self, visit: Visit, rejected: Rejected) -> Answer:
        if not rejected.location:
            return self._rejection(visit, rejected.rejection, rejected.status)
        visit.rejected = rejected.rejection
        page = redirect_page(rejected.status)
        reason = "Moved Permanently" if rejected.status == 301 else "Temporary Redirect"
        headers = [*self._own_head(rejected.status, len(page)), ("Location", rejected.location)]
        return Answer(rejected.status, reason, headers, page, length=len(page))

    def _to_edge(self, visit: Visit, location: str) -> Answer:
        visit.rejected = Rejection.FORWARDED_TO_EDGE
        headers = [*self._own_head(307, 0), ("Location", location), ("Cache-Control", "no-store")]
        return Answer(307, "Temporary Redirect", headers, b"", length=0)

    def _rejection(self, visit: Visit, rejection: Rejection, status: int, detail: str = "") -> Answer:
        visit.rejected, visit.detail = rejection, detail
        return generated(status, rejection_message(rejection, detail), visit.id)

    async def _reject(self, visit: Visit, rejection: Rejection, status: int, detail: str) -> None:
        await self._send(visit, self._rejection(visit, rejection, status, detail))

    def _own_head(self, status: int, length: int) -> list[Field]:
        return generated_head(status, self._date(), length)

    def _date(self) -> str:
        return format_date(int(self._errands.clock.now()))

    # Sending

    async def _send(self, visit: Visit, answer: Answer) -> None:
        visit.answer = answer
        headers = self._headers(visit, answer)
        reply = visit.reply
        if visit.hop is None and closes(answer.status):
            reply.close = True
        reason = answer.reason or STATUS_TEXT.get(answer.status, "") or _REASONS.get(answer.status, "")
        bodyless = visit.request.method == "HEAD" or answer.status in (204, 304)
        if answer.data is not None and not bodyless:
            reply.respond(answer.status, reason, headers, answer.data)
            return
        reply.head(answer.status, reason, headers, length=None if bodyless else answer.length)
        if not bodyless:
            await self._send_body(visit, answer)
        elif answer.reader is not None:
            answer.reader.close()
        await reply.finish()

    @staticmethod
    async def _send_body(visit: Visit, answer: Answer) -> None:
        chunks = answer.chunks()
        try:
            async for chunk in chunks:
                await visit.reply.write(chunk)
        except OriginFailed as failed:
            visit.detail = str(failed)
            if visit.hop is not None:
                visit.hop.failure = failed.failure
            visit.reply.abort()
            raise ViewerGone("the origin broke off, and so was the viewer's answer") from failed
        finally:
            await chunks.aclose()  # type: ignore[attr-defined]

    def _headers(self, visit: Visit, answer: Answer) -> list[Field]:
        hop, behavior = visit.hop, visit.behavior
        outcome = self._outcome(visit, answer)
        pop = visit.routed.pop or "EDGE"
        headers = [pair for pair in answer.headers if pair[0].lower() not in _REPLACED]
        if behavior is not None and hop is not None:
            headers = filtered_vary(behavior, headers)
        names = {name.lower() for name, _ in headers}
        if "date" not in names:
            headers.insert(0, ("Date", self._date()))
        if "server" not in names and (behavior is None or behavior.profile.policy_ttls):
            headers.insert(0, ("Server", "CloudFront"))
        answered = CIMultiDict(answer.headers)
        age = answered.get("Age")
        visit.age = int(age) if age is not None and age.isdigit() else None
        return headers + own_headers(
            outcome,
            node=via_name(pop),
            pop=pop,
            request_id=visit.id,
            age=visit.age,
            before=listed(answered, "Via"),
            http3=visit.distribution.http3 if visit.distribution is not None else False,
            cache_status=self._cache_status(visit, pop, listed(answered, "Cache-Status")),
        )

    @staticmethod
    def _outcome(visit: Visit, answer: Answer) -> Outcome:
        if visit.rejected in (Rejection.REDIRECT_TO_HTTPS, Rejection.FORWARDED_TO_EDGE):
            return Outcome.REDIRECT
        if visit.rejected is Rejection.NO_EDGE:
            return Outcome.CAPACITY_EXCEEDED
        return visit.hop.outcome if visit.hop is not None else Outcome.ERROR

    @staticmethod
    def _cache_status(visit: Visit, pop: str, before: str | None) -> str:
        if visit.hop is None:
            return rejected_member(pop, visit.rejected or Rejection.MALFORMED)
        members: list[str] = []
        at: Hop | None = visit.hop
        while at is not None:
            members.append(exchange_member(at.exchange, at.cache.name, at.status_from_above, at.ttl))
            at = at.above
        return joined_members(before, reversed(members))

    # The record

    def _record(self, visit: Visit) -> None:
        reply, incoming = visit.reply, visit.incoming
        loop_now = asyncio.get_running_loop().time()
        first = reply.first_byte_at if reply.first_byte_at is not None else loop_now
        tls = incoming.tls
        base = Verdict(
            id=visit.id,
            at=self._errands.clock.now(),
            tier=Tier.EDGE,
            node=visit.routed.pop,
            request=visit.request,
            status=reply.status or 0,
            outcome=self._outcome(visit, visit.answer or Answer(0, "", [])),
            distribution=visit.distribution.id if visit.distribution is not None else "",
            domain=visit.distribution.domain if visit.distribution is not None else "",
            behavior=visit.behavior.pattern if visit.behavior is not None else "",
            passed_over=visit.passed_over,
            profile=visit.behavior.profile.name if visit.behavior is not None else "",
            visitor=visit.routed.visitor,
            rejection=visit.rejected,
            detail=visit.detail,
            key=visit.key,
            bytes_in=incoming.head_bytes + (incoming.body.total_bytes if incoming.body is not None else 0),
            bytes_out=reply.bytes_sent,
            first_byte_ms=(first - incoming.started) * 1000,
            total_ms=((reply.last_byte_at or loop_now) - incoming.started) * 1000,
            complete=visit.complete,
            tls=(tls.protocol, tls.cipher) if isinstance(tls, TlsFacts) else ("", ""),
        )
        self._records.add(_with_hops(base, visit, self._errands.hierarchy.world.latency.scale))

    def malformed(self, facts: MalformedFacts) -> bytes | None:
        """What is no acceptable request gets its answer, and a verdict like any other."""
        id = request_id()
        rejection = {414: Rejection.URL_TOO_LONG, 494: Rejection.HEAD_TOO_BIG}.get(facts.status, Rejection.MALFORMED)
        detail = f"{facts.why.text} {facts.detail}".strip()
        answer = generated(facts.status, rejection_message(rejection, detail), id)
        pop = facts.label or "EDGE"
        headers = [("Server", "CloudFront"), ("Date", self._date()), *answer.headers, ("Connection", "close")]
        headers += own_headers(
            Outcome.ERROR,
            node=via_name(pop),
            pop=pop,
            request_id=id,
            age=None,
            before=None,
            http3=False,
            cache_status=rejected_member(pop, rejection),
        )
        lines = [f"HTTP/1.1 {facts.status} {STATUS_TEXT.get(facts.status, 'Bad Request')}"]
        lines += [f"{name}: {value}" for name, value in headers]
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "surrogateescape")
        self._records.add(
            Verdict(
                id=id,
                at=self._errands.clock.now(),
                tier=Tier.EDGE,
                node=facts.label,
                request=Request("-", facts.head_excerpt.decode("latin-1"), CIMultiDict(), scheme=facts.scheme),
                status=facts.status,
                outcome=Outcome.ERROR,
                rejection=rejection,
                detail=detail,
                visitor=Visitor(facts.peer[0], facts.peer[1]),
                bytes_in=facts.bytes_in,
                bytes_out=len(head) + len(answer.data or b""),
            )
        )
        return head + (answer.data or b"")


_REPLACED = frozenset({"via", "age", "x-cache", "x-amz-cf-pop", "x-amz-cf-id", "cache-status"})
_REASONS = {
    200: "OK",
    201: "Created",
    202: "Accepted",
    204: "No Content",
    206: "Partial Content",
    301: "Moved Permanently",
    302: "Found",
    303: "See Other",
    304: "Not Modified",
    307: "Temporary Redirect",
    308: "Permanent Redirect",
}


def _content_length(headers: Headers) -> int | None:
    value = headers.get("Content-Length", "")
    return int(value) if value.isascii() and value.isdigit() else None


def _with_hops(base: Verdict, visit: Visit, scale: float) -> Verdict:
    """The edge's verdict with what each cache on the way decided."""
    hop = visit.hop
    legs = [Leg(visit.routed.visitor.place or "viewer", visit.routed.pop, visit.routed.rtt_ms * scale)]
    if hop is None:
        return replace(base, legs=tuple(legs) if visit.routed.pop else ())
    answer = visit.answer
    headers = CIMultiDict(answer.headers) if answer is not None else CIMultiDict()
    top = replace(
        _of_hop(base, hop),
        legs=(*legs, *hop.legs),
        outcome=base.outcome,
        status=base.status,
        content_type=headers.get("Content-Type", ""),
        content_length=answer.length if answer is not None else None,
        content_range=headers.get("Content-Range", ""),
    )
    return top


def _of_hop(base: Verdict, hop: Hop) -> Verdict:
    exchange = hop.exchange
    return replace(
        base,
        tier=hop.tier,
        node=hop.cache.name,
        outcome=hop.outcome,
        status=hop.status,
        legs=tuple(hop.legs),
        forwarded=exchange.forwarded if exchange.asked_upstream else None,
        stored=exchange.stored,
        not_stored=exchange.not_stored,
        joined=exchange.joined,
        not_joined=exchange.not_joined,
        stale=exchange.stale,
        not_stale=exchange.not_stale,
        freshness=exchange.freshness,
        validated=exchange.validated,
        encoding=hop.encoding,
        not_compressed=hop.not_compressed,
        failure=hop.failure,
        origin=hop.trip,
        evicted=hop.evicted,
        upstream=_of_hop(base, hop.above) if hop.above is not None else None,
    )
