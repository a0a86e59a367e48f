"""What is said to be acted on is: another value of any such member compiles to another distribution."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
from pydantic import JsonValue
from small_worlds import OPTIMISED, START, small_config, world

from edgesim.core.behaviors import Distribution
from edgesim.world.cloudfront.describing_distribution import distribution_config
from edgesim.world.cloudfront.distribution import Surroundings, distribution
from edgesim.world.cloudfront.keys import access_id, group_id
from edgesim.world.cloudfront.unacted import ACTED
from edgesim.world.commands import PutRecord
from edgesim.world.deriving import surroundings

DISABLED = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
CORS, SECURITY = "60669652-455b-4ae9-85a4-c4c02393f86c", "67f7725c-6f97-4210-82d7-5512b31e9d03"
VIEWER, REFERER = "216adef6-5c7f-47e4-b989-5492eafa07d3", "acba4595-bd28-49b8-b9fe-13317c0390fa"


def listed(*found: Any) -> dict[str, Any]:
    return {"Quantity": len(found), "Items": list(found)}


def put(family: str, id: str, config: dict[str, Any], **facts: Any) -> PutRecord:
    return PutRecord(family=family, id=id, config=config, facts=facts, at=START, expect=0)


def access(name: str, signing: str) -> PutRecord:
    config = {"Name": name, "SigningProtocol": "sigv4", "OriginAccessControlOriginType": "s3"}
    return put("origin-access-control", name, {**config, "SigningBehavior": signing})


def continuous(id: str, weight: float) -> PutRecord:
    traffic = {"Type": "SingleWeight", "SingleWeightConfig": {"Weight": weight}}
    config = {"StagingDistributionDnsNames": {"Quantity": 0}, "Enabled": True, "TrafficConfig": traffic}
    return put("continuous-deployment-policy", id, config)


STATE = world(
    "edges: [London]\norigins: { o: { url: 'http://127.0.0.1:1' } }\n"
    "distributions: [{ name: n, default_behavior: { origin: o, cache_policy: CachingOptimized } }]\n",
    access("A", "always"),
    access("B", "never"),
    continuous("P", 0.1),
    continuous("Q", 0.05),
    put("public-key", "K", {"Name": "k", "EncodedKey": "pem"}),
    put("public-key", "L", {"Name": "l", "EncodedKey": "pem"}),
    put("key-group", "G", {"Name": "g", "Items": ["K"]}),
    put("key-group", "H", {"Name": "h", "Items": ["L"]}),
)

FORWARDED = {
    "QueryString": True,
    "QueryStringCacheKeys": listed("q"),
    "Cookies": {"Forward": "whitelist", "WhitelistedNames": listed("c")},
    "Headers": listed("X-A"),
}
USUAL: dict[str, Any] = {
    "TargetOriginId": "c",
    "ViewerProtocolPolicy": "allow-all",
    "TrustedKeyGroups": {"Enabled": True, **listed("G")},
}
RICH = small_config(
    "x",
    Aliases=listed("a.test"),
    Origins=listed(
        {
            "Id": "c",
            "DomainName": "localhost",
            "CustomHeaders": listed({"HeaderName": "A", "HeaderValue": "a"}),
            "CustomOriginConfig": {"HTTPPort": 80, "HTTPSPort": 443, "OriginProtocolPolicy": "http-only"},
            "OriginShield": {"Enabled": True, "OriginShieldRegion": "us-east-1"},
            "OriginAccessControlId": "A",
            "ResponseCompletionTimeout": 60,
        },
        {"Id": "s", "DomainName": "x", "S3OriginConfig": {"OriginAccessIdentity": "", "OriginReadTimeout": 10}},
        {"Id": "v", "DomainName": "x", "VpcOriginConfig": {"VpcOriginId": "vo_1"}},
    ),
    OriginGroups=listed(
        {
            "Id": "g",
            "FailoverCriteria": {"StatusCodes": listed(500)},
            "Members": listed({"OriginId": "c"}, {"OriginId": "s"}),
        }
    ),
    DefaultCacheBehavior={**USUAL, "ForwardedValues": FORWARDED, "MinTTL": 1, "DefaultTTL": 2, "MaxTTL": 3},
    CacheBehaviors=listed(
        {
            **USUAL,
            "PathPattern": "/a",
            "CachePolicyId": OPTIMISED,
            "OriginRequestPolicyId": VIEWER,
            "ResponseHeadersPolicyId": CORS,
        },
    ),
    CustomErrorResponses=listed({"ErrorCode": 404, "ResponsePagePath": "/p", "ResponseCode": "200"}),
    ViewerCertificate={"ACMCertificateArn": "arn:1", "MinimumProtocolVersion": "TLSv1.2_2021"},
    Restrictions={"GeoRestriction": {"RestrictionType": "whitelist", **listed("DE")}},
    ContinuousDeploymentPolicyId="P",
)
FIRST, SECOND = "CacheBehaviors.Items.0", "DefaultCacheBehavior"
ORIGIN, GROUP, RULE = "Origins.Items.0", "OriginGroups.Items.0", "CustomErrorResponses.Items.0"

OTHERS: dict[str, tuple[str, Any]] = {
    "Aliases": ("Aliases.Items.0", "b.test"),
    "DefaultRootObject": ("DefaultRootObject", "index.html"),
    "PriceClass": ("PriceClass", "PriceClass_100"),
    "Enabled": ("Enabled", False),
    "ContinuousDeploymentPolicyId": ("ContinuousDeploymentPolicyId", "Q"),
    "Staging": ("Staging", True),
    "Origins.Id": ("Origins.Items.2.Id", "w"),
    "Origins.DomainName": (f"{ORIGIN}.DomainName", "app.localhost"),
    "Origins.OriginPath": (f"{ORIGIN}.OriginPath", "/p"),
    "Origins.CustomHeaders.HeaderName": (f"{ORIGIN}.CustomHeaders.Items.0.HeaderName", "B"),
    "Origins.CustomHeaders.HeaderValue": (f"{ORIGIN}.CustomHeaders.Items.0.HeaderValue", "b"),
    "Origins.S3OriginConfig.OriginReadTimeout": ("Origins.Items.1.S3OriginConfig.OriginReadTimeout", 11),
    "Origins.CustomOriginConfig.HTTPPort": (f"{ORIGIN}.CustomOriginConfig.HTTPPort", 3000),
    "Origins.CustomOriginConfig.HTTPSPort": (f"{ORIGIN}.CustomOriginConfig.HTTPSPort", 3000),
    "Origins.CustomOriginConfig.OriginProtocolPolicy": (
        f"{ORIGIN}.CustomOriginConfig.OriginProtocolPolicy",
        "https-only",
    ),
    "Origins.CustomOriginConfig.OriginReadTimeout": (f"{ORIGIN}.CustomOriginConfig.OriginReadTimeout", 31),
    "Origins.CustomOriginConfig.OriginKeepaliveTimeout": (f"{ORIGIN}.CustomOriginConfig.OriginKeepaliveTimeout", 6),
    "Origins.VpcOriginConfig.OriginReadTimeout": ("Origins.Items.2.VpcOriginConfig.OriginReadTimeout", 31),
    "Origins.VpcOriginConfig.OriginKeepaliveTimeout": ("Origins.Items.2.VpcOriginConfig.OriginKeepaliveTimeout", 6),
    "Origins.ConnectionAttempts": (f"{ORIGIN}.ConnectionAttempts", 2),
    "Origins.ConnectionTimeout": (f"{ORIGIN}.ConnectionTimeout", 9),
    "Origins.ResponseCompletionTimeout": (f"{ORIGIN}.ResponseCompletionTimeout", 61),
    "Origins.OriginShield.Enabled": (f"{ORIGIN}.OriginShield.Enabled", False),
    "Origins.OriginShield.OriginShieldRegion": (f"{ORIGIN}.OriginShield.OriginShieldRegion", "eu-west-1"),
    "Origins.OriginAccessControlId": (f"{ORIGIN}.OriginAccessControlId", "B"),
    "OriginGroups.Id": (f"{GROUP}.Id", "h"),
    "OriginGroups.FailoverCriteria.StatusCodes": (f"{GROUP}.FailoverCriteria.StatusCodes.Items.0", 404),
    "OriginGroups.Members.OriginId": (f"{GROUP}.Members.Items.1.OriginId", "v"),
    "CacheBehavior.PathPattern": (f"{FIRST}.PathPattern", "/b"),
    "CacheBehavior.TargetOriginId": (f"{FIRST}.TargetOriginId", "g"),
    "CacheBehavior.ViewerProtocolPolicy": (f"{FIRST}.ViewerProtocolPolicy", "https-only"),
    "CacheBehavior.AllowedMethods": (f"{FIRST}.AllowedMethods.Items", ["GET", "HEAD", "OPTIONS"]),
    "CacheBehavior.AllowedMethods.CachedMethods": (
        f"{FIRST}.AllowedMethods.CachedMethods.Items",
        ["GET", "HEAD", "OPTIONS"],
    ),
    "CacheBehavior.Compress": (f"{FIRST}.Compress", True),
    "CacheBehavior.TrustedSigners.Enabled": (f"{FIRST}.TrustedSigners", {"Enabled": True, **listed("self")}),
    "CacheBehavior.TrustedKeyGroups.Enabled": (f"{FIRST}.TrustedKeyGroups.Enabled", False),
    "CacheBehavior.TrustedKeyGroups": (f"{FIRST}.TrustedKeyGroups.Items.0", "H"),
    "CacheBehavior.CachePolicyId": (f"{FIRST}.CachePolicyId", DISABLED),
    "CacheBehavior.OriginRequestPolicyId": (f"{FIRST}.OriginRequestPolicyId", REFERER),
    "CacheBehavior.ResponseHeadersPolicyId": (f"{FIRST}.ResponseHeadersPolicyId", SECURITY),
    "CacheBehavior.ForwardedValues.QueryString": (f"{SECOND}.ForwardedValues.QueryString", False),
    "CacheBehavior.ForwardedValues.Cookies.Forward": (f"{SECOND}.ForwardedValues.Cookies.Forward", "all"),
    "CacheBehavior.ForwardedValues.Cookies.WhitelistedNames": (
        f"{SECOND}.ForwardedValues.Cookies.WhitelistedNames.Items.0",
        "d",
    ),
    "CacheBehavior.ForwardedValues.Headers": (f"{SECOND}.ForwardedValues.Headers.Items.0", "X-B"),
    "CacheBehavior.ForwardedValues.QueryStringCacheKeys": (
        f"{SECOND}.ForwardedValues.QueryStringCacheKeys.Items.0",
        "r",
    ),
    "CacheBehavior.MinTTL": (f"{SECOND}.MinTTL", 0),
    "CacheBehavior.DefaultTTL": (f"{SECOND}.DefaultTTL", 3),
    "CacheBehavior.MaxTTL": (f"{SECOND}.MaxTTL", 4),
    "CustomErrorResponses.ErrorCode": (f"{RULE}.ErrorCode", 403),
    "CustomErrorResponses.ResponsePagePath": (f"{RULE}.ResponsePagePath", "/q"),
    "CustomErrorResponses.ResponseCode": (f"{RULE}.ResponseCode", "404"),
    "CustomErrorResponses.ErrorCachingMinTTL": (f"{RULE}.ErrorCachingMinTTL", 11),
    "Logging.Enabled": ("Logging.Enabled", True),
    "Logging.IncludeCookies": ("Logging.IncludeCookies", True),
    "ViewerCertificate.ACMCertificateArn": ("ViewerCertificate.ACMCertificateArn", "arn:2"),
    "ViewerCertificate.MinimumProtocolVersion": ("ViewerCertificate.MinimumProtocolVersion", "TLSv1.2_2019"),
    "Restrictions.GeoRestriction.RestrictionType": ("Restrictions.GeoRestriction.RestrictionType", "blacklist"),
    "Restrictions.GeoRestriction": ("Restrictions.GeoRestriction.Items.0", "FR"),
}


def compiled(config: dict[str, Any]) -> Distribution:
    return distribution("EACTED", config, {"domain": "dacted.cloudfront.net"}, surroundings(STATE))


def changed(path: str, value: Any) -> dict[str, Any]:
    config = deepcopy(RICH)
    *steps, last = path.split(".")
    place: Any = config
    for step in steps:
        place = place[int(step)] if isinstance(place, list) else place[step]
    if isinstance(place, list):
        place[int(last)] = value
    else:
        place[last] = value
    return config


def test_another_value_of_every_acted_member_is_at_hand() -> None:
    assert set(OTHERS) == ACTED


@pytest.mark.parametrize("member", sorted(OTHERS))
def test_another_value_gives_another_distribution(member: str) -> None:
    assert compiled(changed(*OTHERS[member])) != compiled(RICH)


@pytest.mark.parametrize("member", sorted(set(OTHERS) - {"ContinuousDeploymentPolicyId"}))
def test_described_again_it_is_the_same(member: str) -> None:
    """Every origin is a custom one in the description; what an S3 or VPC origin means can be said so too."""
    one = compiled(changed(*OTHERS[member]))
    assert compiled_again(one) == one


def compiled_again(one: Distribution) -> Distribution:
    return distribution(one.id, distribution_config(one), {"domain": one.domain}, surroundings_with(one))


def surroundings_with(one: Distribution) -> Surroundings:
    """The surroundings, with the accesses and groups that a description makes names for."""
    around = surroundings(STATE)
    accesses, groups = dict(around.records["origin-access-control"]), dict(around.records["key-group"])
    for origin in one.origins.values():
        if origin.access is not None:
            accesses[access_id(origin.access)] = accesses["B" if origin.access.signing == "never" else "A"]
    for behavior in one.behaviors:
        if behavior.trusted_keys:
            keys: list[JsonValue] = [key.id for key in behavior.trusted_keys]
            groups[group_id(behavior.trusted_keys)] = replace(groups["G"], config={"Name": "g", "Items": keys})
    return replace(around, records={**around.records, "origin-access-control": accesses, "key-group": groups})
