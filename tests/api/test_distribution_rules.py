"""What CloudFront refuses in a DistributionConfig: one mistake at a time, through boto3."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from distribution_documents import LEGACY, MISSING, Shop, config, listed, refused, shop

BEHAVIOR = "DefaultCacheBehavior__"
ORIGIN = "Origins__Items__0__"
CUSTOM = f"{ORIGIN}CustomOriginConfig__"
FORWARDED = f"{BEHAVIOR}ForwardedValues__"
ALL = ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"]
S3 = {f"{ORIGIN}CustomOriginConfig": MISSING, f"{ORIGIN}DomainName": "pictures.s3.eu-west-1.amazonaws.com"}
BUCKET = {**S3, f"{ORIGIN}S3OriginConfig": {"OriginAccessIdentity": ""}}
GROUP = {
    "Id": "pair",
    "FailoverCriteria": {"StatusCodes": listed(500, 502)},
    "Members": listed({"OriginId": "shop"}, {"OriginId": "other"}),
}
OTHER = {
    "Id": "other",
    "DomainName": "other.example.com",
    "CustomOriginConfig": {"HTTPPort": 80, "HTTPSPort": 443, "OriginProtocolPolicy": "http-only"},
}
PAIR: dict[str, Any] = {"Origins": listed(config()["Origins"]["Items"][0], OTHER), "OriginGroups": listed(GROUP)}


def behavior(pattern: str, **members: Any) -> dict[str, Any]:
    """A cache behaviour for a pattern."""
    return {"PathPattern": pattern, **config()["DefaultCacheBehavior"], **members}


def error(**members: Any) -> dict[str, Any]:
    """A distribution with one custom error response."""
    return {"CustomErrorResponses": listed({"ErrorCode": 404, "ErrorCachingMinTTL": 10, **members})}


def header(name: str, value: str = "x") -> dict[str, Any]:
    """An origin with one custom header."""
    return {f"{ORIGIN}CustomHeaders": listed({"HeaderName": name, "HeaderValue": value})}


def geo(kind: str, *codes: str) -> dict[str, Any]:
    """A distribution with a geographic restriction."""
    return {"Restrictions": {"GeoRestriction": {"RestrictionType": kind, **listed(*codes)}}}


MISTAKES: list[tuple[dict[str, Any], str, int, str]] = [
    # the whole
    ({"Comment": "x" * 129}, "InvalidArgument", 400, "Comment"),
    ({"DefaultRootObject": "a b.html"}, "InvalidDefaultRootObject", 400, ""),
    ({"DefaultRootObject": "x" * 256}, "InvalidDefaultRootObject", 400, ""),
    ({"WebACLId": "mine"}, "InvalidWebACLId", 400, ""),
    ({"PriceClass": "None"}, "InvalidArgument", 400, "PriceClass"),
    ({"AnycastIpListId": "list"}, "EntityNotFound", 404, "list"),
    ({"ConnectionMode": "tenant-only"}, "UnsupportedOperation", 400, "tenants"),
    (geo("none", "DE"), "InvalidGeoRestrictionParameter", 400, ""),
    (geo("whitelist"), "InvalidGeoRestrictionParameter", 400, ""),
    (geo("blacklist", "QQ"), "InvalidLocationCode", 400, ""),
    (geo("blacklist", "de"), "InvalidLocationCode", 400, ""),
    ({"Logging": {"Enabled": True, "IncludeCookies": False, "Bucket": "mine", "Prefix": ""}}, "InvalidArgument", 400,
     "Logging Bucket does not refer to a valid S3 bucket"),
    # error responses
    (error(ErrorCode=418), "InvalidErrorCode", 400, ""),
    (error(ResponsePagePath="/x", ResponseCode="302"), "InvalidResponseCode", 400, ""),
    (error(ResponsePagePath="x", ResponseCode="200"), "InvalidRelativePath", 400, ""),
    (error(ResponsePagePath="/x"), "InvalidArgument", 400, "ResponseCode"),
    (error(ErrorCachingMinTTL=-1), "InvalidArgument", 400, "ErrorCachingMinTTL"),
    ({"CustomErrorResponses": listed({"ErrorCode": 404}, {"ErrorCode": 404})}, "InvalidArgument", 400, "twice"),
    # certificates and names
    ({"Aliases": listed("www.shop.test")}, "InvalidViewerCertificate", 400, "attach a trusted certificate"),
    ({"Aliases": listed("not a name")}, "InvalidArgument", 400, "CNAME"),
    ({"Aliases": listed("x.cloudfront.net")}, "InvalidArgument", 400, "CNAME"),
    ({"Aliases": listed("localhost", "LOCALHOST")}, "InvalidArgument", 400, "duplicate"),
    ({"Aliases": listed(*(f"n{number}.localhost" for number in range(101)))}, "TooManyDistributionCNAMEs", 400, ""),
    ({"ViewerCertificate": {"IAMCertificateId": "iam", "SSLSupportMethod": "sni-only"}}, "InvalidViewerCertificate",
     400, "isn't in us-east-1"),
    ({"ViewerCertificate": {"ACMCertificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/none",
      "SSLSupportMethod": "sni-only"}}, "InvalidViewerCertificate", 400, "doesn't exist"),
    # origins
    ({f"{ORIGIN}DomainName": "192.0.2.1"}, "InvalidArgument", 400, "IP address"),
    ({f"{ORIGIN}DomainName": "no_dots"}, "InvalidArgument", 400, "domain name"),
    ({f"{ORIGIN}OriginPath": "path"}, "InvalidArgument", 400, "OriginPath"),
    ({f"{ORIGIN}OriginPath": "/path/"}, "InvalidArgument", 400, "OriginPath"),
    ({f"{ORIGIN}ConnectionAttempts": 4}, "InvalidArgument", 400, "ConnectionAttempts"),
    ({f"{ORIGIN}ConnectionTimeout": 11}, "InvalidArgument", 400, "ConnectionTimeout"),
    ({f"{CUSTOM}HTTPPort": 81}, "InvalidArgument", 400, "81"),
    ({f"{CUSTOM}HTTPSPort": 70_000}, "InvalidArgument", 400, "70000"),
    ({f"{CUSTOM}OriginReadTimeout": 121}, "InvalidOriginReadTimeout", 400, ""),
    ({f"{CUSTOM}OriginKeepaliveTimeout": 0}, "InvalidOriginKeepaliveTimeout", 400, ""),
    ({f"{ORIGIN}ResponseCompletionTimeout": 29}, "InvalidArgument", 400, "ResponseCompletionTimeout"),
    ({f"{ORIGIN}OriginShield": {"Enabled": True}}, "InvalidArgument", 400, "OriginShieldRegion"),
    ({f"{ORIGIN}OriginShield": {"Enabled": True, "OriginShieldRegion": "us-west-1"}}, "InvalidArgument", 400,
     "us-west-1"),
    ({f"{ORIGIN}CustomOriginConfig": MISSING}, "InvalidArgument", 400, "Exactly one of"),
    ({f"{ORIGIN}S3OriginConfig": {"OriginAccessIdentity": ""}}, "InvalidArgument", 400, "Exactly one of"),
    ({**BUCKET, f"{ORIGIN}DomainName": "shop.example.com"}, "InvalidOrigin", 400, ""),
    ({**BUCKET, f"{ORIGIN}DomainName": "b.s3-website.eu-west-1.amazonaws.com"}, "InvalidOrigin", 400, ""),
    ({**BUCKET, f"{ORIGIN}S3OriginConfig": {"OriginAccessIdentity": "origin-access-identity/cloudfront/E1"}},
     "InvalidOriginAccessIdentity", 400, ""),
    ({f"{ORIGIN}OriginAccessControlId": "E1"}, "InvalidOriginAccessControl", 400, ""),
    ({**BUCKET, f"{ORIGIN}OriginAccessControlId": "E1", f"{ORIGIN}S3OriginConfig": {"OriginAccessIdentity": "x"}},
     "IllegalOriginAccessConfiguration", 400, ""),
    (header("Host"), "InvalidArgument", 400, "Host is not allowed"),
    (header("X-Amz-Meta"), "InvalidArgument", 400, "X-Amz-Meta is not allowed"),
    (header("X-Edge-A"), "InvalidArgument", 400, "not allowed"),
    (header("a b"), "InvalidArgument", 400, "HeaderName"),
    (header("A", "x" * 1_784), "InvalidArgument", 400, "HeaderValue"),
    ({f"{ORIGIN}CustomHeaders": listed(*({"HeaderName": name, "HeaderValue": "1"} for name in "Aa"))},
     "InvalidArgument", 400, "twice"),
    ({f"{ORIGIN}CustomHeaders": listed(*({"HeaderName": f"A{n}", "HeaderValue": "1"} for n in range(31)))},
     "TooManyOriginCustomHeaders", 400, ""),
    ({"Origins": listed(OTHER, OTHER)}, "InvalidArgument", 400, "unique"),
    ({"Origins": listed(*({**OTHER, "Id": f"o{number}"} for number in range(101)))}, "TooManyOrigins", 400, ""),
    ({"OriginGroups": listed(GROUP)}, "NoSuchOrigin", 404, "other"),
    ({**PAIR, "OriginGroups__Items__0__FailoverCriteria__StatusCodes": listed(418)}, "InvalidArgument", 400, "418"),
    ({**PAIR, "OriginGroups__Items__0__Members": listed({"OriginId": "shop"}, {"OriginId": "shop"})},
     "InvalidArgument", 400, "two origins"),
    ({**PAIR, f"{BEHAVIOR}TargetOriginId": "pair", f"{BEHAVIOR}AllowedMethods": listed(*ALL)}, "InvalidArgument", 400,
     "associated with an origin group"),
    # behaviours
    ({f"{BEHAVIOR}TargetOriginId": "none"}, "NoSuchOrigin", 404, "do not exist"),
    ({"CacheBehaviors": listed(behavior("/a", TargetOriginId="none"))}, "NoSuchOrigin", 404, ""),
    ({"CacheBehaviors": listed(behavior("/a"), behavior("/a"))}, "InvalidArgument", 400, "duplicate: /a"),
    ({"CacheBehaviors": listed(behavior("/ä"))}, "InvalidArgument", 400, "PathPattern"),
    ({"CacheBehaviors": listed(behavior("x" * 256))}, "InvalidArgument", 400, "PathPattern"),
    ({"CacheBehaviors": listed(*(behavior(f"/{number}") for number in range(75)))}, "TooManyCacheBehaviors", 400, ""),
    ({f"{BEHAVIOR}CachePolicyId": MISSING}, "InvalidArgument", 400, "The parameter ForwardedValues is required."),
    ({**LEGACY, f"{BEHAVIOR}MinTTL": MISSING}, "InvalidArgument", 400, "The parameter MinTTL is required."),
    ({f"{BEHAVIOR}ForwardedValues": {"QueryString": False, "Cookies": {"Forward": "none"}}}, "InvalidArgument", 400,
     "The parameter ForwardedValues cannot be used when a cache policy is associated to the cache behavior."),
    ({f"{BEHAVIOR}MinTTL": 0}, "InvalidArgument", 400, "The parameter MinTTL cannot be used"),
    ({f"{BEHAVIOR}CachePolicyId": "none"}, "NoSuchCachePolicy", 404, ""),
    ({f"{BEHAVIOR}OriginRequestPolicyId": "none"}, "NoSuchOriginRequestPolicy", 404, ""),
    ({f"{BEHAVIOR}ResponseHeadersPolicyId": "none"}, "NoSuchResponseHeadersPolicy", 404, ""),
    ({f"{BEHAVIOR}FieldLevelEncryptionId": "none"}, "NoSuchFieldLevelEncryptionConfig", 404, ""),
    ({f"{BEHAVIOR}RealtimeLogConfigArn": "arn:none"}, "NoSuchRealtimeLogConfig", 404, ""),
    ({**LEGACY, f"{BEHAVIOR}MinTTL": 10, f"{BEHAVIOR}MaxTTL": 5}, "InvalidTTLOrder", 400, ""),
    ({**LEGACY, f"{BEHAVIOR}DefaultTTL": 10, f"{BEHAVIOR}MaxTTL": 5}, "InvalidTTLOrder", 400, ""),
    ({**LEGACY, f"{BEHAVIOR}MinTTL": -1}, "InvalidArgument", 400, "MinTTL"),
    ({**LEGACY, f"{FORWARDED}Cookies": {"Forward": "whitelist"}}, "InvalidForwardCookies", 400, ""),
    ({**LEGACY, f"{FORWARDED}Cookies": {"Forward": "all", "WhitelistedNames": listed("a")}}, "InvalidForwardCookies",
     400, ""),
    ({**LEGACY, f"{FORWARDED}QueryStringCacheKeys": listed("a")}, "InvalidArgument", 400,
     "The parameter QueryString cannot be false if query strings are set in QueryStringCacheKeys"),
    ({**LEGACY, f"{FORWARDED}Headers": listed("Connection")}, "InvalidArgument", 400, "Connection"),
    ({**LEGACY, f"{FORWARDED}Headers": listed(*(f"A{n}" for n in range(11)))}, "TooManyHeadersInForwardedValues", 400,
     ""),
    ({**LEGACY, **BUCKET, f"{FORWARDED}Headers": listed("Host")}, "InvalidHeadersForS3Origin", 400, ""),
    ({f"{BEHAVIOR}AllowedMethods": listed("GET", "POST")}, "InvalidArgument", 400, "AllowedMethods"),
    ({f"{BEHAVIOR}AllowedMethods": {**listed("GET", "HEAD"), "CachedMethods": listed("GET", "HEAD", "OPTIONS")}},
     "InvalidArgument", 400, "CachedMethods"),
    ({f"{BEHAVIOR}GrpcConfig": {"Enabled": True}}, "InvalidArgument", 400, "GrpcConfig"),
    ({f"{BEHAVIOR}TrustedKeyGroups": {"Enabled": True, **listed("none")}}, "TrustedKeyGroupDoesNotExist", 400, ""),
    ({f"{BEHAVIOR}TrustedKeyGroups": {"Enabled": True, **listed(*"abcde")}}, "TooManyKeyGroupsAssociatedToDistribution",
     400, ""),
    ({f"{BEHAVIOR}TrustedSigners": {"Enabled": True, **listed("999999999999")}}, "TrustedSignerDoesNotExist", 400, ""),
    ({f"{BEHAVIOR}TrustedSigners": {"Enabled": True, "Quantity": 0}}, "InvalidArgument", 400, "TrustedSigners"),
    ({f"{BEHAVIOR}FunctionAssociations": listed({"EventType": "viewer-request",
      "FunctionARN": "arn:aws:cloudfront::123456789012:function/none"})}, "InvalidFunctionAssociation", 400, "none"),
    ({f"{BEHAVIOR}LambdaFunctionAssociations": listed({"EventType": "viewer-request",
      "LambdaFunctionARN": "arn:aws:lambda:us-east-1:123456789012:function:f"})}, "InvalidLambdaFunctionAssociation",
     400, "version"),
]  # fmt: skip


@pytest.fixture(scope="module")
def at(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return shop(tmp_path_factory.mktemp("rules"))


@pytest.mark.parametrize(("changes", "code", "status", "says"), MISTAKES, ids=lambda value: str(value)[:60])
def test_a_mistake_is_refused(at: Shop, changes: dict[str, Any], code: str, status: int, says: str) -> None:
    before = at.owner.world
    with refused(code, status, says):
        at.create(**changes)
    assert at.owner.world is before


FINE: list[dict[str, Any]] = [
    {},
    {**LEGACY, f"{BEHAVIOR}MinTTL": 200_000},
    BUCKET,
    PAIR,
    {**PAIR, f"{BEHAVIOR}TargetOriginId": "pair"},
    {"Aliases": listed("localhost", "127.0.0.1", "shop.localhost")},
    {f"{ORIGIN}DomainName": "localhost", f"{CUSTOM}HTTPPort": 3000},
    geo("whitelist", "DE", "AQ"),
    error(ResponsePagePath="/404.html", ResponseCode="200"),
    {f"{BEHAVIOR}AllowedMethods": {**listed(*ALL), "CachedMethods": listed("GET", "HEAD", "OPTIONS")}},
    {"CacheBehaviors": listed(*(behavior(f"/{number}") for number in range(74)))},
    {"Logging": {"Enabled": True, "IncludeCookies": True, "Bucket": "logs.s3.amazonaws.com", "Prefix": "a/"}},
]


@pytest.mark.parametrize("number", range(len(FINE)))
def test_what_is_right_is_served(at: Shop, number: int) -> None:
    made = at.create(reference=f"fine {number}", **FINE[number])["Distribution"]
    assert made["Id"] in at.owner.world.distributions
    gone = at.update({"Distribution": made}, Enabled=False, Aliases={"Quantity": 0})
    at.api.delete_distribution(Id=made["Id"], IfMatch=gone["ETag"])


def test_a_certificate_covers_the_names(tmp_path: Path) -> None:
    at = shop(tmp_path)
    with refused("InvalidViewerCertificate", says="doesn't cover the alternate domain name (CNAME)"):
        at.create(**at.named("a.shop.test", covered=("b.shop.test", "*.c.shop.test")))
    named = at.named("www.shop.test")
    with refused("InvalidViewerCertificate", says="SSLSupportMethod"):
        at.create(**{**named, "ViewerCertificate__SSLSupportMethod": MISSING})
    with refused("InvalidProtocolSettings"):
        at.create(**{**named, "ViewerCertificate__MinimumProtocolVersion": "SSLv3"})
    vip = {"ViewerCertificate__SSLSupportMethod": "vip", "ViewerCertificate__MinimumProtocolVersion": "TLSv1.2_2021"}
    with refused("InvalidMinimumProtocolVersion"):
        at.create(**{**named, **vip})
    assert at.create(**named)["Distribution"]["DistributionConfig"]["ViewerCertificate"]["CertificateSource"] == "acm"


def test_a_function_is_published_first(at: Shop) -> None:
    given = {"Comment": "", "Runtime": "cloudfront-js-2.0"}
    made = at.api.create_function(Name="f", FunctionConfig=given, FunctionCode=b"function handler(e) {}")
    arn = made["FunctionSummary"]["FunctionMetadata"]["FunctionARN"]
    change = {f"{BEHAVIOR}FunctionAssociations": listed({"EventType": "viewer-request", "FunctionARN": arn})}
    with refused("InvalidFunctionAssociation", says="published"):
        at.create(**change)
    at.api.publish_function(Name="f", IfMatch=made["ETag"])
    at.create(reference="function", **change)
    twice = {f"{BEHAVIOR}FunctionAssociations": listed(*[{"EventType": "viewer-request", "FunctionARN": arn}] * 2)}
    with refused("InvalidFunctionAssociation", says="once"):
        at.create(**twice)
    late = {f"{BEHAVIOR}FunctionAssociations": listed({"EventType": "origin-request", "FunctionARN": arn})}
    with refused("InvalidFunctionAssociation", says="origin-request"):
        at.create(**late)


def test_how_many_there_can_be(tmp_path: Path) -> None:
    at = shop(tmp_path)
    key = {"EnableAcceptEncodingGzip": False, **{f"{name}Config": {f"{name[:-1]}Behavior": "none"} for name in KEYS}}
    made = at.api.create_cache_policy(
        CachePolicyConfig={"Name": "own", "MinTTL": 1, "ParametersInCacheKeyAndForwardedToOrigin": key}
    )
    own = {f"{BEHAVIOR}CachePolicyId": made["CachePolicy"]["Id"]}
    for number in range(100):
        at.create(reference=f"own {number}", **own)
    with refused("TooManyDistributionsAssociatedToCachePolicy"):
        at.create(reference="own 100", **own)
    at.create(reference="managed")
    for number in range(20):
        at.create(reference=f"staging {number}", Staging=True)
    with refused("TooManyDistributions", says="20 staging"):
        at.create(reference="staging 20", Staging=True)


KEYS = ("Headers", "Cookies", "QueryStrings")


def test_quantities_agree(at: Shop) -> None:
    with refused("InconsistentQuantities"):
        at.create(Origins__Quantity=2)


def test_an_access_control_goes_with_its_service(at: Shop) -> None:
    def control(kind: str) -> str:
        given = {
            "Name": kind,
            "SigningProtocol": "sigv4",
            "SigningBehavior": "always",
            "OriginAccessControlOriginType": kind,
        }
        made = at.api.create_origin_access_control(OriginAccessControlConfig=given)
        return str(made["OriginAccessControl"]["Id"])

    bucket, function = control("s3"), control("lambda")
    url = "x.lambda-url.eu-west-1.on.aws"
    with refused("InvalidDomainNameForOriginAccessControl"):
        at.create(**{f"{ORIGIN}OriginAccessControlId": bucket})
    with refused("InvalidDomainNameForOriginAccessControl"):
        at.create(**{**BUCKET, f"{ORIGIN}OriginAccessControlId": function})
    with refused("InvalidOriginAccessControl"):
        at.create(**{f"{ORIGIN}DomainName": "b.s3.amazonaws.com", f"{ORIGIN}OriginAccessControlId": bucket})
    at.create(reference="bucket", **{**BUCKET, f"{ORIGIN}OriginAccessControlId": bucket})
    at.create(reference="lambda", **{f"{ORIGIN}DomainName": url, f"{ORIGIN}OriginAccessControlId": function})
