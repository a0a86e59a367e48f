"""Response headers policies, applied as an answer leaves: removals, then CORS, security, custom (spec §3.8)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from edgesim.core.messages import Field, Headers, Request
from edgesim.core.policies import Cors, ResponseHeadersPolicy

_CORS_PREFIX = "access-control-"


def apply_policy(policy: ResponseHeadersPolicy, request: Request, headers: Iterable[Field]) -> list[Field]:
    """The headers as the policy leaves them. What it both removes and adds ends up added."""
    removed = {name.lower() for name in policy.remove}
    kept = [pair for pair in headers if pair[0].lower() not in removed]
    if policy.cors is not None:
        kept = _with_cors(policy.cors, request, kept)
    for name, value, override in (*policy.security, *policy.custom):
        kept = _with_header(kept, name, value, override)
    return kept


def _with_header(headers: list[Field], name: str, value: str, override: bool) -> list[Field]:
    present = any(known.lower() == name.lower() for known, _ in headers)
    if present and not override:
        return headers
    return [pair for pair in headers if pair[0].lower() != name.lower()] + [(name, value)]


def _with_cors(cors: Cors, request: Request, headers: list[Field]) -> list[Field]:
    """CORS headers, on CORS requests only; without override none at all if the origin sent any (spec §3.8)."""
    origin = request.headers.get("Origin")
    if origin is None:
        return headers
    if not cors.override and any(name.lower().startswith(_CORS_PREFIX) for name, _ in headers):
        return headers
    added = cors_headers(cors, request.headers, origin, preflight=_is_preflight(request))
    replaced = {name.lower() for name, _ in added}
    return [pair for pair in headers if pair[0].lower() not in replaced] + added


def _is_preflight(request: Request) -> bool:
    return request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers


def cors_headers(cors: Cors, request: Headers, origin: str, *, preflight: bool) -> list[Field]:
    """What a policy answers a CORS request from ``origin``; nothing when it does not allow that origin."""
    allowed = allowed_origin(cors.origins, origin)
    if allowed is None:
        return []
    found: list[Field] = [("Access-Control-Allow-Origin", allowed)]
    if cors.credentials:
        found.append(("Access-Control-Allow-Credentials", "true"))
    if preflight:
        found += _preflight_headers(cors, request)
    elif cors.expose:
        found.append(("Access-Control-Expose-Headers", ", ".join(cors.expose)))
    return found


def _preflight_headers(cors: Cors, request: Headers) -> list[Field]:
    found: list[Field] = []
    if cors.methods:
        found.append(("Access-Control-Allow-Methods", ", ".join(cors.methods)))
    asked = [name.strip() for name in request.get("Access-Control-Request-Headers", "").split(",") if name.strip()]
    taken = [name for name in asked if any(header_matches(pattern, name) for pattern in cors.headers)]
    if taken or (cors.headers and not asked):
        found.append(("Access-Control-Allow-Headers", ", ".join(taken or cors.headers)))
    if cors.max_age is not None:
        found.append(("Access-Control-Max-Age", str(cors.max_age)))
    return found


def header_matches(pattern: str, name: str) -> bool:
    """Whether an Allow-Headers pattern covers a header: ``*`` all but Authorization, ``x-amz-*`` one more character."""
    if pattern == "*":
        return name.lower() != "authorization"
    return bool(_wildcard(pattern.lower()).fullmatch(name.lower()))


@lru_cache(maxsize=256)
def _wildcard(pattern: str) -> re.Pattern[str]:
    return re.compile(".+".join(re.escape(part) for part in pattern.split("*")))


def allowed_origin(patterns: Iterable[str], origin: str) -> str | None:
    """The Access-Control-Allow-Origin for a request's Origin: ``*``, or the Origin itself where a pattern covers it."""
    for pattern in patterns:
        if pattern == "*":
            return "*"
        if _origin_pattern(pattern).fullmatch(origin):
            return origin
    return None


@lru_cache(maxsize=256)
def _origin_pattern(pattern: str) -> re.Pattern[str]:
    """``http://*.example.org``, ``*.example.org`` (any scheme and port), ``http://example.org:*``, ``:1*3``."""
    scheme, marked, rest = pattern.partition("://")
    if not marked:
        scheme, rest = "", pattern
    host, colon, port = rest.partition(":")
    text = rf"{re.escape(scheme)}://" if scheme and scheme != "*" else r"[A-Za-z][A-Za-z0-9+.\-]*://"
    if host.startswith("*."):
        text += r"(?:[^./:]+\.)+" + re.escape(host[2:])
    else:
        text += ".*".join(re.escape(part) for part in host.split("*"))
    if colon:
        text += ":" + r"\d*".join(re.escape(part) for part in port.split("*")).replace(r"\d*", r"\d*")
        if port == "*":
            text = text.removesuffix(r"\d*") + r"\d+"
    elif not marked:
        text += r"(?::\d+)?"
    return re.compile(text, re.IGNORECASE)
