"""The cache key: what makes two requests the same object (spec §3.1; RFC 9111 §2)."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from edgesim.core.behaviors import Behavior, Distribution, normalise_path
from edgesim.core.encoding import normalised
from edgesim.core.messages import Headers, Request, listed
from edgesim.core.policies import Take
from edgesim.core.selection import cookie_pairs, lowered, pick_cookies, pick_query, query_pairs
from edgesim.core.signed import unsigned
from edgesim.core.values import record

SEPARATOR = "\x1f"


@record(frozen=True, slots=True)
class Key:
    """A cache key. ``text`` is compared; ``uri`` (path and the query in the key) is what invalidations match."""

    text: str
    uri: str
    distribution: str


@dataclass(frozen=True, slots=True)
class KeyPart:
    """One ingredient of a key for :func:`explain_key`: its kind, name, value, and whether it is in the key."""

    kind: str
    name: str
    value: str
    included: bool


def cache_key(distribution: Distribution, behavior: Behavior, request: Request, path: str | None = None) -> Key:
    """The key of a request. ``path`` replaces the request's own where a default root object stands in."""
    request = unsigned(request, behavior)
    if not behavior.profile.policy_ttls:
        return uri_key(distribution, request)
    raw = request.path if path is None else path
    if behavior.profile.normalised_path_in_key:
        raw = normalise_path(raw)
    policy = behavior.policy
    query = "&".join(_query_in_key(behavior, request.query))
    uri = f"{raw}?{query}" if query else raw
    parts = [distribution.id, uri]
    if request.method == "OPTIONS":
        parts.append("OPTIONS")
    coding = normalised(behavior, request)
    if policy.headers.take is not Take.NONE:
        parts += _headers_in_key(behavior, request.headers, "" if coding is None else "accept-encoding")
    if policy.cookies.take is not Take.NONE:
        parts += [f"c:{name}={value}" for name, value in pick_cookies(policy.cookies, request.headers)]
    if coding is not None and coding[0]:
        parts.append(f"e:{coding[0]}")
    return Key(SEPARATOR.join(parts), uri, distribution.id)


def _query_in_key(behavior: Behavior, query: str | None) -> list[str]:
    policy = behavior.policy
    if query is None:
        return []
    if policy.legacy_query_keys:
        return [piece for piece in query_pairs(query) if piece.partition("=")[0] in policy.legacy_query_keys]
    picked = pick_query(policy.query, query)
    return [picked] if picked else []


def _headers_in_key(behavior: Behavior, headers: Headers, normalised_apart: str) -> list[str]:
    found = []
    for name in behavior.policy.headers.names:
        value = listed(headers, name)
        if value is not None and name.lower() != normalised_apart:
            found.append(f"h:{name.lower()}={value}")
    return sorted(found)


def uri_key(distribution: Distribution, request: Request) -> Key:
    """The target URI as key, nothing else: Vary does the rest (RFC 9111 §2)."""
    host = (request.headers.get("Host") or distribution.domain).lower()
    target = request.target.partition("#")[0]
    return Key(SEPARATOR.join((distribution.id, f"{request.scheme}://{host}{target}")), target, distribution.id)


def related_key(distribution: Distribution, request: Request, location: str) -> Key | None:
    """The key of a Location or Content-Location, ``None`` when it names another origin (RFC 9111 §4.4)."""
    host = (request.headers.get("Host") or distribution.domain).lower()
    own = f"{request.scheme}://{host}"
    try:
        resolved = urlsplit(urljoin(own + request.target, location))
    except ValueError:
        return None
    if f"{resolved.scheme}://{resolved.netloc.lower()}" != own:
        return None
    target = resolved.path or "/"
    if resolved.query:
        target += "?" + resolved.query
    return Key(SEPARATOR.join((distribution.id, own + target)), target, distribution.id)


def explain_key(behavior: Behavior, request: Request) -> list[KeyPart]:
    """Everything that could have been in the key, and whether it is: path, query, headers, cookies, encoding."""
    if not behavior.profile.policy_ttls:
        return [KeyPart("uri", "target URI", unsigned(request, behavior).target, True)]
    policy, own = behavior.policy, unsigned(request, behavior)
    parts = [KeyPart("path", "path", request.path, True)]
    kept = "&".join(_query_in_key(behavior, own.query)).split("&")
    for piece in query_pairs(request.query):
        name, _, value = piece.partition("=")
        parts.append(KeyPart("query", name, value, piece in kept))
    in_key = lowered(policy.headers.names)
    for name, value in request.headers.items():
        if name.lower() not in ("cookie", "accept-encoding"):
            parts.append(KeyPart("header", name, value, name.lower() in in_key))
    chosen = pick_cookies(policy.cookies, own.headers)
    parts += [KeyPart("cookie", name, value, (name, value) in chosen) for name, value in cookie_pairs(request.headers)]
    coding = normalised(behavior, request)
    if "Accept-Encoding" in request.headers:
        value = coding[0] if coding is not None else request.headers["Accept-Encoding"]
        listed_too = coding is None and "accept-encoding" in in_key
        parts.append(KeyPart("encoding", "Accept-Encoding", value, bool(coding and coding[0]) or listed_too))
    return parts
