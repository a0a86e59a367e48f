"""What an edge does with a viewer's request, from the parsed head to the verdict (spec §1.2)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from multidict import CIMultiDict

from edgesim.core.admission import Admitted, Rejected, admit, turned_away
from edgesim.core.answers import Answer
from edgesim.core.behaviors import Behavior, Distribution, ErrorRule, match_behavior
from edgesim.core.cache_status import rejected_member
from edgesim.core.continuous import choose
from edgesim.core.dates import format_date
from edgesim.core.entrance import Routed
from edgesim.core.forwarding import wanted_cloudfront
from edgesim.core.keys import cache_key
from edgesim.core.messages import Field, Headers, Request
from edgesim.core.outgoing import own_headers, relayed_headers
from edgesim.core.pages import STATUS_TEXT, closes, generated_head, redirect_page, rejection_message, rejection_page
from edgesim.core.reasons import Outcome, Rejection
from edgesim.core.viewer_headers import ViewerFacts, viewer_headers
from edgesim.edge.fast import FastPath
from edgesim.edge.heads import REASONS, UNPLACED, viewer_head
from edgesim.edge.ids import request_id, via_name
from edgesim.edge.journey import Journey, generated, refused_answer, relayed_answer
from edgesim.edge.learned import Block, measured
from edgesim.edge.plan import Errands, Plan
from edgesim.edge.pump import chunks_of
from edgesim.edge.recording import malformed_verdict, refresh_verdict, verdict_of
from edgesim.edge.roads import handshake_trips
from edgesim.edge.visit import Visit
from edgesim.edge.websocket import is_websocket, relay_websocket
from edgesim.observe.records import Records
from edgesim.tls.facts import TlsFacts
from edgesim.wire.client import OriginFailed
from edgesim.wire.listener import BodyBroken, Incoming, MalformedFacts, Reply, ViewerGone

Route = Callable[[Request, Incoming, Distribution | None], Routed]


class EdgeService:
    """Serves the viewers of every edge in this process."""

    def __init__(self, errands: Errands, route: Route, records: Records, fast: FastPath | None = None) -> None:
        self._errands = errands
        self._route = route
        self._records = records
        self.fast = fast

    async def handle(self, incoming: Incoming, reply: Reply) -> None:
        """One request: the listener's handler."""
        visit = self._met(incoming, reply)
        try:
            answer = await self._answer(visit)
            if answer is not None:
                await self._send(visit, answer)
        except BodyBroken as broken:
            visit.complete = False
            if not reply.started:
                reply.close = True
                await self._send(visit, self._rejection(visit, Rejection.MALFORMED, broken.status, str(broken)))
        except (ViewerGone, ConnectionError):
            visit.complete = False
        except asyncio.CancelledError:
            visit.complete = False
            raise
        finally:
            if incoming.ahead is not None:
                incoming.ahead.drop()
            clock = self._errands.clock
            scale = self._errands.hierarchy.world.latency.scale
            verdict = verdict_of(visit, clock.now(), clock.monotonic(), scale)
            self._records.add(verdict)
            if self.fast is not None and visit.learnable is not None and visit.complete:
                self.fast.learn(visit, verdict)

    def _met(self, incoming: Incoming, reply: Reply) -> Visit:
        """A request has come: whose it is, and where the front door sends it."""
        has_body = incoming.body is not None
        request = Request(
            incoming.method,
            incoming.target,
            incoming.headers,
            incoming.version,
            incoming.scheme,
            incoming.peer[0],
            has_body,
        )
        known = incoming.waited.known if incoming.waited is not None else None
        if isinstance(known, Block):
            visit = Visit(incoming, reply, request_id(), request, known.world, known.distribution)
            visit.routed = known.routed_from(incoming.peer[1])
            return visit
        world = self._errands.hierarchy.world
        id = request_id() if incoming.ahead is None else incoming.ahead.id
        visit = Visit(incoming, reply, id, request, world)
        visit.distribution = world.distribution_for(request.headers.get("Host", ""))
        visit.routed = self._route(request, incoming, visit.distribution)
        return visit

    async def _answer(self, visit: Visit) -> Answer | None:
        if visit.incoming.waited is None:
            refused = await self._arrive(visit)
            if refused is not None:
                return refused
        assert visit.distribution is not None, "the viewer has arrived at one"
        distribution = self._deployment(visit, visit.distribution)
        admitted = admit(visit.request, distribution, visit.routed.visitor.country, self._errands.clock.now())
        if admitted.match is not None:
            visit.behavior, visit.passed_over = admitted.match.behavior, admitted.match.passed_over
        if isinstance(admitted, Rejected):
            answer = self._rejected(visit, admitted)
            rule = distribution.errors.get(admitted.status)
            return await self._error_page(visit, distribution, rule, answer) if _has_page(rule) else answer
        return await self._admitted(visit, distribution, admitted)

    async def _arrive(self, visit: Visit) -> Answer | None:
        """Let the viewer's way to the edge take its time, unless he is turned away at the front door."""
        routed = visit.routed
        if routed.rejection is not None:
            return self._rejection(visit, routed.rejection, routed.status, routed.detail)
        if routed.redirect:
            return self._to_edge(visit, routed.redirect)
        named = self._deployed(visit)
        if named is None:
            return self._rejection(visit, Rejection.UNKNOWN_HOST, 403)
        if named.staging and not self._errands.hierarchy.world.file.switches.staging_domain_answers:
            return self._rejection(visit, Rejection.STAGING, 403)
        if self._fronted(visit):
            return self._rejection(visit, Rejection.WRONG_CERTIFICATE, 421)
        if self._errands.roads.real:
            tls = visit.incoming.tls
            new = visit.incoming.requests_on_connection <= 1
            trips = handshake_trips(tls.protocol if isinstance(tls, TlsFacts) else "") if new else 0
            await self._errands.roads.arrive(routed.visitor.place, routed.pop, routed.rtt_ms, trips)
        return None

    def _deployed(self, visit: Visit) -> Distribution | None:
        """The distribution as this edge has it: the new configuration or the old, never a mix (spec §14)."""
        world = self._errands.hierarchy.world
        if world.versions:
            host = visit.request.headers.get("Host", "")
            visit.distribution = world.distribution_at(visit.routed.pop, host, self._errands.clock.now())
        return visit.distribution

    def _deployment(self, visit: Visit, primary: Distribution) -> Distribution:
        """The distribution that answers: the one asked for, or its staging one (spec §9.4)."""
        policy = primary.continuous
        if policy is None or turned_away(primary, visit.routed.visitor.country) is not None:
            return primary
        world, now = self._errands.hierarchy.world, self._errands.clock.now()
        staging = world.version_at(visit.routed.pop, policy.staging[0], now) if policy.staging else None
        chosen = choose(primary, staging, visit.request.headers, visit.id, now)
        if chosen is None:
            return primary
        visit.primary, visit.distribution = primary, chosen.distribution
        visit.deployment, visit.session = chosen.reason, chosen.cookie
        return chosen.distribution

    def _fronted(self, visit: Visit) -> bool:
        """Domain fronting: the TLS name belongs to another account than the Host header (spec §7.6)."""
        tls = visit.incoming.tls
        if not isinstance(tls, TlsFacts) or tls.server_name is None or visit.distribution is None:
            return False
        other = self._errands.hierarchy.world.distribution_for(tls.server_name)
        return other is not None and other.account != visit.distribution.account

    # Through the caches

    async def _admitted(self, visit: Visit, distribution: Distribution, admitted: Admitted) -> Answer | None:
        broken = self._errands.roads.cache_error(visit.routed.pop, edge=True)
        if broken is not None:
            return generated(broken[0], f"The edge answers with an error (simulated by fault {broken[1]}).", visit.id)
        plan = self._plan(visit, distribution, admitted, visit.request)
        journey = Journey(self._errands, plan)
        if is_websocket(visit.request):
            return await self._upgrade(visit, journey)
        answer, visit.hop = await journey.run()
        rule = distribution.errors.get(answer.status)
        if answer.status >= 400 and _has_page(rule) and plan.behavior.caching and plan.behavior.profile.error_caching:
            if not visit.hop.exchange.storing:
                answer.close()  # what is being stored goes on arriving, so that the error is cached (spec §5.4)
            return await self._error_page(visit, distribution, rule, answer)
        return answer

    def _plan(self, visit: Visit, distribution: Distribution, admitted: Admitted, request: Request) -> Plan:
        behavior, incoming = admitted.match.behavior, visit.incoming
        extra = self._cloudfront_headers(visit, behavior)
        if extra:
            headers = CIMultiDict(request.headers)
            headers.update(extra)
            request = replace(request, headers=headers)
        key = cache_key(distribution, behavior, request, admitted.path)
        visit.key = visit.key or key.text
        return Plan(
            visit.id,
            visit.routed.pop,
            request,
            distribution,
            admitted.match,
            admitted.path,
            key,
            extra,
            incoming.body.iter_any() if incoming.body is not None and request.has_body else None,
            _content_length(request.headers),
            self._interim(visit),
            lambda hop: self._records.add(refresh_verdict(visit, hop, request_id(), self._errands.clock.now())),
            incoming.ahead,
        )

    def _cloudfront_headers(self, visit: Visit, behavior: Behavior) -> dict[str, str]:
        """The CloudFront-* headers this behaviour's policies name (spec §1.5)."""
        names = wanted_cloudfront(behavior)
        if not names:
            return {}
        routed, tls = visit.routed, visit.incoming.tls
        reused = visit.incoming.requests_on_connection > 1
        facts = ViewerFacts(
            visit.request,
            routed.visitor.address,
            routed.visitor.port,
            routed.place,
            self._errands.hierarchy.gazetteer.country_name(routed.visitor.country),
            tls.viewer_tls(reused) if isinstance(tls, TlsFacts) else "",
        )
        return viewer_headers(facts, names)

    @staticmethod
    def _interim(visit: Visit) -> Callable[[int, Headers], None]:
        """1xx from the origin pass on to the viewer who caused the fetch (RFC 9110 §15.2)."""

        def pass_on(status: int, headers: Headers) -> None:
            if not visit.reply.started:
                reason = "Early Hints" if status == 103 else "Processing" if status == 102 else "Informational"
                visit.reply.interim(status, reason, list(headers.items()))

        return pass_on

    async def _upgrade(self, visit: Visit, journey: Journey) -> Answer | None:
        asked, visit.hop = await journey.upgrade()
        if asked.failure is not None:
            return refused_answer(asked.failure, asked.failure.kind.status, visit.hop, visit.id)
        if asked.response is None:
            return generated(asked.simulated_status, "The origin answers with an error (simulated).", visit.id)
        if asked.response.duplex is not None:
            await relay_websocket(visit, visit.hop, asked.response)
            return None
        headers = relayed_headers(journey.plan.behavior, asked.response.headers)
        return relayed_answer(asked.response, headers, visit.hop, self._errands.tasks)

    async def _error_page(
        self, visit: Visit, distribution: Distribution, rule: ErrorRule | None, answer: Answer
    ) -> Answer:
        """The custom error page in place of an error (spec §5.4); if it cannot be had, its own status goes out."""
        if rule is None or rule.page is None:
            return answer
        match = match_behavior(distribution, rule.page)
        names = {"CloudFront-Error-Uri": visit.request.path, "CloudFront-Error-Args": visit.request.query or ""}
        headers = CIMultiDict([pair for pair in visit.request.headers.items() if pair[0].lower() not in _NOT_FOR_PAGES])
        headers.update({name: value for name, value in names.items() if name in wanted_cloudfront(match.behavior)})
        request = replace(visit.request, method="GET", target=rule.page, headers=headers, has_body=False)
        plan = self._plan(visit, distribution, Admitted(match, rule.page.partition("?")[0]), request)
        page, hop = await Journey(self._errands, plan).run()
        visit.replaced_status = answer.status
        if visit.hop is None:
            visit.hop = hop
        visit.hop.outcome = Outcome.ERROR
        if page.status == 200:
            page.status, page.reason = rule.response_code or answer.status, ""
        visit.reply.close = visit.reply.close or closes(page.status)
        return page

    # Answers made here

    def _rejected(self, visit: Visit, rejected: Rejected) -> Answer:
        if not rejected.location:
            return self._rejection(visit, rejected.rejection, rejected.status, rejected.detail)
        visit.rejected = rejected.rejection
        page = redirect_page(rejected.status)
        headers = [*self._own_head(rejected.status, len(page)), ("Location", rejected.location)]
        return Answer(rejected.status, REASONS[rejected.status], headers, page, length=len(page))

    def _to_edge(self, visit: Visit, location: str) -> Answer:
        visit.rejected = Rejection.FORWARDED_TO_EDGE
        headers = [*self._own_head(307, 0), ("Location", location), ("Cache-Control", "no-store")]
        return Answer(307, REASONS[307], headers, b"", length=0)

    @staticmethod
    def _rejection(visit: Visit, rejection: Rejection, status: int, detail: str = "") -> Answer:
        visit.rejected, visit.detail = rejection, detail
        page, kind = rejection_page(rejection, detail, visit.id, status)
        head = [("Content-Type", kind), ("Content-Length", str(len(page)))]
        return Answer(status, STATUS_TEXT.get(status, ""), head, page, length=len(page))

    def _own_head(self, status: int, length: int) -> list[Field]:
        return generated_head(status, format_date(int(self._errands.clock.now())), length)

    # Sending

    async def _send(self, visit: Visit, answer: Answer) -> None:
        visit.answer = answer
        reply, clock = visit.reply, self._errands.clock
        headers = viewer_head(visit, answer, clock.now(), (clock.monotonic() - visit.incoming.started) * 1000)
        if visit.hop is None and closes(answer.status):
            reply.close = True
        reason = answer.reason or REASONS.get(answer.status, "") or STATUS_TEXT.get(answer.status, "")
        if visit.request.method == "HEAD" or answer.status in (204, 304):
            reply.respond(answer.status, reason, headers, None)
            answer.close()
            return
        chunked = _as_chunks(visit, headers)
        if answer.data is not None:
            visit.learnable = (reason, headers)
            if not chunked:
                reply.respond(answer.status, reason, headers, answer.data)
                return
        reply.head(answer.status, reason, headers, length=None if chunked else answer.length)
        await self._send_body(visit, answer)
        await reply.finish()

    @staticmethod
    async def _send_body(visit: Visit, answer: Answer) -> None:
        chunks = chunks_of(answer)
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
            await chunks.aclose()
            answer.close()

    # What is no request

    def malformed(self, facts: MalformedFacts) -> bytes | None:
        """What is no acceptable request gets its answer, and a verdict like any other."""
        id, now = request_id(), self._errands.clock.now()
        rejection = {414: Rejection.URL_TOO_LONG, 494: Rejection.HEAD_TOO_BIG}.get(facts.status, Rejection.MALFORMED)
        detail = f"{facts.why.text} {facts.detail}".strip()
        answer = generated(facts.status, rejection_message(rejection, detail), id)
        pop = facts.label or UNPLACED
        headers = [("Server", "CloudFront"), ("Date", format_date(int(now))), *answer.headers, ("Connection", "close")]
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
        sent = ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "surrogateescape") + (answer.data or b"")
        self._records.add(malformed_verdict(facts, id, rejection, detail, len(sent), now))
        return sent


_NOT_FOR_PAGES = frozenset({"range", "if-range", "if-none-match", "if-modified-since", "content-length", "cookie"})


def _as_chunks(visit: Visit, headers: list[Field]) -> bool:
    """An answer without a length, as one compressed here, goes out in chunks, from the store too (spec §4.4, §7.11)."""
    if visit.behavior is None or not visit.behavior.profile.policy_ttls:
        return False
    return not measured(headers)


def _has_page(rule: ErrorRule | None) -> bool:
    return rule is not None and rule.page is not None


def _content_length(headers: Headers) -> int | None:
    value = headers.get("Content-Length", "")
    return int(value) if value.isascii() and value.isdigit() else None
