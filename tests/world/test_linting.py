"""Every rule, on a setting that it is about and on one that it is not about."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgesim.core.behaviors import (
    ALL_METHODS,
    GET_HEAD_OPTIONS,
    Behavior,
    Distribution,
    ErrorRule,
    Origin,
    OriginAccess,
    OriginGroup,
    OriginProtocol,
    ViewerProtocol,
)
from edgesim.core.policies import (
    EVERYTHING,
    MANAGED_CACHE_POLICIES,
    MANAGED_ORIGIN_REQUEST_POLICIES,
    MANAGED_RESPONSE_HEADERS_POLICIES,
    CachePolicy,
    OriginRequestPolicy,
    Pick,
    Take,
    Ttls,
)
from edgesim.world.linting.behaviors import BEHAVIOR_RULES
from edgesim.world.linting.distributions import DISTRIBUTION_RULES
from edgesim.world.linting.documents import of_documents, of_file
from edgesim.world.linting.finding import Subject
from edgesim.world.linting.looking import look
from edgesim.world.models import WorldFile

SECURITY = MANAGED_RESPONSE_HEADERS_POLICIES["67f7725c-6f97-4210-82d7-5512b31e9d03"]
OPTIMIZED = MANAGED_CACHE_POLICIES["658327ea-f89d-4fab-a63d-7e88639e58f6"]
DISABLED = MANAGED_CACHE_POLICIES["4135ea2d-6df8-44a3-9df3-4b5a84be39ad"]
VIEWER = MANAGED_ORIGIN_REQUEST_POLICIES["216adef6-5c7f-47e4-b989-5492eafa07d3"]
NO_HOST = MANAGED_ORIGIN_REQUEST_POLICIES["b689b0a8-53d0-40ab-baf2-68738e2966ac"]
ORIGIN = Origin("o", "www.harbour.test", "", protocol=OriginProtocol.HTTPS_ONLY)
BUCKET = Origin("o", "files.s3.eu-west-1.amazonaws.com", access=OriginAccess())
GOOD = Behavior("*", "o", OPTIMIZED, response_headers=SECURITY, viewer_protocol=ViewerProtocol.REDIRECT, compress=True)


def names(*headers: str) -> Pick:
    return Pick(Take.LISTED, headers)


def policy(**changes: Any) -> CachePolicy:
    return replace(CachePolicy("p", "p", Ttls(0, 60, 600), gzip=True, brotli=True), **changes)


def forward(**picks: Pick) -> OriginRequestPolicy:
    return OriginRequestPolicy("f", "f", **picks)


def site(behavior: dict[str, Any] | None = None, **changes: Any) -> Distribution:
    """A distribution nothing can be said about, changed; a behaviour with a pattern stands before the default."""
    given = replace(GOOD, **(behavior or {}))
    behaviors = (given, GOOD) if given.pattern != "*" else (given,)
    return replace(Distribution("D", "d.cloudfront.net", {"o": ORIGIN}, behaviors), **changes)


def both(**changes: Any) -> dict[str, Any]:
    group = OriginGroup("o", "a", "b", frozenset({500, 502, 503, 504}))
    origins = {"a": replace(ORIGIN, id="a", connection_timeout=2.0), "b": replace(ORIGIN, id="b")}
    return {"origins": origins, "groups": {"o": replace(group, **changes)}}


def errors(code: int, **rule: Any) -> dict[str, Any]:
    return {"errors": {code: ErrorRule(code, **rule)}}


PREFLIGHT = names("Origin", "Access-Control-Request-Headers", "Access-Control-Request-Method")
ALLOW = {"viewer_protocol": ViewerProtocol.ALLOW_ALL}

CASES: dict[str, tuple[Distribution, Distribution]] = {
    "cookies-long-ttl": (
        site({"policy": policy(cookies=EVERYTHING, ttls=Ttls(0, 86400, 86400))}),
        site({"policy": policy(cookies=EVERYTHING)}),
    ),
    "cookies-not-in-key": (
        site({"policy": policy(), "origin_request": forward(cookies=EVERYTHING)}),
        site({"policy": DISABLED, "compress": False, "origin_request": forward(cookies=EVERYTHING)}),
    ),
    "min-ttl-private": (
        site({"policy": policy(ttls=Ttls(1, 60, 600), cookies=names("session"))}),
        site({"policy": policy(cookies=names("session"))}),
    ),
    "host-to-s3": (
        site({"origin_request": VIEWER, "policy": DISABLED}, origins={"o": BUCKET}),
        site({"origin_request": NO_HOST, "policy": DISABLED}, origins={"o": BUCKET}),
    ),
    "all-query-strings": (site({"policy": policy(query=EVERYTHING)}), site({"policy": policy(query=names("page"))})),
    "all-headers": (
        site({"policy": policy(legacy=True, headers=EVERYTHING)}),
        site({"policy": policy(legacy=True, headers=names("Host"))}),
    ),
    "login-over-http": (site({"pattern": "/wp-login.php", **ALLOW}), site({"pattern": "/wp-login.php"})),
    "plain-http": (site(ALLOW), site({"viewer_protocol": ViewerProtocol.HTTPS_ONLY})),
    "login-cached": (
        site({"pattern": "/account/*"}),
        site({"pattern": "/account/*", "policy": DISABLED, "compress": False}),
    ),
    "no-hsts": (site({"response_headers": None}), site()),
    "compress-without-cache": (site({"policy": DISABLED}), site({"policy": DISABLED, "compress": False})),
    "compress-without-encoding": (
        site({"policy": policy(gzip=False, brotli=False)}),
        site({"policy": policy(brotli=False)}),
    ),
    "encoding-without-compress": (site({"compress": False}), site()),
    "user-agent-in-key": (
        site({"policy": policy(headers=names("user-agent"))}),
        site({"policy": policy(headers=names("CloudFront-Is-Mobile-Viewer"))}),
    ),
    "cookie-header-in-key": (
        site({"policy": policy(headers=names("Cookie"))}),
        site({"policy": policy(cookies=names("Cookie"))}),
    ),
    "many-values-in-key": (
        site({"policy": policy(headers=names("CloudFront-Viewer-Address"))}),
        site({"policy": policy(headers=names("CloudFront-Viewer-Country"))}),
    ),
    "authorization-not-in-key": (
        site({"policy": policy(), "origin_request": VIEWER}),
        site({"policy": policy(headers=names("Authorization")), "origin_request": VIEWER}),
    ),
    "authorization-removed": (
        site({"pattern": "/api/*"}),
        site({"pattern": "/api/*", "policy": policy(headers=names("Authorization"))}),
    ),
    "options-without-cors-key": (
        site({"cached_methods": GET_HEAD_OPTIONS, "policy": policy(headers=names("Origin"))}),
        site({"cached_methods": GET_HEAD_OPTIONS, "policy": policy(headers=PREFLIGHT)}),
    ),
    "origin-not-in-key": (
        site({"policy": policy(), "origin_request": forward(headers=names("Origin"))}),
        site({"policy": policy(headers=names("Origin")), "origin_request": forward(headers=names("Origin"))}),
    ),
    "signed-over-http": (site({"trusted_keys": (), **ALLOW}), site({"trusted_keys": ()})),
    "http-to-origin": (
        site(origins={"o": replace(ORIGIN, protocol=OriginProtocol.HTTP_ONLY)}),
        site(origins={"o": replace(ORIGIN, protocol=OriginProtocol.HTTP_ONLY, domain="localhost")}),
    ),
    "shadowed-behavior": (
        site(behaviors=(replace(GOOD, pattern="/img/*"), replace(GOOD, pattern="/img/?.png"), GOOD)),
        site(behaviors=(replace(GOOD, pattern="/img/?.png"), replace(GOOD, pattern="img/*"), GOOD)),
    ),
    "failover-writes": (site({"allowed_methods": ALL_METHODS}, **both()), site(**both())),
    "writes-to-s3": (
        site({"allowed_methods": ALL_METHODS}, origins={"o": BUCKET}),
        site({"allowed_methods": ALL_METHODS}),
    ),
    "old-viewer-tls": (
        site(aliases=("a.test",), certificate="arn", security_policy="TLSv1.1_2016"),
        site(aliases=("a.test",), certificate="arn", security_policy="TLSv1.2_2021"),
    ),
    "old-origin-tls": (
        site(origins={"o": replace(ORIGIN, ssl_protocols=("TLSv1", "TLSv1.2"))}),
        site(origins={"o": replace(ORIGIN, ssl_protocols=("TLSv1.2",))}),
    ),
    "error-caching-zero": (site(**errors(404, min_ttl=0)), site(**errors(404, min_ttl=5))),
    "error-caching-long": (site(**errors(503, min_ttl=300)), site(**errors(404, min_ttl=300))),
    "error-as-success": (
        site(**errors(500, page="/e.html", response_code=200)),
        site(**errors(404, page="/e.html", response_code=200)),
    ),
    "failover-codes": (site(**both(statuses=frozenset({500, 503}))), site(**both())),
    "slow-failover": (
        site(**{**both(), "origins": {"a": replace(ORIGIN, id="a"), "b": replace(ORIGIN, id="b")}}),
        site(**both()),
    ),
    "far-viewers": (site(price_class="PriceClass_100"), site(price_class="PriceClass_200")),
    "no-root-object": (site(origins={"o": BUCKET}), site(origins={"o": BUCKET}, default_root_object="index.html")),
    "public-bucket": (
        site(origins={"o": replace(BUCKET, access=None)}),
        site(origins={"o": BUCKET}),
    ),
    "unused-origin": (site(origins={"o": ORIGIN, "p": replace(ORIGIN, id="p")}), site(**both())),
    "disabled": (site(enabled=False), site()),
}


def said(one: Distribution, **more: Any) -> set[str]:
    return {finding.rule for finding in look([Subject(one, **more)])}


@pytest.mark.parametrize("rule", CASES)
def test_rule(rule: str) -> None:
    wrong, right = CASES[rule]
    assert rule in said(wrong)
    assert rule not in said(right)


def test_wildcard_invalidations() -> None:
    assert "wildcard-invalidations" in said(site(), invalidated=("/*",) * 4)
    assert "wildcard-invalidations" not in said(site(), invalidated=("/a*",) * 4)


def test_every_rule_has_a_case() -> None:
    rules = [rule.name for rule in (*BEHAVIOR_RULES, *DISTRIBUTION_RULES)]
    assert len(rules) == len(set(rules))
    assert set(rules) == {*CASES, "wildcard-invalidations"}


def test_nothing_to_say() -> None:
    assert look([Subject(site())]) == []


@pytest.mark.parametrize(
    ("earlier", "later", "covered"),
    [("*", "/a", True), ("/*", "*", True), ("/a*", "/ab?", True), ("/a?", "/a*", False), ("*.png", "/x/*.png", True),
     ("/?", "/a", True), ("/?", "/?", True), ("/A", "/a", False), ("*.jpg", "*.jp?", False)],
)  # fmt: skip
def test_cover(earlier: str, later: str, covered: bool) -> None:
    one = site(behaviors=(replace(GOOD, pattern=earlier), replace(GOOD, pattern=later), GOOD))
    assert ("shadowed-behavior" in said(one)) is covered


def test_paths_are_the_documents() -> None:
    one = site({"pattern": "/login", **ALLOW}, price_class="PriceClass_100")
    paths = {finding.rule: finding.path for finding in look([Subject(one, "api", "DistributionConfig")])}
    assert paths["login-over-http"] == "DistributionConfig.CacheBehaviors.Items[0].ViewerProtocolPolicy"
    assert paths["far-viewers"] == "DistributionConfig.PriceClass"
    paths = {finding.rule: finding.path for finding in look([Subject(one, "world", "distributions[0]")])}
    assert paths["login-over-http"] == "distributions[0].behaviors[0].viewer_protocol"


def test_world_file() -> None:
    file = WorldFile.model_validate(
        {
            "edges": ["London"],
            "origins": {"o": {"url": "http://127.0.0.1:3000"}},
            "distributions": [{"name": "n", "default_behavior": {"origin": "o", "cache_policy": "CachingDisabled"}}],
        }
    )
    found = look(of_file(file))
    assert [(one.rule, one.path) for one in found] == [
        ("plain-http", "distributions[0].default_behavior.viewer_protocol")
    ]


def test_documents() -> None:
    config = {
        "CallerReference": "r",
        "Comment": "",
        "Enabled": True,
        "Origins": {
            "Quantity": 1,
            "Items": [{"Id": "o", "DomainName": "b.s3.amazonaws.com", "S3OriginConfig": {"OriginAccessIdentity": "x"}}],
        },
        "DefaultRootObject": "index.html",
        "DefaultCacheBehavior": {
            "TargetOriginId": "o",
            "ViewerProtocolPolicy": "allow-all",
            "CachePolicyId": "pages",
            "ResponseHeadersPolicyId": "nowhere",
            "TrustedKeyGroups": {"Enabled": True, "Quantity": 1, "Items": ["keys"]},
            "Compress": True,
        },
    }
    keys = {
        "EnableAcceptEncodingGzip": True,
        "HeadersConfig": {"HeaderBehavior": "whitelist", "Headers": {"Quantity": 1, "Items": ["User-Agent"]}},
        "CookiesConfig": {"CookieBehavior": "none"},
        "QueryStringsConfig": {"QueryStringBehavior": "none"},
    }
    policies = {"pages": {"Name": "pages", "MinTTL": 0, "ParametersInCacheKeyAndForwardedToOrigin": keys}}
    subjects, findings = of_documents({"distribution": {"d": config}, "cache-policy": policies}, {"d": "P"})
    assert [(one.rule, one.path) for one in findings] == [("unknown-policy", "P")]
    assert {(one.rule, one.path) for one in look(subjects)} == {
        ("user-agent-in-key", "P.DefaultCacheBehavior.CachePolicyId"),
        ("plain-http", "P.DefaultCacheBehavior.ViewerProtocolPolicy"),
        ("signed-over-http", "P.DefaultCacheBehavior.ViewerProtocolPolicy"),
    }


def test_the_page_has_every_rule() -> None:
    page = (Path(__file__).parents[2] / "docs" / "import.md").read_text(encoding="utf-8")
    rows = [f"| `{rule.name}` | {rule.severity} | {rule.advice} |" for rule in (*BEHAVIOR_RULES, *DISTRIBUTION_RULES)]
    assert page.rstrip("\n").endswith("\n".join(rows))
