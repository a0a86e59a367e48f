"""Every member of a DistributionConfig: acted on here, bookkeeping, or accepted and without effect, which is said.

A test walks the service model and demands one of the three for each member. Paths leave out Items; ``CacheBehavior``
stands for DefaultCacheBehavior and for each of CacheBehaviors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from edgesim.world.cloudfront.keys import OWN_ACCOUNT
from edgesim.world.cloudfront.reading import Doc, items

BOOKKEEPING = frozenset(
    {
        "CallerReference",
        "Comment",
        "ViewerCertificate.Certificate",  # the older spelling of the two members beside it
        "ViewerCertificate.CertificateSource",
        "ViewerCertificate.CloudFrontDefaultCertificate",  # said by the absence of another
    }
)
"""Kept and given back, and of no consequence at CloudFront either. Every Quantity is as well."""

_ACTED = """
    Aliases DefaultRootObject PriceClass Enabled ContinuousDeploymentPolicyId Staging
    Origins.Id Origins.OriginPath Origins.CustomHeaders.HeaderName Origins.CustomHeaders.HeaderValue
    Origins.S3OriginConfig.OriginReadTimeout Origins.CustomOriginConfig.HTTPPort Origins.CustomOriginConfig.HTTPSPort
    Origins.CustomOriginConfig.OriginProtocolPolicy Origins.CustomOriginConfig.OriginReadTimeout
    Origins.CustomOriginConfig.OriginKeepaliveTimeout Origins.VpcOriginConfig.OriginReadTimeout
    Origins.VpcOriginConfig.OriginKeepaliveTimeout Origins.ConnectionAttempts Origins.ConnectionTimeout
    Origins.ResponseCompletionTimeout Origins.OriginShield.Enabled Origins.OriginShield.OriginShieldRegion
    Origins.OriginAccessControlId Origins.DomainName
    OriginGroups.Id OriginGroups.FailoverCriteria.StatusCodes OriginGroups.Members.OriginId
    CacheBehavior.PathPattern CacheBehavior.TargetOriginId CacheBehavior.ViewerProtocolPolicy
    CacheBehavior.AllowedMethods CacheBehavior.AllowedMethods.CachedMethods CacheBehavior.Compress
    CacheBehavior.TrustedSigners.Enabled CacheBehavior.TrustedKeyGroups.Enabled CacheBehavior.TrustedKeyGroups
    CacheBehavior.CachePolicyId CacheBehavior.OriginRequestPolicyId CacheBehavior.ResponseHeadersPolicyId
    CacheBehavior.ForwardedValues.QueryString CacheBehavior.ForwardedValues.Cookies.Forward
    CacheBehavior.ForwardedValues.Cookies.WhitelistedNames CacheBehavior.ForwardedValues.Headers
    CacheBehavior.ForwardedValues.QueryStringCacheKeys
    CacheBehavior.MinTTL CacheBehavior.DefaultTTL CacheBehavior.MaxTTL
    CustomErrorResponses.ErrorCode CustomErrorResponses.ResponsePagePath CustomErrorResponses.ResponseCode
    CustomErrorResponses.ErrorCachingMinTTL
    Logging.Enabled Logging.IncludeCookies
    ViewerCertificate.ACMCertificateArn ViewerCertificate.MinimumProtocolVersion
    Restrictions.GeoRestriction.RestrictionType Restrictions.GeoRestriction
"""
ACTED = frozenset(_ACTED.split())
"""What the data plane follows."""

When = Callable[[Any], bool]


@dataclass(frozen=True, slots=True)
class Unacted:
    """A member without effect, when ``when`` says so of its value, and what happens instead."""

    path: str
    message: str
    when: When = bool


def _is(*values: str) -> When:
    return lambda value: value in values


def _differs(usual: object) -> When:
    return lambda value: value != usual


_LAMBDA = "Lambda@Edge functions do not run"
_FUNCTION = "the association has no effect: functions do not run at the edges"
_TENANTS = "distribution tenants do not exist here"
_MTLS = "viewers are not asked for certificates"
_LOG = "rows go to edgesim's own access log, not to S3"
_VPC = "VPC origins do not exist here; its domain name is what counts"

UNACTED = (
    Unacted(
        "Origins.S3OriginConfig.OriginAccessIdentity",
        "requests are not signed for an origin access identity; use an origin access control",
    ),
    Unacted("Origins.CustomOriginConfig.OriginSslProtocols", "SSLv3 is never spoken", lambda value: "SSLv3" in value),
    Unacted(
        "Origins.CustomOriginConfig.IpAddressType",
        "origins are called at the one address they have on this machine",
        _differs("ipv4"),
    ),
    Unacted("Origins.CustomOriginConfig.OriginMtlsConfig.ClientCertificateArn", "origins get no client certificate"),
    Unacted("Origins.VpcOriginConfig.VpcOriginId", _VPC),
    Unacted("Origins.VpcOriginConfig.OwnerAccountId", _VPC),
    Unacted(
        "OriginGroups.SelectionCriteria",
        "the primary is always asked first: media quality is not looked at",
        _differs("default"),
    ),
    Unacted(
        "CacheBehavior.TrustedSigners",
        "keys of other accounts are not known here; self stands for the public keys on record",
        lambda value: bool(set(value) - set(OWN_ACCOUNT)),
    ),
    Unacted("CacheBehavior.SmoothStreaming", "Smooth Streaming manifests are not understood"),
    Unacted("CacheBehavior.LambdaFunctionAssociations.LambdaFunctionARN", _LAMBDA),
    Unacted("CacheBehavior.LambdaFunctionAssociations.EventType", _LAMBDA),
    Unacted("CacheBehavior.LambdaFunctionAssociations.IncludeBody", _LAMBDA),
    Unacted("CacheBehavior.FunctionAssociations.FunctionARN", _FUNCTION),
    Unacted("CacheBehavior.FunctionAssociations.EventType", _FUNCTION),
    Unacted("CacheBehavior.FieldLevelEncryptionId", "fields are not encrypted"),
    Unacted("CacheBehavior.RealtimeLogConfigArn", "there are no real-time logs"),
    Unacted("CacheBehavior.GrpcConfig.Enabled", "gRPC needs HTTP/2, and the edges speak HTTP/1.1"),
    Unacted("Logging.Bucket", _LOG),
    Unacted("Logging.Prefix", _LOG),
    Unacted("ViewerCertificate.IAMCertificateId", "there is no IAM here; edgesim issues a certificate itself"),
    Unacted(
        "ViewerCertificate.SSLSupportMethod",
        "no addresses are kept for one distribution: certificates are chosen by SNI",
        _is("vip", "static-ip"),
    ),
    Unacted("WebACLId", "no web ACL is asked: every request goes on"),
    Unacted("HttpVersion", "the edges speak HTTP/1.1; HTTP/3 is not offered", _is("http3", "http2and3")),
    Unacted(
        "IsIPV6Enabled", "edges answer wherever they listen, over IPv6 too if that is an IPv6 address", _differs(True)
    ),
    Unacted("AnycastIpListId", "edges listen on addresses of this machine"),
    Unacted("TenantConfig.ParameterDefinitions.Name", _TENANTS),
    Unacted("TenantConfig.ParameterDefinitions.Definition.StringSchema.Comment", _TENANTS),
    Unacted("TenantConfig.ParameterDefinitions.Definition.StringSchema.DefaultValue", _TENANTS),
    Unacted("TenantConfig.ParameterDefinitions.Definition.StringSchema.Required", _TENANTS),
    Unacted("ConnectionMode", _TENANTS, _differs("direct")),
    Unacted("ViewerMtlsConfig.Mode", _MTLS),
    Unacted("ViewerMtlsConfig.TrustStoreConfig.TrustStoreId", _MTLS),
    Unacted("ViewerMtlsConfig.TrustStoreConfig.AdvertiseTrustStoreCaNames", _MTLS),
    Unacted("ViewerMtlsConfig.TrustStoreConfig.IgnoreCertificateExpiry", _MTLS),
    Unacted("ConnectionFunctionAssociation.Id", "connection functions do not run"),
    Unacted("CacheTagConfig.HeaderName", "answers are not tagged; invalidate by path"),
)
"""What is accepted and has no effect here."""


def unacted(config: Doc) -> Iterator[tuple[str, str]]:
    """The members of a DistributionConfig that have no effect here: where each is, and what happens instead."""
    for rule in UNACTED:
        for where, value in _values(config, rule.path):
            if rule.path == "ViewerCertificate.SSLSupportMethod" and _default_certificate(config):
                continue  # CloudFront itself fills in vip there
            if rule.when(value):
                yield where, rule.message


def _default_certificate(config: Doc) -> bool:
    certificate = config.get("ViewerCertificate") or {}
    return not (certificate.get("ACMCertificateArn") or certificate.get("IAMCertificateId"))


def _values(config: Doc, path: str) -> Iterator[tuple[str, Any]]:
    """What is at a path, wherever that is in the document."""
    first, _, rest = path.partition(".")
    if first != "CacheBehavior":
        yield from _at(config, path.split("."), "")
        return
    yield from _at(config.get("DefaultCacheBehavior") or {}, rest.split("."), "DefaultCacheBehavior")
    for one in items(config, "CacheBehaviors"):
        yield from _at(one, rest.split("."), f"CacheBehaviors[{one['PathPattern']}]")


def _at(doc: Doc, steps: list[str], where: str) -> Iterator[tuple[str, Any]]:
    name, *rest = steps
    if name not in doc:
        return
    here, value = f"{where}.{name}".lstrip("."), doc[name]
    listed = value.get("Items", []) if isinstance(value, dict) and "Quantity" in value else value
    if not rest:
        yield here, listed
    elif isinstance(listed, list):
        for index, one in enumerate(listed):
            label = one.get("Id", one.get("Name", index)) if isinstance(one, dict) else index
            yield from _at(one, rest, f"{here}[{label}]")
    elif isinstance(value, dict):
        yield from _at(value, rest, here)
