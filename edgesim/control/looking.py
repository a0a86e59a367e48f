"""What there is to see: health, explanations, counts, the bill, the World and its parts."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import Any

from aiohttp import web

from edgesim.control.desk import Desk
from edgesim.control.route import Call, Param, Route, bad
from edgesim.core.behaviors import Behavior, Distribution, Origin
from edgesim.errors import ControlError
from edgesim.observe.explain import explained, summary
from edgesim.observe.iso import iso, month
from edgesim.observe.versus import compared
from edgesim.observe.words import told
from edgesim.tls.requested import users
from edgesim.tls.store import StoredCertificate

_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])", re.ASCII)
DAY = 86_400


async def health(call: Call) -> Any:
    desk = call.desk
    running, world = desk.running, desk.world
    return {
        "status": "ok",
        "version": version(),
        "name": world.file.name,
        "description": world.file.description,
        "generation": world.generation,
        "uptime_s": round(running.clock.monotonic() - desk.started, 3),
        "pid": os.getpid(),
        "edges": len(world.edges),
        "edges_up": len(world.edges) - len(world.down | running.absent),
        "distributions": len(world.distributions),
        "requests": running.records.total,
        "entries": desk.entries(),
        "http": running.http.url("http") if running.http is not None else None,
        "https": running.https.url("https") if running.https is not None else None,
        "ca": str(running.certificates.path.absolute()),
        "warnings": len(desk.warnings()),
        "access_log": _access_log(desk),
    }


def version() -> str:
    from importlib import metadata

    try:
        return metadata.version("edgesim")
    except metadata.PackageNotFoundError:
        return "0.1.0"


def _access_log(desk: Desk) -> dict[str, Any] | None:
    log = desk.running.access_log
    if log.path is None:
        return None
    return {"path": str(log.path), "rows": log.written, "lost": log.lost}


async def explain(call: Call) -> Any:
    running, id = call.desk.running, call.path["id"]
    if id == "last":
        newest = await running.newest(1)
        if not newest:
            raise ControlError("NoSuchRequest", "nothing was requested yet; ask an edge for something first", 404)
        verdict = newest[0]
    else:
        found = await running.find(id)
        if found is None:
            message = f"request {id[:80]} is not remembered: only the last 10,000 are, under their X-Amz-Cf-Id"
            raise ControlError("NoSuchRequest", message, 404)
        verdict = found
    if call.query["compare"]:
        return compared(verdict, call.desk.world, call.query["compare"])
    facts = explained(verdict, call.desk.world)
    return {**facts, "text": told(facts)}


async def verdicts(call: Call) -> Any:
    return {"verdicts": [summary(one) for one in await call.desk.running.newest(call.query["limit"])]}


async def stats(call: Call) -> Any:
    return call.desk.stats.facts()


async def bill(call: Call) -> Any:
    wanted = call.query["month"] or month(call.desk.now)
    if not _MONTH.fullmatch(wanted):
        raise bad(f"month: found {wanted[:40]!r}; expected a month such as 2026-03")
    return call.desk.billing.facts(wanted)


async def metrics(call: Call) -> Any:
    return web.Response(
        body=call.desk.metrics.text(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
    )


async def warnings(call: Call) -> Any:
    return {"warnings": call.desk.warnings()}


async def world(call: Call) -> Any:
    now = call.desk.world
    return {"source": now.source, "generation": now.generation, "document": dict(now.document)}


async def distributions(call: Call) -> Any:
    desk = call.desk
    names = desk.names()
    return {"distributions": [_distribution(desk, one, names[id]) for id, one in desk.world.distributions.items()]}


def _distribution(desk: Desk, one: Distribution, name: str) -> dict[str, Any]:
    return {
        "id": one.id,
        "name": name,
        "domain": one.domain,
        "aliases": list(one.aliases),
        "enabled": one.enabled,
        "status": "Deployed" if desk.world.deployed(one.id, desk.now) else "InProgress",
        "price_class": one.price_class,
        "security_policy": one.security_policy,
        "certificate": one.certificate or "auto",
        "default_root_object": one.default_root_object,
        "origins": [_origin(origin) for origin in one.origins.values()],
        "behaviors": [_behavior(behavior) for behavior in one.behaviors],
    }


def _origin(origin: Origin) -> dict[str, Any]:
    return {
        "id": origin.id,
        "domain": origin.domain,
        "address": origin.address,
        "http_port": origin.http_port,
        "https_port": origin.https_port,
        "protocol": origin.protocol.value,
        "place": origin.place,
        "shield_region": origin.shield_region,
    }


def _behavior(behavior: Behavior) -> dict[str, Any]:
    ttls = behavior.policy.ttls
    return {
        "pattern": behavior.pattern,
        "origin": behavior.origin,
        "cache_policy": behavior.policy.name,
        "ttl": {"min": ttls.minimum, "default": ttls.default, "max": ttls.maximum},
        "origin_request_policy": behavior.origin_request.name if behavior.origin_request is not None else None,
        "response_headers_policy": behavior.response_headers.name if behavior.response_headers is not None else None,
        "viewer_protocol": behavior.viewer_protocol.value,
        "allowed_methods": sorted(behavior.allowed_methods),
        "compress": behavior.compress,
        "profile": behavior.profile.name,
    }


def certificate_facts(one: StoredCertificate, now: float, used_by: Sequence[str] = ()) -> dict[str, Any]:
    """A certificate, judged at a simulated time; never its key, only where key and chain are on this machine."""
    return {
        "arn": one.arn,
        "names": list(one.names),
        "issuer": one.issuer,
        "key_algorithm": one.key_algorithm,
        "serial": f"{one.serial:x}",
        "fingerprint_sha256": one.fingerprint_sha256,
        "not_before": iso(one.not_before),
        "not_after": iso(one.not_after),
        "valid": one.valid_at(now),
        "days_left": round((one.not_after - now) / DAY, 1),
        "renewed_by": "edgesim" if one.managed else "importing it again",
        "in_use_by": list(used_by),
        "file": str(one.path.absolute()),
    }


async def certificates(call: Call) -> Any:
    desk = call.desk
    held = desk.running.certificates
    used, names = users(held.store, desk.world), desk.names()
    return {
        "ca": str(held.path.absolute()),
        "now": iso(desk.now),
        "certificates": [
            certificate_facts(one, desk.now, [names.get(id, id) for id in used.get(one.arn, ())])
            for one in held.store.list()
        ],
        "warnings": list(held.store.warnings),
    }


ROUTES = (
    Route("GET", "/health", health, "Whether the world runs, and the most important about it", "status: ok, and more."),
    Route(
        "GET",
        "/explain/{id}",
        explain,
        "Everything about one request, and text: the same in plain words",
        "Viewer, edge, behaviour, key, caches, origin, times, reasons, text; or the rows of a comparison.",
        (Param("compare", "string", "Another cache profile to compare with: rfc9111 or cloudfront.", ""),),
        names={"id": "The X-Amz-Cf-Id of the answer, or last."},
    ),
    Route(
        "GET",
        "/verdicts",
        verdicts,
        "The latest requests in short, newest first",
        "verdicts.",
        (Param("limit", "integer", "How many.", 50, 1, 1_000),),
    ),
    Route("GET", "/stats", stats, "Counts and percentiles, in all and per edge", "total, and edges by POP code."),
    Route(
        "GET",
        "/bill",
        bill,
        "What CloudFront would charge for a month of the simulated clock",
        "regions with their lines, other, always_free, totals in micro-dollars and dollars.",
        (Param("month", "string", "A month such as 2026-03; the present one unless given.", ""),),
    ),
    Route("GET", "/metrics", metrics, "The counts for Prometheus", "Prometheus text format.", media="text/plain"),
    Route("GET", "/warnings", warnings, "What was accepted but is not as it seems", "warnings: a list of texts."),
    Route("GET", "/world", world, "The world file with everything filled in", "source, generation, document."),
    Route("GET", "/distributions", distributions, "The distributions as they are now", "distributions."),
    Route(
        "GET",
        "/certificates",
        certificates,
        "The certificates and their dates on the simulated clock",
        "ca: the authority's file; certificates.",
    ),
)
