"""What CloudFront demands of cache behaviours, the default one included (spec §3, §7, §10)."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator
from typing import Any

from edgesim.api.account import Account
from edgesim.api.families.checks import Document, Row, at_most, between, check_rows, items
from edgesim.api.families.origin_rules import is_bucket, targets
from edgesim.api.faults import fault

MOST_BEHAVIORS = 75
LONGEST_TTL = 3_153_600_000
_READ = frozenset({"GET", "HEAD"})
_ASK = _READ | {"OPTIONS"}
_ALL = _ASK | {"PUT", "POST", "PATCH", "DELETE"}
_PATTERN = re.compile(r"[A-Za-z0-9 _\-.*$/~\"'@:+&?%]{1,255}", re.ASCII)
_UNKEYED = frozenset({"connection", "cookie", "proxy-authorization", "te", "upgrade"})
_FUNCTION = re.compile(r"arn:aws:cloudfront::[0-9]{12}:function/([a-zA-Z0-9-_]{1,64})", re.ASCII)
_LAMBDA = re.compile(r"arn:aws:lambda:us-east-1:[0-9]{12}:function:[a-zA-Z0-9-_]{1,64}:[1-9][0-9]*", re.ASCII)

_FORWARDED = "ForwardedValues"
ROWS = (
    Row("PathPattern", lambda text: bool(_PATTERN.fullmatch(text)), "InvalidArgument", "The parameter PathPattern "
        "needs 1 to 255 characters of A-Z a-z 0-9 _-.*$/~\"'@:+&? and has others: {value}"),
    Row("TrustedKeyGroups.Items", at_most(4), "TooManyKeyGroupsAssociatedToDistribution"),
    Row("TrustedSigners.Items", at_most(5), "TooManyTrustedSigners"),
    Row("MinTTL", between(0, LONGEST_TTL), "InvalidArgument", "The parameter MinTTL is out of range: {value}"),
    Row("DefaultTTL", between(0, LONGEST_TTL), "InvalidArgument", "The parameter DefaultTTL is out of range: {value}"),
    Row("MaxTTL", between(0, LONGEST_TTL), "InvalidArgument", "The parameter MaxTTL is out of range: {value}"),
    Row("LambdaFunctionAssociations.Items", at_most(4), "TooManyLambdaFunctionAssociations"),
    Row("LambdaFunctionAssociations.Items[].LambdaFunctionARN", lambda arn: bool(_LAMBDA.fullmatch(arn)),
        "InvalidLambdaFunctionAssociation", "The function ARN must reference a specific function version in us-east-1 "
        "(the ARN must end with the version number): {value}"),
    Row("FunctionAssociations.Items", at_most(2), "TooManyFunctionAssociations"),
    Row("FunctionAssociations.Items[].EventType", lambda event: event.startswith("viewer-"),
        "InvalidFunctionAssociation", "CloudFront functions run at viewer-request and viewer-response only: {value}"),
    Row(f"{_FORWARDED}.Headers.Items", at_most(10), "TooManyHeadersInForwardedValues"),
    Row(f"{_FORWARDED}.Headers.Items[]", lambda name: name.lower() not in _UNKEYED, "InvalidArgument",
        "The parameter Headers contains {value}, which cannot be forwarded by name."),
    Row(f"{_FORWARDED}.Cookies.WhitelistedNames.Items", at_most(10), "TooManyCookieNamesInWhiteList"),
    Row(f"{_FORWARDED}.QueryStringCacheKeys.Items", at_most(10), "TooManyQueryStringParameters"),
    Row(f"{_FORWARDED}.QueryStringCacheKeys.Items[]", lambda name: 0 < len(name) <= 128,
        "InvalidQueryStringParameters"),
)  # fmt: skip

POLICIES = (
    ("CachePolicyId", "cache-policy", "NoSuchCachePolicy"),
    ("OriginRequestPolicyId", "origin-request-policy", "NoSuchOriginRequestPolicy"),
    ("ResponseHeadersPolicyId", "response-headers-policy", "NoSuchResponseHeadersPolicy"),
    ("FieldLevelEncryptionId", "field-level-encryption", "NoSuchFieldLevelEncryptionConfig"),
)
"""Members that name a document: member, family, and the error when there is none."""


def behaviors(config: Document) -> Iterator[Any]:
    """The behaviours of a distribution, the default one first."""
    yield config["DefaultCacheBehavior"]
    yield from items(config, "CacheBehaviors")


def check_behaviors(account: Account, config: Document) -> None:
    """Refuse what is wrong with the behaviours of a distribution. Raises ControlError."""
    patterns = [one["PathPattern"] for one in items(config, "CacheBehaviors")]
    if len(patterns) + 1 > MOST_BEHAVIORS:
        raise fault("TooManyCacheBehaviors")
    if twice := next((one for one in patterns if patterns.count(one) > 1), None):
        raise fault("InvalidArgument", f"The parameter PathPattern contains a duplicate: {twice}")
    buckets = {one["Id"] for one in items(config, "Origins") if is_bucket(one)}
    groups = {one["Id"] for one in items(config, "OriginGroups")}
    known = set(targets(config))
    for behavior in behaviors(config):
        if behavior["TargetOriginId"] not in known:
            raise fault("NoSuchOrigin", "One or more of your origins or origin groups do not exist.")
        check_rows(behavior, ROWS)
        _check_methods(behavior, behavior["TargetOriginId"] in groups)
        _check_policies(account, behavior)
        if _FORWARDED in behavior:
            _check_forwarded(behavior[_FORWARDED], behavior["TargetOriginId"] in buckets)
        _check_signers(account, behavior)
        _check_functions(account, behavior)
        _check_encryption(behavior)


def _check_methods(behavior: Document, group: bool) -> None:
    allowed = frozenset((behavior.get("AllowedMethods") or {}).get("Items") or _READ)
    cached = frozenset(items(behavior.get("AllowedMethods") or {}, "CachedMethods") or _READ)
    if allowed not in (_READ, _ASK, _ALL):
        raise fault(
            "InvalidArgument",
            "The parameter AllowedMethods must be GET and HEAD; or GET, HEAD and OPTIONS; or all seven methods.",
        )
    if cached not in (_READ, _ASK) or not cached <= allowed:
        raise fault(
            "InvalidArgument", "The parameter CachedMethods must be GET and HEAD, or GET, HEAD and OPTIONS if allowed."
        )
    if group and allowed == _ALL:
        raise fault(
            "InvalidArgument",
            "The parameter AllowedMethods cannot include POST, PUT, PATCH, or DELETE for a cached behavior associated "
            "with an origin group.",
        )
    if (behavior.get("GrpcConfig") or {}).get("Enabled") and allowed != _ALL:
        raise fault("InvalidArgument", "The parameter GrpcConfig needs all methods to be allowed.")


def _check_policies(account: Account, behavior: Document) -> None:
    """A cache policy, or the older settings: exactly one of them."""
    policy = behavior.get("CachePolicyId")
    for member in (_FORWARDED, "MinTTL", "DefaultTTL", "MaxTTL"):
        if policy and member in behavior:
            raise fault(
                "InvalidArgument",
                f"The parameter {member} cannot be used when a cache policy is associated to the cache behavior.",
            )
    if not policy:
        for member in (_FORWARDED, "MinTTL"):
            if member not in behavior:
                raise fault("InvalidArgument", f"The parameter {member} is required.")
        if behavior.get("OriginRequestPolicyId"):
            raise fault(
                "InvalidArgument",
                "The parameter OriginRequestPolicyId cannot be used when no cache policy is associated to the cache "
                "behavior.",
            )
        least = behavior["MinTTL"]
        if not least <= behavior.get("DefaultTTL", max(86_400, least)) <= behavior.get("MaxTTL", LONGEST_TTL):
            raise fault("InvalidTTLOrder")
    for member, family, code in POLICIES:
        if (id := behavior.get(member)) and not exists(account, family, id):
            raise fault(code)
    arn = behavior.get("RealtimeLogConfigArn")
    if arn and not any(one.facts.get("arn", "") == arn for one in account.all("realtime-log-config")):
        raise fault("NoSuchRealtimeLogConfig")


def exists(account: Account, family: str, id: str) -> bool:
    """True for a document, or a policy that the World has by itself: managed, or from the world file."""
    policies = account.world.policies
    own: dict[str, Container[str]] = {
        "cache-policy": policies.cache,
        "origin-request-policy": policies.origin_request,
        "response-headers-policy": policies.response_headers,
    }
    return account.find(family, id) is not None or id in own.get(family, ())


def _check_forwarded(forwarded: Document, bucket: bool) -> None:
    names = items(forwarded, "Headers")
    if "*" in names and len(names) > 1:
        raise fault("InvalidArgument", "The parameter Headers contains * and names; * stands for all.")
    if bucket and {"*", "host"} & {name.lower() for name in names}:
        raise fault("InvalidHeadersForS3Origin")
    cookies = forwarded["Cookies"]
    if bool(items(cookies, "WhitelistedNames")) != (cookies["Forward"] == "whitelist"):
        raise fault("InvalidForwardCookies")
    if items(forwarded, "QueryStringCacheKeys") and not forwarded["QueryString"]:
        raise fault(
            "InvalidArgument",
            "The parameter QueryString cannot be false if query strings are set in QueryStringCacheKeys",
        )


def _check_signers(account: Account, behavior: Document) -> None:
    for member in ("TrustedKeyGroups", "TrustedSigners"):
        chosen = behavior.get(member) or {}
        if bool(chosen.get("Enabled")) != bool(items(behavior, member)):
            raise fault("InvalidArgument", f"The parameter {member} is enabled exactly when it has items.")
    for id in items(behavior, "TrustedKeyGroups"):
        if account.find("key-group", id) is None:
            raise fault("TrustedKeyGroupDoesNotExist")
    for signer in items(behavior, "TrustedSigners"):
        if signer not in ("self", account.id):
            raise fault("TrustedSignerDoesNotExist")


def _check_functions(account: Account, behavior: Document) -> None:
    own, edge = items(behavior, "FunctionAssociations"), items(behavior, "LambdaFunctionAssociations")
    for code, found in (("InvalidFunctionAssociation", own), ("InvalidLambdaFunctionAssociation", edge)):
        events = [one["EventType"] for one in found]
        if len(set(events)) < len(events):
            raise fault(code, "The event type can be used once in a cache behavior.")
    viewer = [one for one in edge if one["EventType"].startswith("viewer-")]
    if own and viewer:
        raise fault(
            "InvalidFunctionAssociation",
            "A cache behavior cannot have both CloudFront functions and Lambda@Edge functions for viewer events.",
        )
    for one in edge:
        if one.get("IncludeBody") and not one["EventType"].endswith("-request"):
            raise fault("InvalidLambdaFunctionAssociation", "IncludeBody is for request events.")
    for one in own:
        match = _FUNCTION.fullmatch(one["FunctionARN"])
        function = account.find("function", match[1]) if match else None
        if function is None or "live" not in function.facts:
            raise fault("InvalidFunctionAssociation", f"There is no published function {one['FunctionARN']}")


def _check_encryption(behavior: Document) -> None:
    """Field-level encryption needs HTTPS and the methods that carry forms."""
    if not behavior.get("FieldLevelEncryptionId"):
        return
    if behavior["ViewerProtocolPolicy"] == "allow-all" or frozenset(items(behavior, "AllowedMethods")) != _ALL:
        raise fault("IllegalFieldLevelEncryptionConfigAssociationWithCacheBehavior")
