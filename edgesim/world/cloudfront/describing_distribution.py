"""A distribution: from the core's value back to the document of the API that gives it."""

from __future__ import annotations

from typing import Any

from edgesim.core.behaviors import Behavior, Distribution, Origin, OriginGroup
from edgesim.world.cloudfront.defaults import filled_distribution
from edgesim.world.cloudfront.describing_policies import forwarded_values, lifetimes, listed
from edgesim.world.cloudfront.keys import AUTO, access_id, group_id

Config = dict[str, Any]


def distribution_config(one: Distribution, comment: str = "") -> Config:
    """The DistributionConfig of a distribution.

    What no document can say is left out: profiles, switches, range blocks, where an origin is and listens.
    """
    logging = {"Enabled": one.logging, "IncludeCookies": one.log_cookies, "Bucket": "", "Prefix": ""}
    config: Config = {
        "CallerReference": one.id,
        "Comment": comment,
        "Aliases": listed(one.aliases),
        "DefaultRootObject": one.default_root_object,
        "Origins": listed(_origin(origin) for origin in one.origins.values()),
        "OriginGroups": listed(_group(group) for group in one.groups.values()),
        "DefaultCacheBehavior": _behavior(one.behaviors[-1]),
        "CacheBehaviors": listed({"PathPattern": each.pattern, **_behavior(each)} for each in one.behaviors[:-1]),
        "CustomErrorResponses": listed(
            {
                "ErrorCode": rule.code,
                "ErrorCachingMinTTL": rule.min_ttl,
                "ResponsePagePath": rule.page or "",
                "ResponseCode": str(rule.response_code or ""),
            }
            for rule in one.errors.values()
        ),
        "Logging": logging,
        "PriceClass": one.price_class,
        "Enabled": one.enabled,
        "ViewerCertificate": _certificate(one),
        "Restrictions": {"GeoRestriction": _countries(one)},
        "HttpVersion": "http2and3" if one.http3 else "http2",
        "ContinuousDeploymentPolicyId": one.continuous.policy if one.continuous else "",
        "Staging": one.staging,
    }
    return filled_distribution(config)


def _certificate(one: Distribution) -> Config:
    if one.certificate is None and one.security_policy == "TLSv1":
        return {"CloudFrontDefaultCertificate": True}
    name = one.certificate or AUTO
    key = "ACMCertificateArn" if name.startswith("arn:") else "IAMCertificateId"
    return {key: name, "SSLSupportMethod": "sni-only", "MinimumProtocolVersion": one.security_policy}


def _countries(one: Distribution) -> Config:
    if one.geo_allow is not None:
        return {"RestrictionType": "whitelist", **listed(sorted(one.geo_allow))}
    kind = "blacklist" if one.geo_block else "none"
    return {"RestrictionType": kind, **listed(sorted(one.geo_block))}


def _origin(origin: Origin) -> Config:
    shield = {"OriginShieldRegion": origin.shield_region} if origin.shield_region else {}
    config: Config = {
        "Id": origin.id,
        "DomainName": origin.domain,
        "OriginPath": origin.path,
        "CustomHeaders": listed({"HeaderName": name, "HeaderValue": value} for name, value in origin.headers),
        "CustomOriginConfig": {
            "HTTPPort": origin.http_port,
            "HTTPSPort": origin.https_port,
            "OriginProtocolPolicy": origin.protocol.value,
            "OriginSslProtocols": listed(name for name in origin.ssl_protocols if name != "TLSv1.3"),
            "OriginReadTimeout": _seconds(origin.response_timeout),
            "OriginKeepaliveTimeout": _seconds(origin.keepalive_timeout),
        },
        "ConnectionAttempts": origin.connection_attempts,
        "ConnectionTimeout": _seconds(origin.connection_timeout),
        "OriginShield": {"Enabled": bool(shield), **shield},
        "OriginAccessControlId": access_id(origin.access) if origin.access else "",
    }
    if origin.completion_timeout is not None:
        config["ResponseCompletionTimeout"] = _seconds(origin.completion_timeout)
    return config


def _seconds(value: float) -> int:
    """Whole seconds, which is all a document has."""
    return max(1, round(value))


def _group(group: OriginGroup) -> Config:
    return {
        "Id": group.id,
        "FailoverCriteria": {"StatusCodes": listed(sorted(group.statuses))},
        "Members": listed({"OriginId": id} for id in (group.primary, group.secondary)),
    }


def _behavior(one: Behavior) -> Config:
    methods = listed(sorted(one.allowed_methods))
    methods["CachedMethods"] = listed(sorted(one.cached_methods))
    config: Config = {
        "TargetOriginId": one.origin,
        "ViewerProtocolPolicy": one.viewer_protocol.value,
        "AllowedMethods": methods,
        "Compress": one.compress,
    }
    if one.trusted_keys is not None:
        config["TrustedKeyGroups"] = {"Enabled": True, **listed([group_id(one.trusted_keys)])}
    if one.policy.legacy:
        config |= {"ForwardedValues": forwarded_values(one.policy), **lifetimes(one.policy.ttls)}
    else:
        config["CachePolicyId"] = one.policy.id
    if one.origin_request is not None:
        config["OriginRequestPolicyId"] = one.origin_request.id
    if one.response_headers is not None:
        config["ResponseHeadersPolicyId"] = one.response_headers.id
    return config
