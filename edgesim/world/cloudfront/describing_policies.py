"""Policies: from the core's values back to the documents of the API."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from edgesim.core.policies import (
    CachePolicy,
    Cors,
    OriginRequestPolicy,
    Pick,
    ResponseHeadersPolicy,
    Take,
    Ttls,
)

Config = dict[str, Any]


def listed(found: Iterable[Any]) -> Config:
    """A list with its Quantity; without Items when it is empty."""
    kept = list(found)
    return {"Quantity": len(kept), **({"Items": kept} if kept else {})}


def lifetimes(ttls: Ttls) -> Config:
    """MinTTL, DefaultTTL and MaxTTL, seconds."""
    return {"MinTTL": ttls.minimum, "DefaultTTL": ttls.default, "MaxTTL": ttls.maximum}


def cache_policy_config(policy: CachePolicy) -> Config:
    """The CachePolicyConfig of a policy that is not of the older settings."""
    return {
        "Name": policy.name,
        **lifetimes(policy.ttls),
        "ParametersInCacheKeyAndForwardedToOrigin": {
            "EnableAcceptEncodingGzip": policy.gzip,
            "EnableAcceptEncodingBrotli": policy.brotli,
            **_picks(policy),
        },
    }


def origin_request_policy_config(policy: OriginRequestPolicy) -> Config:
    """The OriginRequestPolicyConfig of a policy."""
    return {"Name": policy.name, **_picks(policy)}


def _picks(policy: CachePolicy | OriginRequestPolicy) -> Config:
    return {
        "HeadersConfig": _pick(policy.headers, "HeaderBehavior", "Headers"),
        "CookiesConfig": _pick(policy.cookies, "CookieBehavior", "Cookies"),
        "QueryStringsConfig": _pick(policy.query, "QueryStringBehavior", "QueryStrings"),
    }


def _pick(pick: Pick, behavior: str, names: str) -> Config:
    return {behavior: pick.take.value, **({names: listed(pick.names)} if pick.names else {})}


def forwarded_values(policy: CachePolicy) -> Config:
    """The ForwardedValues that give a policy of the older settings."""
    cookies: Config = {"Forward": policy.cookies.take.value}
    if policy.cookies.names:
        cookies["WhitelistedNames"] = listed(policy.cookies.names)
    return {
        "QueryString": policy.query.take is Take.ALL,
        "Cookies": cookies,
        "Headers": listed(["*"] if policy.headers.take is Take.ALL else policy.headers.names),
        "QueryStringCacheKeys": listed(policy.legacy_query_keys),
    }


def response_headers_policy_config(policy: ResponseHeadersPolicy) -> Config:
    """The ResponseHeadersPolicyConfig of a policy; a security header CloudFront has no words for is a custom one."""
    config: Config = {"Name": policy.name}
    security: Config = {}
    custom = list(policy.custom)
    for name, value, override in policy.security:
        found = _security(name, value)
        if found is None:
            custom.append((name, value, override))
        else:
            security[found[0]] = {"Override": override, **found[1]}
    if policy.cors is not None:
        config["CorsConfig"] = _cors(policy.cors)
    if security:
        config["SecurityHeadersConfig"] = security
    if policy.server_timing is not None:
        config["ServerTimingHeadersConfig"] = {"Enabled": True, "SamplingRate": policy.server_timing}
    if custom:
        config["CustomHeadersConfig"] = listed({"Header": n, "Value": v, "Override": o} for n, v, o in custom)
    if policy.remove:
        config["RemoveHeadersConfig"] = listed({"Header": name} for name in policy.remove)
    return config


def _cors(cors: Cors) -> Config:
    config: Config = {
        "AccessControlAllowOrigins": _all(cors.origins),
        "AccessControlAllowHeaders": _all(cors.headers),
        "AccessControlAllowMethods": _all(cors.methods),
        "AccessControlAllowCredentials": cors.credentials,
        "OriginOverride": cors.override,
    }
    if cors.expose:
        config["AccessControlExposeHeaders"] = listed(cors.expose)
    if cors.max_age is not None:
        config["AccessControlMaxAgeSec"] = cors.max_age
    return config


def _all(found: tuple[str, ...]) -> Config:
    """A list whose Items the model requires."""
    return {"Quantity": len(found), "Items": list(found)}


_HSTS = re.compile(r"max-age=(\d+)(; includeSubDomains)?(; preload)?")
_XSS: Mapping[str, Config] = {
    "0": {"Protection": False},
    "1": {"Protection": True},
    "1; mode=block": {"Protection": True, "ModeBlock": True},
}


def _security(name: str, value: str) -> tuple[str, Config] | None:
    """The member of SecurityHeadersConfig that sends this header, and what is in it."""
    match name:
        case "Content-Security-Policy":
            return "ContentSecurityPolicy", {"ContentSecurityPolicy": value}
        case "Referrer-Policy":
            return "ReferrerPolicy", {"ReferrerPolicy": value}
        case "X-Content-Type-Options" if value == "nosniff":
            return "ContentTypeOptions", {}
        case "X-Frame-Options" if value in ("DENY", "SAMEORIGIN"):
            return "FrameOptions", {"FrameOption": value}
        case "X-XSS-Protection" if value in _XSS:
            return "XSSProtection", _XSS[value]
        case "X-XSS-Protection" if value.startswith("1; report="):
            return "XSSProtection", {"Protection": True, "ReportUri": value.removeprefix("1; report=")}
        case "Strict-Transport-Security" if found := _HSTS.fullmatch(value):
            subdomains, preload = bool(found[2]), bool(found[3])
            words: Config = {"AccessControlMaxAgeSec": int(found[1])}
            return "StrictTransportSecurity", {**words, "IncludeSubdomains": subdomains, "Preload": preload}
    return None
