"""The head a viewer receives: what was stored or relayed, filtered and extended by the edge (spec §1.2)."""

from __future__ import annotations

import random

from edgesim.core.answers import Answer
from edgesim.core.cache import Tier
from edgesim.core.cache_status import exchange_member, joined_members, rejected_member
from edgesim.core.dates import format_date
from edgesim.core.messages import Field
from edgesim.core.outgoing import filtered_vary, own_headers
from edgesim.core.policies import ResponseHeadersPolicy
from edgesim.core.reasons import Rejection
from edgesim.core.response_policy import apply_policy
from edgesim.core.server_timing import Timing, server_timing, wanted
from edgesim.edge.ids import via_name
from edgesim.edge.plan import Hop
from edgesim.edge.visit import Visit

UNPLACED = "edgesim"
"""Stands for the edge in the answers of requests that reached none."""

_OWN = frozenset({"via", "age", "x-cache", "x-amz-cf-pop", "x-amz-cf-id", "cache-status"})

_NONE = ("",)

REASONS = {
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


def viewer_head(visit: Visit, answer: Answer, now: float, elapsed_ms: float) -> list[Field]:
    """All headers of an answer in the order they go out, but for the connection's own."""
    behavior, hop = visit.behavior, visit.hop
    headers: list[Field] = []
    names: set[str] = set()
    before: dict[str, list[str]] = {}
    for pair in answer.headers:
        low = pair[0].lower()
        if low in _OWN:
            before.setdefault(low, []).append(pair[1])
        else:
            headers.append(pair)
            names.add(low)
    if behavior is not None:
        if hop is not None and "vary" in names:
            headers = filtered_vary(behavior, headers)
        if behavior.response_headers is not None:
            headers = _with_policy(visit, behavior.response_headers, headers, elapsed_ms)
            names = {name.lower() for name, _ in headers}
    if visit.session:
        headers.append(("Set-Cookie", visit.session))
    if "date" not in names:
        headers.insert(0, ("Date", format_date(int(now))))
    if "server" not in names and (behavior is None or behavior.profile.policy_ttls):
        headers.insert(0, ("Server", "CloudFront"))
    pop = visit.routed.pop or UNPLACED
    age = before.get("age", _NONE)[0]
    return headers + own_headers(
        visit.outcome,
        node=via_name(pop),
        pop=pop,
        request_id=visit.id,
        age=int(age) if age.isascii() and age.isdigit() else None,
        before=", ".join(before.get("via", ())) or None,
        http3=visit.distribution.http3 if visit.distribution is not None else False,
        cache_status=_cache_status(visit, pop, ", ".join(before.get("cache-status", ())) or None),
    )


def _with_policy(visit: Visit, policy: ResponseHeadersPolicy, headers: list[Field], elapsed_ms: float) -> list[Field]:
    """The behaviour's response headers policy, and Server-Timing if it asks for that."""
    headers = apply_policy(policy, visit.request, headers)
    hop = visit.hop
    if policy.server_timing is None or hop is None:
        return headers
    if not hop.exchange.asked_upstream:
        headers = [pair for pair in headers if pair[0].lower() != "server-timing"]
    if not wanted(policy, visit.request.headers, random.random()):
        return headers
    return [*headers, ("Server-Timing", server_timing(_timing(visit, hop, elapsed_ms)))]


def _timing(visit: Visit, hop: Hop, elapsed_ms: float) -> Timing:
    last = hop
    while last.above is not None:
        last = last.above
    trip = last.trip
    return Timing(
        visit.outcome,
        visit.routed.pop,
        visit.id,
        None if last.exchange.asked_upstream else last.tier,
        last.tier if trip is not None else None,
        trip.dns_ms if trip is not None else 0.0,
        trip.connect_ms if trip is not None else 0.0,
        trip.first_byte_ms + sum(leg.ms for leg in last.legs) if trip is not None else 0.0,
        elapsed_ms,
    )


def _cache_status(visit: Visit, pop: str, before: str | None) -> str:
    if visit.hop is None:
        return rejected_member(pop, visit.rejected or Rejection.MALFORMED)
    members: list[str] = []
    at: Hop | None = visit.hop
    while at is not None:
        node = at.cache.name if at.tier is not Tier.SHIELD else f"{at.cache.name}-shield"
        members.append(exchange_member(at.exchange, node, at.status_from_above, at.ttl))
        at = at.above
    return joined_members(before, reversed(members))
