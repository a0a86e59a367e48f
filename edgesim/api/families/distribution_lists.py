"""Lists of distributions: all of them, and those that use something."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from edgesim.api.account import Account
from edgesim.api.call import Call, Handler
from edgesim.api.etags import etag
from edgesim.api.families.behavior_rules import behaviors, exists
from edgesim.api.families.checks import Document
from edgesim.api.families.distribution_rules import key_groups
from edgesim.api.families.distributions import FAMILY, icp_records, status_of
from edgesim.api.faults import fault
from edgesim.api.paging import page
from edgesim.world.state import Record

_MEMBERS = (
    "Aliases", "Origins", "OriginGroups", "DefaultCacheBehavior", "CacheBehaviors", "CustomErrorResponses", "Comment",
    "PriceClass", "Enabled", "ViewerCertificate", "Restrictions", "WebACLId", "HttpVersion", "IsIPV6Enabled", "Staging",
)  # fmt: skip
"""What a summary has of the config."""


def summary(account: Account, record: Record) -> dict[str, Any]:
    """A distribution in short."""
    return {
        "Id": record.id,
        "ARN": record.facts["arn"],
        "ETag": etag(record.version),
        "Status": status_of(account, record),
        "LastModifiedTime": record.modified,
        "DomainName": record.facts["domain"],
        "ConnectionMode": "direct",
        **{member: record.config[member] for member in _MEMBERS if member in record.config},
        **icp_records(record.config),
    }


def list_all(call: Call) -> Mapping[str, Any]:
    """Every distribution, the oldest first."""
    return _summaries(call, lambda _: True)


def _by_policy(member: str, family: str, code: str, call: Call) -> Mapping[str, Any]:
    """Ids of the distributions with a behaviour that has this policy."""
    id = call.params[member]
    if not exists(call.account, family, id):
        raise fault(code)
    return _ids(call, lambda config: any(one.get(member) == id for one in behaviors(config)))


def by_key_group(call: Call) -> Mapping[str, Any]:
    """Ids of the distributions with a behaviour that trusts this key group."""
    id = call.params["KeyGroupId"]
    if call.account.find("key-group", id) is None:
        raise fault("NoSuchResource")
    return _ids(call, lambda config: id in key_groups(config))


def by_realtime_log(call: Call) -> Mapping[str, Any]:
    """The distributions that log in real time by the configuration of this name or ARN."""
    arn, name = call.params.get("RealtimeLogConfigArn"), call.params.get("RealtimeLogConfigName")
    if not arn and not name:
        raise fault("InvalidArgument", "One of RealtimeLogConfigName and RealtimeLogConfigArn is required.")
    wanted = arn or call.account.arn("realtime-log-config", str(name))
    return _summaries(call, lambda config: any(one.get("RealtimeLogConfigArn") == wanted for one in behaviors(config)))


def by_firewall(call: Call) -> Mapping[str, Any]:
    """The distributions with this web ACL; ``null`` asks for those without one."""
    id = call.params["WebACLId"]
    wanted = "" if id == "null" else id
    return _summaries(call, lambda config: config.get("WebACLId", "") == wanted)


def by_connection_mode(call: Call) -> Mapping[str, Any]:
    """All are ``direct``: there are no tenants here."""
    return _summaries(call, lambda _: call.params["ConnectionMode"] == "direct")


def _by_nothing(what: str, member: str, call: Call) -> Mapping[str, Any]:
    """For things that do not exist in edgesim, so none has this id."""
    raise fault("EntityNotFound", f"There is no {what} {call.params[member]}")


def _summaries(call: Call, wanted: Callable[[Document], bool]) -> Mapping[str, Any]:
    found = [summary(call.account, one) for one in call.account.all(FAMILY) if wanted(one.config)]
    return {"DistributionList": page(found, call.params)}


def _ids(call: Call, wanted: Callable[[Document], bool]) -> Mapping[str, Any]:
    found = [one.id for one in call.account.all(FAMILY) if wanted(one.config)]
    return {"DistributionIdList": page(found, call.params, str)}


_POLICIES = (
    ("CachePolicyId", "cache-policy", "NoSuchCachePolicy"),
    ("OriginRequestPolicyId", "origin-request-policy", "NoSuchOriginRequestPolicy"),
    ("ResponseHeadersPolicyId", "response-headers-policy", "NoSuchResponseHeadersPolicy"),
)
_ABSENT = (
    ("AnycastIpListId", "Anycast static IP list", "AnycastIpListId"),
    ("VpcOriginId", "VPC origin", "VpcOriginId"),
    ("TrustStore", "trust store", "TrustStoreIdentifier"),
    ("ConnectionFunction", "connection function", "ConnectionFunctionIdentifier"),
    ("OwnedResource", "shared resource", "ResourceArn"),
)

OPERATIONS: Mapping[str, Handler] = {
    "ListDistributions": list_all,
    **{f"ListDistributionsBy{row[0]}": partial(_by_policy, *row) for row in _POLICIES},
    "ListDistributionsByKeyGroup": by_key_group,
    "ListDistributionsByRealtimeLogConfig": by_realtime_log,
    "ListDistributionsByWebACLId": by_firewall,
    "ListDistributionsByConnectionMode": by_connection_mode,
    **{f"ListDistributionsBy{name}": partial(_by_nothing, what, member) for name, what, member in _ABSENT},
}
