"""Policies: from the documents of the API to the core's values (spec §3)."""

from __future__ import annotations

from edgesim.core.policies import (
    EVERYTHING,
    NOTHING,
    CachePolicy,
    Cors,
    OriginRequestPolicy,
    Pick,
    ResponseHeadersPolicy,
    Take,
    Ttls,
)
from edgesim.world.cloudfront.reading import Doc, items, part
from edgesim.world.compiling import SEVEN_METHODS, legacy_id
from edgesim.world.policies import TtlEntry

Header = tuple[str, str, bool]


def ttls(config: Doc) -> Ttls:
    """MinTTL, DefaultTTL and MaxTTL, seconds; CloudFront moves its defaults along where they are out of range."""
    given = {"min": config.get("MinTTL", 0), "default": config.get("DefaultTTL"), "max": config.get("MaxTTL")}
    return TtlEntry.model_construct(**given).ttls


def cache_policy(id: str, config: Doc) -> CachePolicy:
    """A CachePolicyConfig."""
    key, lives = part(config, "ParametersInCacheKeyAndForwardedToOrigin"), ttls(config)
    on = not lives.disabled  # with caching off there is nothing to keep apart
    return CachePolicy(
        id,
        config["Name"],
        lives,
        _pick(key, "HeadersConfig", "HeaderBehavior", "Headers"),
        _pick(key, "CookiesConfig", "CookieBehavior", "Cookies"),
        _pick(key, "QueryStringsConfig", "QueryStringBehavior", "QueryStrings"),
        gzip=on and bool(key.get("EnableAcceptEncodingGzip")),
        brotli=on and bool(key.get("EnableAcceptEncodingBrotli")),
    )


def origin_request_policy(id: str, config: Doc) -> OriginRequestPolicy:
    """An OriginRequestPolicyConfig."""
    return OriginRequestPolicy(
        id,
        config["Name"],
        _pick(config, "HeadersConfig", "HeaderBehavior", "Headers"),
        _pick(config, "CookiesConfig", "CookieBehavior", "Cookies"),
        _pick(config, "QueryStringsConfig", "QueryStringBehavior", "QueryStrings"),
    )


def _pick(doc: Doc, section: str, behavior: str, names: str) -> Pick:
    chosen = part(doc, section)
    take = Take(chosen.get(behavior, "none"))
    named = take in (Take.LISTED, Take.ALL_EXCEPT, Take.ALL_VIEWER_AND_CLOUDFRONT)
    return Pick(take, tuple(items(chosen, names)) if named else ())


def legacy_policy(name: str, behavior: Doc) -> CachePolicy:
    """ForwardedValues and the TTLs beside it, as the policy of one behaviour; ``name`` is its own (spec §3.3)."""
    forwarded, lives = part(behavior, "ForwardedValues"), ttls(behavior)
    keys = tuple(items(forwarded, "QueryStringCacheKeys"))
    return CachePolicy(
        legacy_id(name),
        name,
        lives,
        _legacy_headers(forwarded),
        _legacy_cookies(part(forwarded, "Cookies")),
        EVERYTHING if forwarded.get("QueryString") else NOTHING,
        gzip=not lives.disabled,
        legacy=True,
        legacy_query_keys=() if "*" in keys else keys,
    )


def _legacy_headers(forwarded: Doc) -> Pick:
    names = tuple(items(forwarded, "Headers"))
    if "*" in names:
        return EVERYTHING
    return Pick(Take.LISTED, names) if names else NOTHING


def _legacy_cookies(cookies: Doc) -> Pick:
    names = tuple(items(cookies, "WhitelistedNames"))
    match cookies.get("Forward"):
        case "all":
            return EVERYTHING
        case "whitelist" if names:
            return Pick(Take.LISTED, names, wildcards=True)
        case _:
            return NOTHING


def response_headers_policy(id: str, config: Doc) -> ResponseHeadersPolicy:
    """A ResponseHeadersPolicyConfig."""
    timing = part(config, "ServerTimingHeadersConfig")
    return ResponseHeadersPolicy(
        id,
        config["Name"],
        _cors(config["CorsConfig"]) if config.get("CorsConfig") else None,
        tuple(_security(part(config, "SecurityHeadersConfig"))),
        tuple(
            (one["Header"], one.get("Value", ""), bool(one["Override"])) for one in items(config, "CustomHeadersConfig")
        ),
        tuple(one["Header"] for one in items(config, "RemoveHeadersConfig")),
        float(timing.get("SamplingRate", 0)) if timing.get("Enabled") else None,
    )


def _cors(config: Doc) -> Cors:
    methods = tuple(items(config, "AccessControlAllowMethods"))
    return Cors(
        tuple(items(config, "AccessControlAllowOrigins")),
        SEVEN_METHODS if "ALL" in methods else methods,
        tuple(items(config, "AccessControlAllowHeaders")),
        tuple(items(config, "AccessControlExposeHeaders")),
        bool(config.get("AccessControlAllowCredentials")),
        config.get("AccessControlMaxAgeSec"),
        bool(config.get("OriginOverride")),
    )


def _security(config: Doc) -> list[Header]:
    """The security headers in the exact words CloudFront sends (spec §3.8), by name."""
    found: list[Header] = []
    if one := config.get("ContentSecurityPolicy"):
        found.append(("Content-Security-Policy", one["ContentSecurityPolicy"], bool(one["Override"])))
    if one := config.get("ReferrerPolicy"):
        found.append(("Referrer-Policy", one["ReferrerPolicy"], bool(one["Override"])))
    if one := config.get("StrictTransportSecurity"):
        words = [f"max-age={one['AccessControlMaxAgeSec']}"]
        words += ["includeSubDomains"] if one.get("IncludeSubdomains") else []
        words += ["preload"] if one.get("Preload") else []
        found.append(("Strict-Transport-Security", "; ".join(words), bool(one["Override"])))
    if one := config.get("ContentTypeOptions"):
        found.append(("X-Content-Type-Options", "nosniff", bool(one["Override"])))
    if one := config.get("FrameOptions"):
        found.append(("X-Frame-Options", one["FrameOption"], bool(one["Override"])))
    if one := config.get("XSSProtection"):
        found.append(("X-XSS-Protection", _xss(one), bool(one["Override"])))
    return found


def _xss(config: Doc) -> str:
    if not config["Protection"]:
        return "0"
    if config.get("ModeBlock"):
        return "1; mode=block"
    return f"1; report={config['ReportUri']}" if config.get("ReportUri") else "1"
