"""What CloudFront fills in where a document leaves it out, so that clients read it back (spec §14).

Everything else that was not sent stays away: clients tell "nothing" from "empty". ``Quantity`` is always the number of
``Items``, which are left out when there are none.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from edgesim.world.cloudfront.reading import Doc

NONE: Doc = {"Quantity": 0}
_GET_HEAD = {"Quantity": 2, "Items": ["HEAD", "GET"]}

_DISTRIBUTION: Mapping[str, Any] = {
    "Aliases": NONE,
    "DefaultRootObject": "",
    "OriginGroups": NONE,
    "CacheBehaviors": NONE,
    "CustomErrorResponses": NONE,
    "Logging": {},
    "PriceClass": "PriceClass_All",
    "ViewerCertificate": {"CloudFrontDefaultCertificate": True},
    "Restrictions": {"GeoRestriction": {"RestrictionType": "none", "Quantity": 0}},
    "WebACLId": "",
    "HttpVersion": "http2",
    "IsIPV6Enabled": True,
    "ContinuousDeploymentPolicyId": "",
    "Staging": False,
}
_LOGGING = {"Enabled": False, "IncludeCookies": False, "Bucket": "", "Prefix": ""}
_DEFAULT_CERTIFICATE = {
    "CloudFrontDefaultCertificate": True,
    "SSLSupportMethod": "vip",
    "MinimumProtocolVersion": "TLSv1",
    "CertificateSource": "cloudfront",
}
_ORIGIN: Mapping[str, Any] = {
    "OriginPath": "",
    "CustomHeaders": NONE,
    "ConnectionAttempts": 3,
    "ConnectionTimeout": 10,
    "OriginShield": {"Enabled": False},
    "OriginAccessControlId": "",
}
_CUSTOM_ORIGIN: Mapping[str, Any] = {
    "OriginSslProtocols": {"Quantity": 3, "Items": ["TLSv1", "TLSv1.1", "TLSv1.2"]},
    "OriginReadTimeout": 30,
    "OriginKeepaliveTimeout": 5,
}
_VPC_ORIGIN: Mapping[str, Any] = {"OriginReadTimeout": 30, "OriginKeepaliveTimeout": 5}
_BEHAVIOR: Mapping[str, Any] = {
    "TrustedSigners": {"Enabled": False, "Quantity": 0},
    "TrustedKeyGroups": {"Enabled": False, "Quantity": 0},
    "AllowedMethods": _GET_HEAD,
    "SmoothStreaming": False,
    "Compress": False,
    "LambdaFunctionAssociations": NONE,
    "FunctionAssociations": NONE,
    "FieldLevelEncryptionId": "",
    "GrpcConfig": {"Enabled": False},
}
_FORWARDED: Mapping[str, Any] = {"Headers": NONE, "QueryStringCacheKeys": NONE}
_ERROR_RESPONSE: Mapping[str, Any] = {"ResponsePagePath": "", "ResponseCode": "", "ErrorCachingMinTTL": 10}
DAY, YEAR = 86_400, 31_536_000

Config = dict[str, Any]


def filled_distribution(given: Doc) -> Config:
    """A DistributionConfig as CloudFront gives it back; the one given stays as it is."""
    config = _with(_copy(given), _DISTRIBUTION)
    config["Logging"] = _with(config["Logging"], _LOGGING)
    config["ViewerCertificate"] = _certificate(config["ViewerCertificate"])
    for origin in _items(config, "Origins"):
        _fill_origin(origin)
    for behavior in [*_items(config, "CacheBehaviors"), config["DefaultCacheBehavior"]]:
        _fill_behavior(behavior)
    for rule in _items(config, "CustomErrorResponses"):
        _with(rule, _ERROR_RESPONSE)
    return counted(config)


def _certificate(config: Config) -> Config:
    """The default certificate speaks TLSv1 from vip addresses, whatever is asked for (spec §7.2)."""
    named = config.get("ACMCertificateArn") or config.get("IAMCertificateId")
    if not named:
        return {**config, **_DEFAULT_CERTIFICATE}
    source = "acm" if config.get("ACMCertificateArn") else "iam"
    usual = {
        "CloudFrontDefaultCertificate": False,
        "MinimumProtocolVersion": "TLSv1",
        "Certificate": named,
        "CertificateSource": source,
    }
    return _with(config, usual)


def _fill_origin(origin: Config) -> None:
    _with(origin, _ORIGIN)
    if "CustomOriginConfig" in origin:
        _with(origin["CustomOriginConfig"], _CUSTOM_ORIGIN)
    if "VpcOriginConfig" in origin:
        _with(origin["VpcOriginConfig"], _VPC_ORIGIN)


def _fill_behavior(behavior: Config) -> None:
    _with(behavior, _BEHAVIOR)
    behavior["AllowedMethods"].setdefault("CachedMethods", deepcopy(_GET_HEAD))
    forwarded = behavior.get("ForwardedValues")
    if forwarded is not None:
        _with(forwarded, _FORWARDED)
        # A minimum above a default moves it along (spec §2.1).
        least = behavior.get("MinTTL", 0)
        default = behavior.setdefault("DefaultTTL", min(max(DAY, least), behavior.get("MaxTTL", YEAR)))
        behavior.setdefault("MaxTTL", max(YEAR, least, default))


def filled_cache_policy(given: Doc) -> Config:
    """A CachePolicyConfig with its TTLs; seconds."""
    config = _copy(given)
    least = config.get("MinTTL", 0)
    default = config.setdefault("DefaultTTL", min(max(DAY, least), config.get("MaxTTL", YEAR)))
    config.setdefault("MaxTTL", max(YEAR, least, default))
    key = config.get("ParametersInCacheKeyAndForwardedToOrigin")
    if key is not None:
        key.setdefault("EnableAcceptEncodingBrotli", False)
    return counted(config)


def _with(config: Config, usual: Mapping[str, Any]) -> Config:
    """The same mapping, with what it lacks."""
    for name, value in usual.items():
        if name not in config:
            config[name] = deepcopy(dict(value)) if isinstance(value, Mapping) else deepcopy(value)
    return config


def _copy(given: Doc) -> Config:
    return deepcopy(dict(given))


def _items(config: Doc, name: str) -> list[Any]:
    found: list[Any] = (config.get(name) or {}).get("Items") or []
    return found


def counted(given: Doc) -> Config:
    """The same document with every Quantity right, and without the Items of empty lists."""
    config = {name: _counted(one) for name, one in given.items()}
    if "Quantity" in config:
        found = config.get("Items") or []
        config["Quantity"] = len(found)
        if not found:
            config.pop("Items", None)
    return config


def _counted(value: Any) -> Any:
    if isinstance(value, dict):
        return counted(value)
    return [_counted(one) for one in value] if isinstance(value, list) else value
