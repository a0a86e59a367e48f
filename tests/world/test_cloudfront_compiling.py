"""Documents of the API compile to what a world file of the same meaning compiles to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import yaml
from small_worlds import OPTIMISED, START, small_config, world

from edgesim.core.behaviors import ALL_METHODS, Behavior, Continuous, Distribution, OriginAccess, OriginProtocol
from edgesim.core.policies import CachePolicy, OriginRequestPolicy, ResponseHeadersPolicy
from edgesim.errors import ControlError
from edgesim.world.changes import apply
from edgesim.world.cloudfront.defaults import filled_distribution
from edgesim.world.commands import BindSite, DropRecord, PutRecord
from edgesim.world.state import World

Config = dict[str, Any]
SITE = "origin.harbour.test"
ID = "ESAMESAMESAME1"
DOMAIN = "dsamesamesame1.cloudfront.net"


def listed(*found: Any) -> Config:
    return {"Quantity": len(found), "Items": list(found)}


def put(family: str, id: str, config: Config, *, expect: int = 0, **facts: Any) -> PutRecord:
    return PutRecord(family=family, id=id, config=config, facts=facts, at=START, expect=expect)


def put_distribution(config: Config, id: str = ID, domain: str = DOMAIN, expect: int = 0) -> PutRecord:
    return put("distribution", id, config, expect=expect, domain=domain)


def by_document(config: Config, *before: PutRecord) -> Distribution:
    return world(FILE, *before, put_distribution(config)).distributions[ID]


FILE = """\
edges: [LHR61-C2]
site: {}
origins:
  o: { toy_site: true, ssl_protocols: [TLSv1, TLSv1.1, TLSv1.2, TLSv1.3] }
  second: { url: "http://127.0.0.1:3000", ssl_protocols: [TLSv1, TLSv1.1, TLSv1.2, TLSv1.3] }
distributions:
  - { name: first, default_behavior: { origin: o, cache_policy: CachingOptimized } }
"""


def by_file(settings: Config, behavior: Config, **sections: Any) -> Distribution:
    """The distribution of a world file; ``sections`` are put beside what FILE has."""
    document = yaml.safe_load(FILE)
    usual = {"origin": "o", "cache_policy": "CachingOptimized"}
    if "legacy" in behavior:
        del usual["cache_policy"]
    own = {"name": "same", "id": ID, "domain": DOMAIN, "logging": False, "security_policy": "TLSv1", **settings}
    own["default_behavior"] = {**usual, **behavior}
    for name, section in sections.items():
        document[name] = {**document.get(name, {}), **section}
    document["distributions"].append(own)
    return world(yaml.safe_dump(document)).distributions[ID]


def meaning(one: Distribution) -> Distribution:
    """Without the names policies have."""
    return replace(one, behaviors=tuple(map(_unnamed, one.behaviors)))


def _unnamed(one: Behavior) -> Behavior:
    request, response = one.origin_request, one.response_headers
    return replace(
        one,
        policy=replace(one.policy, id="", name=""),
        origin_request=request and replace(request, id="", name=""),
        response_headers=response and replace(response, id="", name=""),
    )


def custom(**others: Any) -> Config:
    return {"HTTPPort": 80, "HTTPSPort": 443, "OriginProtocolPolicy": "http-only", **others}


def origin(id: str = "o", domain: str = SITE, **others: Any) -> Config:
    return {"Id": id, "DomainName": domain, "CustomOriginConfig": custom(), **others}


def behavior(pattern: str = "", **others: Any) -> Config:
    usual: Config = {"TargetOriginId": "o", "ViewerProtocolPolicy": "allow-all"}
    if "ForwardedValues" not in others:
        usual["CachePolicyId"] = OPTIMISED
    return {**({"PathPattern": pattern} if pattern else {}), **usual, **others}


def document(**others: Any) -> Config:
    return small_config(SITE, **others)


SECOND = origin("second", "127.0.0.1", CustomOriginConfig=custom(HTTPPort=3000))
FORWARDED = {
    "QueryString": True,
    "QueryStringCacheKeys": listed("q"),
    "Cookies": {"Forward": "whitelist", "WhitelistedNames": listed("sess*")},
    "Headers": listed("X-Tenant"),
}

SAME: dict[str, tuple[Config, Config, Config, Config]] = {
    "nothing special": ({}, {}, {}, {}),
    "names": (
        {"Aliases": listed("Shop.test", "*.shop.test"), "DefaultRootObject": "index.html", "Enabled": False},
        {"aliases": ["shop.test", "*.shop.test"], "default_root_object": "index.html", "enabled": False},
        {},
        {},
    ),
    "price class and countries": (
        {
            "PriceClass": "PriceClass_100",
            "Restrictions": {"GeoRestriction": {"RestrictionType": "whitelist", **listed("DE", "FR")}},
        },
        {"price_class": "PriceClass_100", "geo": {"allow": ["DE", "FR"]}},
        {},
        {},
    ),
    "blocked countries": (
        {"Restrictions": {"GeoRestriction": {"RestrictionType": "blacklist", **listed("GB")}}},
        {"geo": {"block": ["GB"]}},
        {},
        {},
    ),
    "error pages": (
        {
            "CustomErrorResponses": listed(
                {"ErrorCode": 404, "ResponsePagePath": "/404.html", "ResponseCode": "200", "ErrorCachingMinTTL": 7},
                {"ErrorCode": 503},
            )
        },
        {"errors": [{"code": 404, "page": "/404.html", "response_code": 200, "min_ttl": 7}, {"code": 503}]},
        {},
        {},
    ),
    "http3 and logging": (
        {"HttpVersion": "http2and3", "Logging": {"Enabled": True, "IncludeCookies": True, "Bucket": "", "Prefix": ""}},
        {"http3": True, "logging": True, "log_cookies": True},
        {},
        {},
    ),
    "behaviours in order": (
        {
            "CacheBehaviors": listed(
                behavior("/api/*", AllowedMethods=listed(*sorted(ALL_METHODS)), ViewerProtocolPolicy="https-only"),
                behavior("*.css", Compress=True),
            )
        },
        {
            "behaviors": [
                {
                    "path": "/api/*",
                    "origin": "o",
                    "cache_policy": "CachingOptimized",
                    "methods": "ALL",
                    "viewer_protocol": "https-only",
                },
                {"path": "*.css", "origin": "o", "cache_policy": "CachingOptimized", "compress": True},
            ]
        },
        {},
        {},
    ),
    "older settings": (
        {
            "DefaultCacheBehavior": behavior(ForwardedValues=FORWARDED, MinTTL=5, MaxTTL=60),
        },
        {},
        {
            "legacy": {"query": ["q"], "cookies": ["sess*"], "headers": ["X-Tenant"]},
            "ttl": {"min": 5, "max": 60},
        },
        {},
    ),
    "older settings that forward everything": (
        {
            "DefaultCacheBehavior": behavior(
                ForwardedValues={"QueryString": True, "Cookies": {"Forward": "all"}, "Headers": listed("*")}, MinTTL=0
            )
        },
        {},
        {"legacy": {"query": "all", "cookies": "all", "headers": "all"}},
        {},
    ),
    "managed policies": (
        {
            "DefaultCacheBehavior": behavior(
                CachePolicyId="4135ea2d-6df8-44a3-9df3-4b5a84be39ad",
                OriginRequestPolicyId="216adef6-5c7f-47e4-b989-5492eafa07d3",
                ResponseHeadersPolicyId="67f7725c-6f97-4210-82d7-5512b31e9d03",
            )
        },
        {},
        {
            "cache_policy": "CachingDisabled",
            "origin_request_policy": "AllViewer",
            "response_headers_policy": "SecurityHeadersPolicy",
        },
        {},
    ),
    "origin settings": (
        {
            "Origins": listed(
                origin(
                    OriginPath="/production",
                    CustomHeaders=listed({"HeaderName": "X-Secret", "HeaderValue": "s"}),
                    ConnectionAttempts=2,
                    ConnectionTimeout=4,
                    ResponseCompletionTimeout=90,
                    OriginShield={"Enabled": True, "OriginShieldRegion": "eu-west-1"},
                    CustomOriginConfig=custom(
                        OriginProtocolPolicy="match-viewer",
                        OriginReadTimeout=20,
                        OriginKeepaliveTimeout=9,
                        OriginSslProtocols=listed("TLSv1.1", "TLSv1.2"),
                    ),
                )
            )
        },
        {},
        {},
        {
            "origins": {
                "o": {
                    "toy_site": True,
                    "protocol": "match-viewer",
                    "path": "/production",
                    "headers": {"X-Secret": "s"},
                    "connection_attempts": 2,
                    "connection_timeout": "4 s",
                    "completion_timeout": "90 s",
                    "response_timeout": "20 s",
                    "keepalive_timeout": "9 s",
                    "shield": "eu-west-1",
                    "ssl_protocols": ["TLSv1.1", "TLSv1.2", "TLSv1.3"],
                }
            }
        },
    ),
    "origin groups": (
        {
            "Origins": listed(origin(), SECOND),
            "OriginGroups": listed(
                {
                    "Id": "pair",
                    "FailoverCriteria": {"StatusCodes": listed(500, 404)},
                    "Members": listed({"OriginId": "o"}, {"OriginId": "second"}),
                }
            ),
            "DefaultCacheBehavior": behavior(TargetOriginId="pair"),
        },
        {},
        {"origin": "pair"},
        {"origin_groups": {"pair": {"primary": "o", "secondary": "second", "statuses": [500, 404]}}},
    ),
}


@pytest.mark.parametrize("name", SAME)
def test_a_document_and_a_file_of_the_same_meaning(name: str) -> None:
    config, settings, default, sections = SAME[name]
    of_file = by_file(settings, default, **sections)
    assert meaning(by_document(document(**config))) == meaning(of_file)


HEADERS = {
    "Name": "p",
    "CorsConfig": {
        "AccessControlAllowOrigins": listed("https://a.test"),
        "AccessControlAllowHeaders": listed("X-A"),
        "AccessControlAllowMethods": listed("ALL"),
        "AccessControlAllowCredentials": True,
        "AccessControlExposeHeaders": listed("X-B"),
        "AccessControlMaxAgeSec": 600,
        "OriginOverride": True,
    },
    "SecurityHeadersConfig": {
        "XSSProtection": {"Override": True, "Protection": True, "ReportUri": "/r"},
        "FrameOptions": {"Override": False, "FrameOption": "DENY"},
        "ReferrerPolicy": {"Override": True, "ReferrerPolicy": "no-referrer"},
        "ContentSecurityPolicy": {"Override": True, "ContentSecurityPolicy": "default-src 'self'"},
        "ContentTypeOptions": {"Override": True},
        "StrictTransportSecurity": {
            "Override": True,
            "AccessControlMaxAgeSec": 60,
            "IncludeSubdomains": True,
            "Preload": True,
        },
    },
    "ServerTimingHeadersConfig": {"Enabled": True, "SamplingRate": 12.5},
    "CustomHeadersConfig": listed({"Header": "X-C", "Value": "1", "Override": False}),
    "RemoveHeadersConfig": listed({"Header": "Server"}),
}
HEADERS_FILE = """
    cors:
      origins: ["https://a.test"]
      headers: [X-A]
      methods: [ALL]
      credentials: true
      expose: [X-B]
      max_age: 600
      override: true
    security:
      Content-Security-Policy: { value: "default-src 'self'", override: true }
      Referrer-Policy: { value: no-referrer, override: true }
      Strict-Transport-Security: { value: "max-age=60; includeSubDomains; preload", override: true }
      X-Content-Type-Options: { value: nosniff, override: true }
      X-Frame-Options: DENY
      X-XSS-Protection: { value: "1; report=/r", override: true }
    server_timing: 12.5
    custom: { X-C: "1" }
    remove: [Server]
"""


def test_response_headers_policies_say_the_same() -> None:
    state = world(
        f"{FILE}response_headers_policies:\n  p:{HEADERS_FILE}", put("response-headers-policy", "R", {**HEADERS})
    )
    mine, files = (one for one in state.policies.response_headers.values() if one.name == "p")
    assert replace(mine, id="") == replace(files, id="")
    assert isinstance(mine, ResponseHeadersPolicy)


@pytest.mark.parametrize(("config", "value"), [({"Protection": False}, "0"), ({"Protection": True}, "1")])
def test_xss_protection(config: Config, value: str) -> None:
    policy = {"Name": "p", "SecurityHeadersConfig": {"XSSProtection": {"Override": True, **config}}}
    state = world(FILE, put("response-headers-policy", "R", policy))
    assert state.policies.response_headers["R"].security == (("X-XSS-Protection", value, True),)


CACHE: Config = {
    "Name": "p",
    "MinTTL": 5,
    "DefaultTTL": 6,
    "MaxTTL": 7,
    "ParametersInCacheKeyAndForwardedToOrigin": {
        "EnableAcceptEncodingGzip": True,
        "EnableAcceptEncodingBrotli": False,
        "HeadersConfig": {"HeaderBehavior": "whitelist", "Headers": listed("X-Tenant")},
        "CookiesConfig": {"CookieBehavior": "allExcept", "Cookies": listed("tracking")},
        "QueryStringsConfig": {"QueryStringBehavior": "all"},
    },
}


def test_cache_and_origin_request_policies_say_the_same() -> None:
    requests = {
        "Name": "p",
        "HeadersConfig": {
            "HeaderBehavior": "allViewerAndWhitelistCloudFront",
            "Headers": listed("CloudFront-Viewer-Country"),
        },
        "CookiesConfig": {"CookieBehavior": "all"},
        "QueryStringsConfig": {"QueryStringBehavior": "whitelist", "QueryStrings": listed("q")},
    }
    text = f"""{FILE}
cache_policies:
  p:
    ttl: {{ min: 5, default: 6, max: 7 }}
    key: {{ headers: [X-Tenant], cookies: {{ all_except: [tracking] }}, query: all }}
    brotli: false
origin_request_policies:
  p: {{ headers: {{ all_viewer_and: [CloudFront-Viewer-Country] }}, cookies: all, query: [q] }}
"""
    book = world(text, put("cache-policy", "C", CACHE), put("origin-request-policy", "O", requests)).policies
    mine, files = (one for one in book.cache.values() if one.name == "p")
    assert replace(mine, id="") == replace(files, id="")
    assert isinstance(mine, CachePolicy)
    own, filed = (one for one in book.origin_request.values() if one.name == "p")
    assert replace(own, id="") == replace(filed, id="")
    assert isinstance(own, OriginRequestPolicy)


def test_caching_off_has_no_encodings() -> None:
    config = {**CACHE, "MinTTL": 0, "DefaultTTL": 0, "MaxTTL": 0}
    policy = world(FILE, put("cache-policy", "C", config)).policies.cache["C"]
    assert (policy.gzip, policy.caching) == (False, False)


def test_keys_open_a_behaviour() -> None:
    records = (
        put("public-key", "K1", {"Name": "k", "EncodedKey": "pem 1"}),
        put("public-key", "K2", {"Name": "l", "EncodedKey": "pem 2"}),
        put("key-group", "G", {"Name": "g", "Items": ["K2"]}),
    )
    group = behavior(TrustedKeyGroups={"Enabled": True, **listed("G")})
    (one,) = by_document(document(DefaultCacheBehavior=group), *records).behaviors
    assert [(key.id, key.pem) for key in one.trusted_keys or ()] == [("K2", "pem 2")]
    own = behavior(TrustedSigners={"Enabled": True, **listed("self")})
    (one,) = by_document(document(DefaultCacheBehavior=own), *records).behaviors
    assert [key.id for key in one.trusted_keys or ()] == ["K1", "K2"]
    others = behavior(TrustedSigners={"Enabled": True, **listed("999999999999")})
    (one,) = by_document(document(DefaultCacheBehavior=others), *records).behaviors
    assert one.trusted_keys == ()
    assert by_document(document(), *records).behaviors[0].trusted_keys is None


BUCKET = "pictures.s3.eu-west-1.amazonaws.com"


def bucket(**others: Any) -> Config:
    return {"Id": "o", "DomainName": BUCKET, "S3OriginConfig": {"OriginAccessIdentity": ""}, **others}


def test_a_bucket_is_asked_as_the_viewer_asks_and_signed_for() -> None:
    access = {
        "Name": "a",
        "SigningProtocol": "sigv4",
        "SigningBehavior": "no-override",
        "OriginAccessControlOriginType": "s3",
    }
    config = document(Origins=listed(bucket(OriginAccessControlId="EOAC")))
    found = by_document(config, put("origin-access-control", "EOAC", access)).origins["o"]
    assert found.access == OriginAccess("no-override", "s3", "eu-west-1")
    assert (found.protocol, found.address, found.place) == (OriginProtocol.MATCH_VIEWER, "", "eu-west-1")


CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/1"


def test_viewer_certificates() -> None:
    named = {"ACMCertificateArn": CERTIFICATE, "MinimumProtocolVersion": "TLSv1.2_2021"}
    one = by_document(document(ViewerCertificate={**named, "SSLSupportMethod": "sni-only"}))
    assert (one.certificate, one.security_policy) == (CERTIFICATE, "TLSv1.2_2021")
    usual = {"CloudFrontDefaultCertificate": True, "MinimumProtocolVersion": "TLSv1.2_2021"}
    one = by_document(document(ViewerCertificate=usual))
    assert (one.certificate, one.security_policy) == (None, "TLSv1")


STAGED = "dstaging.cloudfront.net"
WEIGHT = {
    "Weight": 0.1,
    "SessionStickinessConfig": {"IdleTTL": 300, "MaximumTTL": 600},
}


@pytest.mark.parametrize(
    ("traffic", "expected"),
    [
        (
            {"Type": "SingleWeight", "SingleWeightConfig": WEIGHT},
            Continuous("P", ("ESTAGING",), weight=0.1, idle_ttl=300, max_ttl=600),
        ),
        (
            {"Type": "SingleHeader", "SingleHeaderConfig": {"Header": "aws-cf-cd-a", "Value": "1"}},
            Continuous("P", ("ESTAGING",), header=("aws-cf-cd-a", "1")),
        ),
    ],
)
def test_continuous_deployment(traffic: Config, expected: Continuous) -> None:
    policy = {"StagingDistributionDnsNames": listed(STAGED), "Enabled": True, "TrafficConfig": traffic}
    staging = put_distribution(document(Staging=True), "ESTAGING", STAGED)
    config = document(ContinuousDeploymentPolicyId="P")
    state = world(FILE, staging, put("continuous-deployment-policy", "P", policy), put_distribution(config))
    assert state.distributions["ESTAGING"].staging
    assert state.distributions[ID].continuous == expected
    off = put("continuous-deployment-policy", "P", {**policy, "Enabled": False}, expect=1)
    assert apply(state, off).distributions[ID].continuous is None


FAILS: list[tuple[Config, str]] = [
    ({"DefaultCacheBehavior": behavior(CachePolicyId="x")}, "NoSuchCachePolicy"),
    ({"DefaultCacheBehavior": behavior(OriginRequestPolicyId="x")}, "NoSuchOriginRequestPolicy"),
    ({"DefaultCacheBehavior": behavior(ResponseHeadersPolicyId="x")}, "NoSuchResponseHeadersPolicy"),
    ({"DefaultCacheBehavior": behavior(TargetOriginId="x")}, "NoSuchOrigin"),
    (
        {"DefaultCacheBehavior": behavior(TrustedKeyGroups={"Enabled": True, **listed("x")})},
        "TrustedKeyGroupDoesNotExist",
    ),
    ({"Origins": listed(bucket(OriginAccessControlId="x"))}, "NoSuchOriginAccessControl"),
    ({"ContinuousDeploymentPolicyId": "x"}, "NoSuchContinuousDeploymentPolicy"),
]


@pytest.mark.parametrize(("config", "code"), FAILS, ids=[code for _, code in FAILS])
def test_what_names_nothing_is_refused(config: Config, code: str) -> None:
    with pytest.raises(ControlError) as caught:
        world(FILE, put_distribution(document(**config)))
    assert caught.value.code == code


USED: list[tuple[PutRecord, Config, str]] = [
    (
        put("key-group", "G", {"Name": "g", "Items": []}),
        {"DefaultCacheBehavior": behavior(TrustedKeyGroups={"Enabled": True, **listed("G")})},
        "ResourceInUse",
    ),
    (
        put("response-headers-policy", "R", HEADERS),
        {"DefaultCacheBehavior": behavior(ResponseHeadersPolicyId="R")},
        "ResponseHeadersPolicyInUse",
    ),
]


@pytest.mark.parametrize(("record", "config", "code"), USED, ids=[code for _, _, code in USED])
def test_what_is_in_use_stays(record: PutRecord, config: Config, code: str) -> None:
    state = world(FILE, record, put_distribution(document(**config)))
    with pytest.raises(ControlError) as caught:
        apply(state, DropRecord(family=record.family, id=record.id, at=START, expect=1))
    assert (caught.value.code, caught.value.status) == (code, 409)


def address(state: World, domain: str, **others: Any) -> tuple[str, int, int, str]:
    config = document(Origins=listed(origin(domain=domain, CustomOriginConfig=custom(**others))))
    one = apply(state, put_distribution(config)).distributions[ID].origins["o"]
    return one.address, one.http_port, one.https_port, one.protocol.value


Where = Callable[[], World]
GIVEN = FILE + 'origin_addresses: { Shop.example.com: "https://127.0.0.1:8443", out.example.com: resolve }\n'
RECORD = put("origin-address", "shop.example.com", {"url": "http://127.0.0.1:3001"})


@pytest.mark.parametrize(
    ("where", "domain", "expected"),
    [
        (lambda: world(GIVEN), "shop.example.com", ("127.0.0.1", 80, 8443, "https-only")),
        (lambda: world(GIVEN, RECORD), "SHOP.example.com", ("127.0.0.1", 3001, 443, "http-only")),
        (lambda: world(GIVEN), "out.example.com", ("out.example.com", 80, 443, "http-only")),
        (lambda: world(FILE), "shop.example.com", ("", 80, 443, "http-only")),
        (lambda: world(FILE, BindSite(http_port=8000, https_port=8443)), SITE, ("127.0.0.1", 8000, 8443, "http-only")),
        (lambda: world(FILE), "localhost", ("127.0.0.1", 80, 443, "http-only")),
        (lambda: world(FILE), "app.localhost", ("127.0.0.1", 80, 443, "http-only")),
        (lambda: world(FILE), "127.0.0.9", ("127.0.0.9", 80, 443, "http-only")),
        (lambda: world(FILE), "10.0.0.1", ("", 80, 443, "http-only")),
        (
            lambda: world(FILE.replace("127.0.0.1:3000", "shop.test:3000")),
            "shop.test",
            ("shop.test", 3000, 443, "http-only"),
        ),
    ],
)
def test_where_an_origin_is(where: Where, domain: str, expected: tuple[str, int, int, str]) -> None:
    assert address(where(), domain) == expected


def test_the_sites_ports_reach_documents_that_were_there_before() -> None:
    state = world(FILE, put_distribution(document()), BindSite(http_port=8000))
    assert state.distributions[ID].origins["o"].http_port == 8000


def test_an_own_port_of_a_loopback_origin() -> None:
    assert address(world(FILE), "localhost", HTTPPort=3005) == ("127.0.0.1", 3005, 443, "http-only")


def test_filling_in_twice_changes_nothing_and_quantities_are_right() -> None:
    given = document(Aliases={"Quantity": 9, "Items": ["a.test"]}, CustomErrorResponses={"Quantity": 1, "Items": []})
    assert filled_distribution(given) == given
    assert (given["Aliases"]["Quantity"], given["CustomErrorResponses"]) == (1, {"Quantity": 0})
