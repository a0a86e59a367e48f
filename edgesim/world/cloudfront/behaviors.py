"""Cache behaviours: from a distribution's document to the core's values (spec §3, §7)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from edgesim.core.behaviors import GET_HEAD, Behavior, ViewerProtocol
from edgesim.core.policies import CachePolicy, OriginRequestPolicy, PolicyBook, ResponseHeadersPolicy
from edgesim.core.profiles import Profile
from edgesim.errors import ControlError
from edgesim.world.cloudfront.keys import Records, trusted_keys
from edgesim.world.cloudfront.policies import legacy_policy
from edgesim.world.cloudfront.reading import Doc, items, missing, part

P = TypeVar("P", CachePolicy, OriginRequestPolicy, ResponseHeadersPolicy)


def behavior(config: Doc, distribution: str, policies: PolicyBook, records: Records, profile: Profile) -> Behavior:
    """A cache behaviour of the distribution with this id; the default one has no PathPattern.

    Raises ControlError for a policy, key group or key that does not exist.
    """
    pattern = config.get("PathPattern", "*")
    methods = part(config, "AllowedMethods")
    return Behavior(
        pattern,
        config["TargetOriginId"],
        _cache_policy(config, f"{distribution} {pattern}", policies),
        _named(config.get("OriginRequestPolicyId"), policies.origin_request, "OriginRequestPolicy"),
        _named(config.get("ResponseHeadersPolicyId"), policies.response_headers, "ResponseHeadersPolicy"),
        ViewerProtocol(config["ViewerProtocolPolicy"]),
        frozenset(methods.get("Items") or GET_HEAD),
        frozenset(items(methods, "CachedMethods") or GET_HEAD),
        bool(config.get("Compress")),
        profile,
        trusted_keys=trusted_keys(config, records),
    )


def _cache_policy(config: Doc, name: str, policies: PolicyBook) -> CachePolicy:
    found = _named(config.get("CachePolicyId"), policies.cache, "CachePolicy")
    if found is not None:
        return found
    if "ForwardedValues" not in config:
        raise ControlError("InvalidArgument", "The parameter ForwardedValues is required.", 400)
    return legacy_policy(name, config)


def _named(id: str | None, policies: Mapping[str, P], kind: str) -> P | None:
    if not id:
        return None
    if id not in policies:
        raise missing(f"NoSuch{kind}", kind, id)
    return policies[id]
