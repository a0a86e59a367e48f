"""Edges and regional caches: where they are, how full they are, what they hold."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from edgesim.control.desk import Desk
from edgesim.control.route import Call, Param, Route
from edgesim.core.cache import Cache, Tier
from edgesim.core.routing import EdgeSite
from edgesim.core.store import Entry
from edgesim.observe.explain import readable_key, reason
from edgesim.observe.iso import iso
from edgesim.world.commands import SetEdge
from edgesim.world.refusals import unknown


class EdgeChange(BaseModel):
    """What becomes of an edge."""

    model_config = ConfigDict(extra="forbid", strict=True)

    state: str = Field(
        pattern="^(up|stopped|partitioned)$",
        description="up; stopped: gone; partitioned: up, but cut off from everything behind it.",
    )


def cache_facts(cache: Cache | None) -> dict[str, Any]:
    """How full a cache is; nothing known where another process has it."""
    if cache is None:
        return {"entries": None, "used_bytes": None, "capacity_bytes": None, "largest_object_bytes": None}
    store = cache.store
    return {
        "entries": len(store),
        "used_bytes": store.used,
        "capacity_bytes": store.capacity,
        "largest_object_bytes": store.largest,
        "fetches_under_way": len(cache.under_way),
    }


def edge_facts(desk: Desk, site: EdgeSite) -> dict[str, Any]:
    """One edge: place, state, cache, and what it served."""
    world = desk.world
    tally = desk.stats.edges.get(site.pop)
    counted = tally.facts() if tally is not None else None
    state = world.states.get(site.pop, "up")
    return {
        "pop": site.pop,
        "city": site.place.name,
        "country": site.place.country,
        "latitude": site.place.latitude,
        "longitude": site.place.longitude,
        "state": "stopped" if site.pop in world.down else "not running" if site.pop in desk.running.absent else state,
        "price_classes": sorted(site.price_classes),
        "pricing_region": site.pricing_region,
        "regional_cache": site.regional if world.file.regional_caches else None,
        **cache_facts(desk.running.hierarchy.caches.get((Tier.EDGE, site.pop))),
        **desk.running.reported.get(site.pop, {}),
        "requests": counted["requests"] if counted else 0,
        "results": counted["results"] if counted else {},
        "hit_ratio": counted["hit_ratio"] if counted else None,
        "bytes_out": counted["bytes_out"] if counted else 0,
        "origin_requests": counted["origin_requests"] if counted else 0,
        "latency_ms": counted["latency_ms"] if counted else None,
    }


async def list_edges(call: Call) -> Any:
    desk = call.desk
    return {"edges": [edge_facts(desk, site) for site in desk.world.sites]}


async def show_edge(call: Call) -> Any:
    return edge_facts(call.desk, _site(call))


async def change_edge(call: Call) -> Any:
    site, desk = _site(call), call.desk
    state = call.of(EdgeChange).state
    match state:
        case "stopped" | "partitioned" | "up":
            desk.apply(SetEdge(pop=site.pop, state=state))
    return edge_facts(desk, site)


def _site(call: Call) -> EdgeSite:
    pop = call.desk.pop(call.path["pop"])
    return next(site for site in call.desk.world.sites if site.pop == pop)


async def edge_entries(call: Call) -> Any:
    return await _listing(call, Tier.EDGE, _site(call).pop)


def _regional(desk: Desk) -> list[Cache]:
    return [cache for cache in desk.caches() if cache.tier is not Tier.EDGE]


async def list_regional(call: Call) -> Any:
    desk = call.desk
    behind: dict[str, list[str]] = {}
    for site in desk.world.sites:
        behind.setdefault(site.regional, []).append(site.pop)
    caches = {**{cache.name: cache_facts(cache) for cache in _regional(desk)}, **desk.running.reported_regional}
    found = [{"region": region, "edges": behind.get(region, []), **facts} for region, facts in sorted(caches.items())]
    return {"regional": found}


async def regional_entries(call: Call) -> Any:
    region = call.path["region"]
    known = {*(cache.name for cache in _regional(call.desk)), *call.desk.running.reported_regional}
    if region not in known:
        raise unknown("NoSuchRegionalCache", "regional cache in use", region, sorted(known))
    return await _listing(call, Tier.REGIONAL, region)


async def _listing(call: Call, tier: Tier, name: str) -> dict[str, Any]:
    limit, prefix = call.query["limit"], call.query["prefix"]
    cache = call.desk.running.hierarchy.caches.get((tier, name))
    if cache is not None:
        return listing(name, cache, call.desk.now, limit, prefix)
    elsewhere = await call.desk.running.listing(tier, name, limit, prefix)
    return elsewhere or {"cache": name, "stored": None, "entries": []}


def listing(name: str, cache: Cache, now: float, limit: int, prefix: str) -> dict[str, Any]:
    """What a cache holds, as far as the URI begins so."""
    found: list[dict[str, Any]] = []
    for entry in _matching(cache, prefix):
        found.append(entry_facts(cache, entry, now))
        if len(found) >= limit:
            break
    return {"cache": name, "stored": len(cache.store), "entries": found}


def _matching(cache: Cache, prefix: str) -> Iterator[Entry]:
    """The entries whose URI begins so, those that arrived last first."""
    for name in reversed(cache.store.names()):
        entry = cache.store.peek(name)
        if entry is not None and entry.key.uri.startswith(prefix):
            yield entry


def entry_facts(cache: Cache, entry: Entry, now: float) -> dict[str, Any]:
    """One stored answer. Ages and windows are seconds from now, negative when over."""
    return {
        "uri": entry.key.uri,
        "key": readable_key(entry.key.text + entry.variant),
        "distribution": entry.key.distribution,
        "status": entry.status,
        "size_bytes": entry.size,
        "body_bytes": entry.parts.size if entry.parts is not None else entry.body.size,
        "content_type": entry.headers.get("Content-Type", ""),
        "encoding": entry.headers.get("Content-Encoding", ""),
        "received": iso(entry.received),
        "age_s": round(entry.age(now), 3),
        "lifetime_s": entry.lifetime.seconds,
        "lifetime_rule": reason(entry.lifetime.rule),
        "ttl_left_s": round(entry.lifetime.seconds - entry.age(now), 3),
        "fresh": entry.fresh(now) and not entry.must_validate,
        "stale_while_revalidate_left_s": _left(entry.swr_until, now),
        "stale_on_error_left_s": _left(entry.stale_until, now),
        "stale_forbidden": entry.stale_forbidden,
        "hits": entry.hits,
        "etag": entry.headers.get("ETag"),
        "last_modified": entry.headers.get("Last-Modified"),
        "error": entry.error,
        "partial": entry.parts is not None,
        "complete": entry.parts is not None or entry.body.complete,
        "invalidated": not cache.fences.holds(entry),
    }


def _left(until: float, now: float) -> float | None:
    return round(until - now, 3) if until else None


_LISTING = (
    Param("limit", "integer", "The most entries to give.", 100, 1, 1_000),
    Param("prefix", "string", "Only what begins so: a path, with the query string that is in the key.", ""),
)
_ENTRIES = (
    "stored: how many there are; entries, the last to arrive first, each with its key, age, windows and validators."
)
_POP = {"pop": "POP code, or the beginning of one that is unique (SYD)."}

ROUTES = (
    Route("GET", "/edges", list_edges, "All edges", "edges: place, state, cache and counts of each."),
    Route("GET", "/edges/{pop}", show_edge, "One edge", "Place, state, cache and counts.", names=_POP),
    Route(
        "POST",
        "/edges/{pop}",
        change_edge,
        "Stop an edge, cut it off, or bring it back",
        "The edge as it is then.",
        body=EdgeChange,
        example={"state": "stopped"},
        names=_POP,
    ),
    Route("GET", "/edges/{pop}/entries", edge_entries, "What an edge holds", _ENTRIES, _LISTING, names=_POP),
    Route(
        "GET",
        "/regional",
        list_regional,
        "The regional caches in use, which come to be when first needed",
        "regional: region, the edges before it, and how full it is.",
    ),
    Route(
        "GET",
        "/regional/{region}/entries",
        regional_entries,
        "What a regional cache holds",
        _ENTRIES,
        _LISTING,
        names={"region": "AWS region."},
    ),
)
