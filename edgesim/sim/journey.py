"""One request's way through the caches in virtual time: the same exchange as live, acted on without sockets."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import brotli
from multidict import CIMultiDict

from edgesim.core.answers import Answer, BrokenOff, entry_answer
from edgesim.core.behaviors import Distribution, Match, Origin
from edgesim.core.bodies import Body
from edgesim.core.cache import Cache, Tier
from edgesim.core.encoding import compressed_head, compression
from edgesim.core.exchange import NO_LIFETIME, Exchange
from edgesim.core.failover import fails_over, may_fail_over
from edgesim.core.failures import Failure, FailureKind
from edgesim.core.forwarding import CONDITIONS, for_tier, origin_request
from edgesim.core.messages import Request, Response
from edgesim.core.outgoing import relayed_headers
from edgesim.core.pages import STATUS_TEXT, error_page
from edgesim.core.profiles import failure_status
from edgesim.core.reasons import NotCompressed, NotStored, Outcome
from edgesim.core.steps import Answered, Ask, Done, Ended, Failed, Fetch, Join, Refuse, Relay, Released, Serve
from edgesim.core.store import Entry
from edgesim.core.verdict import OriginTrip
from edgesim.sim.origin import Silence, Told, VirtualOrigin
from edgesim.sim.timeline import Process, Timeline, Wait

RETRIED_METHODS = frozenset({"GET", "HEAD"})
SECOND_LOOK = 0.05
"""Seconds between the last reader's leaving and giving up, in which a follower may still turn up."""

Chunks = Iterator[bytes | Wait]


@dataclass(slots=True)
class Hop:
    """What happened at one cache."""

    tier: Tier
    cache: Cache
    exchange: Exchange
    outcome: Outcome = Outcome.MISS
    status: int = 0
    trip: OriginTrip | None = None
    failure: Failure | None = None
    above: Hop | None = None
    encoding: str = ""
    not_compressed: NotCompressed | None = None
    ttl: float | None = None
    evicted: int = 0

    @property
    def status_from_above(self) -> int:
        """The status the next tier or the origin answered, 0 when it was not asked."""
        if self.trip is not None:
            return self.trip.status
        return self.above.status if self.above is not None else 0


@dataclass(slots=True)
class Plan:
    """An admitted request, the caches on its way, and where the way ends."""

    timeline: Timeline
    origin: VirtualOrigin
    stops: list[tuple[Tier, Cache]]
    request: Request
    distribution: Distribution
    match: Match
    path: str
    node: str
    cloudfront: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Upper:
    """An answer from above: its head, and its bytes as they come."""

    response: Response
    chunks: Chunks
    drop: Callable[[], None]


class Journey:
    """Takes one planned request from an edge's cache as far up as it has to go."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._timeline = plan.timeline

    def at(self, level: int, ask: Ask) -> Process[tuple[Answer, Hop]]:
        """The answer of the cache at a level, and the record of the way; its body may still be arriving."""
        tier, cache = self._plan.stops[level]
        hop = Hop(tier, cache, Exchange(cache, ask))
        try:
            answer = yield from self._steps(level, ask, hop)
        except BaseException:
            hop.exchange.abandon()
            raise
        return answer, hop

    def _steps(self, level: int, ask: Ask, hop: Hop) -> Process[Answer]:
        exchange, timeline = hop.exchange, self._timeline
        upper: _Upper | None = None
        step = exchange.start(timeline.now)
        while True:
            match step:
                case Serve():
                    if upper is not None:
                        upper.drop()
                    return self._serve(level, ask, hop, step)
                case Join(flight):
                    yield flight.wait
                    step = exchange.tell(Released(timeline.now))
                case Fetch():
                    upper, event = yield from self._fetch(level, ask, hop, step)
                    step = exchange.tell(event)
                case Relay():
                    assert upper is not None, "there is an answer to relay"
                    return self._relay(ask, hop, step, upper)
                case Refuse():
                    return self._refuse(ask, hop, step)
                case Done():
                    return Answer(204, "", [])

    def _serve(self, level: int, ask: Ask, hop: Hop, step: Serve) -> Answer:
        entry, age = step.entry, step.entry.age(self._timeline.now)
        hop.outcome = step.outcome
        if hop.exchange.validated and hop.above is not None and hop.above.outcome is Outcome.HIT:
            hop.outcome = Outcome(ask.behavior.profile.tier_refresh_outcome)
        hop.ttl = entry.lifetime.seconds - age
        hop.encoding = entry.headers.get("Content-Encoding", "")
        answer = entry_answer(entry, [*entry.headers.items(), ("Age", str(int(age)))], step.selection)
        hop.status = answer.status
        if step.refresh:
            self._timeline.start(self._refresh(level, ask))
        return answer

    def _refresh(self, level: int, ask: Ask) -> Process[None]:
        """Renew a stale answer that was served at once; nobody waits for this one."""
        plain = CIMultiDict(ask.request.headers)
        for name in (*CONDITIONS, "range"):
            plain.popall(name, None)
        behind = replace(ask, background=True, request=replace(ask.request, headers=plain, method="GET"))
        answer, _ = yield from self.at(level, behind)
        answer.close()

    # From above

    def _fetch(self, level: int, ask: Ask, hop: Hop, step: Fetch) -> Process[tuple[_Upper | None, Answered | Failed]]:
        asked_at = self._timeline.now
        if step.method != ask.request.method:
            ask = replace(ask, request=replace(ask.request, method=step.method))
        if level + 1 < len(self._plan.stops):
            fresh = ask.background or ask.wants_fresh
            above = replace(ask, request=for_tier(ask.request, step), background=False, wants_fresh=fresh)
            answer, hop.above = yield from self.at(level + 1, above)
            headers = CIMultiDict(answer.headers)
            length = answer.length if ask.request.method != "HEAD" else _announced(headers)
            if hop.above.failure is not None and hop.above.trip is None:
                hop.failure = hop.above.failure
            response = Response(answer.status, headers, answer.reason, length)
            return self._arrived(ask, hop, _Upper(response, _followed(answer), answer.close), asked_at)
        told = yield from self._ask_origin(level, ask, hop, step)
        if isinstance(told, Silence):
            hop.failure = told.failure
            status = failure_status(ask.behavior.profile, told.failure.kind)
            page = error_page(status, _explained(told.failure), ask.id)
            return None, Failed(told.failure, self._timeline.now, page)
        upper = _Upper(told.response(ask.request.method), told.body(self._timeline), lambda: None)
        if ask.request.method == "HEAD":
            upper.chunks = iter(())
        return self._arrived(ask, hop, upper, asked_at)

    def _arrived(self, ask: Ask, hop: Hop, upper: _Upper, asked_at: float) -> tuple[_Upper, Answered]:
        """An answer is there: compress it if this is the edge and all of §7.11's conditions hold."""
        if hop.tier is Tier.EDGE and ask.request.method == "GET" and upper.response.status != 304:
            chosen = compression(ask.behavior, ask.request, upper.response)
            if isinstance(chosen, NotCompressed):
                hop.not_compressed = chosen
            else:
                hop.encoding = chosen
                upper.response = compressed_head(upper.response, chosen)
        return upper, Answered(upper.response, self._timeline.now, asked_at)

    def _ask_origin(self, level: int, ask: Ask, hop: Hop, step: Fetch) -> Process[Told | Silence]:
        """The origin, or the members of an origin group in turn (spec §6.5)."""
        name, distribution = ask.behavior.origin, ask.distribution
        group = distribution.groups.get(name)
        if group is None:
            return (yield from self._ask_one(level, ask, hop, step, distribution.origins[name]))
        first = yield from self._ask_one(level, ask, hop, step, distribution.origins[group.primary])
        failure = first.failure if isinstance(first, Silence) else None
        status = first.failure.kind.status if isinstance(first, Silence) else first.status
        if not may_fail_over(ask.request.method, ask.behavior) or not fails_over(group, status, failure):
            return first
        if step.conditions and not ask.behavior.profile.failover_keeps_validators:
            step = replace(step, conditions=())
        second = yield from self._ask_one(level, ask, hop, step, distribution.origins[group.secondary])
        assert hop.trip is not None, "it was just made"
        hop.trip = replace(hop.trip, failover=f"Failover:{status}")
        return second

    def _ask_one(self, level: int, ask: Ask, hop: Hop, step: Fetch, origin: Origin) -> Process[Told | Silence]:
        plan = self._plan
        upstream = origin_request(
            ask.request,
            ask.behavior,
            origin,
            step,
            request_id=ask.id,
            node=plan.node,
            path=plan.path,
            cloudfront=plan.cloudfront,
        )
        trip = OriginTrip(origin.id, sent=tuple(upstream.headers), target=upstream.target)
        tries = origin.connection_attempts if ask.request.method in RETRIED_METHODS else 1
        for attempt in range(1, tries + 1):
            told = plan.origin.answer(origin, upstream, self._timeline.now)
            wait = told.after if isinstance(told, Silence) else told.delay
            if wait:
                yield self._timeline.sleep(wait)
            status = 0 if isinstance(told, Silence) else told.status
            hop.trip = replace(trip, attempts=attempt, status=status)
            if not isinstance(told, Silence) or told.failure.kind is not FailureKind.READ_TIMEOUT:
                break
        return told

    # Passing on

    def _relay(self, ask: Ask, hop: Hop, step: Relay, upper: _Upper) -> Answer:
        entry, response = step.entry, step.response
        hop.outcome = step.outcome
        if hop.above is not None and step.outcome is Outcome.MISS and hop.above.outcome is not Outcome.MISS:
            hop.outcome = hop.above.outcome  # the answer came from a cache, only not from this one (spec §1.6)
        body = entry.body if entry is not None else Body(kept=False)
        shown = entry or Entry(
            ask.key,
            response.status,
            response.reason,
            response.headers,
            body,
            self._timeline.now,
            NO_LIFETIME,
            total=response.length,
        )
        # a reader first, then the pump: what is not kept is dropped as soon as nobody reads it
        answer = entry_answer(shown, relayed_headers(ask.behavior, response.headers), step.selection)
        hop.status = answer.status
        self._timeline.start(self._pump(hop, upper, body, kept=entry is not None))
        return answer

    def _pump(self, hop: Hop, upper: _Upper, body: Body, *, kept: bool) -> Process[None]:
        """Fill a body from above; it is not kept when it breaks off, grows too large, or nobody reads it any more."""
        coding = hop.encoding if hop.not_compressed is None and hop.tier is Tier.EDGE else ""
        largest = hop.cache.store.largest if kept else 0
        encoder = _Encoder(coding)
        refused: NotStored | None = None
        left: list[bool] = []
        body.on_abandoned = lambda: self._timeline.at(self._timeline.now + SECOND_LOOK, lambda: _look(body, left))
        try:
            for chunk in upper.chunks:
                if left:
                    break
                if not isinstance(chunk, bytes):
                    yield chunk
                    continue
                data = encoder.add(chunk)
                if data:
                    body.append(data)
                if body.kept and kept and body.size > largest:
                    refused = NotStored.TOO_LARGE
                    body.release()
        except BrokenOff as broken:
            self._ended(hop, NotStored.TRUNCATED)
            body.fail(broken.failure)
            return
        if left:
            upper.drop()
            self._ended(hop, NotStored.VIEWER_LEFT)
            body.fail(Failure(FailureKind.RESET, "nobody was waiting for the rest"))
            return
        if rest := encoder.end():
            body.append(rest)
        body.finish()
        self._ended(hop, refused)

    def _ended(self, hop: Hop, broken: NotStored | None) -> None:
        done = hop.exchange.tell(Ended(self._timeline.now, broken))
        if isinstance(done, Done):
            hop.evicted = len(done.evicted)

    def _refuse(self, ask: Ask, hop: Hop, step: Refuse) -> Answer:
        message = "Nothing fresh is stored and the request says only-if-cached."
        if step.failure is not None:
            hop.failure = step.failure
            message = _explained(step.failure)
        hop.outcome, hop.status = Outcome.ERROR, step.status
        return generated(step.status, message, ask.id)


class _Encoder:
    """gzip or br as an edge does on the fly, or nothing."""

    def __init__(self, coding: str) -> None:
        self._gzip = zlib.compressobj(6, zlib.DEFLATED, 31) if coding == "gzip" else None
        self._brotli = brotli.Compressor(quality=5) if coding == "br" else None

    def add(self, data: bytes) -> bytes:
        if self._brotli is not None:
            return bytes(self._brotli.process(data))
        return self._gzip.compress(data) if self._gzip is not None else data

    def end(self) -> bytes:
        if self._brotli is not None:
            return bytes(self._brotli.finish())
        return self._gzip.flush() if self._gzip is not None else b""


def generated(status: int, message: str, request_id: str) -> Answer:
    """An error answer made at an edge."""
    page = error_page(status, message, request_id)
    headers = [("Content-Type", "text/html"), ("Content-Length", str(len(page)))]
    return Answer(status, STATUS_TEXT.get(status, ""), headers, page, length=len(page))


def _look(body: Body, left: list[bool]) -> None:
    if not body.readers and not body.ended:
        left.append(True)


def _followed(answer: Answer) -> Chunks:
    """Another tier's answer as it comes."""
    for piece in answer.pieces():
        yield piece.watch if isinstance(piece, Body) else piece


def _explained(failure: Failure) -> str:
    return f"{failure.kind.value}: {failure.detail}" if failure.detail else f"{failure.kind.value}."


def _announced(headers: CIMultiDict[str]) -> int | None:
    value = headers.get("Content-Length", "")
    return int(value) if value.isascii() and value.isdigit() else None
