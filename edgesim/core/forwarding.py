"""What the origin receives: the headers, cookies and query string that policies let through (spec §1.3, §1.4, §3.2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from functools import lru_cache

from multidict import CIMultiDict

from edgesim.core.behaviors import Behavior, Origin
from edgesim.core.encoding import normalised
from edgesim.core.messages import Field, Request, connection_options, listed
from edgesim.core.policies import ALL_EXCEPT_ADDS, OriginRequestPolicy, Pick, Take
from edgesim.core.selection import lowered, pick_cookies, pick_query, query_pairs
from edgesim.core.signed import unsigned
from edgesim.core.steps import Fetch
from edgesim.core.values import record

USER_AGENT = "Amazon CloudFront"
VIA_SUFFIX = "cloudfront.net (CloudFront)"

OWN_FIELDS = frozenset({"host", "user-agent", "via", "x-forwarded-for", "x-amz-cf-id", "connection", "cookie"})
"""Fields the edge sets itself."""

CONDITIONS = frozenset({"if-match", "if-modified-since", "if-none-match", "if-range", "if-unmodified-since"})

LEGACY_REMOVED = frozenset(
    {
        "accept",
        "accept-charset",
        "accept-language",
        "referer",
        "x-http-method-override",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
    }
)
"""Not forwarded by legacy settings unless listed for caching (spec §1.4)."""

NEVER_FORWARDED = frozenset({"expect", "x-real-ip", "x-forwarded-proto", "proxy-authenticate", "proxy-authorization"})
"""Removed whatever the policy says; Expect is answered here (spec §1.4, §4.4)."""

EDGESIM_FIELDS = frozenset({"x-edgesim-location", "x-edgesim-edge"})
"""edgesim's own request headers end at the edge."""


@record(frozen=True, slots=True)
class Upstream:
    """The request as the origin is to get it. ``dropped`` names what the viewer sent and the origin does not see."""

    method: str
    target: str
    headers: list[Field]
    host: str
    dropped: tuple[str, ...] = ()
    added: Mapping[str, str] = field(default_factory=dict)


def origin_request(
    request: Request,
    behavior: Behavior,
    origin: Origin,
    fetch: Fetch,
    *,
    request_id: str,
    node: str,
    path: str,
    cloudfront: Mapping[str, str],
) -> Upstream:
    """Build the request to send up.

    ``path`` is the raw path after default-root substitution; ``node`` the 32 hex digits of this cache's Via name;
    ``cloudfront`` the CloudFront-* headers that could be added, by lower-case name.
    """
    request = unsigned(request, behavior, cookies=not behavior.profile.forwards_signed_cookies)
    if behavior.profile.transparent:
        return _transparent(request, origin, fetch, request_id, node)
    chosen = _chosen_headers(request, behavior, fetch)
    host = _host(request, behavior, origin)
    headers: list[Field] = [("Host", host)]
    if not any(name.lower() == "user-agent" for name, _ in chosen):
        headers.append(("User-Agent", USER_AGENT))
    headers += chosen
    headers += _cloudfront_headers(behavior, cloudfront)
    cookies = _cookies(request, behavior)
    if cookies:
        headers.append(("Cookie", cookies))
    headers += _conditions(request, behavior, fetch)
    headers += _hop_fields(request, request_id, node)
    headers = _with_origin_headers(headers, origin)
    query = _query(request, behavior)
    target = origin.path + path + (f"?{query}" if query else "")
    return Upstream(request.method, target, headers, host, _dropped(request, headers), cloudfront)


@lru_cache(maxsize=1024)
def via(version: tuple[int, int], node: str) -> str:
    """One Via member: the protocol of the hop it came over, and this cache's name (spec §1.3)."""
    number = "2.0" if version[0] == 2 else f"{version[0]}.{version[1]}"
    return f"{number} {node}.{VIA_SUFFIX}"


def _hop_fields(request: Request, request_id: str, node: str) -> list[Field]:
    before = listed(request.headers, "Via")
    own = via(request.version, node)
    forwarded = listed(request.headers, "X-Forwarded-For")
    return [
        ("Via", f"{before}, {own}" if before else own),
        ("X-Forwarded-For", f"{forwarded},{request.client}" if forwarded else request.client),
        ("X-Amz-Cf-Id", request_id),
        ("Connection", "Keep-Alive"),
    ]


def _transparent(request: Request, origin: Origin, fetch: Fetch, request_id: str, node: str) -> Upstream:
    """Everything the viewer sent, but for this hop's own fields (RFC 9110 §7.6)."""
    gone = connection_options(request.headers) | EDGESIM_FIELDS | {"via", "x-forwarded-for", "expect", "x-amz-cf-id"}
    if fetch.conditions is not None:
        gone = gone | CONDITIONS
    if fetch.range is None:
        gone = gone | {"range"}
    headers = [(name, value) for name, value in request.headers.items() if name.lower() not in gone]
    if fetch.conditions is not None:
        headers += fetch.conditions
    headers += _hop_fields(request, request_id, node)
    headers = _with_origin_headers(headers, origin)
    host = request.headers.get("Host") or origin.domain
    if "Host" not in request.headers:
        headers.insert(0, ("Host", host))
    return Upstream(request.method, origin.path + request.target, headers, host, _dropped(request, headers))


def upgrading(upstream: Upstream, request: Request) -> Upstream:
    """The same request asking to become the protocol the viewer asked for (spec §4.5)."""
    kept = [pair for pair in upstream.headers if pair[0].lower() not in ("connection", "upgrade")]
    protocol = listed(request.headers, "Upgrade") or "websocket"
    return replace(upstream, headers=[*kept, ("Connection", "Upgrade"), ("Upgrade", protocol)])


def for_tier(request: Request, step: Fetch) -> Request:
    """The request as the next tier gets it: the conditions and the range of this one's fetch."""
    headers = CIMultiDict(request.headers)
    if step.conditions is not None:
        for name in CONDITIONS:
            headers.popall(name, None)
        headers.extend(step.conditions)
    headers.popall("Range", None)
    if step.range is not None:
        headers["Range"] = step.range
    return replace(request, headers=headers)


def _host(request: Request, behavior: Behavior, origin: Origin) -> str:
    """The viewer's Host where a policy forwards it, else the origin's domain (spec §1.3)."""
    forwarded = request.headers.get("Host")
    if forwarded is not None and wants(behavior, "host"):
        return forwarded
    return origin.domain


def wants(behavior: Behavior, name: str) -> bool:
    """Whether a policy of the behaviour names a header (lower case), or takes it with all the others."""
    if behavior.policy.headers.take is Take.ALL or name in lowered(behavior.policy.headers.names):
        return True
    extra = behavior.origin_request
    return extra is not None and _taken(extra.headers, name)


def _taken(pick: Pick, name: str) -> bool:
    match pick.take:
        case Take.ALL | Take.ALL_VIEWER | Take.ALL_VIEWER_AND_CLOUDFRONT:
            return True
        case Take.LISTED:
            return name in lowered(pick.names)
        case Take.ALL_EXCEPT:
            return name not in lowered(pick.names)
        case _:
            return False


def _chosen_headers(request: Request, behavior: Behavior, fetch: Fetch) -> list[Field]:
    hop = connection_options(request.headers)
    found = []
    for name, value in request.headers.items():
        low = name.lower()
        if low in hop or low in NEVER_FORWARDED or low in EDGESIM_FIELDS or low.startswith("x-edge-"):
            continue
        if low in ("host", "cookie", "via", "x-forwarded-for", "x-amz-cf-id", "accept-encoding", "range"):
            continue
        if low in CONDITIONS or (low.startswith("cloudfront-") and wants(behavior, low)):
            continue
        if _forwarded(request, behavior, low):
            found.append((name, value))
    return found + _encoding_and_range(request, behavior, fetch)


def _forwarded(request: Request, behavior: Behavior, low: str) -> bool:
    if wants(behavior, low):
        return True
    if low in ("content-length", "content-type") and request.has_body:
        return True
    if not behavior.policy.legacy:
        return False
    if low == "authorization":
        if request.method == "OPTIONS":
            return "OPTIONS" not in behavior.cached_methods
        return request.method not in ("GET", "HEAD")
    return low not in LEGACY_REMOVED and low != "user-agent"


def _encoding_and_range(request: Request, behavior: Behavior, fetch: Fetch) -> list[Field]:
    found: list[Field] = []
    coding = normalised(behavior, request)
    if coding is not None:
        if coding[1] is not None:
            found.append(("Accept-Encoding", coding[1]))
    elif "Accept-Encoding" in request.headers and wants(behavior, "accept-encoding"):
        found.append(("Accept-Encoding", listed(request.headers, "Accept-Encoding") or ""))
    if fetch.range is not None:
        found.append(("Range", fetch.range))
        condition = request.headers.get("If-Range")
        if condition is not None and fetch.conditions is None:
            found.append(("If-Range", condition))
    return found


def _conditions(request: Request, behavior: Behavior, fetch: Fetch) -> list[Field]:
    """The cache's own conditions; where nothing is ever stored, the viewer's, as far as they are let through."""
    if fetch.conditions is not None:
        return list(fetch.conditions)
    let = behavior.policy.legacy or not behavior.caching or behavior.profile.forwards_conditions
    return [
        (name, value)
        for name, value in request.headers.items()
        if name.lower() in CONDITIONS and name.lower() != "if-range" and (let or wants(behavior, name.lower()))
    ]


def _cloudfront_headers(behavior: Behavior, cloudfront: Mapping[str, str]) -> list[Field]:
    if not cloudfront:
        return []
    names = wanted_cloudfront(behavior)
    return [(name, cloudfront[name.lower()]) for name in names if name.lower() in cloudfront]


def wanted_cloudfront(behavior: Behavior) -> tuple[str, ...]:
    """The CloudFront-* headers that the behaviour's policies name (spec §1.5)."""
    named = [name for name in behavior.policy.headers.names if name.lower().startswith("cloudfront-")]
    extra = behavior.origin_request
    if extra is not None:
        if extra.headers.take in (Take.LISTED, Take.ALL_VIEWER_AND_CLOUDFRONT):
            named += [name for name in extra.headers.names if name.lower().startswith("cloudfront-")]
        elif extra.headers.take is Take.ALL_EXCEPT and extra.name.startswith("Managed-"):
            named += ALL_EXCEPT_ADDS
    return tuple(dict.fromkeys(named))


def _cookies(request: Request, behavior: Behavior) -> str:
    pairs = dict.fromkeys(pick_cookies(behavior.policy.cookies, request.headers))
    extra = behavior.origin_request
    if extra is not None:
        pairs.update(dict.fromkeys(pick_cookies(extra.cookies, request.headers)))
        if behavior.policy.cookies.take is extra.cookies.take is Take.ALL_EXCEPT:
            blocked = {*behavior.policy.cookies.names, *extra.cookies.names}
            pairs = {pair: None for pair in pairs if pair[0] not in blocked}
    return "; ".join(f"{name}={value}" for name, value in sorted(pairs, key=lambda pair: pair[0]))


def _query(request: Request, behavior: Behavior) -> str:
    """The union of what both policies take, in the viewer's order (spec §3.2)."""
    query, policy, extra = request.query, behavior.policy, behavior.origin_request
    if query is None:
        return ""
    if policy.legacy_query_keys or extra is None:
        return query if policy.legacy_query_keys else pick_query(policy.query, query)
    return pick_union(policy.query, extra, query)


def pick_union(key: Pick, extra: OriginRequestPolicy, query: str) -> str:
    """Each piece that the two policies together let through (spec §3.2's table)."""
    if Take.ALL in (key.take, extra.query.take):
        return query
    return "&".join(piece for piece in query_pairs(query) if _together(key, extra.query, piece.partition("=")[0]))


def _together(key: Pick, extra: Pick, name: str) -> bool:
    """What either policy takes; but where both are block lists, only what neither blocks (the table's last cell)."""
    if key.take is extra.take is Take.ALL_EXCEPT:
        return _named(key, name) and _named(extra, name)
    return _named(key, name) or _named(extra, name)


def _named(pick: Pick, name: str) -> bool:
    match pick.take:
        case Take.LISTED:
            return name in pick.names
        case Take.ALL_EXCEPT:
            return name not in pick.names
        case _:
            return pick.take is not Take.NONE


def _with_origin_headers(headers: list[Field], origin: Origin) -> list[Field]:
    """The origin's custom headers replace the viewer's of the same name (spec §6.9)."""
    if not origin.headers:
        return headers
    own = {name.lower() for name, _ in origin.headers}
    return [pair for pair in headers if pair[0].lower() not in own] + list(origin.headers)


def _dropped(request: Request, headers: list[Field]) -> tuple[str, ...]:
    sent = {name.lower() for name, _ in headers}
    return tuple(dict.fromkeys(name for name in request.headers if name.lower() not in sent))
