"""A verdict told in full: as plain data for programs (``explained``) and in plain words (``words.py``).

What the verdict does not hold is computed again from the request it does hold: the parts of the cache key come from
the behaviour as the World has it now, and ``key.current`` says whether that still gives the same key.
"""

from __future__ import annotations

from typing import Any

from edgesim.core.behaviors import Behavior, Distribution, match_behavior
from edgesim.core.cache import Tier
from edgesim.core.keys import SEPARATOR, KeyPart, cache_key, explain_key
from edgesim.core.messages import Headers
from edgesim.core.reasons import Forwarded, NotJoined, Reason
from edgesim.core.reuse import Freshness
from edgesim.core.verdict import OriginTrip, Verdict
from edgesim.observe.iso import iso
from edgesim.world.state import World

Facts = dict[str, Any]

SOURCES = {
    "HEADER": "the X-Edgesim-Location header",
    "COOKIE": "the edgesim-location cookie",
    "CONFIGURED_NETWORK": "a configured network",
    "COUNTRY_DATABASE": "the country database",
    "DEFAULT": "the configured default",
}
"""What said where the viewer is, in words."""


def readable_key(text: str) -> str:
    """A cache key's text for people: its parts separated by spaces."""
    return text.replace(SEPARATOR, "  ").replace("\x1e", "  vary ")


def explained(verdict: Verdict, world: World) -> Facts:
    """Everything about one request. Times are simulated seconds, durations milliseconds, sizes bytes."""
    distribution = world.distributions.get(verdict.distribution)
    behavior = behavior_of(distribution, verdict)
    return {
        "id": verdict.id,
        "at": verdict.at,
        "iso": iso(verdict.at),
        "request": _request(verdict),
        "answer": _answer(verdict),
        "outcome": verdict.outcome.value,
        "result_type": verdict.result_type,
        "detailed_type": verdict.detailed_type,
        "rejection": reason(verdict.rejection),
        "detail": verdict.detail,
        "viewer": _viewer(verdict),
        "edge": _edge(verdict, world),
        "distribution": _distribution(verdict, distribution),
        "behavior": _behavior_facts(verdict, distribution, behavior),
        "key": _key(verdict, distribution, behavior),
        "cache": cache_facts(verdict),
        "tiers": [f"{one.tier.value} {one.node}" for one in verdict.trail() if verdict.key],
        "legs": legs(verdict),
        "timing": {
            "first_byte_ms": _ms(verdict.first_byte_ms),
            "total_ms": _ms(verdict.total_ms),
            "modelled_network_ms": _ms(sum(leg["ms"] for leg in legs(verdict))),
            "latency_mode": world.latency.mode,
        },
        "reasons": reasons(verdict),
    }


def reason(member: Reason | None) -> Facts | None:
    """One reason as data."""
    if member is None:
        return None
    return {"name": member.name, "slug": member.slug, "sentence": member.sentence, "source": member.source}


def reasons(verdict: Verdict) -> list[Facts]:
    """Every reason at every cache on the way, nearest the viewer first, each with what it is about."""
    found: list[Facts] = []
    for one in verdict.trail():
        for about, member in (
            ("rejected", one.rejection if one is verdict else None),
            ("deployment", one.deployment if one is verdict else None),
            ("forwarded", one.forwarded),
            ("not joined", one.not_joined if one.forwarded is not None else None),
            ("stale", one.stale),
            ("not stale", one.not_stale),
            ("not stored", one.not_stored),
            ("freshness", one.freshness.rule if one.freshness is not None else None),
            ("not compressed", one.not_compressed),
        ):
            facts = reason(member)
            if facts is not None and member is not NotJoined.NONE_IN_FLIGHT:
                found.append({"about": about, "node": one.node, **facts})
    return found


def legs(verdict: Verdict) -> list[Facts]:
    """The stretches of the way with their modelled round trips, from the viewer outwards."""
    found: list[Facts] = []
    for one in verdict.trail():
        found += [{"from": leg.start, "to": leg.end, "ms": _ms(leg.ms)} for leg in one.legs]
    return found


def cache_facts(verdict: Verdict) -> Facts | None:
    """What one cache decided, and under ``upstream`` the one behind it; ``None`` when no cache was looked at."""
    if not verdict.key:
        return None
    return {
        "tier": verdict.tier.value,
        "node": verdict.node,
        "outcome": verdict.outcome.value,
        "status": verdict.status,
        "freshness": freshness(verdict.freshness),
        "forwarded": reason(verdict.forwarded),
        "stale": reason(verdict.stale),
        "not_stale": reason(verdict.not_stale),
        "joined": verdict.joined,
        "not_joined": reason(verdict.not_joined),
        "validated": verdict.validated,
        "stored": verdict.stored,
        "not_stored": reason(verdict.not_stored),
        "evicted": verdict.evicted,
        "encoding": verdict.encoding,
        "not_compressed": reason(verdict.not_compressed),
        "origin": _origin(verdict.origin, verdict),
        "failure": _failure(verdict),
        "upstream": cache_facts(verdict.upstream) if verdict.upstream is not None else None,
    }


def freshness(sum_: Freshness | None) -> Facts | None:
    """The sum, line by line: lifetime - age = what is left, all seconds."""
    if sum_ is None:
        return None
    rule = sum_.rule
    capped = sum_.asked is not None and sum_.asked != sum_.lifetime
    lines: list[Facts] = []
    if capped:
        lines.append({"what": "asked for by the origin", "seconds": sum_.asked})
    lines += [
        {"what": "freshness lifetime", "seconds": sum_.lifetime, "why": rule.sentence, "source": rule.source},
        {"what": "current age", "seconds": round(sum_.age, 3)},
        {"what": "left", "seconds": round(sum_.left, 3)},
    ]
    return {
        "lifetime": sum_.lifetime,
        "age": round(sum_.age, 3),
        "left": round(sum_.left, 3),
        "asked": sum_.asked,
        "rule": reason(rule),
        "fresh": sum_.left > 0,
        "lines": lines,
    }


def _ms(value: float) -> float:
    return round(value, 3)


def _pairs(headers: Headers) -> list[list[str]]:
    return [[name, value] for name, value in headers.items()]


def _request(verdict: Verdict) -> Facts:
    request = verdict.request
    protocol, cipher = verdict.tls
    return {
        "method": request.method,
        "target": request.target,
        "scheme": request.scheme,
        "host": request.headers.get("Host", ""),
        "version": f"{request.version[0]}.{request.version[1]}",
        "headers": _pairs(request.headers),
        "bytes": verdict.bytes_in,
        "tls": {"protocol": protocol, "cipher": cipher} if protocol else None,
    }


def _answer(verdict: Verdict) -> Facts:
    return {
        "status": verdict.status,
        "bytes": verdict.bytes_out,
        "content_type": verdict.content_type,
        "content_length": verdict.content_length,
        "content_range": verdict.content_range,
        "complete": verdict.complete,
    }


def _viewer(verdict: Verdict) -> Facts:
    visitor = verdict.visitor
    return {
        "address": visitor.address,
        "port": visitor.port,
        "place": visitor.place,
        "country": visitor.country,
        "source": visitor.source.lower(),
        "source_words": SOURCES.get(visitor.source, visitor.source.lower().replace("_", " ")),
        "note": visitor.note,
    }


def _edge(verdict: Verdict, world: World) -> Facts:
    choice = verdict.visitor.choice
    places = {site.pop: site.place for site in world.sites}
    candidates = choice.candidates if choice is not None else ()
    here = places.get(verdict.node)
    return {
        "pop": verdict.node,
        "city": here.name if here is not None else "",
        "rtt_ms": _ms(choice.rtt_ms) if choice is not None else None,
        "candidates": [
            {
                "pop": one.pop,
                "city": places[one.pop].name if one.pop in places else "",
                "rtt_ms": _ms(one.rtt_ms),
                "excluded": one.excluded.value if one.excluded is not None else None,
            }
            for one in candidates
        ],
    }


def behavior_of(distribution: Distribution | None, verdict: Verdict) -> Behavior | None:
    """The behaviour a verdict names, as the distribution has it now."""
    if distribution is None or not verdict.behavior:
        return None
    matched = match_behavior(distribution, verdict.request.path).behavior
    if matched.pattern == verdict.behavior:
        return matched
    named = [one for one in distribution.behaviors if one.pattern == verdict.behavior]
    return named[0] if named else None


def _distribution(verdict: Verdict, distribution: Distribution | None) -> Facts | None:
    if not verdict.distribution:
        return None
    return {
        "id": verdict.distribution,
        "domain": verdict.domain,
        "aliases": list(distribution.aliases) if distribution is not None else [],
        "price_class": distribution.price_class if distribution is not None else "",
        "primary": verdict.primary,
        "primary_domain": verdict.primary_domain,
        "deployment": reason(verdict.deployment),
    }


def _behavior_facts(verdict: Verdict, distribution: Distribution | None, behavior: Behavior | None) -> Facts | None:
    if not verdict.behavior:
        return None
    facts: Facts = {"pattern": verdict.behavior, "passed_over": list(verdict.passed_over), "profile": verdict.profile}
    if behavior is None or distribution is None:
        return facts
    ttls = behavior.policy.ttls
    facts |= {
        "of": len(distribution.behaviors),
        "origin": behavior.origin,
        "cache_policy": behavior.policy.name,
        "ttl": {"min": ttls.minimum, "default": ttls.default, "max": ttls.maximum},
        "origin_request_policy": behavior.origin_request.name if behavior.origin_request is not None else None,
        "viewer_protocol": behavior.viewer_protocol.value,
        "allowed_methods": sorted(behavior.allowed_methods),
        "compress": behavior.compress,
        "caching": behavior.caching,
    }
    return facts


def _key(verdict: Verdict, distribution: Distribution | None, behavior: Behavior | None) -> Facts | None:
    if not verdict.key:
        return None
    parts: list[KeyPart] = []
    current = False
    if distribution is not None and behavior is not None:
        parts = explain_key(behavior, verdict.request)
        root = distribution.default_root_object
        path = f"/{root}" if root and verdict.request.path == "/" else None
        current = cache_key(distribution, behavior, verdict.request, path).text == verdict.key
    return {
        "text": readable_key(verdict.key),
        "current": current,
        "included": [_part(part) for part in parts if part.included],
        "left_out": [_part(part) for part in parts if not part.included],
    }


def _part(part: KeyPart) -> Facts:
    return {"kind": part.kind, "name": part.name, "value": part.value}


def _origin(trip: OriginTrip | None, verdict: Verdict) -> Facts | None:
    if trip is None:
        return None
    sent = {name.lower() for name, _ in trip.sent}
    dropped = dict.fromkeys(name for name in verdict.request.headers if name.lower() not in sent)
    viewer = {name.lower() for name in verdict.request.headers}
    return {
        "origin": trip.origin,
        "address": trip.address,
        "target": trip.target,
        "status": trip.status,
        "dns_ms": _ms(trip.dns_ms),
        "connect_ms": _ms(trip.connect_ms),
        "first_byte_ms": _ms(trip.first_byte_ms),
        "connection": "reused" if trip.reused else "new",
        "attempts": trip.attempts,
        "failover": trip.failover,
        "sent": [[name, value] for name, value in trip.sent],
        "dropped": list(dropped),
        "added": list(dict.fromkeys(name for name, _ in trip.sent if name.lower() not in viewer)),
    }


def _failure(verdict: Verdict) -> Facts | None:
    failure = verdict.failure
    if failure is None:
        return None
    return {"kind": failure.kind.name.lower(), "words": failure.kind.value, "detail": failure.detail}


def summary(verdict: Verdict) -> Facts:
    """One request in a line's worth of data, for lists and event streams."""
    return {
        "id": verdict.id,
        "at": verdict.at,
        "iso": iso(verdict.at),
        "edge": verdict.node if verdict.tier is Tier.EDGE else "",
        "place": verdict.visitor.place,
        "country": verdict.visitor.country,
        "method": verdict.request.method,
        "scheme": verdict.request.scheme,
        "host": verdict.request.headers.get("Host", ""),
        "target": verdict.request.target[:2048],
        "status": verdict.status,
        "result": verdict.result_type,
        "reason": _why(verdict),
        "bytes": verdict.bytes_out,
        "ms": _ms(verdict.total_ms),
        "origin": any(one.origin is not None for one in verdict.trail()),
    }


def _why(verdict: Verdict) -> str:
    """The one slug that says most: why it was rejected, stale, not stored, or forwarded."""
    forwarded = verdict.forwarded if verdict.forwarded is not Forwarded.NO_ENTRY else None
    for member in (verdict.rejection, verdict.stale, verdict.not_stored, forwarded):
        if member is not None:
            return member.slug
    failure = verdict.root_failure
    return failure.kind.name.lower() if failure is not None else ""
