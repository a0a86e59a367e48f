"""From a served request to its verdict."""

from __future__ import annotations

from dataclasses import replace

from multidict import CIMultiDict

from edgesim.core.cache import Tier
from edgesim.core.messages import Request
from edgesim.core.reasons import Outcome, Rejection
from edgesim.core.verdict import Leg, Verdict, Visitor
from edgesim.edge.plan import Hop
from edgesim.edge.visit import Visit
from edgesim.tls.facts import TlsFacts
from edgesim.wire.listener import MalformedFacts


def verdict_of(visit: Visit, now: float, monotonic: float, scale: float) -> Verdict:
    """The verdict of a finished request. ``scale`` is the world's latency scale."""
    reply, incoming, routed = visit.reply, visit.incoming, visit.routed
    first = reply.first_byte_at if reply.first_byte_at is not None else monotonic
    last = reply.last_byte_at if reply.last_byte_at is not None else monotonic
    tls, distribution, behavior = incoming.tls, visit.distribution, visit.behavior
    base = Verdict(
        id=visit.id,
        at=now,
        tier=Tier.EDGE,
        node=routed.pop,
        request=visit.request,
        status=reply.status,
        outcome=visit.outcome,
        distribution=distribution.id if distribution is not None else "",
        domain=distribution.domain if distribution is not None else "",
        behavior=behavior.pattern if behavior is not None else "",
        passed_over=visit.passed_over,
        profile=behavior.profile.name if behavior is not None else "",
        visitor=routed.visitor,
        rejection=visit.rejected,
        detail=visit.detail,
        key=visit.key,
        bytes_in=incoming.head_bytes + (incoming.body.total_bytes if incoming.body is not None else 0),
        bytes_out=reply.bytes_sent,
        first_byte_ms=(first - incoming.started) * 1000,
        total_ms=(last - incoming.started) * 1000,
        complete=visit.complete,
        tls=(tls.protocol, tls.cipher) if isinstance(tls, TlsFacts) else ("", ""),
        replaced_status=visit.replaced_status,
    )
    return _with_answer(_with_hops(base, visit, scale), visit)


def _with_hops(base: Verdict, visit: Visit, scale: float) -> Verdict:
    routed = visit.routed
    if not routed.pop:
        return base
    first = Leg(routed.visitor.place or "viewer", routed.pop, routed.rtt_ms * scale)
    if visit.hop is None:
        return replace(base, legs=(first,))
    return replace(_of_hop(base, visit.hop), legs=(first, *visit.hop.legs), outcome=base.outcome, status=base.status)


def _with_answer(verdict: Verdict, visit: Visit) -> Verdict:
    if visit.answer is None:
        return verdict
    headers = CIMultiDict(visit.answer.headers)
    return replace(
        verdict,
        content_type=headers.get("Content-Type", ""),
        content_length=visit.answer.length,
        content_range=headers.get("Content-Range", ""),
    )


def _of_hop(base: Verdict, hop: Hop) -> Verdict:
    """The verdict of one cache, and of those behind it."""
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
        not_stored=exchange.not_stored if exchange.asked_upstream else None,
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
        response=hop.response,
        age=float(hop.age or 0),
        upstream=_of_hop(base, hop.above) if hop.above is not None else None,
    )


def refresh_verdict(visit: Visit, hop: Hop, id: str, now: float) -> Verdict:
    """The verdict of a refresh that ran behind a stale answer; no viewer waited for it."""
    distribution, behavior = visit.distribution, visit.behavior
    base = Verdict(
        id=id,
        at=now,
        tier=hop.tier,
        node=hop.cache.name,
        request=visit.request,
        status=hop.status,
        outcome=hop.outcome,
        distribution=distribution.id if distribution is not None else "",
        domain=distribution.domain if distribution is not None else "",
        behavior=behavior.pattern if behavior is not None else "",
        profile=behavior.profile.name if behavior is not None else "",
        key=visit.key,
        detail=f"behind the stale answer to {visit.id}",
        background=True,
    )
    return _of_hop(base, hop)


def malformed_verdict(
    facts: MalformedFacts, id: str, rejection: Rejection, detail: str, sent: int, now: float
) -> Verdict:
    """The verdict of what was no acceptable request."""
    excerpt = facts.head_excerpt.decode("latin-1")
    return Verdict(
        id=id,
        at=now,
        tier=Tier.EDGE,
        node=facts.label,
        request=Request("-", excerpt, CIMultiDict(), scheme=facts.scheme),
        status=facts.status,
        outcome=Outcome.ERROR,
        rejection=rejection,
        detail=detail,
        visitor=Visitor(facts.peer[0], facts.peer[1]),
        bytes_in=facts.bytes_in,
        bytes_out=sent,
    )
