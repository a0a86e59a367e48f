"""One request's way through the caches: at each the core's exchange decides and this driver acts on its steps."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

from multidict import CIMultiDict

from edgesim.core.answers import Answer, entry_answer
from edgesim.core.behaviors import Origin
from edgesim.core.bodies import Body
from edgesim.core.cache import Tier
from edgesim.core.encoding import compressed_head, compression
from edgesim.core.exchange import NO_LIFETIME, Exchange
from edgesim.core.failures import Failure, FailureKind
from edgesim.core.flights import Flight
from edgesim.core.forwarding import CONDITIONS, Upstream, for_tier, origin_request, upgrading
from edgesim.core.messages import Field, Headers, Response
from edgesim.core.outgoing import relayed_headers
from edgesim.core.pages import STATUS_TEXT, error_page
from edgesim.core.profiles import failure_status
from edgesim.core.reasons import NotCompressed, NotStored, Outcome
from edgesim.core.steps import Answered, Ask, Done, Ended, Failed, Fetch, Join, Refuse, Relay, Released, Serve
from edgesim.core.store import Entry
from edgesim.core.tiers import Way, way_up
from edgesim.edge.ids import via_name
from edgesim.edge.origins import Errand, Visit, pause
from edgesim.edge.plan import Errands, Hop, Plan
from edgesim.edge.pump import AnswerSource, Encoder, Pump, Source, encoder_for
from edgesim.observe.tasks import TaskOwner
from edgesim.wire.client import OriginResponse

LARGEST_OBJECT = 50 * 1024**3
"""Bytes of the largest object CloudFront caches; a larger one on a caching behaviour is an error (spec §4.3)."""


class _OriginSource:
    """An origin's body as a source for a pump."""

    def __init__(self, response: OriginResponse) -> None:
        self._response = response

    @property
    def ready(self) -> bytes | None:
        return (self._response.whole or b"") if self._response.body is None else None

    def chunks(self) -> AsyncIterator[bytes]:
        return self._response.chunks()

    def close(self) -> None:
        self._response.abort()


@dataclass(slots=True)
class _Upper:
    """An answer from above: its head for the core, and its body."""

    response: Response
    source: Source


class Journey:
    """Takes one planned request from an edge's cache as far up as it has to go."""

    def __init__(self, errands: Errands, plan: Plan) -> None:
        self._errands = errands
        self.plan = plan
        edge = errands.hierarchy.edge(plan.pop)
        assert edge is not None, "the edge is one of this process"
        self._stops = [(Tier.EDGE, edge)]
        self._way: Way | None = None

    def _find_way(self) -> None:
        """The caches behind the edge; a hit needs none of them."""
        if self._way is None:
            plan, hierarchy = self.plan, self._errands.hierarchy
            self._way = way_up(
                plan.request.method,
                plan.behavior,
                self._first_origin(),
                hierarchy.sites[plan.pop].regional,
                regional_caches=plan.distribution.regional_caches,
                down=hierarchy.regions_down,
            )
            self._stops += [(stop.tier, hierarchy.cache(stop)) for stop in self._way.stops]

    def _first_origin(self) -> Origin:
        distribution, name = self.plan.distribution, self.plan.behavior.origin
        group = distribution.groups.get(name)
        return distribution.origins[group.primary if group is not None else name]

    async def run(self, *, background: bool = False) -> tuple[Answer, Hop]:
        """The answer at the edge, and the record of the way; its body may still be arriving."""
        plan = self.plan
        ask = Ask(plan.id, plan.request, plan.distribution, plan.behavior, plan.key, background)
        return await self._at(0, ask)

    async def upgrade(self) -> tuple[Visit, Hop]:
        """Pass a request for another protocol straight to the origin, past all caches (spec §4.5)."""
        plan = self.plan
        ask = Ask(plan.id, plan.request, plan.distribution, plan.behavior, plan.key)
        tier, cache = self._stops[0]
        hop = Hop(tier, cache, Exchange(cache, ask))
        hop.exchange.asked_upstream = True
        visit = await self._ask_origin(0, ask, hop, Fetch(), upgrade=True)
        hop.trip, hop.failure = visit.trip, visit.failure
        return visit, hop

    async def _at(self, level: int, ask: Ask) -> tuple[Answer, Hop]:
        tier, cache = self._stops[level]
        exchange = Exchange(cache, ask)
        hop = Hop(tier, cache, exchange)
        try:
            return await self._steps(level, ask, hop), hop
        except BaseException:
            exchange.abandon()
            raise

    async def _steps(self, level: int, ask: Ask, hop: Hop) -> Answer:
        clock, exchange = self._errands.clock, hop.exchange
        upper: _Upper | None = None
        step = exchange.start(clock.now())
        if not isinstance(step, Serve) or step.refresh:
            self._find_way()
        while True:
            match step:
                case Serve():
                    self._drop(upper)
                    return self._serve(level, ask, hop, step)
                case Join(flight):
                    await _released(flight)
                    step = exchange.tell(Released(clock.now()))
                case Fetch():
                    upper, event = await self._fetch(level, ask, hop, step)
                    step = exchange.tell(event)
                case Relay():
                    assert upper is not None
                    return self._relay(ask, hop, step, upper)
                case Refuse():
                    return self._refuse(ask, hop, step)
                case Done():
                    return Answer(204, "", [])

    @staticmethod
    def _drop(upper: _Upper | None) -> None:
        if upper is not None:
            upper.source.close()

    # From the store

    def _serve(self, level: int, ask: Ask, hop: Hop, step: Serve) -> Answer:
        now = self._errands.clock.now()
        entry = step.entry
        hop.outcome = step.outcome
        above = hop.above
        if hop.exchange.validated and above is not None and above.outcome is Outcome.HIT:
            hop.outcome = Outcome(ask.behavior.profile.tier_refresh_outcome)
        hop.age = int(entry.age(now))
        hop.ttl = entry.lifetime.seconds - entry.age(now)
        hop.encoding = entry.headers.get("Content-Encoding", "")
        hop.response, hop.entry = entry.response, entry
        headers = [*entry.headers.items(), ("Age", str(hop.age))]
        answer = entry_answer(entry, headers, step.selection)
        hop.status = answer.status
        if step.refresh:
            self._errands.tasks.start(self._refresh(level, ask), name="stale-while-revalidate")
        return answer

    async def _refresh(self, level: int, ask: Ask) -> None:
        """Renew a stale answer that was served at once; nobody waits for this one."""
        plain = CIMultiDict(ask.request.headers)
        for name in (*CONDITIONS, "range"):
            plain.popall(name, None)
        behind = replace(ask, background=True, request=replace(ask.request, headers=plain, method="GET"))
        answer, hop = await self._at(level, behind)
        answer.close()
        if hop.exchange.asked_upstream and self.plan.on_refresh is not None:
            self.plan.on_refresh(hop)

    # From above

    async def _fetch(self, level: int, ask: Ask, hop: Hop, step: Fetch) -> tuple[_Upper | None, Answered | Failed]:
        asked_at = self._errands.clock.now()
        if step.method != ask.request.method:
            ask = replace(ask, request=replace(ask.request, method=step.method))
        after = self._stops[level + 1][1].name if level + 1 < len(self._stops) else self._first_origin().id
        failure = self._errands.roads.cut_off(hop.cache.name, after, edge=level == 0)
        if failure is not None:
            return None, self._failed(ask, hop, failure)
        if level + 1 < len(self._stops):
            return await self._ask_tier(level, ask, hop, step, asked_at)
        visit = await self._ask_origin(level, ask, hop, step)
        hop.trip, hop.from_origin = visit.trip, visit.response
        clock = self._errands.clock
        if visit.failure is not None:
            return None, self._failed(ask, hop, visit.failure)
        if visit.response is None:
            answer = _simulated_error(ask, visit)
            response = Response(answer.status, CIMultiDict(answer.headers), "", answer.length)
            return _Upper(response, AnswerSource(answer)), Answered(response, clock.now(), asked_at)
        origin = ask.distribution.origins[visit.trip.origin]
        skew = 0.0 if origin.simulated_clock else clock.skew()
        response = _head_of(ask, visit.response)
        if response.length is not None and response.length > LARGEST_OBJECT and ask.behavior.caching:
            visit.response.abort()
            return None, self._failed(ask, hop, Failure(FailureKind.TOO_LARGE, f"{response.length:,} bytes"))
        source: Source = _OriginSource(visit.response)
        return self._arrived(ask, hop, response, source, asked_at, skew)

    async def _ask_tier(
        self, level: int, ask: Ask, hop: Hop, step: Fetch, asked_at: float
    ) -> tuple[_Upper, Answered | Failed]:
        hop.legs.append(await self._errands.roads.travel(hop.cache.name, self._stops[level + 1][1].name))
        fresh = ask.background or ask.wants_fresh
        above = replace(ask, request=for_tier(ask.request, step), background=False, wants_fresh=fresh)
        answer, hop.above = await self._at(level + 1, above)
        length = answer.length if ask.request.method != "HEAD" else _announced(CIMultiDict(answer.headers))
        response = Response(answer.status, CIMultiDict(answer.headers), answer.reason, length)
        failure = hop.above.failure
        if failure is not None and hop.above.trip is None:
            hop.failure = failure
        return self._arrived(ask, hop, response, AnswerSource(answer), asked_at, 0.0)

    def _arrived(
        self, ask: Ask, hop: Hop, response: Response, source: Source, asked_at: float, skew: float
    ) -> tuple[_Upper, Answered]:
        """An answer is there: compress it if this is the edge and all of §7.11's conditions hold."""
        if hop.tier is Tier.EDGE and ask.request.method == "GET" and response.status != 304:
            chosen = compression(ask.behavior, ask.request, response)
            if isinstance(chosen, NotCompressed):
                hop.not_compressed = chosen
            else:
                hop.encoding = chosen
                response = compressed_head(response, chosen)
        return _Upper(response, source), Answered(response, self._errands.clock.now(), asked_at, skew)

    def _failed(self, ask: Ask, hop: Hop, failure: Failure) -> Failed:
        hop.failure = failure
        status = failure_status(ask.behavior.profile, failure.kind)
        return Failed(failure, self._errands.clock.now(), error_page(status, _explained(failure), ask.id))

    # The origin

    async def _ask_origin(self, level: int, ask: Ask, hop: Hop, step: Fetch, *, upgrade: bool = False) -> Visit:
        plan = self.plan

        def build(origin: Origin, primary: bool) -> Upstream:
            made = origin_request(
                ask.request,
                ask.behavior,
                origin,
                step if primary or ask.behavior.profile.failover_keeps_validators else _unconditional(step),
                request_id=plan.id,
                node=via_name(plan.pop),
                path=plan.path,
                cloudfront=plan.cloudfront,
            )
            return upgrading(made, plan.request) if upgrade else made

        roads, start = self._errands.roads, hop.cache.name

        async def travel(origin: Origin) -> None:
            hop.legs.append(await roads.travel(start, origin.place, origin.id))
            await pause(roads.origin_slow(origin))

        async def connected(origin: Origin, tls: str) -> None:
            leg = await roads.shake_hands(start, origin.place, origin.id, tls)
            if leg is not None:
                hop.legs.append(leg)

        errand = Errand(
            ask.request.method,
            ask.request.scheme,
            build,
            travel,
            connected,
            roads.origin_fault,
            plan.body,
            plan.body_length,
            plan.on_interim if not ask.background else None,
            plan.ahead,
        )
        return await self._errands.origins.ask(ask.distribution, ask.behavior, errand)

    # Passing on

    def _relay(self, ask: Ask, hop: Hop, step: Relay, upper: _Upper) -> Answer:
        exchange, entry = hop.exchange, step.entry
        hop.response = step.response
        hop.outcome = step.outcome
        if hop.above is not None and step.outcome is Outcome.MISS and hop.above.outcome is not Outcome.MISS:
            hop.outcome = hop.above.outcome  # the answer came from a cache, only not from this one (spec §1.6)
        body = entry.body if entry is not None else Body(kept=False)
        headers = relayed_headers(ask.behavior, step.response.headers)
        # a reader first, then the pump: what is not kept is dropped as soon as nobody reads it
        answer = _relayed_answer(ask, step, headers, body, self._errands.clock.now())
        hop.status = answer.status

        def ended(broken: NotStored | None) -> None:
            done = exchange.tell(Ended(self._errands.clock.now(), broken))
            if isinstance(done, Done):
                hop.evicted = len(done.evicted)

        encoder: Encoder | None = encoder_for(hop.encoding) if hop.encoding and hop.not_compressed is None else None
        if hop.tier is not Tier.EDGE:
            encoder = None
        largest = hop.cache.store.largest if entry is not None else 0
        Pump(upper.source, body, ended, largest=largest, encoder=encoder).start(self._errands.tasks)
        return _settled(answer)

    @staticmethod
    def _refuse(ask: Ask, hop: Hop, step: Refuse) -> Answer:
        if step.failure is not None:
            return refused_answer(step.failure, step.status, hop, ask.id)
        hop.outcome, hop.status = Outcome.ERROR, step.status
        return generated(step.status, "Nothing fresh is stored and the request says only-if-cached.", ask.id)


def refused_answer(failure: Failure, status: int, hop: Hop, request_id: str) -> Answer:
    """The 502 or 504 for an origin that gave no answer."""
    hop.failure, hop.outcome, hop.status = failure, Outcome.ERROR, status
    return generated(status, _explained(failure), request_id)


def relayed_answer(response: OriginResponse, headers: list[Field], hop: Hop, tasks: TaskOwner) -> Answer:
    """An origin's answer that no exchange decides about, passed on as it comes."""
    body = Body(kept=False)
    answer = Answer(response.status, response.reason, headers, None, body, 0, response.length, body.reader())
    hop.outcome = Outcome.ERROR if response.status >= 400 else Outcome.MISS
    hop.status = response.status
    Pump(_OriginSource(response), body, lambda _: None, largest=0).start(tasks)
    return _settled(answer)


def generated(status: int, message: str, request_id: str) -> Answer:
    """An error answer made here; Server, Date and the rest are added where it leaves."""
    page = error_page(status, message, request_id)
    headers = [("Content-Type", "text/html"), ("Content-Length", str(len(page)))]
    return Answer(status, STATUS_TEXT.get(status, ""), headers, page, length=len(page))


def _explained(failure: Failure) -> str:
    return f"{failure.kind.value}: {failure.detail}" if failure.detail else f"{failure.kind.value}."


def _unconditional(step: Fetch) -> Fetch:
    """For the secondary origin, whose validators are its own (spec §6.5 [sim])."""
    return replace(step, conditions=()) if step.conditions else step


def _simulated_error(ask: Ask, visit: Visit) -> Answer:
    return generated(visit.simulated_status, "The origin answers with an error (simulated by a fault).", ask.id)


def _relayed_answer(ask: Ask, step: Relay, headers: list[Field], body: Body, now: float) -> Answer:
    """The answer to whoever caused the fetch: the fresh head as it came, and the body as it arrives."""
    response = step.response
    entry = step.entry or Entry(
        ask.key, response.status, response.reason, response.headers, body, now, NO_LIFETIME, total=response.length
    )
    return entry_answer(entry, headers, step.selection)


def _settled(answer: Answer) -> Answer:
    """If the body arrived whole at once, answer with it in one piece."""
    body = answer.body
    if answer.data is None and body is not None and body.complete and answer.reader is not None:
        pieces = []
        while (chunk := answer.reader.next()) is not None:
            pieces.append(chunk)
        answer.reader.close()
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        end = None if answer.length is None else answer.first + answer.length
        answer.data = data if not answer.first and (end is None or end >= len(data)) else data[answer.first : end]
        answer.length = len(answer.data)
        answer.body = answer.reader = None
    return answer


def _head_of(ask: Ask, response: OriginResponse) -> Response:
    if ask.request.method == "HEAD":
        length = _announced(response.headers)
    elif response.body is None:
        length = len(response.whole or b"") if response.framed or not response.whole else None
    else:
        length = response.length
    return Response(response.status, response.headers, response.reason, length, response.framed)


def _announced(headers: Headers) -> int | None:
    value = headers.get("Content-Length", "")
    return int(value) if value.isascii() and value.isdigit() else None


async def _released(flight: Flight) -> None:
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    flight.wait(lambda: None if future.done() else future.set_result(None))
    await future
