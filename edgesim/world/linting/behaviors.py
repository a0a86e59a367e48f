"""Rules about cache behaviours."""

from __future__ import annotations

import re

from edgesim.core.behaviors import GET_HEAD_OPTIONS, Origin, OriginProtocol, ViewerProtocol
from edgesim.core.policies import Pick, Take
from edgesim.world.cloudfront.addresses import is_loopback
from edgesim.world.linting.finding import BehaviorRule, Found, Place

LONG = 3600
"""Seconds from which a default TTL counts as long."""

LOGIN = re.compile(r"(login|log-in|signin|sign-in|account|admin|checkout|/cart|oauth|password)", re.IGNORECASE)
API = re.compile(r"(^|/)(api|graphql|v[0-9]+)(/|\*|$)", re.IGNORECASE)
S3 = re.compile(r"(^|\.)s3[.-]([a-z0-9-]+\.)?(amazonaws\.com)(\.cn)?$", re.IGNORECASE)
CACHE_KEY = "CachePolicyId/cache_policy"
FORWARD = "OriginRequestPolicyId/origin_request_policy"
VIEWER = "ViewerProtocolPolicy/viewer_protocol"

MANY_VALUES = frozenset(
    {
        "cloudfront-viewer-address",
        "cloudfront-viewer-city",
        "cloudfront-viewer-latitude",
        "cloudfront-viewer-longitude",
        "cloudfront-viewer-postal-code",
        "referer",
        "x-forwarded-for",
    }
)
"""Headers with nearly as many values as there are viewers."""

PREFLIGHT = frozenset({"origin", "access-control-request-headers", "access-control-request-method"})


def is_s3(domain: str) -> bool:
    """Whether a name is a bucket's REST endpoint."""
    return bool(S3.search(domain))


def _caches(at: Place) -> bool:
    return at.behavior.caching


def _takes(pick: Pick | None, name: str) -> bool:
    """Whether a choice of headers includes one."""
    if pick is None or pick.take is Take.NONE:
        return False
    listed = name in (one.lower() for one in pick.names)
    if pick.take is Take.LISTED:
        return listed
    return not listed if pick.take is Take.ALL_EXCEPT else True


def _forwards(at: Place, name: str) -> bool:
    """Whether the origin gets a header beyond the key."""
    return at.behavior.origin_request is not None and _takes(at.behavior.origin_request.headers, name)


def _cookies_long(at: Place) -> Found:
    policy = at.behavior.policy
    if _caches(at) and policy.cookies.take in (Take.ALL, Take.ALL_EXCEPT) and policy.ttls.default >= LONG:
        yield CACHE_KEY, f"every combination of cookies is kept apart for {policy.ttls.default} s: hardly ever a hit"


def _cookies_not_in_key(at: Place) -> Found:
    forward = at.behavior.origin_request
    if (
        _caches(at)
        and forward
        and forward.cookies.take is not Take.NONE
        and at.behavior.policy.cookies.take is Take.NONE
    ):
        yield FORWARD, "the origin sees cookies that are not in the cache key: one visitor's page can go to another"


def _min_ttl_private(at: Place) -> Found:
    policy, forward = at.behavior.policy, at.behavior.origin_request
    cookies = policy.cookies.take is not Take.NONE or (forward and forward.cookies.take is not Take.NONE)
    if _caches(at) and policy.ttls.minimum > 0 and (cookies or _forwards(at, "authorization")):
        yield CACHE_KEY, f"the minimum TTL of {policy.ttls.minimum} s overrides no-store and private of personal pages"


def _host_to_s3(at: Place) -> Found:
    for origin in at.origins:
        if is_s3(origin.domain) and (_takes(at.behavior.policy.headers, "host") or _forwards(at, "host")):
            yield FORWARD, f"the viewer's Host goes to {origin.domain}, which then looks for a bucket of that name"


def _all_query(at: Place) -> Found:
    policy = at.behavior.policy
    if _caches(at) and policy.query.take is Take.ALL and not policy.legacy_query_keys:
        yield CACHE_KEY, "every query string is an entry of its own, utm_source and fbclid included"


def _all_headers(at: Place) -> Found:
    if at.behavior.policy.legacy and at.behavior.policy.headers.take is Take.ALL:
        yield "ForwardedValues.Headers/legacy.headers", "all headers are forwarded, so nothing is ever cached"


def _login_http(at: Place) -> Found:
    if at.behavior.viewer_protocol is ViewerProtocol.ALLOW_ALL and LOGIN.search(at.behavior.pattern):
        yield VIEWER, f"passwords for {at.behavior.pattern} may travel in the clear"


def _plain_http(at: Place) -> Found:
    if at.behavior.viewer_protocol is ViewerProtocol.ALLOW_ALL and not LOGIN.search(at.behavior.pattern):
        yield VIEWER, "viewers may come over plain HTTP"


def _login_cached(at: Place) -> Found:
    if _caches(at) and at.behavior.policy.ttls.maximum > 0 and LOGIN.search(at.behavior.pattern):
        yield CACHE_KEY, f"answers for {at.behavior.pattern} may be cached"


def _no_hsts(at: Place) -> Found:
    headers = at.behavior.response_headers
    if at.behavior.viewer_protocol is not ViewerProtocol.ALLOW_ALL and not (
        headers
        and any(name.lower() == "strict-transport-security" for name, _, _ in (*headers.security, *headers.custom))
    ):
        yield (
            "ResponseHeadersPolicyId/response_headers_policy",
            "HTTPS is wanted, but no Strict-Transport-Security says so",
        )


def _compress_off(at: Place) -> Found:
    if at.behavior.compress and at.behavior.policy.ttls.disabled:
        yield "Compress/compress", "with all TTLs 0 CloudFront compresses nothing"


def _compress_no_encoding(at: Place) -> Found:
    policy = at.behavior.policy
    if at.behavior.compress and _caches(at) and not (policy.gzip or policy.brotli):
        yield "Compress/compress", "the cache policy has neither gzip nor Brotli, so nothing is compressed"


def _encoding_not_compressed(at: Place) -> Found:
    policy = at.behavior.policy
    if not at.behavior.compress and _caches(at) and policy.brotli:
        yield (
            "Compress/compress",
            "compressed copies are kept apart, but only an origin that compresses itself sends any",
        )


def _user_agent(at: Place) -> Found:
    if _caches(at) and "user-agent" in at.key_headers:
        yield CACHE_KEY, "User-Agent has thousands of values: hardly ever a hit"


def _cookie_header(at: Place) -> Found:
    if _caches(at) and "cookie" in at.key_headers:
        yield CACHE_KEY, "the whole Cookie header is in the key: each visitor has entries of their own"


def _many_values(at: Place) -> Found:
    for name in sorted(at.key_headers & MANY_VALUES) if _caches(at) else ():
        yield CACHE_KEY, f"{name} has nearly as many values as there are viewers"


def _authorization_not_in_key(at: Place) -> Found:
    if _caches(at) and _forwards(at, "authorization") and "authorization" not in at.key_headers:
        yield FORWARD, "Authorization reaches the origin but is not in the key: one user's answer can go to another"


def _authorization_lost(at: Place) -> Found:
    if API.search(at.behavior.pattern) and not _forwards(at, "authorization") and "authorization" not in at.key_headers:
        yield CACHE_KEY, f"GET requests for {at.behavior.pattern} reach the origin without Authorization"


def _options_cached(at: Place) -> Found:
    if _caches(at) and "OPTIONS" in at.behavior.cached_methods and not at.key_headers >= PREFLIGHT:
        missing = ", ".join(sorted(PREFLIGHT - at.key_headers))
        yield "AllowedMethods.CachedMethods/cached_methods", f"preflights are cached without {missing} in the key"


def _origin_not_in_key(at: Place) -> Found:
    cors = at.behavior.response_headers is not None and at.behavior.response_headers.cors is not None
    if _caches(at) and _forwards(at, "origin") and "origin" not in at.key_headers and not cors:
        yield (
            FORWARD,
            "Origin is forwarded but not in the key: a cached Access-Control-Allow-Origin goes to other sites",
        )


def _signed_http(at: Place) -> Found:
    if at.behavior.trusted_keys is not None and at.behavior.viewer_protocol is ViewerProtocol.ALLOW_ALL:
        yield VIEWER, "signed URLs and cookies may travel in the clear"


def _http_origin(at: Place) -> Found:
    if at.behavior.viewer_protocol is ViewerProtocol.ALLOW_ALL:
        return
    for origin in at.origins:
        if origin.protocol is OriginProtocol.HTTP_ONLY and not _local(origin) and not is_s3(origin.domain):
            yield "TargetOriginId/origin", f"viewers must use HTTPS, but {origin.domain} is asked over plain HTTP"


def _local(origin: Origin) -> bool:
    """Whether what is asked is on this machine."""
    return is_loopback(origin.domain) or (bool(origin.address) and is_loopback(origin.address))


def _shadowed(at: Place) -> Found:
    for index, earlier in enumerate(at.distribution.behaviors[: at.index]):
        if _covers(earlier.pattern, at.behavior.pattern):
            yield (
                "PathPattern/path",
                f"{at.behavior.pattern} never matches: {earlier.pattern} (number {index + 1}) is first",
            )
            return


def _covers(earlier: str, later: str) -> bool:
    """Whether every path of one pattern is one of the other: a wildcard is only covered by a wide enough one."""
    earlier, later = (text if text.startswith(("/", "*")) else f"/{text}" for text in (earlier, later))
    if later == "*":
        return earlier in ("*", "/*")
    wide = "".join(".*" if char == "*" else "[^*]" if char == "?" else re.escape(char) for char in earlier)
    return re.fullmatch(wide, later, re.DOTALL) is not None


def _failover_writes(at: Place) -> Found:
    if at.behavior.origin in at.distribution.groups and at.behavior.allowed_methods - GET_HEAD_OPTIONS:
        yield "AllowedMethods/methods", "an origin group never fails over for POST, PUT, PATCH and DELETE"


def _writes_to_s3(at: Place) -> Found:
    if at.behavior.allowed_methods - GET_HEAD_OPTIONS and any(is_s3(origin.domain) for origin in at.origins):
        yield "AllowedMethods/methods", "viewers may send PUT and DELETE to a bucket"


BEHAVIOR_RULES = (
    BehaviorRule("cookies-long-ttl", "warning", "List the cookies the page depends on.", _cookies_long),
    BehaviorRule(
        "cookies-not-in-key", "warning", "Put them in the key, or switch caching off here.", _cookies_not_in_key
    ),
    BehaviorRule("min-ttl-private", "warning", "Use a minimum TTL of 0 where pages are personal.", _min_ttl_private),
    BehaviorRule("host-to-s3", "error", "Use Managed-AllViewerExceptHostHeader or Managed-CORS-S3Origin.", _host_to_s3),
    BehaviorRule("all-query-strings", "warning", "List the parameters that change the answer.", _all_query),
    BehaviorRule("all-headers", "warning", "List headers, or say it plainly: Managed-CachingDisabled.", _all_headers),
    BehaviorRule("login-over-http", "warning", "Use redirect-to-https or https-only.", _login_http),
    BehaviorRule("plain-http", "info", "Use redirect-to-https.", _plain_http),
    BehaviorRule("login-cached", "warning", "Use Managed-CachingDisabled for it.", _login_cached),
    BehaviorRule("no-hsts", "info", "Attach Managed-SecurityHeadersPolicy or one of your own.", _no_hsts),
    BehaviorRule(
        "compress-without-cache", "warning", "Use a small maximum TTL, or compress at the origin.", _compress_off
    ),
    BehaviorRule(
        "compress-without-encoding", "warning", "Enable gzip and Brotli in the policy.", _compress_no_encoding
    ),
    BehaviorRule("encoding-without-compress", "info", "Switch compression on.", _encoding_not_compressed),
    BehaviorRule("user-agent-in-key", "warning", "Use CloudFront-Is-Mobile-Viewer and its siblings.", _user_agent),
    BehaviorRule("cookie-header-in-key", "warning", "List cookies by name instead.", _cookie_header),
    BehaviorRule("many-values-in-key", "warning", "Forward it by an origin request policy instead.", _many_values),
    BehaviorRule(
        "authorization-not-in-key", "warning", "Put it in the key, or disable caching.", _authorization_not_in_key
    ),
    BehaviorRule(
        "authorization-removed", "info", "Put Authorization in the key, or use AllViewer.", _authorization_lost
    ),
    BehaviorRule(
        "options-without-cors-key", "warning", "Put them in the key, or do not cache OPTIONS.", _options_cached
    ),
    BehaviorRule(
        "origin-not-in-key", "warning", "Put Origin in the key, or send CORS headers by policy.", _origin_not_in_key
    ),
    BehaviorRule("signed-over-http", "warning", "Use redirect-to-https or https-only.", _signed_http),
    BehaviorRule("http-to-origin", "warning", "Use https-only to the origin.", _http_origin),
    BehaviorRule("shadowed-behavior", "error", "Move it up, or remove it.", _shadowed),
    BehaviorRule("failover-writes", "warning", "Give writes a behaviour with one origin.", _failover_writes),
    BehaviorRule("writes-to-s3", "warning", "Allow GET and HEAD only.", _writes_to_s3),
)
