"""A CDN in virtual time: edges, regional caches and shields over the same core as live, moved on by a heap of moments.

sim = Simulation(origin)
sim.timeline.run(until=3600)
seen = sim.get(distribution, Request("GET", "/a"))
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from multidict import CIMultiDict

from edgesim.core.admission import Admitted, Rejected, admit
from edgesim.core.answers import Answer, BrokenOff
from edgesim.core.behaviors import Behavior, Distribution, match_behavior
from edgesim.core.bodies import Body
from edgesim.core.cache import Cache, Switches, Tier
from edgesim.core.cache_status import exchange_member, joined_members, rejected_member
from edgesim.core.dates import format_date
from edgesim.core.keys import cache_key
from edgesim.core.messages import Field, Request, listed
from edgesim.core.outgoing import filtered_vary, own_headers
from edgesim.core.pages import generated_head, redirect_page, rejection_page
from edgesim.core.reasons import Outcome, Rejection
from edgesim.core.response_policy import apply_policy
from edgesim.core.steps import Ask
from edgesim.core.store import Store
from edgesim.core.tiers import Stop, way_up
from edgesim.core.verdict import Verdict
from edgesim.sim.journey import Hop, Journey, Plan
from edgesim.sim.origin import VirtualOrigin
from edgesim.sim.timeline import Process, Timeline

NOT_FOR_PAGES = frozenset({"range", "if-range", "if-none-match", "if-modified-since", "content-length", "cookie"})
"""What a viewer's request leaves out when it is made again for a custom error page."""

REPLACED = frozenset({"via", "age", "x-cache", "x-amz-cf-pop", "x-amz-cf-id", "cache-status"})


@dataclass(slots=True)
class Seen:
    """What a viewer saw. Times are simulated seconds; ``done`` when the last byte, or the break, is there."""

    request: Request
    asked_at: float
    status: int = 0
    headers: CIMultiDict[str] | None = None
    body: bytes = b""
    first_byte_at: float = 0.0
    ended_at: float = 0.0
    done: bool = False
    complete: bool = False
    verdict: Verdict | None = None


@dataclass(slots=True)
class _Visit:
    id: str
    pop: str
    request: Request
    distribution: Distribution
    behavior: Behavior | None = None
    passed_over: tuple[str, ...] = ()
    rejected: Rejection | None = None
    detail: str = ""
    hop: Hop | None = None
    key: str = ""


class Simulation:
    """The caches of a CDN. ``pops`` names the regional cache's region behind each edge."""

    def __init__(
        self,
        origin: VirtualOrigin,
        *,
        pops: Mapping[str, str] | None = None,
        capacity: int = 64_000_000,
        largest: int | None = None,
        regional_capacity: int = 256_000_000,
        switches: Switches | None = None,
        start: float = 0.0,
    ) -> None:
        self.timeline = Timeline(start)
        self.origin = origin
        self.pops = dict(pops or {"LHR62-C1": "eu-west-2"})
        self.switches = switches or Switches()
        self._regional_capacity = regional_capacity
        self._made = 0
        self.caches: dict[tuple[Tier, str], Cache] = {
            (Tier.EDGE, pop): Cache(pop, Tier.EDGE, Store(capacity, largest), switches=self.switches)
            for pop in self.pops
        }

    def cache(self, stop: Stop) -> Cache:
        """A regional or shield cache, made when it is first needed; one store serves as both."""
        key = (Tier.REGIONAL, stop.region)
        if key not in self.caches:
            store = Store(self._regional_capacity)
            self.caches[key] = Cache(stop.region, Tier.REGIONAL, store, switches=self.switches)
        return self.caches[key]

    def invalidate(self, distribution: Distribution, paths: tuple[str, ...]) -> None:
        """Take paths out of every cache now."""
        for cache in self.caches.values():
            fence = cache.invalidate(distribution.id, paths)
            cache.sweep(cache.store.names())
            cache.swept(fence)

    def get(self, distribution: Distribution, request: Request, *, pop: str = "", country: str = "") -> Seen:
        """One request from its first byte to its last, however long that takes; what is due by then has happened."""
        seen, timeline = self.send(distribution, request, pop=pop, country=country), self.timeline
        while not seen.done and timeline.step():
            pass
        timeline.run(until=timeline.now)
        return seen

    def send(
        self,
        distribution: Distribution,
        request: Request,
        *,
        pop: str = "",
        country: str = "",
        leaves_after: float | None = None,
    ) -> Seen:
        """Begin a request now. The viewer may leave some seconds later, whatever has come by then."""
        self._made += 1
        id = hashlib.sha256(str(self._made).encode()).hexdigest()[:56]
        visit = _Visit(id, pop or next(iter(self.pops)), request, distribution)
        seen = Seen(request, self.timeline.now)
        process = self._serve(visit, seen, country)
        self.timeline.start(process)
        if leaves_after is not None and not seen.done:
            self.timeline.at(self.timeline.now + leaves_after, process.close)
        return seen

    def _serve(self, visit: _Visit, seen: Seen, country: str) -> Process[None]:
        answer: Answer | None = None
        try:
            answer = yield from self._answer(visit, country)
            seen.status, seen.first_byte_at = answer.status, self.timeline.now
            seen.headers = CIMultiDict(self._headers(visit, answer))
            if visit.request.method == "HEAD" or answer.status in (204, 304):
                answer.close()
            else:
                for piece in answer.pieces():
                    if isinstance(piece, Body):
                        yield piece.watch
                    else:
                        seen.body += piece
            seen.complete = True
        except BrokenOff:
            pass
        finally:
            if answer is not None:
                answer.close()
            seen.done, seen.ended_at = True, self.timeline.now
            seen.verdict = self._verdict(visit, seen)

    def _answer(self, visit: _Visit, country: str) -> Process[Answer]:
        request, distribution = visit.request, visit.distribution
        admitted = admit(request, distribution, country, self.timeline.now)
        if admitted.match is not None:
            visit.behavior, visit.passed_over = admitted.match.behavior, admitted.match.passed_over
        if isinstance(admitted, Rejected):
            return (yield from self._error_page(visit, self._rejected(visit, admitted)))
        behavior = admitted.match.behavior
        answer, visit.hop = yield from self._through_caches(visit, request, admitted)
        visit.key = visit.hop.exchange.ask.key.text
        if answer.status >= 400 and behavior.caching and behavior.profile.error_caching:
            return (yield from self._error_page(visit, answer))
        return answer

    def _through_caches(self, visit: _Visit, request: Request, admitted: Admitted) -> Process[tuple[Answer, Hop]]:
        behavior = admitted.match.behavior
        key = cache_key(visit.distribution, behavior, request, admitted.path)
        ask = Ask(visit.id, request, visit.distribution, behavior, key)
        return (yield from Journey(self._plan(visit, request, admitted)).at(0, ask))

    def _error_page(self, visit: _Visit, answer: Answer) -> Process[Answer]:
        """The custom error page in place of an error (spec §5.4); if it cannot be had, its own status goes out."""
        rule = visit.distribution.errors.get(answer.status)
        if rule is None or rule.page is None:
            return answer
        answer.close()
        match = match_behavior(visit.distribution, rule.page)
        kept = [pair for pair in visit.request.headers.items() if pair[0].lower() not in NOT_FOR_PAGES]
        request = replace(visit.request, method="GET", target=rule.page, headers=CIMultiDict(kept), has_body=False)
        admitted = Admitted(match, rule.page.partition("?")[0])
        page, hop = yield from self._through_caches(visit, request, admitted)
        visit.hop = visit.hop or hop
        visit.hop.outcome = Outcome.ERROR
        if page.status == 200:
            page.status, page.reason = rule.response_code or answer.status, ""
        return page

    def _plan(self, visit: _Visit, request: Request, admitted: Admitted) -> Plan:
        distribution, behavior = visit.distribution, admitted.match.behavior
        group = distribution.groups.get(behavior.origin)
        origin = distribution.origins[group.primary if group is not None else behavior.origin]
        way = way_up(
            request.method,
            behavior,
            origin,
            self.pops[visit.pop],
            regional_caches=distribution.regional_caches,
        )
        stops = [(Tier.EDGE, self.caches[Tier.EDGE, visit.pop])]
        stops += [(stop.tier, self.cache(stop)) for stop in way.stops]
        return Plan(
            self.timeline,
            self.origin,
            stops,
            request,
            distribution,
            admitted.match,
            admitted.path,
            _via_name(visit.pop),
        )

    def _rejected(self, visit: _Visit, rejected: Rejected) -> Answer:
        visit.rejected, visit.detail = rejected.rejection, rejected.detail
        if not rejected.location:
            page, kind = rejection_page(rejected.rejection, rejected.detail, visit.id, rejected.status)
            head = [("Content-Type", kind), ("Content-Length", str(len(page)))]
            return Answer(rejected.status, "", head, page, length=len(page))
        page = redirect_page(rejected.status)
        head = [*generated_head(rejected.status, self._date(), len(page)), ("Location", rejected.location)]
        return Answer(rejected.status, "", head, page, length=len(page))

    def _date(self) -> str:
        return format_date(int(self.timeline.now))

    def _headers(self, visit: _Visit, answer: Answer) -> list[Field]:
        headers = [pair for pair in answer.headers if pair[0].lower() not in REPLACED]
        behavior = visit.behavior
        if behavior is not None and visit.hop is not None:
            headers = filtered_vary(behavior, headers)
        if behavior is not None and behavior.response_headers is not None:
            headers = apply_policy(behavior.response_headers, visit.request, headers)
        names = {name.lower() for name, _ in headers}
        if "date" not in names:
            headers.insert(0, ("Date", self._date()))
        if "server" not in names and (visit.behavior is None or visit.behavior.profile.policy_ttls):
            headers.insert(0, ("Server", "CloudFront"))
        answered = CIMultiDict(answer.headers)
        age = answered.get("Age")
        return headers + own_headers(
            self._outcome(visit),
            node=_via_name(visit.pop),
            pop=visit.pop,
            request_id=visit.id,
            age=int(age) if age is not None and age.isdigit() else None,
            before=listed(answered, "Via"),
            http3=visit.distribution.http3,
            cache_status=_cache_status(visit, listed(answered, "Cache-Status")),
        )

    @staticmethod
    def _outcome(visit: _Visit) -> Outcome:
        if visit.rejected is Rejection.REDIRECT_TO_HTTPS:
            return Outcome.REDIRECT
        return visit.hop.outcome if visit.hop is not None else Outcome.ERROR

    def _verdict(self, visit: _Visit, seen: Seen) -> Verdict:
        base = Verdict(
            id=visit.id,
            at=self.timeline.now,
            tier=Tier.EDGE,
            node=visit.pop,
            request=visit.request,
            status=seen.status,
            outcome=self._outcome(visit),
            distribution=visit.distribution.id,
            domain=visit.distribution.domain,
            behavior=visit.behavior.pattern if visit.behavior is not None else "",
            passed_over=visit.passed_over,
            profile=visit.behavior.profile.name if visit.behavior is not None else "",
            rejection=visit.rejected,
            detail=visit.detail,
            key=visit.key,
            bytes_out=len(seen.body),
            first_byte_ms=(seen.first_byte_at - seen.asked_at) * 1000,
            total_ms=(seen.ended_at - seen.asked_at) * 1000,
            complete=seen.complete,
        )
        if visit.hop is None:
            return base
        return replace(_of_hop(base, visit.hop), status=seen.status)


def _of_hop(base: Verdict, hop: Hop) -> Verdict:
    exchange = hop.exchange
    return replace(
        base,
        tier=hop.tier,
        node=hop.cache.name,
        outcome=hop.outcome,
        status=hop.status,
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


def _hops(hop: Hop | None) -> Iterator[Hop]:
    while hop is not None:
        yield hop
        hop = hop.above


def _cache_status(visit: _Visit, before: str | None) -> str:
    if visit.hop is None:
        return rejected_member(visit.pop, visit.rejected or Rejection.MALFORMED)
    members = [exchange_member(at.exchange, _node(at), at.status_from_above, at.ttl) for at in _hops(visit.hop)]
    return joined_members(before, reversed(members))


def _node(hop: Hop) -> str:
    return hop.cache.name if hop.tier is not Tier.SHIELD else f"{hop.cache.name}-shield"


def _via_name(node: str) -> str:
    """The 32 hex digits a cache has in Via; always the same for the same cache."""
    return hashlib.md5(f"edgesim {node}".encode(), usedforsecurity=False).hexdigest()
