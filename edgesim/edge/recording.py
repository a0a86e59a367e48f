"""From a served request to its verdict."""

from __future__ import annotations

from typing import Any

from multidict import CIMultiDict

from edgesim.core.answers import Answer
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
    tls, hop = incoming.tls, visit.hop
    known = _shared(visit, now)
    known.update(
        id=visit.id,
        passed_over=visit.passed_over,
        visitor=routed.visitor,
        rejection=visit.rejected,
        detail=visit.detail,
        bytes_in=incoming.head_bytes + (incoming.body.total_bytes if incoming.body is not None else 0),
        bytes_out=reply.bytes_sent,
        first_byte_ms=(first - incoming.started) * 1000,
        total_ms=(last - incoming.started) * 1000,
        complete=visit.complete,
        tls=(tls.protocol, tls.cipher) if isinstance(tls, TlsFacts) else ("", ""),
        replaced_status=visit.replaced_status,
    )
    if not routed.pop or hop is None:
        known.update(tier=Tier.EDGE, node=routed.pop, upstream=None)
    else:
        known.update(_of_hop(hop), upstream=_above(known, hop))
    if routed.pop:
        leg = Leg(routed.visitor.place or "viewer", routed.pop, routed.rtt_ms * scale)
        known["legs"] = (leg, *known.get("legs", ()))
    if visit.answer is not None:
        known.update(_of_answer(visit.answer))
    known.update(status=reply.status, outcome=visit.outcome)
    return Verdict(**known)


def _shared(visit: Visit, now: float) -> dict[str, Any]:
    """What the verdicts of all caches on one request's way have in common.

    Fields are gathered in a dict and the verdict is made once: making a frozen one of so many fields is dear.
    """
    distribution, behavior, primary = visit.distribution, visit.behavior, visit.primary
    return {
        "at": now,
        "request": visit.request,
        "distribution": distribution.id if distribution is not None else "",
        "domain": distribution.domain if distribution is not None else "",
        "behavior": behavior.pattern if behavior is not None else "",
        "profile": behavior.profile.name if behavior is not None else "",
        "key": visit.key,
        "deployment": visit.deployment,
        "primary": primary.id if primary is not None else "",
        "primary_domain": primary.domain if primary is not None else "",
        "logged": distribution is None or distribution.logging,
        "cookies_logged": distribution is not None and distribution.log_cookies,
    }


def _of_answer(answer: Answer) -> dict[str, Any]:
    kind = interval = ""
    for name, value in answer.headers:
        if len(name) == 12 and not kind and name.lower() == "content-type":
            kind = value
        elif len(name) == 13 and not interval and name.lower() == "content-range":
            interval = value
    return {"content_type": kind, "content_length": answer.length, "content_range": interval}


def _above(known: dict[str, Any], hop: Hop) -> Verdict | None:
    """The verdict of the cache behind one, and of those behind that."""
    if hop.above is None:
        return None
    return Verdict(**{**known, **_of_hop(hop.above), "upstream": _above(known, hop.above)})


def _of_hop(hop: Hop) -> dict[str, Any]:
    """What one cache did."""
    exchange = hop.exchange
    asked = exchange.asked_upstream
    return {
        "tier": hop.tier,
        "node": hop.cache.name,
        "outcome": hop.outcome,
        "status": hop.status,
        "legs": tuple(hop.legs),
        "forwarded": exchange.forwarded if asked else None,
        "stored": exchange.stored,
        "not_stored": exchange.not_stored if asked else None,
        "joined": exchange.joined,
        "not_joined": exchange.not_joined,
        "stale": exchange.stale,
        "not_stale": exchange.not_stale,
        "freshness": exchange.freshness,
        "validated": exchange.validated,
        "encoding": hop.encoding,
        "not_compressed": hop.not_compressed,
        "failure": hop.failure,
        "origin": hop.trip,
        "evicted": hop.evicted,
        "response": hop.response,
        "age": float(hop.age or 0),
    }


def refresh_verdict(visit: Visit, hop: Hop, id: str, now: float) -> Verdict:
    """The verdict of a refresh that ran behind a stale answer; no viewer waited for it."""
    known = _shared(visit, now)
    known.update(id=id, detail=f"behind the stale answer to {visit.id}", background=True)
    return Verdict(**known, **_of_hop(hop), upstream=_above(known, hop))


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
